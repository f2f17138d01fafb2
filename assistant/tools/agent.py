"""An agent: before it answers, the model may search the documents again, and calculate; a few steps, all of them shown.

To the chat's engine it is a search like any other: it comes back with passages, and what was worked out is one of them.
So its answer is prompted, cited and stored as every answer is. The first step is always a search for the question
itself; each further one is chosen by the model, in a form that always parses. Both tools only read: whatever stands in
a document, the worst it can bring about is another search.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from assistant.chat import ChatEngine
from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.events import Completed, Event
from assistant.tools.calculator import calculate
from assistant.tools.calling import REQUIRED, respond
from assistant.tools.tool import Said, Tool, ToolCall
from ingest.document import Passage, SearchResult

if TYPE_CHECKING:
    from assistant.bootstrap import Core

MOST_STEPS = 4  # after the first search
SHOWN_PASSAGES, SHOWN_CHARACTERS = 2, 600  # of each search, to the model while it chooses its next step
SAMPLING = Sampling(temperature=0.0, repeat_penalty=1.0, seed=0, max_tokens=256)
SYSTEM = (
    "You work in steps towards the answer to a question. Choose the next step: search again for what is still missing, "
    "calculate what has to be worked out, or answer once nothing is missing."
)
SEARCH = Tool(
    "search_documents", "Find passages in the user's documents.",
    {"properties": {"query": {"type": "string", "pattern": "^[^\n\\]{3,120}$"}}, "required": ["query"]},
)  # fmt: skip
CALCULATE = Tool(
    "calculate", "Work out an arithmetic expression.",
    {"properties": {"expression": {"type": "string", "pattern": "^[0-9.+*/() -]{3,80}$"}}, "required": ["expression"]},
)  # fmt: skip
ANSWER = Tool("answer", "Nothing is missing: answer now.", {"properties": {}})
CALCULATOR = "calculator"  # stands where a file's name does


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the tool, what it was asked, and what came of it, in a few words."""

    tool: str
    asked: str
    found: str

    @property
    def line(self) -> str:
        """For people."""
        done = {SEARCH.name: f"searched for “{self.asked}”", CALCULATE.name: f"calculated {self.asked}"}
        return f"{done.get(self.tool, self.tool)}: {self.found}"


class Agent:
    """Answers one question. `steps` are those it has made."""

    def __init__(self, core: Core, told: Callable[[Step], None]) -> None:
        """`told` hears of each step when it is made."""
        self.steps: list[Step] = []
        self._core, self._told = core, told
        self._found: dict[int, Passage] = {}  # by the number of the chunk
        self._worked_out: list[Passage] = []
        self._searched = SearchResult((), 0)
        self._stopped = False
        self._engine = ChatEngine(
            core.conversations, core.model, self, core.index, core.engine.settings, core.engine.sampling
        )
        self._engine.before_answer, self._engine.library = core.adapters.before_answer, core.library
        self._engine.answering = core.engine.answering

    def stop(self) -> None:
        """End what is under way, be it a step or the answer."""
        self._stopped = True
        self._engine.stop()

    async def ask(
        self, conversation_id: int, text: str, *, instead_of: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer as ChatEngine.ask does; the steps stand below the answer.

        Raises:
            UsageError, StorageError: as there.
        """
        asked = self._engine.ask(conversation_id, text, instead_of=instead_of)
        async with contextlib.aclosing(asked) as events:
            async for event in events:
                yield await self._with_steps(event) if isinstance(event, Completed) else event

    async def search(
        self,
        query: str,
        k: int = 4,
        scope: tuple[str, ...] | None = None,
        floor: float | None = None,
        *,
        before: str = "",
    ) -> SearchResult:
        """What the steps find: first what was worked out, then the passages of all searches, the best first."""
        said = [Said("system", SYSTEM), Said("user", f"Question: {query}")]
        said += await self._search(ToolCall(SEARCH.name, {"query": query}), k, scope, floor, before)
        for _ in range(MOST_STEPS):
            call = await self._chosen(said)
            if call is None or call.name == ANSWER.name or self._made(call):
                break
            said += await (self._search(call, k, scope, floor) if call.name == SEARCH.name else self._calculate(call))
        best = sorted(self._found.values(), key=lambda passage: -passage.score)[:k]
        return replace(self._searched, passages=(*self._worked_out, *best))

    async def read_wide(self, passages: Sequence[Passage], tokens: int) -> tuple[Passage, ...]:
        """Passages of documents with what stands around them; nothing stands around what was worked out."""
        worked_out = tuple(passage for passage in passages if not passage.document_id)
        rest = [passage for passage in passages if passage.document_id]
        return (*worked_out, *await self._core.retriever.read_wide(rest, tokens))

    async def _chosen(self, said: list[Said]) -> ToolCall | None:
        """The next step; None where there is none."""
        if self._stopped:
            return None
        call: ToolCall | None = None
        items = respond(self._core.model, said, (SEARCH, CALCULATE, ANSWER), REQUIRED, SAMPLING)
        async with contextlib.aclosing(items) as pieces:
            async for piece in pieces:
                if self._stopped:
                    return None
                call = piece if isinstance(piece, ToolCall) else call
        return call

    def _made(self, call: ToolCall) -> bool:
        """Whether this very step was made before: then nothing new comes of it."""
        return any(step.tool == call.name and step.asked == _asked(call) for step in self.steps)

    async def _search(
        self, call: ToolCall, k: int, scope: tuple[str, ...] | None, floor: float | None, before: str = ""
    ) -> list[Said]:
        result = await self._core.retriever.search(_asked(call), k, scope, floor, before=before)
        if not self.steps:
            self._searched = result
        for passage in result.passages:
            known = self._found.get(passage.chunk_id)
            self._found[passage.chunk_id] = max(known or passage, passage, key=lambda each: each.score)
        shown = "\n\n".join(await self._shown(result.passages[:SHOWN_PASSAGES]))
        count = len(result.passages)
        return self._step(call, f"{count} passage{'s' * (count != 1)}", shown or "Nothing was found.")

    async def _shown(self, passages: Sequence[Passage]) -> list[str]:
        """What the model reads of passages while it chooses; one on a server only what may leave."""
        model, kept = self._core.model, list(passages)
        if model.leaving is not None:
            _, kept, _ = await model.leaving.fit_to_leave(await model.ready(), (), passages)
        return [passage.text[:SHOWN_CHARACTERS] for passage in kept]

    async def _calculate(self, call: ToolCall) -> list[Said]:
        try:
            value = calculate(_asked(call))
        except UsageError as error:
            return self._step(call, error.message, error.message)
        text = f"{_asked(call)} = {value}"
        self._worked_out.append(Passage(0, 0, CALCULATOR, "", text, 0, len(text), score=1.0))
        return self._step(call, value, text)

    def _step(self, call: ToolCall, found: str, result: str) -> list[Said]:
        step = Step(call.name, _asked(call), found)
        self.steps.append(step)
        self._told(step)
        return [Said("assistant", "", call), Said("tool", result, tool=call.name)]

    async def _with_steps(self, event: Completed) -> Completed:
        for number, step in enumerate(self.steps, 1):
            await self._core.conversations.add_notice(event.turn_id, f"Step {number}: {step.line}")
        return Completed(event.turn_id, await self._core.conversations.message(event.turn_id))


def steps_json(steps: list[Step]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(step) for step in steps]


def _asked(call: ToolCall) -> str:
    return str(next(iter(call.arguments.values()), "")).strip()
