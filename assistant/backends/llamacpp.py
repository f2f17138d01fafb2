"""The backend for real models: any GGUF file, through llama.cpp."""

from __future__ import annotations

import os

from adapters.files.gguf_facts import GGUFFacts
from adapters.hotswap import HotSwap
from assistant.backends.engine_backend import EngineBackend
from assistant.backends.llama_engine import LlamaEngine

DEFAULT_CONTEXT = 8192  # where the setting says "the file's", at most this: the cache costs memory
MIN_CONTEXT = 256


def context_size(facts: GGUFFacts, setting: int) -> int:
    """Tokens of context to use: the setting (0: the file's, at most 8,192), never more than was trained."""
    return min(max(setting or DEFAULT_CONTEXT, MIN_CONTEXT), facts.context)


def thread_counts(threads: int, batch_threads: int) -> tuple[int, int]:
    """Threads for generation (0: all cores but one) and for prompts (0: all cores)."""
    cores = len(os.sched_getaffinity(0))
    return threads or max(1, cores - 1), batch_threads or cores


class LlamaCppBackend(EngineBackend):
    """A GGUF model. See backends.base.Backend."""

    def __init__(
        self,
        facts: GGUFFacts,
        name: str = "",
        context: int = 0,
        threads: int = 0,
        batch_threads: int = 0,
        exact: bool = False,
    ) -> None:
        """`facts` are of a file that `check_model` accepts; `context` as in `context_size`; `exact` as in LlamaEngine;
        threads as in `thread_counts`.

        Raises:
            ModelError: llama.cpp refuses the file.
        """
        engine = LlamaEngine(
            facts.path, context_size(facts, context), *thread_counts(threads, batch_threads), exact=exact
        )
        super().__init__(engine, HotSwap(facts, engine), facts, name or facts.name)
