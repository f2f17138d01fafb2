"""The index child: embeds texts, and keeps the index, FAISS or PostgreSQL, in step with the vectors in SQLite.

SQLite is the truth and this process only reads it. What the index lacks or has too much is found by
comparing sets of ids, so a crash anywhere, or a lost index file, is repaired by the next `refresh`.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ingest.embedding import open_embedder
from ingest.errors import StoreError
from ingest.reranking import Reranker, open_reranker
from ingest.vector_rows import VectorRows, reading
from ingest.vectors import DamagedIndexError, VectorIndex

if TYPE_CHECKING:
    from ingest.embedding.base import Embedder
    from ingest.postgres_vectors import PostgresVectors

COPY = 0.98  # the cosine from which two passages say the same
KEPT_QUERIES = 4  # a question is searched for several times: near it, and among the passages that were found
OWN_FILE = re.compile(r"index-\d+\.faiss(\.damaged)?")


@dataclass(frozen=True, slots=True)
class Reply:
    """JSON data and raw bytes: what a call gives back over the pipe."""

    data: dict[str, Any]
    blob: bytes


class IndexWorker:
    """The service of the index child. The constructor is cheap: model and index load on first use."""

    def __init__(
        self, database: str, folder: str, embedder: str, threads: int = 1, reranker: str = "",
        store: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`folder` holds the index files; `embedder` and `reranker` are names or paths for `open_embedder` and
        `open_reranker`. `store` is a PostgreSQL that takes the place of the files, see postgres_vectors.
        """
        self._database = Path(database)
        self._folder = Path(folder)
        self._embedder_name = embedder
        self._reranker_name = reranker
        self._threads = threads
        self._store = store
        self._index: VectorIndex | PostgresVectors | None = None
        self._queries: dict[str, NDArray[np.float32]] = {}  # the last ones

    @cached_property
    def _embedder(self) -> Embedder:
        return open_embedder(self._embedder_name, self._threads)

    @cached_property
    def _reranker(self) -> Reranker:
        return open_reranker(self._reranker_name, self._threads)

    def warm(self) -> dict[str, Any]:
        """Load the model and the index now, so that the first question does not wait for them."""
        start = time.perf_counter()
        self._embedder.embed(["warm"])
        self.refresh()
        with self._ready() as index:
            return {**self._described(), "index": index.description, "seconds": round(time.perf_counter() - start, 3)}

    def embed(self, texts: list[str], half: bool = False) -> Reply:
        """Unit vectors of the texts: the blob is float32, or float16, shape (len(texts), dimension)."""
        vectors = self._embedder.embed(texts)
        return Reply(self._described(), vectors.astype(np.float16 if half else np.float32).tobytes())

    def nearest(self, texts: list[str], blob: bytes) -> dict[str, Any]:
        """For each text the highest cosine with any of the unit vectors in the blob, as `embed` gives them in half,
        and the place of that vector. Vectors of another dimension are near nothing.
        """
        asked = self._embedder.embed(texts)
        size = asked.shape[1]
        among = np.frombuffer(blob, np.float16) if len(blob) % (2 * size) == 0 else np.zeros(size, np.float16)
        cosines = asked @ among.reshape(-1, size).astype(np.float32).T
        nearest = [round(float(cosine), 4) for cosine in cosines.max(axis=1)]
        return {**self._described(), "nearest": nearest, "places": cosines.argmax(axis=1).tolist()}

    def similarity(self, left: list[str], right: list[str]) -> list[list[float]]:
        """The cosine of each text on the left with each on the right."""
        vectors = self._embedder.embed(left + right)
        matrix = vectors[: len(left)] @ vectors[len(left) :].T
        return [[round(float(cosine), 4) for cosine in row] for row in matrix]

    def refresh(self) -> dict[str, Any]:
        """Bring the index in step with the rows; call it after a commit that adds or removes vectors.

        Returns the counts `vectors`, `added`, `removed` and `damaged` (rows left out because their
        vector has a wrong length or no finite numbers), and whether the index was `rebuilt` because
        its file was missing or damaged. Nothing is embedded.
        """
        rebuilt = False
        with reading(self._database, self._embedder.id) as rows, self._let_go_if_lost():
            if self._index is None:
                self._index, rebuilt = self._load(rows)
            index = self._index
            present = np.sort(index.ids())  # before the rows: what another process adds is in them first
            wanted = rows.ids()
            gone = np.setdiff1d(present, wanted, assume_unique=True)
            removed = index.remove(gone) if len(gone) else 0
            added = 0
            missing = np.setdiff1d(wanted, present, assume_unique=True)
            for ids, vectors in rows.vectors(missing, index.dimension):
                index.add(ids, vectors)
                added += len(ids)
        return {
            "vectors": len(index),
            "added": added,
            "removed": removed,
            "damaged": len(missing) - added,
            "rebuilt": rebuilt,
        }

    def search(self, query: str, k: int, restricted: bool = False, blob: bytes = b"") -> dict[str, Any]:
        """The k chunks nearest to the query as [chunk_id, cosine], best first.

        `blob` holds the allowed chunk ids as int64; it counts only if `restricted` is true, so that
        "none of them" and "no restriction" differ.
        """
        allowed = np.frombuffer(blob, np.int64) if restricted else None
        vector = self._query_vector(query)
        with self._ready() as index:
            hits = index.search(vector, k, allowed) if len(index) else []
            return {"hits": [list(hit) for hit in hits], "vectors": len(index)}

    def neighbours(self, groups: list[int], count: int, blob: bytes) -> list[list[list[float]]]:
        """For each of the chunks in the blob (int64) the `count` nearest among them, of other groups, as
        [place in the blob, cosine], nearest first. Copies are no neighbours; a chunk without a vector has none.
        """
        with self._ready() as index:
            vectors = index.vectors(np.frombuffer(blob, np.int64))
        cosines = np.einsum("ik,jk->ij", vectors, vectors)  # on this thread: BLAS's would wait for each other
        owners = np.asarray(groups)
        cosines[(owners[:, None] == owners[None, :]) | (cosines > COPY)] = 0.0
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        return [
            [[int(place), round(float(row[place]), 4)] for place in places if row[place] > 0]
            for row, places in zip(cosines, nearest, strict=True)
        ]

    def rerank(self, query: str, texts: list[str]) -> list[float]:
        """How well each text answers the query, from 0 to 1 (see ingest.reranking)."""
        return self._reranker.scores(query, texts)

    def save(self, generation: int) -> dict[str, Any]:
        """Write the index as the file of this generation; the caller records what is returned."""
        with self._ready() as index:
            return index.save(self._folder / f"index-{generation}.faiss")._asdict()

    def forget(self, keep: str) -> int:
        """Delete all index files but `keep`, also those set aside as damaged; returns how many.

        Call it once `keep` is recorded as active: vectors of deleted texts are then gone for good.
        """
        if not self._folder.is_dir():
            return 0
        old = [path for path in self._folder.iterdir() if OWN_FILE.fullmatch(path.name) and path.name != keep]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _described(self) -> dict[str, Any]:
        return {"embedder": self._embedder.id, "dimension": self._embedder.dimension}

    def _query_vector(self, query: str) -> NDArray[np.float32]:
        if query not in self._queries:
            self._queries = dict(list(self._queries.items())[1 - KEPT_QUERIES :])
            self._queries[query] = self._embedder.embed([query])[0]
        return self._queries[query]

    @contextlib.contextmanager
    def _ready(self) -> Iterator[VectorIndex | PostgresVectors]:
        """The index, loaded and in step."""
        if self._index is None:
            self.refresh()
        assert self._index is not None  # refresh has opened it, or raised
        with self._let_go_if_lost():
            yield self._index

    @contextlib.contextmanager
    def _let_go_if_lost(self) -> Iterator[None]:
        """A store that cannot be used is opened again by the next call."""
        try:
            yield
        except StoreError:
            self._index = None
            raise

    def _load(self, rows: VectorRows) -> tuple[VectorIndex | PostgresVectors, bool]:
        """The saved index, or an empty one and True if it was damaged: the rows then fill it again."""
        recorded, dimension = rows.active_file(), self._embedder.dimension
        if self._store is not None:
            try:
                from ingest.postgres_vectors import open_table
            except ModuleNotFoundError as error:
                raise StoreError(
                    "documents.vector_store needs the driver of PostgreSQL, which is not installed.",
                    "pip install 'private-assistant[pgvector]'",
                ) from error
            return open_table(self._store, self._database, dimension, recorded)
        if recorded is None:
            return VectorIndex(dimension), False
        path = self._folder / Path(recorded.file).name
        try:
            return VectorIndex.load(path, recorded.size, recorded.sha256, dimension), False
        except DamagedIndexError:
            with contextlib.suppress(OSError):
                path.replace(path.with_name(f"{path.name}.damaged"))
            return VectorIndex(dimension), True
