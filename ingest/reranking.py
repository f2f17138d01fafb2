"""Rerankers: how well a passage answers a question, both read together; `open_reranker` chooses one by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD = re.compile(r"\w+")


class Reranker(Protocol):
    """Scores passages for one question."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score from 0 to 1 for each text, higher is better; they rank, and mean nothing else."""


class OverlapReranker:
    """A reranker without a model, for tests and demonstrations: the share of the question's words in a text."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """See Reranker."""
        words = set(WORD.findall(query.lower()))
        return [len(words & set(WORD.findall(text.lower()))) / max(1, len(words)) for text in texts]


def open_reranker(name: str, threads: int = 1) -> Reranker:
    """The reranker called "overlap", or the cross-encoder (sentence-transformers) in the folder `name`.

    Raises:
        IngestError: neither a name nor a folder, or a folder without a usable model.
    """
    if name == "overlap":
        return OverlapReranker()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise IngestError(
            f"There is no reranker {name!r}.", 'Use the path of a cross-encoder\'s folder, or "" for none.'
        )
    from ingest.embedding.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(folder, threads)
