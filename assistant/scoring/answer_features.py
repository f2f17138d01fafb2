"""What a head sees of an answer: the embedder's vectors of answer and question, and its form."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assistant.citations import MARK, sentences
from assistant.scoring.refusal import declines

if TYPE_CHECKING:
    from assistant.bootstrap import Core

AT_ONCE = 64  # texts embedded in one call, so that progress can be told


class Vectors:
    """The embedder's vectors of texts; each is embedded once while this lives."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[str, array[float]] = {}

    async def add(self, texts: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Embed those that are not known yet.

        Raises:
            LibraryError, WorkerError: the embedder cannot be run.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), AT_ONCE):
            progress(start, len(new))
            part = new[start : start + AT_ONCE]
            reply = await self._core.index.call("embed", texts=part)
            values, width = array("f", reply.blob), reply.data["dimension"]
            self._known.update((text, values[at * width : (at + 1) * width]) for at, text in enumerate(part))

    def features(self, question: str, answer: str) -> array[float]:
        """Features of an answer whose texts were added: its vector; its product with the question's, each number by
        itself, scaled to the same length; its form. Shape (2 · dimension + 4,).
        """
        said, asked = self._known[answer], self._known[question]
        scale = math.sqrt(len(said))
        together = (scale * one * other for one, other in zip(said, asked, strict=True))
        return array("f", [*said, *together, *form(answer)])


def form(answer: str) -> list[float]:
    """What an embedder does not see: the log of its words, whether it cites, declines, and has few words a sentence."""
    words = len(MARK.sub("", answer).split())
    return [
        math.log1p(words),
        float(MARK.search(answer) is not None),
        float(declines(answer)),
        words / max(1, len(sentences(answer))) / 20,
    ]


def log_words(answer: str) -> float:
    """The length of an answer, as a head that sees nothing else is given it."""
    return form(answer)[0]
