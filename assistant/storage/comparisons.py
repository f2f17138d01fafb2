"""Comparisons of answers to one question; the same answers compared again replace what was said before."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assistant.errors import NotFoundError, UsageError
from assistant.scoring.comparison import MOST_ANSWERS, ComparedAnswer, Comparison, check_count
from assistant.storage.scores import LONGEST_NOTE

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

FINISHED = "role = 'assistant' AND state <> 'partial' AND text <> ''"


class Comparisons:
    """The store of comparisons. They stay with their chat, as scores do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def siblings(self, message_id: int) -> list[int]:
        """The finished answers to the question of an answer, itself among them, the newest four, oldest first."""
        sql = f"""SELECT id FROM messages WHERE {FINISHED} AND parent_id = (SELECT parent_id FROM messages WHERE id = ?)
                  ORDER BY id DESC LIMIT {MOST_ANSWERS}"""
        rows = await self._database.read(lambda db: db.conn.execute(sql, [message_id]).fetchall())
        return sorted(number for (number,) in rows)

    async def add(self, shown: Sequence[int], ranks: Sequence[int], *, all_bad: bool = False, note: str = "") -> int:
        """Store what was said of answers in the order they were shown in; returns the comparison's number.

        Raises:
            UsageError: they are not two to four finished answers to one question, or `ranks` are none;
            NotFoundError: one is not there; StorageError: nothing could be written.
        """
        check_count(shown)
        if len(ranks) != len(shown) or min(ranks) != 1 or max(ranks) > len(shown):
            raise UsageError("These are no ranks.", "Every answer has one, and the best has 1.")
        if len(note) > LONGEST_NOTE:
            raise UsageError(f"This is longer than {LONGEST_NOTE:,} characters.", "Make it shorter.")

        def work(db: sqlite_utils.Database) -> int:
            question = _common_question(db, shown)
            for earlier, messages in _compared(db, question).items():
                if messages == set(shown):
                    db.conn.execute("DELETE FROM comparisons WHERE id = ?", [earlier])
            now = datetime.now(UTC).isoformat(timespec="seconds")
            sql = "INSERT INTO comparisons (question_id, all_bad, note, created_at) VALUES (?, ?, ?, ?)"
            number = int(db.conn.execute(sql, [question, all_bad, note, now]).lastrowid or 0)
            sql = "INSERT INTO compared (comparison_id, message_id, place, rank) VALUES (?, ?, ?, ?)"
            for place, (message, rank) in enumerate(zip(shown, ranks, strict=True)):
                db.conn.execute(sql, [number, message, place, rank])
            return number

        return await self._database.write(work)

    async def all(self) -> list[Comparison]:
        """Every comparison, the oldest first; without those of chats in the trash."""
        sql = """SELECT p.id, p.question_id, q.text AS question, p.all_bad, p.note, p.created_at,
                   a.message_id AS message, a.rank, m.text, m.model, m.adapter
                 FROM comparisons p JOIN compared a ON a.comparison_id = p.id JOIN messages m ON m.id = a.message_id
                 JOIN messages q ON q.id = p.question_id
                 JOIN conversations c ON c.id = q.conversation_id AND c.deleted_at IS NULL ORDER BY p.id, a.place"""
        rows = await self._database.read(lambda db: list(db.query(sql)))
        return [_comparison(list(group)) for _, group in itertools.groupby(rows, key=lambda row: row["id"])]

    async def withdraw(self, number: int) -> None:
        """Take a comparison back.

        Raises:
            NotFoundError: there is none with this number.
        """
        sql = "DELETE FROM comparisons WHERE id = ?"
        if not await self._database.write(lambda db: db.conn.execute(sql, [number]).rowcount):
            raise NotFoundError(f"There is no comparison {number}.", "`assistant scores comparisons` lists them.")


def _common_question(db: sqlite_utils.Database, messages: Sequence[int]) -> int:
    """The question that all of these are finished answers to; refuses everything else."""
    questions = set()
    for message in messages:
        found = db.conn.execute(f"SELECT parent_id, {FINISHED} FROM messages WHERE id = ?", [message]).fetchone()
        if found is None:
            raise NotFoundError(f"There is no answer {message}.", "`assistant chats show ID` numbers the answers.")
        if found[0] is None or not found[1]:
            raise UsageError(f"Message {message} is no finished answer.", "Compare answers to one question.")
        questions.add(found[0])
    if len(questions) > 1:
        raise UsageError("These answer different questions.", "Compare answers to one question.")
    return int(questions.pop())


def _compared(db: sqlite_utils.Database, question: int) -> dict[int, set[int]]:
    """The messages of each comparison on a question."""
    sql = (
        "SELECT p.id, a.message_id FROM comparisons p JOIN compared a ON a.comparison_id = p.id WHERE p.question_id = ?"
    )
    found: dict[int, set[int]] = {}
    for number, message in db.conn.execute(sql, [question]).fetchall():
        found.setdefault(number, set()).add(message)
    return found


def _comparison(rows: Sequence[dict[str, Any]]) -> Comparison:
    first = rows[0]
    names = ("message", "rank", "text", "model", "adapter")
    answers = tuple(ComparedAnswer(**{name: row[name] for name in names}) for row in rows)
    return Comparison(
        first["id"], first["question_id"], first["question"], answers, bool(first["all_bad"]), first["note"],
        first["created_at"],
    )  # fmt: skip
