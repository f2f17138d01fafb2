"""How well does a model predict a text, and how fast is it? Its perplexity, as llama.cpp's own tool takes it. [H]

The text is cut into windows of 512 tokens; each is read anew, and every token of its second half is scored with all
before it in view (llama.cpp, tools/perplexity). Perplexity is e to the mean of -log p.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import check_model
from assistant.backends.llama_engine import LlamaEngine
from assistant.errors import ModelError, UsageError
from assistant.models.memory import available_memory, check_fits

WINDOW = 512
WRITTEN = 32  # tokens generated to tell the speed of writing
Report = Callable[[int, int], None]


def perplexity(path: Path, text: str, windows: int, threads: int, report: Report) -> dict[str, Any]:
    """Perplexity with its standard error, tokens scored, tokens a second read and written; at most `windows` windows.

    Raises:
        GGUFError, ModelError: the model cannot be loaded. UsageError: the text is shorter than a window.
    """
    facts = read_gguf(path)
    check_model(facts)
    window = min(WINDOW, facts.context)
    check_fits(facts, window, available_memory())
    cores = len(os.sched_getaffinity(0))
    engine = LlamaEngine(path, window, threads or max(1, cores - 1), threads or cores)
    try:
        tokens = engine.tokenize(text.encode("utf-8", "replace"), special=False)
        count = min(windows, len(tokens) // window)
        if not count:
            raise UsageError(
                f"The text has {len(tokens):,} tokens; at least {window} are needed.", "Give a longer text."
            )
        begin = engine.tokenize(engine.begin_end_strings()[0].encode(), special=True) if engine.adds_begin() else []
        losses: list[float] = []
        seconds = 0.0
        for place in range(count):
            part = tokens[place * window : (place + 1) * window]
            seconds += _window(engine, [*begin[:1], *part[len(begin[:1]) :]], losses)
            report(place + 1, count)
        return _told(losses, count * (window // 2 - 1) / seconds, _writing(engine))
    finally:
        engine.close()


def _window(engine: LlamaEngine, part: list[int], losses: list[float]) -> float:
    """Add -log p of the second half's tokens; the seconds that reading the first half took."""
    half = len(part) // 2
    engine.keep(0)
    started = time.monotonic()
    engine.evaluate(part[: half - 1])
    seconds = time.monotonic() - started
    for token, scores in zip(part[half:], engine.scores(part[half - 1 : -1]), strict=True):
        highest = float(scores.max())
        total = float(np.exp(scores - highest).sum(dtype=np.float64))
        losses.append(highest + math.log(total) - float(scores[token]))
    return seconds


def _writing(engine: LlamaEngine) -> float:
    """Tokens a second, one by one behind the half of a window."""
    engine.keep(engine.context // 2)
    started = time.monotonic()
    for number in range(WRITTEN):
        engine.append(number * 37 % engine.vocabulary_size)
    return WRITTEN / (time.monotonic() - started)


def _told(losses: list[float], reading: float, writing: float) -> dict[str, Any]:
    values = np.array(losses, np.float64)
    if not np.isfinite(values).all():
        raise ModelError("The model gives scores that are no numbers.", "The file is damaged: make or get it again.")
    mean = float(values.mean())
    spread = float(values.std(ddof=1) / math.sqrt(len(values)))
    return {
        "perplexity": math.exp(min(mean, 700.0)), "error": math.exp(min(mean, 700.0)) * spread, "tokens": len(losses),
        "reads": reading, "writes": writing,
    }  # fmt: skip
