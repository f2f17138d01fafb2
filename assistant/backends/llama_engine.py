"""llama.cpp itself: one model, one context, one KV cache, through the low-level calls.

The high-level `llama_cpp.Llama` is not used: it closes file descriptors while it loads, compiles the
model's chat template without limits, takes one LoRA at construction, and crashes on a missing one.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp as native
import numpy as np
from numpy.typing import NDArray

from adapters.files.gguf_facts import shown
from assistant.backends.engine import Stopped
from assistant.backends.form import Shape, gbnf
from assistant.backends.llama_sampler import Sampler
from assistant.backends.llama_vocabulary import LlamaVocabulary
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ModelError

BATCH = 512  # tokens evaluated in one native call; a call can be left in the middle, see `evaluate`
SCORED = 32  # tokens whose scores are held at once where every one counts: each has the vocabulary's size
WARNING, ERROR = 3, 4  # of ggml_log_level, whose order is debug 1, info 2, warning, error
ABORTED, NO_ROOM = 2, 1  # what llama_decode returns

_errors: list[str] = []  # since the last call that may fail


def _never() -> bool:
    return False


@native.llama_log_callback  # type: ignore[untyped-decorator]  # the binding's callback types carry no signature
def _log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    """Warnings and errors go to the child's log; errors are quoted in messages."""
    line = text.decode("utf-8", "replace")
    if level in (WARNING, ERROR):
        print(line, end="", file=sys.stderr, flush=True)
    if level == ERROR and line.strip() and len(_errors) < 5:
        _errors.append(line.strip())


class VocabularyOnly(LlamaVocabulary):
    """The vocabulary of a GGUF file whose weights are not read."""

    def __init__(self, path: Path) -> None:
        """Load it; it lives as long as the process.

        Raises:
            ModelError: llama.cpp refuses the file.
        """
        _start_library()
        settings = native.llama_model_default_params()
        settings.vocab_only = True
        self._model = native.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise ModelError(
                f"The tokenizer of {path.name} cannot be loaded{_reason()}.", "The file may be damaged: get it again."
            )
        super().__init__(native.llama_model_get_vocab(self._model))


class LlamaEngine(LlamaVocabulary):
    """A loaded model. `cached` are the tokens whose keys and values stand in its cache."""

    def __init__(self, path: Path, context: int, threads: int, batch_threads: int, exact: bool = False) -> None:
        """`exact` keeps the cache in 32-bit floats, for comparisons (the default, 16 bits, costs 5e-4 in scores).

        Raises:
            ModelError: llama.cpp refuses the file, or memory is short.
        """
        _start_library()
        self._model = native.llama_model_load_from_file(str(path).encode(), native.llama_model_default_params())
        if not self._model:
            raise ModelError(
                f"{path.name} cannot be loaded{_reason()}.", "The file may be damaged or need a newer version."
            )
        super().__init__(native.llama_model_get_vocab(self._model))
        self._context = native.llama_init_from_model(
            self._model, _context_settings(context, threads, batch_threads, exact)
        )
        if not self._context:
            native.llama_model_free(self._model)
            raise ModelError(f"{path.name} cannot be started{_reason()}.", "Lower the context setting, or free memory.")
        self._memory = native.llama_get_memory(self._context)
        self._stopped: Stopped = _never
        self._abort = native.ggml_abort_callback(lambda _: self._stopped())
        self._buffer: Any = (native.llama_token * BATCH)()
        self._adapters: dict[object, Any] = {}
        self._worn: frozenset[object] = frozenset()
        self.context = int(native.llama_n_ctx(self._context))
        self.cached: list[int] = []

    def close(self) -> None:
        """Free the native memory; the adapters go with their model."""
        if self._context:
            native.llama_free(self._context)
            native.llama_model_free(self._model)
            self._context = self._model = None

    # evaluation

    def keep(self, count: int) -> int:
        """Keep the first `count` tokens of the cache; returns how many could be kept (all, or none)."""
        if count >= len(self.cached):
            return len(self.cached)
        if count <= 0 or not native.llama_memory_seq_rm(self._memory, 0, count, -1):
            native.llama_memory_clear(self._memory, False)
            count = 0
        del self.cached[count:]
        return count

    def evaluate(self, tokens: list[int], stopped: Stopped = _never) -> bool:
        """Append tokens to the cache; False if `stopped` said so on the way (between two graph nodes).

        Raises:
            ModelError: llama.cpp failed.
        """
        self._stopped = stopped
        native.llama_set_abort_callback(self._context, self._abort, None)
        try:
            for start in range(0, len(tokens), BATCH):
                if stopped() or not self._decode(tokens[start : start + BATCH]):
                    return False
        finally:
            native.llama_set_abort_callback(self._context, native.ggml_abort_callback(), None)
            self._stopped = _never
        return True

    def append(self, token: int) -> None:
        """Append one token: the fast path of generation, not to be interrupted."""
        self._decode([token])

    def scores(self, tokens: list[int]) -> Iterator[NDArray[np.float32]]:
        """Append tokens to the cache; for each the scores of all tokens after it, valid until the next is asked for.

        Raises:
            ModelError: llama.cpp failed.
        """
        for start in range(0, len(tokens), SCORED):
            part = tokens[start : start + SCORED]
            self._decode(part, every=True)
            for place in range(len(part)):
                scores = native.llama_get_logits_ith(self._context, place)
                yield np.ctypeslib.as_array(scores, (self.vocabulary_size,))

    def _decode(self, tokens: list[int], every: bool = False) -> bool:
        """Evaluate one batch; scores are kept of its last token, or of `every` one."""
        _errors.clear()
        before = len(self.cached)
        self._buffer[: len(tokens)] = tokens
        batch = native.llama_batch_get_one(self._buffer, len(tokens))
        if every:
            batch.logits = (ctypes.c_int8 * len(tokens))(*[1] * len(tokens))
        code = native.llama_decode(self._context, batch)
        self.cached += tokens
        if code == 0:
            return True
        self.keep(before)
        if code == ABORTED:
            return False
        what = "its context is full" if code == NO_ROOM else f"llama.cpp failed with code {code}"
        raise ModelError(f"The model stopped: {what}{_reason()}.", "Start a new chat, or shorten the message.")

    def lower(self, token: int, by: float) -> None:
        """Take so much from the score of one token as the next one, before a sampler looks."""
        native.llama_get_logits_ith(self._context, -1)[token] -= by

    def last_scores(self) -> NDArray[np.float32]:
        """A copy of the scores of every token after the last one, shape (vocabulary_size,)."""
        scores = native.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(scores, (self.vocabulary_size,)).copy()

    def sampler(self, sampling: Sampling, seed: int, form: Shape = ()) -> Sampler:
        """A chooser of next tokens for one answer, of such as its form or grammar goes on with.

        Raises:
            ModelError: llama.cpp does not understand the grammar.
        """
        return Sampler(self._context, self._vocabulary, sampling, seed, gbnf(form) if form else "")

    def probe(self, count: int) -> list[float]:
        """The scores after a fixed text of `count` tokens; the cache is dropped before and after."""
        self.keep(0)
        self.evaluate([number * 37 % self.vocabulary_size for number in range(1, count + 1)])
        scores = self.last_scores()
        self.keep(0)
        return [float(score) for score in scores]

    # adapters

    def load_adapter(self, key: object, path: Path) -> None:
        """Read a LoRA file once; `key` names this very content.

        Raises:
            AdapterError: llama.cpp refuses it.
        """
        if key in self._adapters:
            return
        _errors.clear()
        adapter = native.llama_adapter_lora_init(self._model, str(path).encode())
        if not adapter:  # a NULL pointer is falsy, but it is not None
            raise AdapterError(f"{path.name} cannot be loaded{_reason()}.", "Choose another adapter.")
        self._adapters[key] = adapter

    def free_adapter(self, key: object) -> None:
        """Give back the memory of a loaded adapter that is not on; of one that is on, llama.cpp would crash."""
        if key in self._worn:
            raise AdapterError("An adapter that is on cannot be removed from memory.", "Take it off first.")
        if adapter := self._adapters.pop(key, None):
            native.llama_adapter_lora_free(adapter)

    def wear(self, parts: Sequence[tuple[object, float]]) -> None:
        """Put loaded adapters on in place of all others, each with its strength, and drop the cache.

        The cache belongs to the old state: reused, it would speak with the old adapter's words.
        """
        self.keep(0)
        count = len(parts)
        adapters = (native.llama_adapter_lora_p_ctypes * count)(*(self._adapters[key] for key, _ in parts))
        scales = (ctypes.c_float * count)(*(scale for _, scale in parts))
        code = native.llama_set_adapters_lora(
            self._context, adapters if parts else None, count, scales if parts else None
        )
        if code != 0:
            raise AdapterError(
                f"llama.cpp did not take the adapter (code {code}){_reason()}.", "Choose another adapter."
            )
        self._worn = frozenset(key for key, _ in parts)


def _context_settings(context: int, threads: int, batch_threads: int, exact: bool) -> Any:
    settings = native.llama_context_default_params()
    settings.n_ctx = context
    settings.n_batch = settings.n_ubatch = min(BATCH, context)
    settings.n_threads, settings.n_threads_batch = threads, batch_threads
    if exact:
        settings.type_k = settings.type_v = native.GGML_TYPE_F32
        settings.flash_attn_type = native.LLAMA_FLASH_ATTN_TYPE_DISABLED
    settings.swa_full = True  # a cache that forgets cannot be cut back to a prefix
    return settings


def drives_gpu() -> bool:
    """Whether this build of llama.cpp can use a GPU, whose driver maps far more memory than it uses."""
    return bool(native.llama_supports_gpu_offload())


def _start_library() -> None:
    os.environ["GGML_NO_BACKTRACE"] = "1"  # a failed assertion would start a debugger and wait for it
    native.llama_log_set(_log, ctypes.c_void_p(0))
    native.llama_backend_init()
    _errors.clear()


def _reason() -> str:
    """What llama.cpp said first, which is the cause; what follows are its consequences."""
    return f" ({shown(_errors[0], 160)})" if _errors else ""
