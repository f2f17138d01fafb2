"""Embedders: what turns text into vectors. `open_embedder` is where one is chosen by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import IngestError

if TYPE_CHECKING:
    from ingest.embedding.base import Embedder


def open_embedder(name: str, threads: int = 1) -> Embedder:
    """The embedder called "minilm" or "hashed", or the sentence-transformers model in the folder `name`.

    Raises:
        IngestError: neither a name nor a folder, or a folder without a usable model.
    """
    if name == "minilm":
        from ingest.embedding.minilm import MiniLMEmbedder

        return MiniLMEmbedder(threads)
    if name == "hashed":
        from ingest.embedding.hashed import HashedEmbedder

        return HashedEmbedder()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise IngestError(f"There is no embedder {name!r}.", 'Use "minilm", or the path of a model folder.')
    from ingest.embedding.sentence import SentenceEmbedder

    return SentenceEmbedder(folder, threads)
