"""How documents, passages, vectors and index generations are stored: the migrations of ingest.

SQLite is the truth; the FAISS file is a cache of the table `vectors`. Deleting a document deletes its
text, passages, vectors (foreign keys, so the connection must have `foreign_keys = ON`) and full-text
entries (triggers). Numbers of passages are never used twice, so an old FAISS file can never point at
another text than the one it was built from.
"""

from __future__ import annotations

import sqlite3

import sqlite_utils
from sqlite_utils.migrations import Migrations

migrations = Migrations("ingest")

DOCUMENTS = """
CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    path BLOB NOT NULL,                    -- os.fsencode: a name need not be UTF-8
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    pages INTEGER,
    notes TEXT NOT NULL DEFAULT '[]',      -- JSON list
    state TEXT NOT NULL CHECK (state IN ('ready', 'failed', 'quarantined')),
    reason TEXT NOT NULL DEFAULT '',
    crashes INTEGER NOT NULL DEFAULT 0,    -- how often these bytes killed the reader
    added_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    changed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (collection_id, path)
);
CREATE TABLE document_texts (
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    page_starts TEXT NOT NULL DEFAULT '[]' -- JSON list of character offsets
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    headings TEXT NOT NULL DEFAULT '[]',   -- JSON list, outermost first
    context TEXT NOT NULL DEFAULT '',      -- title and headings as words to search
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX chunks_of_document ON chunks(document_id, id);
"""

FULL_TEXT = """
CREATE VIRTUAL TABLE chunks_fts USING fts5(
    context, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts(rowid, context, text) VALUES (new.id, new.context, new.text);
END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, context, text) VALUES ('delete', old.id, old.context, old.text);
END;
CREATE TRIGGER chunks_updated AFTER UPDATE OF context, text ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, context, text) VALUES ('delete', old.id, old.context, old.text);
    INSERT INTO chunks_fts(rowid, context, text) VALUES (new.id, new.context, new.text);
END;
"""

VECTORS = """
CREATE TABLE embedders (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE vectors (
    chunk_id INTEGER NOT NULL REFERENCES chunks(id) ON DELETE CASCADE,
    embedder_id INTEGER NOT NULL REFERENCES embedders(id) ON DELETE CASCADE,
    vector BLOB NOT NULL,                  -- float32, little endian, unit length
    PRIMARY KEY (chunk_id, embedder_id)
);
CREATE INDEX vectors_of_embedder ON vectors(embedder_id, chunk_id);
CREATE TABLE index_generations (
    generation INTEGER PRIMARY KEY AUTOINCREMENT,
    embedder_id INTEGER REFERENCES embedders(id) ON DELETE CASCADE,
    file TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    active INTEGER NOT NULL DEFAULT 0
);
"""

LINKED_FOLDERS = """
CREATE TABLE linked_folders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    path BLOB NOT NULL UNIQUE,             -- os.fsencode: a name need not be UTF-8
    state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'syncing', 'in step', 'asks', 'unreachable')),
    reason TEXT NOT NULL DEFAULT '',       -- why it is unreachable
    withheld INTEGER NOT NULL DEFAULT 0,   -- documents whose removal has to be confirmed
    identity TEXT NOT NULL DEFAULT '',     -- device and inode at the last sync: another drive may lie there now
    linked_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    synced_at TEXT                         -- when a sync was last complete
);
"""

NEW_PASSAGES = """
CREATE TABLE passage_settings (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    embedder TEXT NOT NULL,
    chunk_tokens INTEGER NOT NULL,
    chunk_overlap INTEGER NOT NULL
);
CREATE TABLE staged_documents (
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    settings TEXT NOT NULL,                -- JSON of passage settings
    embedder TEXT NOT NULL,                -- its id, as in embedders.name
    text TEXT,                             -- NULL: as it is
    page_starts TEXT NOT NULL,
    kept INTEGER NOT NULL                  -- 1: cut as before, since its file could not be read
);
CREATE TABLE staged_chunks (
    id INTEGER PRIMARY KEY,
    document_id INTEGER NOT NULL REFERENCES staged_documents(document_id) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    headings TEXT NOT NULL,                -- JSON list, outermost first
    behind TEXT NOT NULL,                  -- the headings as words to search, behind the title
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    place TEXT NOT NULL,
    vector BLOB NOT NULL                   -- float32, little endian, unit length
);
CREATE INDEX staged_chunks_of_document ON staged_chunks(document_id);
CREATE TRIGGER staged_with_its_text AFTER DELETE ON document_texts BEGIN
    DELETE FROM staged_documents WHERE document_id = old.document_id;
END;
"""

ARRIVING = """
CREATE TABLE arriving_parts (
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    part INTEGER NOT NULL,                 -- from 0
    sha256 TEXT NOT NULL,                  -- of the whole file
    embedder_id INTEGER NOT NULL REFERENCES embedders(id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    PRIMARY KEY (document_id, part)
);
CREATE TABLE arriving_chunks (
    id INTEGER PRIMARY KEY,
    document_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    start INTEGER NOT NULL,                -- in the whole text
    "end" INTEGER NOT NULL,
    page INTEGER,
    headings TEXT NOT NULL,                -- JSON list, outermost first
    context TEXT NOT NULL,
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    place TEXT NOT NULL,
    vector BLOB NOT NULL,                  -- float32, little endian, unit length
    FOREIGN KEY (document_id, part) REFERENCES arriving_parts(document_id, part) ON DELETE CASCADE
);
CREATE INDEX arriving_chunks_of_part ON arriving_chunks(document_id, part);
"""


@migrations()
def documents_and_passages(db: sqlite_utils.Database) -> None:
    """Collections, documents, their text, their passages and the full-text index."""
    _run(db, DOCUMENTS)
    _run(db, FULL_TEXT)


@migrations()
def vectors_and_generations(db: sqlite_utils.Database) -> None:
    """The vectors of passages and the FAISS files made from them."""
    _run(db, VECTORS)


@migrations()
def places_of_passages(db: sqlite_utils.Database) -> None:
    """Where a passage stands in the words of its format: "slide 3", "sheet Rent, rows 2–40"."""
    db.conn.execute("ALTER TABLE chunks ADD COLUMN place TEXT NOT NULL DEFAULT ''")


@migrations()
def linked_folders(db: sqlite_utils.Database) -> None:
    """Folders that are kept in step."""
    _run(db, LINKED_FOLDERS)


@migrations()
def documents_by_content(db: sqlite_utils.Database) -> None:
    """Find documents by the hash of their bytes: equal ones share the work of embedding."""
    db.conn.execute("CREATE INDEX documents_by_content ON documents(sha256)")


@migrations()
def passages_made_anew(db: sqlite_utils.Database) -> None:
    """What passages were made with, and new ones beside them until all are there."""
    _run(db, NEW_PASSAGES)


@migrations()
def settings_of_collections(db: sqlite_utils.Database) -> None:
    """What collections have of their own (JSON), and how each document is cut ("": as everywhere)."""
    db.conn.execute("ALTER TABLE collections ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'")
    db.conn.execute("ALTER TABLE documents ADD COLUMN chunked TEXT NOT NULL DEFAULT ''")
    db.conn.execute("ALTER TABLE staged_documents ADD COLUMN chunked TEXT NOT NULL DEFAULT ''")


@migrations()
def parts_of_long_documents(db: sqlite_utils.Database) -> None:
    """What is there of a document that comes in parts, until its last one is."""
    _run(db, ARRIVING)


def _run(db: sqlite_utils.Database, script: str) -> None:
    """Run statements one by one: `executescript` would commit the migration's transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""
