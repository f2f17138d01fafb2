"""How are answers made to be compared? One for each mix of adapters, in an order that tells nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.conversation import Message
from assistant.errors import ModelError, UsageError
from assistant.events import Completed, Event, Failed

if TYPE_CHECKING:
    from assistant.bootstrap import Core

BASE = "base"


async def checked_mixes(core: Core, mixes: Sequence[str]) -> list[str]:
    """The mixes by exact names, "" for `base`; unproven adapters too, since comparing is how one gets to know them.

    Raises:
        AdapterError: one is not there, or does not fit the model.
    """
    return ["" if mix.strip() == BASE else await core.adapters.checked_mix(mix, force=True) for mix in mixes]


async def answer_all(
    core: Core, chat: int, question: str, mixes: Sequence[str], *, use_documents: bool = True
) -> list[Message]:
    """Ask a question in a chat and have it answered by each mix; returns the answers in the order of `mixes`.

    Which of them answers first is left to chance.

    Raises:
        AdapterError: one is not there, or does not fit the model; AssistantError: an answer failed.
    """
    checked = await checked_mixes(core, mixes)
    order = random.sample(range(len(checked)), len(checked))
    before = (await core.conversations.get(chat)).adapters
    await core.conversations.set_adapters(chat, checked[order[0]])
    try:
        answers = {
            order[0]: await _last([e async for e in core.engine.ask(chat, question, use_documents=use_documents)])
        }
    finally:
        await core.conversations.set_adapters(chat, before)
    first = answers[order[0]].id
    for place in order[1:]:
        events = core.engine.regenerate(first, use_documents=use_documents, mix=checked[place])
        answers[place] = await _last([event async for event in events])
    return [answers[place] for place in range(len(checked))]


async def settle(
    core: Core, shown: Sequence[Message], ranks: Sequence[int], *, all_bad: bool = False, note: str = ""
) -> int:
    """Store what was said of answers; their chat goes on from the one that is best alone, unless something followed.

    Returns the comparison's number.

    Raises:
        UsageError, NotFoundError, StorageError: as Comparisons.add.
    """
    number = await core.comparisons.add([answer.id for answer in shown], ranks, all_bad=all_bad, note=note)
    if ranks.count(1) == 1:
        best = shown[list(ranks).index(1)]
        last = (await core.conversations.thread(best.conversation_id))[-1]
        if last.parent_id == best.parent_id:
            await core.conversations.go_on_from(best)
    return number


async def existing(core: Core, message_id: int) -> list[Message]:
    """The finished answers to the question of an answer, at most the newest four.

    Raises:
        UsageError: there is one alone; NotFoundError: there is no such answer.
    """
    await core.conversations.message(message_id)
    numbers = await core.comparisons.siblings(message_id)
    if len(numbers) < 2:
        raise UsageError("This question has one answer.", "Ctrl+R gives another; /compare base ADAPTER both.")
    return [await core.conversations.message(number) for number in numbers]


def all_same(answers: Sequence[Message]) -> bool:
    """Whether they say the same, so that there is nothing to choose."""
    return len({" ".join(answer.text.split()) for answer in answers}) == 1


async def _last(events: Sequence[Event]) -> Message:
    """The finished answer of a turn's events."""
    end = events[-1]
    if isinstance(end, Failed):
        raise end.error
    if not isinstance(end, Completed):
        raise ModelError("The answer was stopped.", "Compare again.")
    return end.message
