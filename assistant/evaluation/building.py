"""What becomes an evaluation set: files brought along, answers scored well or corrected, drafts that were reviewed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.data.dataset import plain
from adapters.data.formats import BadRow
from adapters.rows import Turn
from assistant.citations import content_words, sentences
from assistant.drafting import Draft, drafts_file, read_drafts
from assistant.errors import UsageError
from assistant.evaluation.question import Gold, Question, QuestionSet
from assistant.evaluation.reading import read_questions
from assistant.prompting import usable_history
from assistant.scoring.learning import scored_well
from assistant.scoring.refusal import declines
from assistant.storage.evaluation_sets import load_set, save_set, set_file

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.chat_rows import ChosenAnswer


@dataclass(frozen=True, slots=True)
class SetRequest:
    """What a set is to be made of, all of it named by the user. Of a set of that name `add` keeps what it holds, and
    `renew` does not; with neither it is left as it is.
    """

    name: str
    files: tuple[Path, ...] = ()
    scores: bool = False  # questions whose answer was scored well, or corrected
    drafts: tuple[str, ...] = ()  # reviewed question-answer pairs: a draft's name or a file
    tags: tuple[str, ...] = ()  # every new question gets these, too
    add: bool = False
    renew: bool = False


@dataclass(frozen=True, slots=True)
class BuiltSet:
    """A set with what was left out: bad rows, questions that stand in it already, drafts nobody has reviewed."""

    questions: QuestionSet
    bad: tuple[BadRow, ...] = ()
    repeated: int = 0
    unreviewed: int = 0


async def build_set(core: Core, request: SetRequest) -> BuiltSet:
    """Gather the questions and write the set.

    Raises:
        UsageError: nothing was named, or there is no question in it, or there is a set of that name; DatasetError: a
        draft cannot be read; OSError: the disk is full. The set before is untouched.
    """
    path = set_file(core.config.home, request.name)
    old = load_set(core.config.home, request.name).questions.questions if request.add and path.is_file() else ()
    found: list[Question] = []
    bad: list[BadRow] = []
    unreviewed = 0
    for file in request.files:
        read = await asyncio.to_thread(read_questions, file.expanduser())
        found += read.questions
        bad += read.bad
    if request.scores:
        found += [await question_of_answer(core, chosen) for chosen in await scored_well(core)]
    for name in request.drafts:
        drafts = await asyncio.to_thread(read_drafts, drafts_file(core.config.home, name))
        found += [_drafted(draft, name, number) for number, draft in enumerate(drafts, 1) if draft.keep]
        unreviewed += sum(draft.keep is None for draft in drafts)
    if not found:
        raise UsageError(*_nothing(request, unreviewed))
    if path.is_file() and not (request.add or request.renew):
        hint = "Choose another name, or in the shell add to it (--add) or make it anew (--replace)."
        raise UsageError(f"There is an evaluation set called {request.name} already.", hint)
    tagged = [replace(each, tags=tuple(dict.fromkeys((*each.tags, *request.tags)))) for each in found]
    questions, repeated = _distinct([*old, *tagged])
    saved = await asyncio.to_thread(save_set, core.config.home, request.name, questions)
    return BuiltSet(saved, tuple(bad), repeated, unreviewed)


async def question_of_answer(core: Core, chosen: ChosenAnswer) -> Question:
    """The question of an answer that is right, or was put right; what it cites is where it stands.

    Raises:
        NotFoundError: there is no such answer; UsageError: it has no question.
    """
    message = await core.conversations.message(chosen.message)
    thread = await core.conversations.thread(message.conversation_id, message.id)
    before = [entry for entry in thread if entry.id < message.id]
    if not before:
        raise UsageError(f"The answer {message.id} has no question.", "Choose another one.")
    answer = chosen.answer.strip() or message.text.strip()
    unanswerable = declines(answer)
    cited = () if unanswerable else tuple(Gold(each.document, each.page, each.quote) for each in message.citations)
    return Question(
        id=f"answer:{message.id}",
        question=before[-1].text,
        answers=() if unanswerable else (answer,),
        gold=tuple(dict.fromkeys(cited)),
        unanswerable=unanswerable,
        tags=("corrected" if chosen.answer.strip() else "scored well",),
        history=tuple(Turn(entry.role, entry.text) for entry in usable_history(before[:-1])),
        group=f"chat:{message.conversation_id}",
        source=f"chat {message.conversation_id}, answer {message.id}",
    )


def _drafted(draft: Draft, name: str, number: int) -> Question:
    """A reviewed pair; its place is the sentence of its passage that shares most words with the answer."""
    words = set(content_words(draft.answer))
    spans = [draft.passage[span.start : span.end] for span in sentences(draft.passage)]
    quote = max(spans, key=lambda sentence: len(words & set(content_words(sentence))), default="")
    gold = (Gold(draft.document, None, quote),) if draft.document else ()
    group = f"{draft.document}:{draft.start}" if draft.document else ""
    label = f"{Path(name).stem}:{number}"
    answer = draft.answer.strip()
    return Question(label, draft.question.strip(), (answer,), gold, tags=("drafted",), group=group, source=label)


def _distinct(questions: Iterable[Question]) -> tuple[list[Question], int]:
    """Each question once, behind the same turns; the later ones go. An id that is taken gets a number."""
    kept: dict[str, Question] = {}
    asked: dict[tuple[object, ...], str] = {}
    called: dict[str, str] = {}  # what an id has become, for those that follow it
    repeated = 0
    for question in questions:
        follows = called.get(question.follows, question.follows)
        key = (plain(question.question), follows, question.history)
        if key in asked:
            called[question.id] = asked[key]
            repeated += 1
            continue
        name, number = question.id, 2
        while name in kept:
            name, number = f"{question.id}~{number}", number + 1
        asked[key] = called[question.id] = name
        kept[name] = replace(question, id=name, follows=follows)
    return list(kept.values()), repeated


def _nothing(request: SetRequest, unreviewed: int) -> tuple[str, str]:
    """Why there is no question, and what to do."""
    if unreviewed:
        pairs = "its only pair is" if unreviewed == 1 else f"none of {unreviewed:,} pairs is"
        return f"Nothing to ask: {pairs} reviewed.", "Keep or drop them: assistant dataset review NAME"
    if request.drafts:
        return "Nothing to ask: no pair in these drafts is kept.", "Keep some: assistant dataset review NAME"
    return "There is nothing to build an evaluation set from.", "Name a FILE of questions, --scores, or --drafts NAME."
