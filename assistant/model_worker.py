"""The child that holds the model: loads it within memory limits, streams answers, wears adapters."""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model
from assistant.backends.base import Backend, ChatMessage, Done, NullAnswer, Piece
from assistant.backends.form import checked
from assistant.backends.next_token import chosen_as_json, distribution_as_json
from assistant.backends.scripted import ScriptedBackend, is_scripted, parse_script
from assistant.config import RemoteSettings
from assistant.conversation import Sampling
from assistant.errors import ModelError
from assistant.models.choice import ModelChoice, is_remote, parse_choice
from assistant.models.location import STARTER, is_starter, resolve_model
from assistant.models.memory import available_memory, check_fits
from assistant.models.unpacked_memory import CONTEXT, check_unpacked_fits, has_nvidia_gpu

LIMIT_FACTOR = 1.3  # of the estimate
ADDRESS_SPACE_BASE = 1 * 2**30  # bytes: interpreter and libraries map much more than they use,
ADDRESS_SPACE_PER_CORE = 80 * 2**20  # and each thread reserves a stack and a heap of its own
TORCH_ADDRESS_SPACE = 8 * 2**30  # torch with its libraries and threads
SECONDS_BETWEEN_PIECES = 0.02  # text that comes faster is sent together: nobody reads 50 pieces a second


class ModelWorker:
    """One loaded model; see worker_host for how its methods are called."""

    def __init__(self) -> None:
        self._backend: Backend | None = None

    def load(
        self,
        model: str = STARTER,
        context: int = 0,
        threads: int = 0,
        batch_threads: int = 0,
        anyway: bool = False,
        remote: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Load a model in place of any other; returns the fields of ModelInfo. 0 means: choose for me; `anyway`: do not
        ask whether there is memory enough; `remote` has the fields of RemoteSettings, for a model on a server.
        """
        if is_scripted(model):
            backend: Backend = ScriptedBackend(parse_script(model))
            self._close()
        elif is_remote(model):
            backend = _remote(RemoteSettings(**remote or {}), parse_choice(model).source)
            self._close()
        else:
            choice = parse_choice(model)
            facts = _facts(resolve_model(model))  # before the old model is given up
            self._close()
            choice = replace(choice, source=STARTER if is_starter(model) else facts.name)
            free = sys.maxsize if anyway else available_memory()
            backend = _local(facts, choice, free, context, threads, batch_threads)
        self._backend = backend
        return dataclasses.asdict(backend.info)

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        return self._loaded().count_tokens(texts)

    def complete(
        self,
        messages: list[dict[str, str]],
        sampling: dict[str, Any],
        cancelled: Callable[[], bool],
        form: Sequence[Sequence[str]] | str = (),
        null: dict[str, Any] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Stream an answer: {"text": str}…, then {"done": the fields of Done}. `null` has the fields of NullAnswer."""
        chosen = _sampling(sampling)
        backend = self._loaded()
        seconds = 0.0 if isinstance(backend, ScriptedBackend) else SECONDS_BETWEEN_PIECES
        pieces = backend.complete(
            _chat(messages), chosen, cancelled, checked(form), NullAnswer(**null) if null else None
        )
        yield from _gathered(pieces, seconds)

    def score(self, messages: list[dict[str, str]], answer: str) -> dict[str, Any]:
        """How likely an answer is: the fields of Score."""
        return dataclasses.asdict(self._loaded().score(_chat(messages), answer))

    def follow(self, prompt: list[int], continuation: list[int], candidates: list[list[int]]) -> list[dict[str, Any]]:
        """What the model would say along a given text: the fields of a Step for each place."""
        return [dataclasses.asdict(step) for step in self._loaded().follow(prompt, continuation, candidates)]

    def decode(
        self, messages: list[dict[str, str]], sampling: dict[str, Any], cancelled: Callable[[], bool]
    ) -> Iterator[dict[str, Any]]:
        """Answer token by token (see next_token.chosen_as_json), then {"done": the fields of Done}."""
        for item in self._loaded().decode(_chat(messages), _sampling(sampling), cancelled):
            yield {"done": dataclasses.asdict(item)} if isinstance(item, Done) else chosen_as_json(item)

    def next_tokens(
        self, messages: list[dict[str, str]], said: list[int], sampling: dict[str, Any], count: int
    ) -> dict[str, Any]:
        """What could come next (see next_token.distribution_as_json)."""
        found = self._loaded().next_tokens(_chat(messages), said, _sampling(sampling), count)
        return distribution_as_json(found)

    def set_adapters(self, parts: list[list[Any]], tried: bool = False) -> dict[str, str]:
        """Put adapters on in place of all others: [path, strength] each."""
        wanted = [(str(path), float(scale)) for path, scale in parts]
        return {"adapter": self._loaded().set_adapters(wanted, tried)}

    def _loaded(self) -> Backend:
        if self._backend is None:
            raise ModelError("No model is loaded.", "Choose one with /model.")
        return self._backend

    def _close(self) -> None:
        close = getattr(self._backend, "close", None)
        self._backend = None
        if close is not None:
            close()


def _chat(messages: list[dict[str, str]]) -> list[ChatMessage]:
    return [ChatMessage(message["role"], message["content"]) for message in messages]  # type: ignore[arg-type]  # roles come from our own side


def _sampling(sent: dict[str, Any]) -> Sampling:
    return Sampling(**{**sent, "stop": tuple(sent.get("stop") or ())})


def _remote(settings: RemoteSettings, name: str) -> Backend:
    from assistant.backends.remote import RemoteBackend  # a client of the network: only for who names a server
    from assistant.backends.remote_key import read_key

    return RemoteBackend(settings, read_key(settings.key_file), name)


def _facts(path: Path) -> GGUFFacts:
    """What a model says of itself, read before any native code sees it."""
    if path.is_dir():
        from adapters.files.folder_facts import read_folder  # numpy: only where there is a folder

        facts = read_folder(path)
    else:
        facts = read_gguf(path)
    check_model(facts)
    return facts


def _local(facts: GGUFFacts, choice: ModelChoice, free: int, context: int, threads: int, batch_threads: int) -> Backend:
    """The model on the engine that was chosen, if it fits into `free` bytes of memory."""
    folder = facts.path.is_dir()
    if choice.engine == "llama.cpp" and folder:
        raise ModelError(
            f"{facts.path.name} is a folder of safetensors, which llama.cpp does not read.",
            f"transformers:{facts.path} runs it; or convert it to GGUF.",
        )
    if choice.engine == "transformers" or (choice.engine == "auto" and (folder or choice.precision != "auto")):
        return _transformers(facts, replace(choice, engine="transformers"), free, context, threads, batch_threads)
    return _llama(facts, choice.source, free, context, threads, batch_threads)


def _llama(facts: GGUFFacts, name: str, free: int, context: int, threads: int, batch_threads: int) -> Backend:
    from assistant.backends.llama_engine import drives_gpu  # heavy: only when a model is loaded
    from assistant.backends.llamacpp import LlamaCppBackend, context_size

    needed = check_fits(facts, context_size(facts, context), free)
    if not drives_gpu():
        mapped = ADDRESS_SPACE_BASE + ADDRESS_SPACE_PER_CORE * (os.cpu_count() or 1)
        _limit_memory(int(needed * LIMIT_FACTOR) + mapped)
    return LlamaCppBackend(facts, name, context, threads, batch_threads)


def _transformers(
    facts: GGUFFacts, choice: ModelChoice, free: int, context: int, threads: int, batch_threads: int
) -> Backend:
    needed = check_unpacked_fits(facts, min(context or CONTEXT, facts.context), choice.precision, free)
    limit = int(needed * LIMIT_FACTOR) + TORCH_ADDRESS_SPACE
    _limit_memory(resource.RLIM_INFINITY if has_nvidia_gpu() else limit)  # before torch maps its libraries
    from assistant.backends.transformers_backend import TransformersBackend  # heavy, as above

    return TransformersBackend(facts, str(choice), context, threads, batch_threads, choice.precision)


def _limit_memory(count: int) -> None:
    """Bound this process's address space; the hard limit stays, so that a larger model can follow."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard))


def _gathered(items: Iterator[Piece | Done], seconds: float) -> Iterator[dict[str, Any]]:
    """Pieces put together where they come faster than every `seconds`; nothing is lost when the backend fails."""
    text, sent = "", 0.0
    try:
        for item in items:
            now = time.monotonic()
            if isinstance(item, Piece):
                text += item.text
            if text and (isinstance(item, Done) or now - sent >= seconds):
                yield {"text": text}
                text, sent = "", now
            if isinstance(item, Done):
                yield {"done": dataclasses.asdict(item)}
    except Exception:
        if text:
            yield {"text": text}
        raise
