"""Which settings the passages were made with, and what is made anew beside them until it is complete.

A document's new passages wait in tables of their own, with their vectors; `adopt` puts all of them in place of the
old ones in one transaction, together with the settings. Whatever ends a rebuild, the old passages are whole until then,
and what is staged is not made twice. A document that changes or leaves takes what is staged of it along (a trigger).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ingest.collection_settings import AS_EVERYWHERE, CollectionSettings, from_json
from ingest.document import Chunk
from ingest.records import embedder_number

if TYPE_CHECKING:
    import sqlite_utils

READY = "documents.state = 'ready' AND documents.id NOT IN (SELECT document_id FROM staged_documents)"


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """What passages depend on: the embedder (a name or folder), their longest length and overlap in its tokens."""

    embedder: str
    chunk_tokens: int
    chunk_overlap: int

    def __str__(self) -> str:
        return f"{self.embedder}, up to {self.chunk_tokens} tokens, {self.chunk_overlap} shared"


@dataclass(frozen=True, slots=True)
class OldDocument:
    """A document as it is served: its row, and its passages for the case that its file cannot be read now."""

    id: int
    path: str
    title: str
    sha256: str
    size: int
    settings: CollectionSettings = AS_EVERYWHERE


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A document's new passages (the reader's JSON objects) with their vectors; `text` only where it differs."""

    id: int
    chunks: list[dict[str, Any]]
    vectors: list[bytes]
    text: str | None = None
    page_starts: tuple[int, ...] = ()
    chunked: str = ""  # see CollectionSettings
    kept: bool = False  # cut as before: the file could not be read, or is another one by now


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a rebuild is: documents staged, those of them that are cut as before, and all there are."""

    staged: int
    kept: int
    total: int


def serving(db: sqlite_utils.Database) -> PassageSettings | None:
    """The settings of the passages there are; None where none are recorded, or there is no passage."""
    if "passage_settings" not in db.table_names():  # a home of an earlier version that cannot be written
        return None
    row = db.conn.execute(
        "SELECT embedder, chunk_tokens, chunk_overlap FROM passage_settings WHERE EXISTS (SELECT 1 FROM chunks)"
    ).fetchone()
    return PassageSettings(*row) if row else None


def record(db: sqlite_utils.Database, settings: PassageSettings) -> None:
    """Say which settings the passages are made with from now on."""
    db.conn.execute("INSERT OR REPLACE INTO passage_settings VALUES (1, :embedder, :chunk_tokens, :chunk_overlap)",
                    asdict(settings))  # fmt: skip


def standing(db: sqlite_utils.Database) -> Standing:
    """How far the rebuild is that was begun last."""
    row = db.conn.execute(
        "SELECT count(*), coalesce(sum(kept), 0), (SELECT count(*) FROM documents WHERE state = 'ready')"
        " FROM staged_documents"
    ).fetchone()
    return Standing(*row)


def begin(db: sqlite_utils.Database, settings: PassageSettings, embedder: str) -> None:
    """Forget what is staged for other settings, or by another `embedder` (its id) of the same name."""
    key = [json.dumps(asdict(settings)), embedder]
    db.conn.execute("DELETE FROM staged_documents WHERE settings != ? OR embedder != ?", key)


def unstaged(db: sqlite_utils.Database) -> list[OldDocument]:
    """The documents that have no new passages yet."""
    rows = db.conn.execute(
        "SELECT documents.id, path, title, sha256, size, collections.settings FROM documents"
        f" JOIN collections ON collections.id = collection_id WHERE {READY} ORDER BY documents.id"
    )
    return [
        OldDocument(number, os.fsdecode(path), title, sha256, size, from_json(settings))
        for number, path, title, sha256, size, settings in rows
    ]


def old_chunks(db: sqlite_utils.Database, document: int) -> list[tuple[Chunk, dict[str, Any]]]:
    """The passages of a document as they are served, and as the reader would give them."""
    rows = db.conn.execute(
        'SELECT text, start, "end", headings, page, tokens, place FROM chunks WHERE document_id = ? ORDER BY id',
        (document,),
    )
    chunks = [Chunk(row[0], row[1], row[2], tuple(json.loads(row[3])), *row[4:]) for row in rows]
    names = ("start", "end", "headings", "page", "tokens", "place")
    return [(chunk, {name: getattr(chunk, name) for name in names}) for chunk in chunks]


def stored_text(db: sqlite_utils.Database, document: int) -> str | None:
    """The text of a document, None where it has left."""
    row = db.conn.execute("SELECT text FROM document_texts WHERE document_id = ?", (document,)).fetchone()
    return row[0] if row else None


def stage(
    db: sqlite_utils.Database, settings: PassageSettings, embedder: str, documents: Sequence[StagedDocument]
) -> None:
    """Store new passages beside the old ones; those of a document that has left meanwhile are dropped."""
    for document in documents:
        text = document.text if document.text is not None else stored_text(db, document.id)
        if text is None:
            continue
        db.conn.execute(
            "INSERT OR REPLACE INTO staged_documents VALUES (?, ?, ?, ?, ?, ?, ?)",
            (document.id, json.dumps(asdict(settings)), embedder, document.text,
             json.dumps(document.page_starts), document.kept, document.chunked),
        )  # fmt: skip
        rows = []
        for chunk, vector in zip(document.chunks, document.vectors, strict=True):
            start, end, headings = chunk["start"], chunk["end"], list(chunk.get("headings") or [])
            names, behind = json.dumps(headings, ensure_ascii=False), "".join(f" — {name}" for name in headings)
            rows.append((document.id, start, end, chunk.get("page"), names, behind, text[start:end],
                         chunk.get("tokens", 0), chunk.get("place", ""), vector))  # fmt: skip
        sql = "INSERT INTO staged_chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        db.conn.executemany(sql, [tuple(map(_plain, row)) for row in rows])


def adopt(db: sqlite_utils.Database, settings: PassageSettings, embedder: str) -> Standing | None:
    """Put all new passages in place of the old ones; None, and nothing is changed, where one document lacks them."""
    if db.conn.execute(f"SELECT 1 FROM documents WHERE {READY} LIMIT 1").fetchone():
        return None
    complete = standing(db)
    row = db.conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    values = {"base": row[0] if row else 0, "embedder": embedder_number(db, embedder)}
    db.conn.execute(
        "UPDATE document_texts SET text = s.text, page_starts = s.page_starts FROM staged_documents s"
        " WHERE s.document_id = document_texts.document_id AND s.text IS NOT NULL"
    )
    db.conn.execute(
        "UPDATE documents SET chunked = s.chunked FROM staged_documents s"
        " WHERE s.document_id = documents.id AND NOT s.kept"
    )
    db.conn.execute("DELETE FROM chunks WHERE document_id IN (SELECT document_id FROM staged_documents)")
    db.conn.execute(
        'INSERT INTO chunks (id, document_id, start, "end", page, headings, context, text, tokens, place)'
        ' SELECT :base + s.id, s.document_id, s.start, s."end", s.page, s.headings, d.title || s.behind, s.text,'
        " s.tokens, s.place FROM staged_chunks s JOIN documents d ON d.id = s.document_id ORDER BY s.id",
        values,
    )
    db.conn.execute("INSERT INTO vectors SELECT :base + id, :embedder, vector FROM staged_chunks ORDER BY id", values)
    db.conn.execute("DELETE FROM staged_documents")
    record(db, settings)
    return complete


def _plain(value: Any) -> Any:
    """Without lone surrogates, which SQLite refuses; offsets stay."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
