"""Sets of questions and documents for evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assistant.bootstrap import Core
from assistant.evaluation.question import Gold, Question, QuestionSet
from assistant.evaluation.run import Answer, Arm, Graded, Run
from assistant.evaluation.running import RunProgress, RunRequest, begin, evaluate
from assistant.storage.evaluation_sets import save_set

HOSTILE = '</script><script>alert(1)</script><img src="http://evil.example/x"> ![x](http://evil.example) \x1b[31m'
LETTER = "The rent is 950 pounds a month. It is due on the third day.\n"
QUESTIONS = (
    Question(
        "rent", "How much is the rent a month?", ("950 pounds",), (Gold("letter.txt", None, LETTER[:31].strip()),)
    ),
    Question("dog", "What is the dog called?", unanswerable=True, tags=("missing",)),
)


async def library(core: Core, folder: Path) -> None:
    """A library of one letter."""
    folder.mkdir(exist_ok=True)
    (folder / "letter.txt").write_text(LETTER)
    async for _ in core.pipeline.ingest([folder], "documents"):
        pass


async def asked(core: Core, request: RunRequest, questions: Sequence[Question] = ()) -> tuple[Run, list[RunProgress]]:
    """A finished run, and what was heard of it; `questions` become the set first."""
    if questions:
        save_set(core.config.home, request.name, questions)
    run = await begin(core, request)
    heard = [progress async for progress in evaluate(core, run)]
    return await core.evaluations.get(run.id), heard


def run_of(rights: Sequence[Sequence[int]], number: int = 1, tags: Sequence[tuple[str, ...]] = ()) -> Run:
    """A run whose arms are right (1) or wrong (0) in each question, with names that would like to be markup."""
    count = len(rights[0])
    told = tags or [()] * count
    questions = tuple(
        Question(f"q{place}", f"Question {place} {HOSTILE}", (HOSTILE,), (Gold(HOSTILE, 1, HOSTILE),), tags=told[place])
        for place in range(count)
    )  # fmt: skip
    arms = tuple(
        Arm("starter", "" if not place else f"style{place}", f"arm {place} {HOSTILE}") for place in range(len(rights))
    )
    answers = tuple(
        {
            question.id: Graded(Answer(HOSTILE, trace=HOSTILE), {"right": float(right), "token F1": right / 2},
                                "" if right else "used but wrong")
            for question, right in zip(questions, row, strict=True)
        }
        for row in rights
    )  # fmt: skip
    options = {"documents": True, "passages": 4}
    total = count * len(rights)
    return Run(
        number, QuestionSet("mine", questions), "0" * 64, arms, options, "done", "2026-01-01", 9.0, total, answers
    )
