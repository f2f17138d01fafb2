"""Sets of questions and documents for evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assistant.bootstrap import Core
from assistant.evaluation.question import Gold, Question
from assistant.evaluation.run import Run
from assistant.evaluation.running import RunProgress, RunRequest, begin, evaluate
from assistant.storage.evaluation_sets import save_set

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
