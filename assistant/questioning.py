"""How is a model asked when it is measured? As the chat would ask, greedily; expected answers are scored too."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from adapters.proof import probe
from adapters.rows import Row
from assistant.backends.base import ChatMessage, Score
from assistant.conversation import Sampling
from assistant.errors import ContextOverflowError
from assistant.prompting import system_prompt

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.model import Model

T = TypeVar("T")
ANSWER_ROOM = 16  # tokens an answer may have beyond twice those of the expected one
CONTEXT = 2048
Phase = Literal["loading", "base", "parity", "adapter", "judging"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a proof is: questions done of all, of both models together; `seconds_left` 0.0 while unknown."""

    phase: Phase
    done: int
    total: int
    seconds_left: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `expected` is "" for an item of the probe, `rejected` where this is no pair."""

    id: str
    messages: tuple[ChatMessage, ...]
    expected: str
    max_tokens: int
    rejected: str = ""
    rated: bool = False

    def in_words(self, wording: str) -> Question:
        """The same, asked in another wording; "" keeps its own."""
        if not wording:
            return self
        return replace(self, messages=(*self.messages[:-1], ChatMessage("user", wording)))


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, the loss on the expected one in nats for each token (None: not asked, or too long), and by how
    many nats that is likelier than the rejected one, or its log-probability where it was rated (None: neither).
    """

    text: str
    loss: float | None
    gap: float | None = None


class Questioning:
    """Asks one model, whatever adapters it has on."""

    def __init__(self, core: Core, model: Model) -> None:
        self._model = model
        self._system = system_prompt(core.config.answer.system_prompt)
        # As the chat asks, repetition penalty included, but greedy: the same question has one answer.
        self._sampling = replace(core.config.sampling.sampling(), temperature=0.0, seed=0)

    @property
    def asked(self) -> str:
        """All that decides what a model answers to the probe, beside the model."""
        return json.dumps([self._system, asdict(self._sampling), probe.MAX_TOKENS])

    async def of_rows(self, rows: Sequence[Row]) -> list[Question]:
        """Held-out rows as questions."""
        counts = await self._model.count([row.answer for row in rows])
        return [
            Question(
                str(place), self._messages(row), row.answer, 2 * count + ANSWER_ROOM, row.rejected,
                row.desirable is not None,
            )
            for place, (row, count) in enumerate(zip(rows, counts, strict=True))
        ]  # fmt: skip

    def of_probe(self, items: Sequence[probe.Item]) -> list[Question]:
        """Items of the general probe as questions."""
        return [
            Question(item.id, (ChatMessage("system", self._system), ChatMessage("user", item.prompt)), "",
                     probe.MAX_TOKENS)
            for item in items
        ]  # fmt: skip

    async def said(self, questions: Sequence[Question], done: Callable[[int], None]) -> dict[str, Said]:
        """Answers by question; those too long for the context are missing. `done` hears how many are through."""
        found = {}
        for number, question in enumerate(questions, 1):
            with contextlib.suppress(ContextOverflowError):  # then it is compared for neither
                found[question.id] = await self._answer(question)
            done(number)
        return found

    async def gaps(self, questions: Sequence[Question], done: Callable[[int], None]) -> dict[str, float | None]:
        """As in Said, without an answer; those too long for the context are missing."""
        found = {}
        for number, question in enumerate(questions, 1):
            with contextlib.suppress(ContextOverflowError):
                score = await self._model.score(question.messages, question.expected)
                found[question.id] = await self._gap(question, score)
            done(number)
        return found

    def _messages(self, row: Row) -> tuple[ChatMessage, ...]:
        """The row's turns before its last answer, with the chat's system prompt where it has none."""
        last = max(place for place, turn in enumerate(row.turns) if turn.role == "assistant")
        turns = [ChatMessage(turn.role, turn.content) for turn in row.turns[:last]]
        system = [] if turns and turns[0].role == "system" else [ChatMessage("system", self._system)]
        return (*system, *turns)

    async def _answer(self, question: Question) -> Said:
        sampling: Sampling = replace(self._sampling, max_tokens=question.max_tokens)
        pieces = [piece async for piece in self._model.complete(question.messages, sampling) if isinstance(piece, str)]
        if not question.expected:
            return Said("".join(pieces), None)
        score = await self._model.score(question.messages, question.expected)
        loss = -score.log_probability / max(score.tokens, 1)
        return Said("".join(pieces), loss, await self._gap(question, score))

    async def _gap(self, question: Question, score: Score) -> float | None:
        if not question.rejected:
            return score.log_probability if question.rated else None
        rejected = await self._model.score(question.messages, question.rejected)
        return score.log_probability - rejected.log_probability


async def followed(work: Callable[[Callable[[Progress], None]], Awaitable[T]]) -> AsyncGenerator[Progress | T, None]:
    """What `work` tells of how far it is, then what it returns. Leaving the loop cancels it."""
    told: asyncio.Queue[Progress | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(told.put_nowait))
    task.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (progress := await told.get()) is not None:
            yield progress
        yield await task
    finally:
        task.cancel()
        await asyncio.wait({task})
