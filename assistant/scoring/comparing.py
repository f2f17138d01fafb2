"""How are answers made to be compared? One from each contender, in an order that tells nothing."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.conversation import Message, Sampling
from assistant.errors import ModelError, UsageError
from assistant.events import Completed, Event, Failed

if TYPE_CHECKING:
    from assistant.bootstrap import Core

BASE = "base"
HOTTEST = 5.0


@dataclass(frozen=True, slots=True)
class Contender:
    """What answers: a mix of adapters by exact names ("": the base alone), with a temperature of its own or None."""

    mix: str
    temperature: float | None = None

    def sampling(self, usual: Sampling) -> Sampling:
        """How it chooses tokens where `usual` is how the chat does."""
        return usual if self.temperature is None else replace(usual, temperature=self.temperature)


async def contenders(core: Core, texts: Sequence[str]) -> list[Contender]:
    """Those that `base`, `style:0.7` or `style~1.2` name; unproven ones too: comparing is how one gets to know them.

    Raises:
        AdapterError: an adapter is not there, or does not fit the model; UsageError: a temperature is none.
    """
    found = []
    for text in texts:
        mix, tilde, temperature = text.strip().partition("~")
        exact = "" if mix == BASE else await core.adapters.checked_mix(mix, force=True)
        found.append(Contender(exact, _temperature(temperature) if tilde else None))
    return found


async def answer_all(
    core: Core, chat: int, question: str, texts: Sequence[str], *, use_documents: bool = True
) -> list[Message]:
    """Ask a question in a chat and have it answered by each contender; returns the answers in the order of `texts`.

    Which of them answers first is left to chance.

    Raises:
        AdapterError, UsageError: as `contenders`; AssistantError: an answer failed.
    """
    known, engine = await contenders(core, texts), core.engine
    first, *others = order = random.sample(range(len(known)), len(known))
    sampling, mix = known[first].sampling(engine.sampling), known[first].mix
    asked = engine.ask(chat, question, sampling=sampling, use_documents=use_documents, mix=mix)
    answers = [await finished(asked)]
    for place in others:
        sampling, mix = known[place].sampling(engine.sampling), known[place].mix
        events = engine.regenerate(answers[0].id, sampling=sampling, use_documents=use_documents, mix=mix)
        answers.append(await finished(events))
    return [answer for _, answer in sorted(zip(order, answers, strict=True), key=lambda each: each[0])]


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


async def finished(events: AsyncIterator[Event]) -> Message:
    """The finished answer of a turn.

    Raises:
        AssistantError: it failed, or was stopped.
    """
    end: Event | None = None
    async for event in events:
        end = event
    if isinstance(end, Failed):
        raise end.error
    if not isinstance(end, Completed):
        raise ModelError("The answer was stopped.", "Compare again.")
    return end.message


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= HOTTEST:
        raise UsageError(f"~{text} is no temperature.", f"Write it as in base~0.8, from 0 to {HOTTEST:g}.")
    return value
