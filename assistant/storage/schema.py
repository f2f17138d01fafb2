"""The tables of chats and state: append-only, named migrations. [H] sqlite_utils."""

from __future__ import annotations

import sqlite_utils
from sqlite_utils.migrations import Migrations

migrations = Migrations("assistant")


@migrations()
def conversations_and_messages(db: sqlite_utils.Database) -> None:
    """Chats as trees of messages, with a full-text index that triggers keep in step."""
    for statement in (
        """CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            collections TEXT,              -- JSON list of names; NULL = all documents
            draft TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            deleted_at TEXT)""",
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
            parent_id INTEGER REFERENCES messages(id) ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
            text TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('partial', 'done', 'stopped', 'error', 'interrupted')),
            model TEXT NOT NULL DEFAULT '',
            adapter TEXT NOT NULL DEFAULT '',
            sampling TEXT,                 -- JSON of conversation.Sampling
            usage TEXT,                    -- JSON of conversation.Usage
            citations TEXT NOT NULL DEFAULT '[]',
            passages TEXT NOT NULL DEFAULT '[]',
            notices TEXT NOT NULL DEFAULT '[]',
            trace TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL)""",
        "CREATE INDEX messages_by_conversation ON messages(conversation_id)",
        "CREATE INDEX messages_by_parent ON messages(parent_id)",
        "CREATE INDEX messages_unfinished ON messages(state) WHERE state = 'partial'",
        """CREATE VIRTUAL TABLE messages_fts USING fts5(
            text, content='messages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')""",
        """CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
            INSERT INTO messages_fts(rowid, text) VALUES (new.id, new.text); END""",
        """CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
            INSERT INTO messages_fts(messages_fts, rowid, text) VALUES ('delete', old.id, old.text); END""",
        """CREATE TRIGGER messages_updated AFTER UPDATE OF text ON messages BEGIN
            INSERT INTO messages_fts(messages_fts, rowid, text) VALUES ('delete', old.id, old.text);
            INSERT INTO messages_fts(rowid, text) VALUES (new.id, new.text); END""",
    ):
        db.execute(statement)


@migrations()
def state(db: sqlite_utils.Database) -> None:
    """Small facts that outlive a session: the active adapter, the last chat, the adapter on trial."""
    db.execute("CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL)")


@migrations()
def adapters_of_a_chat(db: sqlite_utils.Database) -> None:
    """A chat may answer with its own mix of adapters."""
    db.execute("ALTER TABLE conversations ADD COLUMN adapters TEXT")  # NULL = what is active, '' = none


@migrations()
def teachings(db: sqlite_utils.Database) -> None:
    """What the user taught with /teach: one answer a question."""
    db.execute(
        """CREATE TABLE teachings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            question TEXT NOT NULL,
            answer TEXT NOT NULL,
            asked TEXT NOT NULL UNIQUE,    -- the question as it is compared
            created_at TEXT NOT NULL)"""
    )


@migrations()
def scores(db: sqlite_utils.Database) -> None:
    """What the user thinks of answers; model, adapter, sampling, prompt and passages stand with the message."""
    db.execute(
        """CREATE TABLE scores (
            message_id INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
            good INTEGER CHECK (good IN (0, 1)),
            helpful INTEGER CHECK (helpful BETWEEN 1 AND 5),
            truthful INTEGER CHECK (truthful BETWEEN 1 AND 5),
            harmless INTEGER CHECK (harmless BETWEEN 1 AND 5),
            nonsense INTEGER NOT NULL DEFAULT 0 CHECK (nonsense IN (0, 1)),
            note TEXT NOT NULL DEFAULT '',
            better TEXT NOT NULL DEFAULT '',   -- the chosen answer; the message's own text is the rejected one
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL)"""
    )


@migrations()
def comparisons(db: sqlite_utils.Database) -> None:
    """Answers to one question that were put in an order, and the answer that a chat goes on from."""
    for statement in (
        """CREATE TABLE comparisons (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            question_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
            all_bad INTEGER NOT NULL DEFAULT 0 CHECK (all_bad IN (0, 1)),
            note TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL)""",
        """CREATE TABLE compared (
            comparison_id INTEGER NOT NULL REFERENCES comparisons(id) ON DELETE CASCADE,
            message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
            place INTEGER NOT NULL,        -- where it was shown, from 0
            rank INTEGER NOT NULL,         -- 1 is the best
            PRIMARY KEY (comparison_id, message_id))""",
        "CREATE INDEX compared_by_message ON compared(message_id)",
        "CREATE INDEX comparisons_by_question ON comparisons(question_id)",
        "ALTER TABLE conversations ADD COLUMN leaf_id INTEGER REFERENCES messages(id) ON DELETE SET NULL",
    ):
        db.execute(statement)


@migrations()
def system_prompt_of_an_answer(db: sqlite_utils.Database) -> None:
    """What stood above the conversation, so that a score knows the whole prompt of its answer."""
    db.execute("ALTER TABLE messages ADD COLUMN system TEXT NOT NULL DEFAULT ''")


@migrations()
def pinned_and_imported_chats(db: sqlite_utils.Database) -> None:
    """A chat may stay at the top of the list; an imported one knows where it is from, so that it comes once."""
    for statement in (
        "ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))",
        "ALTER TABLE conversations ADD COLUMN origin TEXT NOT NULL DEFAULT ''",  # "chatgpt:ID"; '' = asked here
        "CREATE INDEX conversations_by_origin ON conversations(origin) WHERE origin != ''",
    ):
        db.execute(statement)


@migrations()
def judgements(db: sqlite_utils.Database) -> None:
    """What a model said of answers, by the hash of what it was asked."""
    for statement in (
        """CREATE TABLE judgements (
            key TEXT PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
            value TEXT NOT NULL)""",  # JSON
        "CREATE INDEX judgements_by_message ON judgements(message_id)",
    ):
        db.execute(statement)


@migrations()
def search_traces(db: sqlite_utils.Database) -> None:
    """How the passages of each answer were found."""
    db.execute(
        """CREATE TABLE search_traces (
            message_id INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
            trace TEXT NOT NULL)"""  # JSON of ingest.search_trace.SearchTrace
    )


@migrations()
def prompts(db: sqlite_utils.Database) -> None:
    """The prompt library: your own prompts; those that come along stand in a file."""
    db.execute(
        """CREATE TABLE prompts (
            name TEXT PRIMARY KEY,
            definition TEXT NOT NULL,      -- JSON, see prompts.files.prompt_from
            updated_at TEXT NOT NULL)"""
    )


@migrations()
def groups_and_personas_of_chats(db: sqlite_utils.Database) -> None:
    """A chat may stand in a group that the user named, and have a system prompt of its own."""
    db.execute("ALTER TABLE conversations ADD COLUMN grouped TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE conversations ADD COLUMN persona TEXT NOT NULL DEFAULT ''")
