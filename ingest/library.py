"""What is in the library: collections, documents with their state, their text, and removing them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.collaborators import Database
from ingest.document import Passage
from ingest.errors import IngestError

if TYPE_CHECKING:
    import sqlite_utils

COLLECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DEFAULT_COLLECTION = "documents"

_DOCUMENTS = """
SELECT d.id, c.name, d.title, d.path, d.pages, (SELECT count(*) FROM chunks WHERE document_id = d.id),
       d.size, d.state, d.reason, d.notes, d.added_at
FROM documents d JOIN collections c ON c.id = d.collection_id
"""
_PASSAGES = """
SELECT k.id, k.document_id, d.path, k.text, k.start, k."end", k.page, k.headings, k.place
FROM chunks k JOIN documents d ON d.id = k.document_id WHERE k.id = ?
"""
_AGREEMENT = """
SELECT (SELECT count(*) FROM chunks),
    (SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors WHERE embedder_id IN
        (SELECT id FROM embedders WHERE name = :embedder))),
    (SELECT count(*) FROM (SELECT id FROM chunks EXCEPT SELECT id FROM chunks_fts_docsize))
        + (SELECT count(*) FROM (SELECT id FROM chunks_fts_docsize EXCEPT SELECT id FROM chunks)),
    (SELECT count(*) FROM documents WHERE state = 'ready' AND (id NOT IN (SELECT document_id FROM document_texts)
        OR id NOT IN (SELECT document_id FROM chunks)))
"""


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """A collection and how much is in it."""

    name: str
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document as a list shows it. `state` is "ready", "failed" or "quarantined"; then `reason` says why.

    `path` may hold surrogates where the file's name is not UTF-8 (see os.fsdecode); `size` is in bytes.
    """

    id: int
    collection: str
    title: str
    path: str
    pages: int | None
    passages: int
    size: int
    state: str
    reason: str
    notes: tuple[str, ...]
    added_at: str


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document's extracted text; `page_starts` are the character offsets at which its pages begin."""

    id: int
    title: str
    path: str
    text: str
    page_starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the whole library holds."""

    collections: int
    documents: int
    failed: int
    passages: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether the tables say the same: of so many `passages`, how many lack what they need.

    `wordless` counts passages too few or too many in the full-text index, `half` documents that are ready but
    have no text or no passage.
    """

    passages: int
    vectorless: int
    wordless: int
    half: int

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not (self.vectorless or self.wordless or self.half)


class Library:
    """The documents in the database. It reads and removes; the pipeline adds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def collections(self) -> list[CollectionSummary]:
        """All collections by name."""
        rows = await self._database.read(
            lambda db: db.conn.execute(
                "SELECT c.name, count(DISTINCT d.id), count(k.id) FROM collections c"
                " LEFT JOIN documents d ON d.collection_id = c.id LEFT JOIN chunks k ON k.document_id = d.id"
                " GROUP BY c.id ORDER BY c.name"
            ).fetchall()
        )
        return [CollectionSummary(*row) for row in rows]

    async def documents(self, collection: str | None = None) -> list[DocumentSummary]:
        """The documents of one collection, or all of them, by title."""
        where = "" if collection is None else "WHERE c.name = ?"
        return await self._summaries(where, () if collection is None else (collection,))

    async def find(self, path_or_id: str) -> list[DocumentSummary]:
        """The documents with this number, else with this path (one a collection), else with this title."""
        if path_or_id.isdecimal() and (found := await self._summaries("WHERE d.id = ?", (int(path_or_id),))):
            return found
        path = os.fsencode(os.path.abspath(Path(path_or_id).expanduser()))  # noqa: PTH100  # links stay as named
        if found := await self._summaries("WHERE d.path = ?", (path,)):
            return found
        return await self._summaries("WHERE d.title = ?", (path_or_id.encode("utf-8", "replace").decode(),))

    async def document_text(self, document_id: int) -> DocumentText | None:
        """The text of a document, None where there is no such document or it could not be read."""
        row = await self._database.read(
            lambda db: db.conn.execute(
                "SELECT d.id, d.title, d.path, t.text, t.page_starts FROM documents d"
                " JOIN document_texts t ON t.document_id = d.id WHERE d.id = ?",
                (document_id,),
            ).fetchone()
        )
        if row is None:
            return None
        number, title, path, text, page_starts = row
        return DocumentText(number, title, os.fsdecode(path), text, tuple(json.loads(page_starts)))

    async def passages(self, chunk_ids: list[int]) -> dict[int, Passage]:
        """Passages by their number, without scores; numbers that are not there are left out."""

        return await self._database.read(lambda db: fetch_passages(db, chunk_ids))

    async def counts(self) -> Counts:
        """How much there is."""
        row = await self._database.read(
            lambda db: db.conn.execute(
                "SELECT (SELECT count(*) FROM collections), (SELECT count(*) FROM documents),"
                " (SELECT count(*) FROM documents WHERE state != 'ready'), (SELECT count(*) FROM chunks)"
            ).fetchone()
        )
        return Counts(*row)

    async def agreement(self, embedder: str) -> Agreement:
        """Hold documents, passages, vectors of this embedder and the full-text index against each other."""
        row = await self._database.read(lambda db: db.conn.execute(_AGREEMENT, {"embedder": embedder}).fetchone())
        return Agreement(*row)

    async def check_words(self) -> None:
        """Let SQLite hold every entry of the full-text index against its passage.

        Raises what the database raises for a damaged file, when they differ.
        """
        await self._database.write(
            lambda db: db.conn.execute("INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('integrity-check', 1)")
        )

    async def rebuild_words(self) -> None:
        """Build the full-text index anew from the passages."""
        await self._database.write(lambda db: db.conn.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')"))

    async def remove(self, document_ids: list[int]) -> int:
        """Delete documents with their text, passages, vectors and words; returns how many there were.

        The full-text index is rewritten, since deleted words otherwise stay in its older segments.
        """

        def delete(db: sqlite_utils.Database) -> int:
            gone = delete_documents(db, document_ids)
            if gone:
                db.conn.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('optimize')")
            return gone

        return await self._database.write(delete)

    async def _summaries(self, where: str, values: tuple[object, ...]) -> list[DocumentSummary]:
        rows = await self._database.read(
            lambda db: db.conn.execute(f"{_DOCUMENTS} {where} ORDER BY d.title, d.id", values).fetchall()
        )
        return [_summary(row) for row in rows]


def check_collection(name: str) -> None:
    """Raises:
    IngestError: `name` cannot be the name of a collection.
    """
    if not COLLECTION_NAME.fullmatch(name) or ".." in name:
        raise IngestError(
            f"“{name}” cannot be the name of a collection.",
            "Use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
        )


def fetch_passages(db: sqlite_utils.Database, chunk_ids: list[int]) -> dict[int, Passage]:
    """Passages by their number; numbers that are not there are left out."""
    rows = (db.conn.execute(_PASSAGES, (number,)).fetchone() for number in chunk_ids)
    return {row[0]: _passage(row) for row in rows if row is not None}


def delete_documents(db: sqlite_utils.Database, document_ids: list[int]) -> int:
    """Delete rows inside a running transaction; foreign keys and triggers take what hangs on them."""
    return sum(db.conn.execute("DELETE FROM documents WHERE id = ?", (number,)).rowcount for number in document_ids)


def _summary(row: tuple[Any, ...]) -> DocumentSummary:
    number, collection, title, path, pages, passages, size, state, reason, notes, added_at = row
    name, reasons = os.fsdecode(path), tuple(json.loads(notes))
    return DocumentSummary(number, collection, title, name, pages, passages, size, state, reason, reasons, added_at)


def _passage(row: tuple[Any, ...]) -> Passage:
    number, document, raw_path, text, start, end, page, headings, place = row
    path = os.fsdecode(raw_path)
    names = tuple(json.loads(headings))
    return Passage(number, document, Path(path).name, path, text, start, end, page, names, place=place)
