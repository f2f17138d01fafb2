"""Which rows a file becomes: the transactions that add, replace, fail and remove documents."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest import arriving

if TYPE_CHECKING:
    import sqlite_utils

CRASHES_ALLOWED = 2  # a file that killed the reader this often is not given to it again


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file on disk, as the scan saw it."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file the library has a row for. `embedded` is False where a passage lacks today's vector, or
    is cut in another way than its collection wants.
    """

    id: int
    size: int
    mtime_ns: int
    sha256: str
    state: str
    reason: str
    crashes: int
    embedded: bool

    def same_as(self, found: FoundFile) -> bool:
        """Whether size and time say that the bytes are still those of the row."""
        return (self.size, self.mtime_ns) == (found.size, found.mtime_ns)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as the reader process gave it back, or a part of a long one; `chunks` are its JSON objects."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    title: str
    text: str
    pages: int | None
    notes: list[str]
    page_starts: list[int]
    chunks: list[dict[str, Any]]
    chunked: str = ""  # see CollectionSettings
    part: int = 0
    more: bool = False  # there is another part
    begins: int = 0  # where in the whole text that of this part begins
    share: float = 1.0  # of the document that this part is

    @property
    def whole(self) -> bool:
        """Whether this is all of the file."""
        return self.part == 0 and not self.more


@dataclass(frozen=True, slots=True)
class UnchangedFile:
    """A file with another time but the same bytes."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read, with the reason shown to the user."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    state: str = "failed"


@dataclass(frozen=True, slots=True)
class LaterFile:
    """A file that went, or became another one, between the walk and its reading: the next run takes it."""

    path: str
    size: int


def collection_number(db: sqlite_utils.Database, name: str) -> int:
    """The collection's number; it is made if it is new."""
    db.conn.execute("INSERT INTO collections (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return int(db.conn.execute("SELECT id FROM collections WHERE name = ?", (name,)).fetchone()[0])


def embedder_number(db: sqlite_utils.Database, name: str) -> int:
    """The embedder's number; it is made if it is new."""
    db.conn.execute("INSERT INTO embedders (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return int(db.conn.execute("SELECT id FROM embedders WHERE name = ?", (name,)).fetchone()[0])


def known_files(db: sqlite_utils.Database, collection: int, embedder: int, chunked: str = "") -> dict[str, KnownFile]:
    """All files of a collection by path; `chunked` is how it wants them cut (see CollectionSettings)."""
    rows = db.conn.execute(
        "SELECT path, id, size, mtime_ns, sha256, state, reason, crashes, chunked = ? AND NOT EXISTS"
        " (SELECT 1 FROM chunks k WHERE k.document_id = documents.id AND NOT EXISTS"
        " (SELECT 1 FROM vectors v WHERE v.chunk_id = k.id AND v.embedder_id = ?))"
        " FROM documents WHERE collection_id = ?",
        (chunked, embedder, collection),
    )
    return {os.fsdecode(row[0]): KnownFile(*row[1:]) for row in rows}


def collection_numbered(db: sqlite_utils.Database, name: str) -> int:
    """The collection's number; -1 where there is none. Nothing is made."""
    row = db.conn.execute("SELECT id FROM collections WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else -1


def embedder_numbered(db: sqlite_utils.Database, name: str) -> int:
    """The embedder's number; -1 where there is none. Nothing is made."""
    row = db.conn.execute("SELECT id FROM embedders WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else -1


def move(db: sqlite_utils.Database, document: int, old_path: str, file: FoundFile, name: str) -> None:
    """Let a document lie at another path, which no other document has; `name` is its title by its new name.

    A title that was taken from the old name follows, also in the words that are searched; the vectors stay.
    """
    (title,) = db.conn.execute("SELECT title FROM documents WHERE id = ?", (document,)).fetchone()
    new_title = _text(name) if title == Path(old_path).stem else title
    db.conn.execute(
        "UPDATE documents SET path = ?, title = ?, size = ?, mtime_ns = ? WHERE id = ?",
        (os.fsencode(file.path), new_title, file.size, file.mtime_ns, document),
    )
    if new_title != title:
        db.conn.execute(
            "UPDATE chunks SET context = ? || substr(context, ?) WHERE document_id = ?",
            (new_title, len(title) + 1, document),
        )


def set_aside(db: sqlite_utils.Database, document: int) -> None:
    """Give a document that is to be moved a path no file can have, so that others can take its place before."""
    db.conn.execute("UPDATE documents SET path = ? WHERE id = ?", (b"\0%d" % document, document))


def store(
    db: sqlite_utils.Database, collection: int, embedder: int, file: ReadFile, vectors: list[bytes]
) -> bool | None:
    """Write a document and all that hangs on it, in place of what it was; True if it held nothing before.

    A part of a long document waits for the last one, with which the whole takes its place; None: it still waits.
    """
    number = _document_row(db, collection, file.path)
    rows = list(_chunk_rows(file))
    if not file.whole:
        part = arriving.Part(number, file.part, file.sha256, embedder)
        arriving.keep(db, part, _text(file.text), rows, vectors, last=not file.more)
        if file.more or not arriving.complete(db, part):
            return None
    is_new = db.conn.execute("SELECT state != 'ready' FROM documents WHERE id = ?", (number,)).fetchone()[0]
    _drop_contents(db, number)
    db.conn.execute(
        "UPDATE documents SET title = ?, sha256 = ?, size = ?, mtime_ns = ?, pages = ?, notes = ?, chunked = ?,"
        " state = 'ready', reason = '', crashes = 0, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?",
        (_text(file.title), file.sha256, file.size, file.mtime_ns, file.pages, _json(file.notes), file.chunked, number),
    )
    page_starts = json.dumps(file.page_starts)
    if file.whole:
        db.conn.execute("INSERT INTO document_texts VALUES (?, ?, ?)", (number, _text(file.text), page_starts))
        marks = ", ?" * len(arriving.COLUMNS)
        sql = f"INSERT INTO chunks (document_id, {', '.join(arriving.COLUMNS)}) VALUES (?{marks})"
        for row, vector in zip(rows, vectors, strict=True):
            cursor = db.conn.execute(sql, (number, *row))
            db.conn.execute("INSERT INTO vectors VALUES (?, ?, ?)", (cursor.lastrowid, embedder, vector))
    else:
        arriving.join(db, number, embedder, page_starts)
    arriving.drop(db, number)
    return bool(is_new)


def _chunk_rows(file: ReadFile) -> Iterator[tuple[Any, ...]]:
    """The values of arriving.COLUMNS for each passage."""
    text, title = _text(file.text), _text(file.title)
    for chunk in file.chunks:
        start, end, headings = chunk["start"], chunk["end"], chunk.get("headings") or []
        yield (
            start, end, chunk.get("page"), _json(headings), _text(" — ".join([title, *headings])),
            text[start - file.begins : end - file.begins], chunk.get("tokens", 0), _text(chunk.get("place", "")),
        )  # fmt: skip


def known_vectors(db: sqlite_utils.Database, embedder: int, file: ReadFile) -> list[bytes] | None:
    """The vectors of a document (or of a part of one) with the same bytes and the same passages, in order; None where
    there is none.

    They may have been made under another title: what is said in a file weighs more than what it is called.
    """
    suffix, places = Path(file.path).suffix, [(chunk["start"], chunk["end"]) for chunk in file.chunks]
    known = [] if file.whole else [arriving.vectors(db, file.part, file.sha256, embedder)]
    for number, path in db.conn.execute("SELECT id, path FROM documents WHERE sha256 = ?", (file.sha256,)).fetchall():
        if Path(os.fsdecode(path)).suffix == suffix:
            known.append(db.conn.execute(
                'SELECT k.start, k."end", v.vector FROM chunks k JOIN vectors v ON v.chunk_id = k.id'
                " AND v.embedder_id = ? WHERE k.document_id = ? AND (? OR k.start BETWEEN ? AND ?) ORDER BY k.id",
                (embedder, number, file.whole, places[0][0], places[-1][0]),
            ))  # fmt: skip
    for rows in known:
        found = rows.fetchall()
        if [(row[0], row[1]) for row in found] == places:
            return [row[2] for row in found]
    return None


def touch(db: sqlite_utils.Database, collection: int, file: UnchangedFile) -> None:
    """Remember the new time of a file whose bytes are the same, so that it is skipped next time."""
    db.conn.execute(
        "UPDATE documents SET size = ?, mtime_ns = ? WHERE collection_id = ? AND path = ?",
        (file.size, file.mtime_ns, collection, os.fsencode(file.path)),
    )


def record_failure(db: sqlite_utils.Database, collection: int, file: FailedFile) -> None:
    """Keep a row with the reason; what an earlier version of the file held is gone from the library."""
    arriving.drop(db, _failed_row(db, collection, file))


def _failed_row(db: sqlite_utils.Database, collection: int, file: FailedFile) -> int:
    number = _document_row(db, collection, file.path)
    _drop_contents(db, number)
    db.conn.execute(
        "UPDATE documents SET size = ?, mtime_ns = ?, state = ?, reason = ?, sha256 = '', notes = '[]', pages = NULL"
        " WHERE id = ?",
        (file.size, file.mtime_ns, file.state, _text(file.reason), number),
    )
    return number


def record_crash(db: sqlite_utils.Database, collection: int, file: FailedFile) -> int:
    """Count that these bytes killed the reader; returns how often they did. Committed before another try, which goes on
    with the part that was asked for: those before it stay.
    """
    number = _document_row(db, collection, file.path)
    same = "size = ? AND mtime_ns = ?"
    db.conn.execute(
        f"UPDATE documents SET crashes = CASE WHEN {same} THEN crashes + 1 ELSE 1 END WHERE id = ?",
        (file.size, file.mtime_ns, number),
    )
    _failed_row(db, collection, file)
    return int(db.conn.execute("SELECT crashes FROM documents WHERE id = ?", (number,)).fetchone()[0])


def reserve_generation(db: sqlite_utils.Database, embedder: int) -> int:
    """The number of a new index file; it counts only once `activate_generation` has named the file."""
    return int(db.conn.execute("INSERT INTO index_generations (embedder_id) VALUES (?)", (embedder,)).lastrowid or 0)


def activate_generation(db: sqlite_utils.Database, generation: int, file: str, size: int, sha256: str) -> None:
    """Make a saved index file the one to load; all others are forgotten."""
    db.conn.execute(
        "UPDATE index_generations SET file = ?, size = ?, sha256 = ?, active = 1 WHERE generation = ?",
        (file, size, sha256, generation),
    )
    db.conn.execute("DELETE FROM index_generations WHERE generation != ?", (generation,))


def _document_row(db: sqlite_utils.Database, collection: int, path: str) -> int:
    key = (collection, os.fsencode(path))
    row = db.conn.execute("SELECT id FROM documents WHERE collection_id = ? AND path = ?", key).fetchone()
    if row is not None:
        return int(row[0])
    name = _text(Path(path).name)
    cursor = db.conn.execute(
        "INSERT INTO documents (collection_id, path, title, state) VALUES (?, ?, ?, 'failed')", (*key, name)
    )
    return int(cursor.lastrowid or 0)


def _drop_contents(db: sqlite_utils.Database, document: int) -> None:
    db.conn.execute("DELETE FROM chunks WHERE document_id = ?", (document,))
    db.conn.execute("DELETE FROM document_texts WHERE document_id = ?", (document,))


def _text(value: str) -> str:
    """Without lone surrogates, which SQLite refuses; offsets stay."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _json(value: list[str]) -> str:
    return _text(json.dumps(value, ensure_ascii=False))
