"""What the user thinks of answers: one score an answer, changed in place, withdrawn without a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assistant.errors import NotFoundError, UsageError
from assistant.scoring.score import ASPECTS, POINTS, Score, Scored

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

COLUMNS = ("good", *ASPECTS, "nonsense", "note", "better")
LONGEST_NOTE, LONGEST_ANSWER = 4_000, 50_000  # characters
ANSWERS = """FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
             LEFT JOIN messages q ON q.id = m.parent_id"""


class Scores:
    """The store of scores. They stay with their chat: out of sight in its trash, gone when it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, message_id: int, **changes: Any) -> Score | None:
        """Set some fields of Score and leave the others; None if nothing judged is left, so that it is withdrawn.

        Raises:
            NotFoundError: there is no such message; UsageError: it is no finished answer, or a value
            cannot be; StorageError: nothing could be written.
        """
        _check(changes)
        now = datetime.now(UTC).isoformat(timespec="seconds")

        def work(db: sqlite_utils.Database) -> Score | None:
            text = _answer_text(db, message_id)
            old = _first(db, message_id) or Score(message_id, created_at=now)
            new = replace(old, **changes, updated_at=now)
            if new.nonsense:  # it is never good: of the two, what was said now stands, and nonsense where both were
                unsaid = bool(changes.get("good")) and not changes.get("nonsense")
                new = replace(new, nonsense=False) if unsaid else replace(new, good=False)
            if new.better.strip() == text.strip():
                new = replace(new, better="")
            db.conn.execute("DELETE FROM scores WHERE message_id = ?", [message_id])
            if new.empty:
                return None
            names = ("message_id", *COLUMNS, "created_at", "updated_at")
            values = [message_id, *(getattr(new, name) for name in COLUMNS), new.created_at, now]
            marks = ", ".join("?" for _ in names)
            db.conn.execute(f"INSERT INTO scores ({', '.join(names)}) VALUES ({marks})", values)
            return new

        return await self._database.write(work)

    async def withdraw(self, message_id: int) -> None:
        """Take a score back.

        Raises:
            NotFoundError: the answer has none.
        """
        gone = await self._database.write(
            lambda db: db.conn.execute("DELETE FROM scores WHERE message_id = ?", [message_id]).rowcount
        )
        if not gone:
            raise NotFoundError(f"The answer {message_id} has no score.", "`assistant scores` lists those that have.")

    async def of(self, message_id: int) -> Score | None:
        """The score of an answer."""
        return await self._database.read(lambda db: _first(db, message_id))

    async def of_chat(self, conversation_id: int) -> dict[int, Score]:
        """The scores of a chat's answers, by message."""
        sql = "SELECT s.* FROM scores s JOIN messages m ON m.id = s.message_id WHERE m.conversation_id = ?"
        rows = await self._database.read(lambda db: list(db.query(sql, [conversation_id])))
        return {row["message_id"]: _score(row) for row in rows}

    async def all(self) -> list[Scored]:
        """Every score beside its answer, the newest answer first; without those of chats in the trash."""
        names = ("chat", "title", "question_id", "question", "answer", "model", "adapter")
        sql = f"""SELECT s.*, c.id AS chat, c.title, COALESCE(q.id, 0) AS question_id, COALESCE(q.text, '') AS question,
                  m.text AS answer, m.model, m.adapter
                  {ANSWERS} JOIN scores s ON s.message_id = m.id ORDER BY m.id DESC"""
        rows = await self._database.read(lambda db: list(db.query(sql)))
        return [Scored(_score(row), **{name: row[name] for name in names}) for row in rows]

    async def newest_answer(self) -> int:
        """The number of the newest answer in any chat.

        Raises:
            NotFoundError: nothing was answered yet.
        """
        sql = f"SELECT MAX(m.id) {ANSWERS} WHERE m.role = 'assistant' AND m.state <> 'partial' AND m.text <> ''"
        found = await self._database.read(lambda db: db.conn.execute(sql).fetchone())
        if found[0] is None:
            raise NotFoundError("There is no answer yet.", "Ask something first: assistant ask TEXT")
        return int(found[0])


def _check(changes: Mapping[str, Any]) -> None:
    for name in ASPECTS:
        if changes.get(name) not in (None, *POINTS):
            raise UsageError(f"{name} cannot be {changes[name]}.", "Points go from 1 to 5.")
    for name, longest in (("note", LONGEST_NOTE), ("better", LONGEST_ANSWER)):
        if len(changes.get(name) or "") > longest:
            raise UsageError(f"This is longer than {longest:,} characters.", "Make it shorter.")


def _answer_text(db: sqlite_utils.Database, message_id: int) -> str:
    """The text of a finished answer; refuses everything else."""
    found = db.conn.execute(f"SELECT m.role, m.state, m.text {ANSWERS} WHERE m.id = ?", [message_id]).fetchone()
    if found is None:
        raise NotFoundError(f"There is no answer {message_id}.", "`assistant chats show ID` numbers the answers.")
    role, state, text = found
    if role != "assistant":
        raise UsageError(f"Message {message_id} is a question.", "Score an answer to it: a later number of its chat.")
    if state == "partial" or not text.strip():
        raise UsageError(f"The answer {message_id} is not finished.", "Score it when it is.")
    return str(text)


def _first(db: sqlite_utils.Database, message_id: int) -> Score | None:
    rows = list(db.query("SELECT * FROM scores WHERE message_id = ?", [message_id]))
    return _score(rows[0]) if rows else None


def _score(row: dict[str, Any]) -> Score:
    good = None if row["good"] is None else bool(row["good"])
    fields = {name: row[name] for name in (*ASPECTS, "note", "better", "created_at", "updated_at")}
    return Score(message=row["message_id"], good=good, nonsense=bool(row["nonsense"]), **fields)
