"""The child that quantises models and measures them: llama.cpp may abort on what it is given."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assistant.errors import ModelError

Report = Callable[[int, int], None]  # so much done, of so much


class MakingWorker:
    """Each method streams {"done", "total"}, and last its result; see worker_host for how it is called.

    A call that is cancelled ends with the process: native code does not listen.
    """

    def quantized_size(self, source: str, kind: int) -> int:
        """Bytes that the file would have."""
        from assistant.models.quantizer import quantized_size  # llama.cpp: only when it is needed

        return quantized_size(Path(source), kind)

    def quantize(self, source: str, target: str, kind: int, threads: int) -> Iterator[dict[str, Any]]:
        """Write a quantised copy of a model."""
        from assistant.models.quantizer import quantize

        yield from _reported(lambda report: quantize(Path(source), Path(target), kind, threads, report))

    def perplexity(self, path: str, text: str, windows: int, threads: int) -> Iterator[dict[str, Any]]:
        """What perplexity.perplexity gives of a model on a text."""
        from assistant.models.perplexity import perplexity

        yield from _reported(lambda report: perplexity(Path(path), text, windows, threads, report))


def _reported(work: Callable[[Report], Any]) -> Iterator[dict[str, Any]]:
    """Do the work beside, and pass on how far it is."""
    told: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            told.put({"result": work(lambda done, total: told.put({"done": done, "total": total}))})
        except BaseException as error:
            told.put(error)
        told.put(None)

    threading.Thread(target=run, daemon=True).start()
    while (item := told.get()) is not None:
        if isinstance(item, MemoryError):
            raise ModelError("There was not enough memory.", "Close other programs, or choose a smaller model.")
        if isinstance(item, BaseException):
            raise item
        yield item
