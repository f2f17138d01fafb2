"""The tables of evaluation runs: append-only, named migrations. [H] sqlite_utils."""

from __future__ import annotations

import sqlite_utils
from sqlite_utils.migrations import Migrations

migrations = Migrations("evaluation")


@migrations()
def runs_and_answers(db: sqlite_utils.Database) -> None:
    """A run keeps the questions as they were asked; an answer is found again by the hash of all it follows from."""
    for statement in (
        """CREATE TABLE evaluation_runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,            -- of the set
            set_sha256 TEXT NOT NULL,
            questions TEXT NOT NULL,       -- JSON list of evaluation.question.Question
            arms TEXT NOT NULL,            -- JSON list of evaluation.run.Arm
            options TEXT NOT NULL,         -- JSON
            state TEXT NOT NULL CHECK (state IN ('unfinished', 'done')),
            created_at TEXT NOT NULL,
            seconds REAL NOT NULL DEFAULT 0)""",
        """CREATE TABLE evaluation_answers (
            run_id INTEGER NOT NULL REFERENCES evaluation_runs(id) ON DELETE CASCADE,
            arm INTEGER NOT NULL,          -- place in arms
            question TEXT NOT NULL,        -- its id in the set
            key TEXT NOT NULL,             -- hash of question, model, adapters, sampling, prompt and passages
            answer TEXT NOT NULL,          -- JSON of evaluation.run.Answer
            figures TEXT NOT NULL,         -- JSON
            why TEXT NOT NULL,
            PRIMARY KEY (run_id, arm, question))""",
        "CREATE INDEX evaluation_answers_by_key ON evaluation_answers(key)",
    ):
        db.execute(statement)
