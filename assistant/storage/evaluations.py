"""The runs of evaluation sets and their answers, each committed as it comes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.data.dataset import plain
from assistant.errors import NotFoundError
from assistant.evaluation.question import QuestionSet
from assistant.evaluation.reading import parse_questions
from assistant.evaluation.run import Answer, Arm, Graded, Run, answer_from_json

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

RUNS = """SELECT *, (SELECT COUNT(*) FROM evaluation_answers a WHERE a.run_id = evaluation_runs.id) AS done
          FROM evaluation_runs"""


class Evaluations:
    """The store of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, questions: QuestionSet, set_sha256: str, arms: Sequence[Arm], options: dict[str, Any]) -> Run:
        """The unfinished run of these very questions, arms and options, with what it has answered, else a new one.

        Raises:
            StorageError: nothing can be written.
        """
        asked = json.dumps([each.as_json() for each in questions.questions])
        told = [questions.name, set_sha256, asked, json.dumps([asdict(arm) for arm in arms]), _sorted(options)]
        names = ("name", "set_sha256", "questions", "arms", "options")

        def work(db: sqlite_utils.Database) -> int:
            same = " AND ".join(f"{name} = ?" for name in names)
            sql = f"SELECT id FROM evaluation_runs WHERE {same} AND state = 'unfinished' ORDER BY id DESC"
            if found := db.conn.execute(sql, told).fetchone():
                return int(found[0])
            now = datetime.now(UTC).isoformat(timespec="seconds")
            sql = (
                f"INSERT INTO evaluation_runs ({', '.join(names)}, state, created_at) VALUES (?,?,?,?,?,'unfinished',?)"
            )
            return int(db.conn.execute(sql, [*told, now]).lastrowid or 0)

        return await self.get(await self._database.write(work))

    async def known(self, key: str) -> Answer | None:
        """An answer that was given to the very same prompt, by the same model in the same way."""
        sql = "SELECT answer FROM evaluation_answers WHERE key = ? ORDER BY rowid DESC LIMIT 1"
        row = await self._database.read(lambda db: db.conn.execute(sql, [key]).fetchone())
        return replace(answer_from_json(json.loads(row[0])), cached=True) if row else None

    async def keep(self, run: int, arm: int, question: str, key: str, graded: Graded, seconds: float) -> None:
        """Commit one answer; `seconds` is how much longer the run has taken."""
        answer, figures = json.dumps(graded.answer.as_json()), json.dumps(graded.values)
        values = [run, arm, question, key, answer, figures, graded.why]

        def work(db: sqlite_utils.Database) -> None:
            db.conn.execute("INSERT OR REPLACE INTO evaluation_answers VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            db.conn.execute("UPDATE evaluation_runs SET seconds = seconds + ? WHERE id = ?", [seconds, run])

        await self._database.write(work)

    async def finish(self, run: int) -> None:
        """Everything was asked."""
        sql = "UPDATE evaluation_runs SET state = 'done' WHERE id = ?"
        await self._database.write(lambda db: db.conn.execute(sql, [run]))

    async def get(self, number: int) -> Run:
        """A run with its answers.

        Raises:
            NotFoundError: there is none with this number.
        """
        rows = await self._read(f"{RUNS} WHERE id = ?", [number])
        if not rows:
            raise NotFoundError(f"There is no evaluation run {number}.", "`assistant eval runs` lists them.")
        run = _run(rows[0])
        sql = "SELECT arm, question, answer, figures, why FROM evaluation_answers WHERE run_id = ? ORDER BY rowid"
        answers: tuple[dict[str, Graded], ...] = tuple({} for _ in run.arms)
        for row in await self._read(sql, [number]):
            answer = answer_from_json(json.loads(row["answer"]))
            answers[row["arm"]][row["question"]] = Graded(answer, json.loads(row["figures"]), row["why"])
        return replace(run, answers=answers)

    async def all(self, name: str = "") -> list[Run]:
        """Every run, or those of one set, the newest first, without their answers."""
        where, values = ("WHERE name = ?", [name]) if name else ("", [])
        rows = await self._read(f"{RUNS} {where} ORDER BY id DESC", values)
        return [_run(row) for row in rows]

    async def before(self, run: Run) -> Run | None:
        """The finished run of the same set before this one, asked in the same way, with an arm that is in both."""
        arms = {(arm.model, arm.mix) for arm in run.arms}
        chats = any(arm.as_chat for arm in run.arms)
        for other in await self.all(run.questions.name):
            shared = any((arm.model, arm.mix) in arms or (chats and arm.as_chat) for arm in other.arms)
            if other.id < run.id and other.state == "done" and shared and _way(other) == _way(run):
                return await self.get(other.id)
        return None

    async def remove(self, number: int) -> None:
        """Delete a run with its answers; what it answered is then asked again.

        Raises:
            NotFoundError: there is none with this number.
        """
        sql = "DELETE FROM evaluation_runs WHERE id = ?"
        if not await self._database.write(lambda db: db.conn.execute(sql, [number]).rowcount):
            raise NotFoundError(f"There is no evaluation run {number}.", "`assistant eval runs` lists them.")

    async def holding(self, text: str) -> dict[int, int]:
        """The runs in whose questions, answers or passages a text stands, whatever its case and spacing, with how many
        answers hold it."""
        wanted = plain(text)

        def work(db: sqlite_utils.Database) -> dict[int, int]:
            sql = "SELECT id, questions FROM evaluation_runs"
            found = {run: 0 for run, questions in db.conn.execute(sql).fetchall() if wanted in _words(questions)}
            for run, answer in db.conn.execute("SELECT run_id, answer FROM evaluation_answers"):
                if wanted in _words(answer):
                    found[run] = found.get(run, 0) + 1
            return found

        return await self._database.read(work)

    async def _read(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        return await self._database.read(lambda db: list(db.query(sql, list(values))))


def _run(row: dict[str, Any]) -> Run:
    questions = parse_questions(enumerate(json.loads(row["questions"]), 1), row["name"]).questions
    arms = tuple(Arm(**arm) for arm in json.loads(row["arms"]))
    return Run(
        row["id"], QuestionSet(row["name"], questions), row["set_sha256"], arms, json.loads(row["options"]),
        row["state"], row["created_at"], row["seconds"], row["done"],
    )  # fmt: skip


def _words(stored: str) -> str:
    """All texts in a JSON value, as they are compared."""
    texts: list[str] = []
    left = [json.loads(stored)]
    while left:
        value = left.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
    return plain("\n".join(texts))


def _sorted(options: dict[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)


def _way(run: Run) -> bool:
    """What must be the same for two runs to tell of a regression: whether documents were searched."""
    return bool(run.options.get("documents"))
