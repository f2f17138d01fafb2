"""What is there of a document that comes in parts: it waits, with its vectors, in tables of its own for the last one.

So a text of any length is read, embedded and stored a part at a time; whatever ends a run, no document is there by
half, and the parts there are need not be embedded again. They leave with the row of their document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

    import sqlite_utils

REASON = "is not read to its end yet; the next run goes on with it"
COLUMNS = ("start", '"end"', "page", "headings", "context", "text", "tokens", "place")  # of a passage
_LIST = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of which document, of a file with which bytes, embedded by whom."""

    document: int
    number: int
    sha256: str
    embedder: int


def keep(
    db: sqlite_utils.Database, part: Part, text: str, rows: Sequence[tuple[Any, ...]], vectors: Sequence[bytes],
    last: bool,
) -> None:  # fmt: skip
    """Let a part wait: its text, and the COLUMNS and vector of each passage. It takes the place of an earlier one with
    its number; parts of other content go, and those behind the last.
    """
    drop = "DELETE FROM arriving_parts WHERE document_id = ? AND"
    db.conn.execute(f"{drop} (sha256 != ? OR embedder_id != ?)", (part.document, part.sha256, part.embedder))
    db.conn.execute(f"{drop} part {'>=' if last else '='} ?", (part.document, part.number))
    db.conn.execute("UPDATE documents SET reason = ? WHERE id = ? AND state != 'ready'", (REASON, part.document))
    db.conn.execute(
        "INSERT INTO arriving_parts (document_id, part, sha256, embedder_id, text) VALUES (?, ?, ?, ?, ?)",
        (part.document, part.number, part.sha256, part.embedder, text),
    )
    db.conn.executemany(
        f"INSERT INTO arriving_chunks (document_id, part, {_LIST}, vector) VALUES (?, ?{', ?' * len(COLUMNS)}, ?)",
        ((part.document, part.number, *row, vector) for row, vector in zip(rows, vectors, strict=True)),
    )


def vectors(db: sqlite_utils.Database, part: int, sha256: str, embedder: int) -> sqlite3.Cursor:
    """Start, end and vector of each passage that waits in this part of a file with these bytes."""
    return db.conn.execute(
        'SELECT k.start, k."end", k.vector FROM arriving_chunks k JOIN arriving_parts p USING (document_id, part)'
        " WHERE p.sha256 = ? AND p.embedder_id = ? AND p.part = ? ORDER BY k.id",
        (sha256, embedder, part),
    )


def complete(db: sqlite_utils.Database, last: Part) -> bool:
    """Whether all parts up to the last one are there: its document may have been removed in between."""
    (count,) = db.conn.execute("SELECT count(*) FROM arriving_parts WHERE document_id = ?", (last.document,)).fetchone()
    return bool(count == last.number + 1)


def join(db: sqlite_utils.Database, document: int, embedder: int, page_starts: str) -> None:
    """Make the parts of a document its text, passages and vectors."""
    db.conn.execute(
        "INSERT INTO document_texts SELECT ?, group_concat(text, ''), ?"
        " FROM (SELECT text FROM arriving_parts WHERE document_id = ? ORDER BY part)",
        (document, page_starts, document),
    )
    last = db.conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    values = {"base": last[0] if last else 0, "document": document, "embedder": embedder}
    waiting = "FROM arriving_chunks WHERE document_id = :document ORDER BY part, id"
    db.conn.execute(
        f"INSERT INTO chunks (id, document_id, {_LIST}) SELECT :base + id, document_id, {_LIST} {waiting}", values
    )
    db.conn.execute(f"INSERT INTO vectors SELECT :base + id, :embedder, vector {waiting}", values)


def drop(db: sqlite_utils.Database, document: int) -> None:
    """Keep nothing of what waits."""
    db.conn.execute("DELETE FROM arriving_parts WHERE document_id = ?", (document,))
