"""What can be learned from a run: wrong answers whose passages were right, with what should have been said.

What becomes training data tells nothing any more: the questions are tagged `learned` in their set, and reports count
them apart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.data.dataset import ROWS_FILE, Dataset
from assistant.citations import MARK
from assistant.curation import DatasetRequest, build_dataset
from assistant.errors import UsageError
from assistant.evaluation.question import Question
from assistant.evaluation.report import LEARNED
from assistant.evaluation.retrieval_metrics import holds
from assistant.evaluation.run import Answer, Run, Why
from assistant.prompting import NOT_FOUND, question_with_passages
from assistant.storage.datasets import dataset_folder
from assistant.storage.evaluation_sets import load_set, save_set, set_file
from ingest.atomic_file import replace_file

if TYPE_CHECKING:
    from assistant.bootstrap import Core

LEARNABLE: tuple[Why, ...] = ("used but wrong", "should have declined")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that was answered wrongly from the right passages: the turns the model saw, what it said, and what
    it should have said."""

    question: Question
    prompt: tuple[dict[str, str], ...]
    chosen: str
    rejected: str

    def as_json(self, *, pair: bool) -> dict[str, Any]:
        """As trainers read it: messages to learn from, or with `pair` the right answer beside the wrong one."""
        said = {"role": "assistant", "content": self.chosen}
        if not pair:
            return {"messages": [*self.prompt, said]}
        rejected = [{"role": "assistant", "content": self.rejected}]
        return {"prompt": list(self.prompt), "chosen": [said], "rejected": rejected}


def candidates(run: Run) -> list[Candidate]:
    """Each question once, in the order of the set, from the first arm that answered it wrongly."""
    found = []
    for question in run.questions.questions:
        wrong = (answers[question.id] for answers in run.answers if question.id in answers)
        graded = next((each for each in wrong if each.why in LEARNABLE and each.answer.text), None)
        if graded is not None and (question.answers or question.unanswerable):
            prompt = _prompt(run, question, graded.answer)
            found.append(Candidate(question, prompt, _right(question, graded.answer), graded.answer.text))
    return found


async def send(core: Core, run: Run, dataset: str, *, pairs: bool = False, add: bool = False) -> Dataset:
    """Build a dataset of a run's candidates, with `add` behind the rows it has, and tag their questions as learned.

    Raises:
        UsageError: there is none, or a dataset of that name is there and was not to be added to;
        DatasetError: they are too few, or of another kind than the rows; OSError: the disk is full.
    """
    found, home = candidates(run), core.config.home
    if not found:
        raise UsageError(
            f"No answer of run {run.id} is a candidate for training.", f"Those are: {', '.join(LEARNABLE)}."
        )
    rows = dataset_folder(home, dataset) / ROWS_FILE
    if rows.is_file() and not add:
        raise UsageError(f"There is a dataset {dataset} already.", "Add to it with --add, or choose another name.")
    folder = home / "evaluation" / "candidates"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{run.questions.name}-run{run.id}.jsonl"
    lines = "".join(json.dumps(each.as_json(pair=pairs)) + "\n" for each in found)
    await asyncio.to_thread(replace_file, path, lines.encode())
    try:
        files = (rows, path) if rows.is_file() else (path,)
        built = await build_dataset(core, DatasetRequest(dataset, files))
    finally:
        path.unlink(missing_ok=True)
    await asyncio.to_thread(_tag, core, run, {each.question.sha256 for each in found})
    return built


def _prompt(run: Run, question: Question, answer: Answer) -> tuple[dict[str, str], ...]:
    """The turns above the answer: system prompt, history, and the question below its passages."""
    history = [{"role": turn.role, "content": turn.content} for turn in question.history]
    if question.follows:
        before = next(each for each in run.questions.questions if each.id == question.follows)
        replied = before.answers[0] if before.answers else NOT_FOUND
        history = [{"role": "user", "content": before.question}, {"role": "assistant", "content": replied}]
    asked = question_with_passages(question.question, answer.passages) if answer.passages else question.question
    system = [{"role": "system", "content": answer.system}] if answer.system else []
    return (*system, *history, {"role": "user", "content": asked})


def _right(question: Question, answer: Answer) -> str:
    """The right answer, with the mark of the passage it stands in."""
    if question.unanswerable:
        return NOT_FOUND
    right = question.answers[0]
    places = [n for n, each in enumerate(answer.passages, 1) if any(holds(each, place) for place in question.gold)]
    if not places or MARK.search(right):
        return right
    body = right.rstrip(".")
    return f"{body} [{places[0]}]{'.' if right.endswith('.') else ''}"


def _tag(core: Core, run: Run, learned: Collection[str]) -> None:
    """Mark the questions in their set, where it is still there."""
    home, name = core.config.home, run.questions.name
    if not set_file(home, name).is_file():
        return
    questions = [
        replace(each, tags=tuple(dict.fromkeys((*each.tags, LEARNED)))) if each.sha256 in learned else each
        for each in load_set(home, name).questions.questions
    ]
    save_set(home, name, questions)
