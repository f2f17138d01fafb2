"""Where does a text stand in evaluation sets and runs? Taking it out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.data.dataset import plain
from assistant.errors import UsageError
from assistant.evaluation.question import Question
from assistant.storage.evaluation_sets import list_sets, load_set, remove_set, save_set

if TYPE_CHECKING:
    from assistant.bootstrap import Core


def sets_holding(home: Path, text: str) -> dict[str, int]:
    """How many questions of each set hold the text; a set that cannot be read says so where it is used."""
    found = {}
    for name in list_sets(home):
        try:
            count = sum(_holds(each, text) for each in load_set(home, name).questions.questions)
        except UsageError:
            continue
        if count:
            found[name] = count
    return found


async def forget_in_evaluations(core: Core, text: str, sets: Iterable[str], runs: Iterable[int]) -> None:
    """Take questions that hold a text out of these sets, with those that follow them, and delete these runs whole.

    Raises:
        OSError: the disk is full; StorageError: the runs cannot be changed.
    """
    for name in sets:
        await asyncio.to_thread(_forget_questions, core.config.home, name, text)
    for run in runs:
        await core.evaluations.remove(run)


def _forget_questions(home: Path, name: str, text: str) -> None:
    kept: dict[str, Question] = {}
    for each in load_set(home, name).questions.questions:
        if not _holds(each, text) and (not each.follows or each.follows in kept):
            kept[each.id] = each
    if kept:
        save_set(home, name, list(kept.values()))
    else:
        remove_set(home, name)


def _holds(question: Question, text: str) -> bool:
    quotes = [part for place in question.gold for part in (place.document, place.quote)]
    said = [turn.content for turn in question.history]
    return plain(text) in plain("\n".join([question.question, *question.answers, *quotes, *said, question.source]))
