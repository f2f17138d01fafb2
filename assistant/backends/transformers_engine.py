"""transformers itself: one model, one cache of keys and values, adapters through PEFT. [H] torch, transformers.

`generate` is not used: it knows no cache that outlives an answer, and cannot be left within a prompt. The cache keeps
every key, so that it can be cut back to a prefix; a sliding window acts through the mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from adapters.errors import AdapterFitError
from adapters.files.gguf_facts import GGUFFacts
from assistant.backends.array_sampler import ArraySampler
from assistant.backends.engine import Stopped
from assistant.backends.form import Shape
from assistant.backends.form_filter import FormFilter
from assistant.backends.peft_adapters import PeftAdapters
from assistant.backends.transformers_vocabulary import TransformersVocabulary
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ModelError

BATCH = 256  # tokens evaluated in one call; it can be left between two layers
SCORED = 32  # tokens whose scores are held at once where every one counts


class _Left(Exception):
    """An evaluation was told to stop."""


def _never() -> bool:
    return False


class TransformersEngine(TransformersVocabulary):
    """A loaded model. `cached` are the tokens whose keys and values stand in its cache."""

    def __init__(self, model: Any, tokenizer: Any, facts: GGUFFacts, context: int, threads: tuple[int, int]) -> None:
        """`model` and `tokenizer` are transformers' own; `threads` for generating and for prompts."""
        super().__init__(tokenizer, int(model.get_output_embeddings().weight.shape[0]), _ends(model))
        self._model: Any = model
        self._device = model.get_input_embeddings().weight.device
        self._threads = threads
        self._facts = facts
        self._adapters = PeftAdapters(model, facts)
        self._cache: Any = DynamicCache()
        self._begun = 0  # places that a soft prompt takes before the tokens
        self._last: NDArray[np.float32] = np.zeros(self.vocabulary_size, np.float32)
        self._stopped: Stopped = _never
        for layer in _layers(model):
            layer.register_forward_pre_hook(self._look)
        self.context = context
        self.cached: list[int] = []

    def close(self) -> None:
        """Free the model."""
        self._cache = self._model = None
        self._adapters = PeftAdapters(None, self._facts)

    # evaluation

    def keep(self, count: int) -> int:
        """Keep the first `count` tokens of the cache; returns how many could be kept."""
        del self.cached[max(count, 0) :]
        self._cut()
        return len(self.cached)

    def evaluate(self, tokens: list[int], stopped: Stopped = _never) -> bool:
        """Append tokens to the cache; False if `stopped` said so on the way (between two layers).

        Raises:
            ModelError: the model failed, or memory is short.
        """
        for start in range(0, len(tokens), BATCH):
            if stopped() or not self._run(tokens[start : start + BATCH], stopped=stopped):
                return False
        return True

    def append(self, token: int) -> None:
        """Append one token."""
        self._run([token])

    def scores(self, tokens: list[int]) -> Iterator[NDArray[np.float32]]:
        """Append tokens to the cache; for each the scores of all tokens after it, shape (vocabulary_size,)."""
        for start in range(0, len(tokens), SCORED):
            self._run(tokens[start : start + SCORED], every=True)
            yield from self._every

    def lower(self, token: int, by: float) -> None:
        """Take so much from the score of one token as the next one, before a sampler looks."""
        self._last[token] -= by

    def last_scores(self) -> NDArray[np.float32]:
        """A copy of the scores of every token after the last one, shape (vocabulary_size,)."""
        return self._last.copy()

    def sampler(self, sampling: Sampling, seed: int, form: Shape = ()) -> ArraySampler:
        """A chooser of next tokens for one answer, of such as its form goes on with.

        Raises:
            ModelError: the form is a grammar, which this engine cannot follow.
        """
        if isinstance(form, str):
            raise ModelError(
                "The transformers engine cannot keep an answer to a grammar.", "llama.cpp can: load a GGUF file."
            )
        plain = (token for token in range(self.vocabulary_size) if not self.is_special(token))
        kept = FormFilter(form, plain, self.piece) if form else None
        return ArraySampler(self.last_scores, sampling, seed, kept, self.end)

    def probe(self, count: int) -> list[float]:
        """The scores after a fixed text of `count` tokens; the cache is dropped before and after."""
        self.keep(0)
        self.evaluate([number * 37 % self.vocabulary_size for number in range(1, count + 1)])
        self.keep(0)
        return [float(score) for score in self._last]

    # adapters

    def load_adapter(self, key: object, path: Path) -> None:
        """Read an adapter once: a GGUF LoRA, or the adapter_config.json of a folder of PEFT.

        Raises:
            AdapterError: PEFT refuses it.
        """
        try:
            self._adapters.load(key, path)
        except AdapterFitError as error:
            raise AdapterError(str(error), error.hint) from error

    def free_adapter(self, key: object) -> None:
        """Give back the memory of a loaded adapter that is not on."""
        self._adapters.free(key)

    def wear(self, parts: Sequence[tuple[object, float]]) -> None:
        """Put loaded adapters on in place of all others, each with its strength, and drop the cache."""
        del self.cached[:]
        self._begun = 0
        self._cut()
        soft = self._adapters.wear(parts)
        if soft is not None:
            self._run([], begin=soft)
            self._begun = len(soft)

    def _run(
        self, tokens: list[int], *, stopped: Stopped = _never, every: bool = False, begin: torch.Tensor | None = None
    ) -> bool:
        """Evaluate one batch (or a soft prompt); scores are kept of its last token, or of `every` one."""
        torch.set_num_threads(self._threads[0 if len(tokens) == 1 else 1])
        self._stopped = stopped
        read = {"input_ids": torch.tensor([tokens], device=self._device)}
        if begin is not None:
            read = {"inputs_embeds": begin[None].to(self._device, self._model.get_input_embeddings().weight.dtype)}
        try:
            with torch.inference_mode():
                logits = self._model(
                    **read, past_key_values=self._cache, use_cache=True, logits_to_keep=0 if every else 1
                ).logits[0]
        except _Left:
            self._cut()
            return False
        except (RuntimeError, ValueError, TypeError) as error:  # torch raises these, for want of memory too
            self._cut()
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise ModelError(
                f"The model stopped: {first}", "Start a new chat, or lower the context setting."
            ) from error
        finally:
            self._stopped = _never
        self.cached += tokens
        told = logits.float().cpu().numpy()
        self._every, self._last = told, told[-1].copy()
        return True

    def _cut(self) -> None:
        """Cut every layer of the cache back to the tokens that are in `cached`, and the soft prompt before them."""
        wanted = self._begun + len(self.cached)
        for layer in self._cache.layers:
            if wanted == 0:
                layer.reset()
            elif (more := layer.get_seq_length() - wanted) > 0:
                layer.crop(-more)

    def _look(self, *_: Any) -> None:
        if self._stopped():
            raise _Left


def _layers(model: Any) -> list[Any]:
    """The blocks of the model: its longest list of modules."""
    lists: list[Any] = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    return max(([*each] for each in lists), key=len, default=[])


def _ends(model: Any) -> set[int]:
    """The tokens with which the model's own settings end an answer."""
    end = getattr(model.generation_config, "eos_token_id", None)
    return {int(token) for token in (end if isinstance(end, list) else [end]) if token is not None}
