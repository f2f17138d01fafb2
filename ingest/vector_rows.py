"""Which vectors does the database hold? A reader beside the one writer, in many short transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import IngestError
from ingest.vector_lists import Ids, Vectors
from ingest.vectors import IndexFile

BATCH = 500  # rows a read: each read is a transaction of its own, so the writer never waits long
BUSY_MILLISECONDS = 5000


class VectorRows:
    """The rows of one embedder. A database or table that is not there yet holds none."""

    def __init__(self, connection: sqlite3.Connection | None, embedder: str) -> None:
        """`connection` is in autocommit mode; `embedder` is an Embedder's id."""
        self._connection = connection
        found = self._all("SELECT id FROM embedders WHERE name = ?", (embedder,))
        self._embedder = int(found[0][0]) if found else -1

    def ids(self) -> Ids:
        """The chunk ids that have a vector, ascending."""
        rows = self._all("SELECT chunk_id FROM vectors WHERE embedder_id = ? ORDER BY chunk_id", (self._embedder,))
        return np.fromiter((row[0] for row in rows), np.int64, len(rows))

    def vectors(self, ids: Ids, dimension: int) -> Iterator[tuple[Ids, Vectors]]:
        """Batches of (ids, vectors) of these chunks; left out are rows deleted since, and damaged ones."""
        for start in range(0, len(ids), BATCH):
            wanted = ids[start : start + BATCH].tolist()
            marks = ",".join("?" * len(wanted))
            rows = self._all(
                f"SELECT chunk_id, vector FROM vectors WHERE embedder_id = ? AND chunk_id IN ({marks})",
                (self._embedder, *wanted),
            )
            sound = [(chunk, blob) for chunk, blob in rows if isinstance(blob, bytes) and len(blob) == dimension * 4]
            vectors = np.frombuffer(b"".join(blob for _, blob in sound), np.float32).reshape(-1, dimension)
            finite = np.isfinite(vectors).all(axis=1)
            yield (np.array([chunk for chunk, _ in sound], np.int64)[finite], vectors[finite])

    def active_file(self) -> IndexFile | None:
        """The saved index that the writer last confirmed, if there is one."""
        rows = self._all(
            "SELECT file, size, sha256 FROM index_generations WHERE embedder_id = ? AND active = 1"
            " ORDER BY generation DESC LIMIT 1",
            (self._embedder,),
        )
        return IndexFile(*rows[0]) if rows else None

    def _all(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


@contextlib.contextmanager
def reading(database: Path, embedder: str) -> Iterator[VectorRows]:
    """The rows while the database is open read-only.

    Raises:
        IngestError: the database is damaged, unreadable or locked for more than five seconds.
    """
    if not database.is_file():
        yield VectorRows(None, embedder)
        return
    try:
        uri = f"{database.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            yield VectorRows(connection, embedder)
    except sqlite3.Error as error:
        raise IngestError(f"The database cannot be read for the search index: {error}.", "Try again.") from error
