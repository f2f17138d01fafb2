"""How adapters, their proofs and their use are stored: the migrations of adapters. [H] sqlite_utils.

SQLite is the truth for states and history; the files of a version never change. The table `state` of
the assistant holds the cached hashes of base models.
"""

from __future__ import annotations

import sqlite_utils
from sqlite_utils.migrations import Migrations

migrations = Migrations("adapters")


@migrations()
def registry(db: sqlite_utils.Database) -> None:
    """Versions, evaluations, the log of what was active, and what bases answered to the probe."""
    for statement in (
        """CREATE TABLE adapters (
            id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: the log names it
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('trained', 'proven', 'rejected', 'retired')),
            reason TEXT NOT NULL DEFAULT '',        -- why it is in this state
            folder TEXT NOT NULL UNIQUE,            -- below HOME/adapters; stays when the name changes
            facts TEXT NOT NULL,                    -- JSON of version_folder.Facts
            scores TEXT NOT NULL DEFAULT '{}',      -- JSON: figures measured here
            claims TEXT NOT NULL DEFAULT '{}',      -- JSON: figures that the maker of an imported adapter gives
            created_at TEXT NOT NULL,
            UNIQUE (name, version))""",
        """CREATE TABLE adapter_evaluations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            adapter_id INTEGER NOT NULL REFERENCES adapters(id) ON DELETE CASCADE,
            verdict TEXT NOT NULL,
            reason TEXT NOT NULL,
            report TEXT NOT NULL,                   -- JSON of evaluation.Evaluation
            created_at TEXT NOT NULL)""",
        "CREATE INDEX evaluations_of_adapter ON adapter_evaluations(adapter_id, id)",
        """CREATE TABLE adapter_activations (        -- append-only; the last row is what is active
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            mix TEXT NOT NULL,                      -- JSON [[adapter id or path of a loose file, strength], …]
            base TEXT NOT NULL,                     -- name of the model it was put on
            created_at TEXT NOT NULL)""",
        """CREATE TABLE probe_results (
            base_sha256 TEXT NOT NULL,
            probe_sha256 TEXT NOT NULL,
            prompt_sha256 TEXT NOT NULL,            -- of the system prompt and sampling
            answers TEXT NOT NULL,                  -- JSON {item id: answer}
            created_at TEXT NOT NULL,
            PRIMARY KEY (base_sha256, probe_sha256, prompt_sha256))""",
    ):
        db.execute(statement)
