"""What the user taught: questions with the answers that the model should give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.data.dataset import plain
from assistant.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

ARROW = "=>"
LONGEST = 20_000  # characters of a question or an answer


@dataclass(frozen=True, slots=True)
class Teaching:
    """One question and its answer. `replaced` is the answer it had before, "" where it is new."""

    id: int
    question: str
    answer: str
    created_at: str = ""  # ISO 8601, UTC
    replaced: str = ""


def parse_teaching(line: str) -> tuple[str, str]:
    """Question and answer of `QUESTION => ANSWER`.

    Raises:
        UsageError: one of them, or the arrow, is missing.
    """
    question, arrow, answer = (part.strip() for part in line.partition(ARROW))
    if not (arrow and question and answer):
        raise UsageError("A teaching is a question and its answer.", f"Write QUESTION {ARROW} ANSWER.")
    if max(len(question), len(answer)) > LONGEST:
        raise UsageError(f"A teaching may have {LONGEST:,} characters.", "Put long texts into a file for a dataset.")
    return question, answer


class Teachings:
    """The store of what was taught."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, question: str, answer: str) -> Teaching:
        """Keep an answer; the same question asked before gets this one instead."""
        asked = plain(question).rstrip(" ?!.")
        now = datetime.now(UTC).isoformat(timespec="seconds")

        def work(db: sqlite_utils.Database) -> tuple[int, str]:
            before = db.conn.execute("SELECT id, answer FROM teachings WHERE asked = ?", [asked]).fetchone()
            if before is None:
                sql = "INSERT INTO teachings (question, answer, asked, created_at) VALUES (?, ?, ?, ?)"
                return int(db.conn.execute(sql, [question, answer, asked, now]).lastrowid or 0), ""
            sql = "UPDATE teachings SET question = ?, answer = ?, created_at = ? WHERE id = ?"
            db.conn.execute(sql, [question, answer, now, before[0]])
            return int(before[0]), str(before[1])

        number, replaced = await self._database.write(work)
        return Teaching(number, question, answer, now, replaced if replaced != answer else "")

    async def all(self) -> list[Teaching]:
        """Everything taught, the oldest first."""
        sql = "SELECT id, question, answer, created_at FROM teachings ORDER BY id"
        return [Teaching(*row) for row in await self._read(sql)]

    async def holding(self, text: str) -> list[Teaching]:
        """The teachings in which `text` stands, whatever its case and spacing."""
        wanted = plain(text)
        return [entry for entry in await self.all() if wanted and wanted in plain(f"{entry.question}\n{entry.answer}")]

    async def remove(self, numbers: Sequence[int]) -> None:
        """Forget some teachings, all or none.

        Raises:
            NotFoundError: there is none with one of these numbers.
        """
        known = {entry.id for entry in await self.all()}
        if missing := [number for number in numbers if number not in known]:
            raise NotFoundError(f"There is no teaching {missing[0]}.", "`assistant teach --list` lists them.")

        def work(db: sqlite_utils.Database) -> None:
            for number in numbers:
                db.conn.execute("DELETE FROM teachings WHERE id = ?", [number])

        await self._database.write(work)

    async def _read(self, sql: str) -> list[tuple[Any, ...]]:
        return await self._database.read(lambda db: db.conn.execute(sql).fetchall())
