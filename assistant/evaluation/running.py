"""Asks a set's questions of each arm: every answer is committed as it comes, and none is asked for twice."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.mix import mix_text
from assistant.errors import UsageError
from assistant.evaluation.bench import Asked, Bench, greedy, opened_bench
from assistant.evaluation.grading import grade
from assistant.evaluation.question import Question, QuestionSet
from assistant.evaluation.run import Answer, Arm, Run
from assistant.given_passages import around_for
from assistant.models.location import resolve_model
from assistant.prompting import passages_for, system_prompt
from assistant.scoring.comparing import BASE
from assistant.storage.evaluation_sets import load_set

if TYPE_CHECKING:
    from assistant.bootstrap import Core

MOST_ARMS = 8


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to ask and whom. Without adapters and without `base`, what is in force in the chat answers.

    `models` are names or paths, none is the chat's own; each answers with each mix. `limit` 0 is all questions.
    """

    name: str
    adapters: tuple[str, ...] = ()
    base: bool = False
    models: tuple[str, ...] = ()
    documents: bool = True
    limit: int = 0


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: answers there are of all, those found among earlier ones, seconds left (0.0 while unknown),
    and who answers what now ("" once it is over)."""

    run: int
    done: int
    total: int
    cached: int = 0
    seconds_left: float = 0.0
    arm: str = ""
    question: str = ""

    @property
    def line(self) -> str:
        """`12/72 answers, 3 known already, about 4 min left  base: Which …`."""
        parts = [f"{self.done:,}/{self.total:,} answers"]
        parts += [f"{self.cached:,} known already"] if self.cached else []
        left = self.seconds_left
        parts += [f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"] if left >= 1 else []
        return ", ".join(parts) + (f"  {self.arm}: {self.question}" if self.arm else "")


async def begin(core: Core, request: RunRequest) -> Run:
    """The run of a request: the unfinished one, if it was begun before, else a new one.

    Raises:
        NotFoundError: no such set; UsageError: nothing to ask, or too many arms; AdapterError, ModelError: an adapter
        or model is not there; StorageError: nothing can be written.
    """
    stored = load_set(core.config.home, request.name).questions
    questions = QuestionSet(stored.name, limited(stored.questions, request.limit))
    return await core.evaluations.begin(questions, stored.sha256, await arms(core, request), _options(core, request))


async def evaluate(core: Core, run: Run) -> AsyncGenerator[RunProgress, None]:
    """Ask what was not asked yet. Leaving the loop, or a crash, loses the answer under way and no other.

    Raises:
        AdapterError, ModelError: an arm cannot answer; LibraryError, WorkerError: a child died;
        StorageError: an answer could not be stored. What was answered stays.
    """
    work = _Work(core, run)
    yield work.progress()
    if work.done < run.total:
        async with opened_bench(core) as bench:
            for place, arm in enumerate(run.arms):
                missing = [each for each in run.questions.questions if each.id not in run.answers[place]]
                if missing:
                    await bench.take(arm)
                for question in missing:
                    yield work.progress(arm.label, question.question)
                    await work.ask(bench, place, question)
    await core.evaluations.finish(run.id)
    yield work.progress()


class _Work:
    """One run under way."""

    def __init__(self, core: Core, run: Run) -> None:
        self._core, self._run = core, run
        self._documents, self._k = bool(run.options["documents"]), int(run.options["passages"])
        self._answers: list[dict[str, Answer]] = [
            {name: graded.answer for name, graded in answers.items()} for answers in run.answers
        ]
        self._by_id = {question.id: question for question in run.questions.questions}
        self.done = run.done
        self._cached = self._asked = 0
        self._spent = 0.0

    def progress(self, arm: str = "", question: str = "") -> RunProgress:
        """Where it stands; the time left assumes that nothing more is found among earlier answers."""
        left = self._spent / self._asked * (self._run.total - self.done) if self._asked else 0.0
        return RunProgress(self._run.id, self.done, self._run.total, self._cached, round(left, 1), arm, question)

    async def ask(self, bench: Bench, place: int, question: Question) -> None:
        """One answer, graded and committed."""
        begun = time.monotonic()
        arm, store = self._run.arms[place], self._core.evaluations
        thread = self._thread(place, question)
        key, answer = await bench.answer(arm, question.question, thread, self._documents, store.known)
        spent = time.monotonic() - begun
        if answer.cached:
            self._cached += 1
        else:
            answer = replace(answer, seconds=round(spent, 3))
            self._asked, self._spent = self._asked + 1, self._spent + spent
        graded = await grade(self._core.measuring, question, answer, self._k if self._documents else 0)
        await store.keep(self._run.id, place, question.id, key, graded, time.monotonic() - begun)
        self._answers[place][question.id] = answer
        self.done += 1

    def _thread(self, place: int, question: Question) -> list[Asked]:
        """What stands before a question: its history, or the questions it follows with what this arm answered."""
        if question.follows:
            before = self._by_id[question.follows]
            answer = self._answers[place][before.id]
            return [*self._thread(place, before), (before.question, answer.text, answer.adapter)]
        turns = [turn.content for turn in question.history]
        return [(said, replied, "") for said, replied in zip(turns[::2], turns[1::2], strict=True)]


async def arms(core: Core, request: RunRequest) -> tuple[Arm, ...]:
    """Each model with each mix, by exact names; the base first.

    Raises:
        UsageError, AdapterError, ModelError: as `begin`.
    """
    models = list(dict.fromkeys([await core.models.path(name) for name in request.models])) or [core.model.name]
    wanted = [*([BASE] if request.base else []), *request.adapters]
    count = len(models) * max(1, len(wanted))
    if count > MOST_ARMS:
        raise UsageError(f"{count} ways to answer are too many at once.", f"Take at most {MOST_ARMS}.")
    for model in models:
        if model != core.model.name:
            resolve_model(model)
    mixes: dict[str, bool] = {}
    for text in wanted:
        mixes[await core.adapters.checked_mix("" if text == BASE else text, force=True)] = False
    if not mixes:
        mixes[mix_text(core.adapters.in_force)] = True
    named_models = bool(request.models)
    return tuple(
        Arm(model, mix, _label(model, mix, named_models), chat) for model in models for mix, chat in mixes.items()
    )


def limited(questions: Sequence[Question], limit: int) -> tuple[Question, ...]:
    """At most about `limit` questions, spread over the set, each with those it follows; 0 gives all."""
    if limit <= 0 or limit >= len(questions):
        return tuple(questions)
    by_id = {question.id: question for question in questions}
    kept: set[str] = set()
    for place in range(limit):
        question = questions[place * len(questions) // limit]
        kept.add(question.id)
        while question.follows:
            question = by_id[question.follows]
            kept.add(question.id)
    return tuple(question for question in questions if question.id in kept)


def _options(core: Core, request: RunRequest) -> dict[str, Any]:
    """How it is asked, as the report tells it."""
    answer = core.config.answer
    return {
        "documents": request.documents, "passages": passages_for(core.model.name, answer.passages),
        "around": around_for(core.model.name, answer.read_around),
        "sampling": asdict(greedy(core)), "system": system_prompt(answer.system_prompt), "limit": max(0, request.limit),
    }  # fmt: skip


def _label(model: str, mix: str, named_models: bool) -> str:
    """An arm's name in a table: its adapters, and its model where models were named."""
    if not named_models:
        return mix or BASE
    name = Path(model).stem
    return f"{name} + {mix}" if mix else name
