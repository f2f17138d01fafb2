"""The chat's engine once more, to be evaluated in: a model process of its own, and chats that are kept in memory.

Nothing of what is asked here is among the user's chats, and the chat goes on meanwhile. Documents are searched by
the same retriever, adapters are put on with their scopes, as they would be in the chat.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.errors import GGUFError
from adapters.mix import parse_mix
from adapters.versions.version_folder import file_sha256
from assistant.adapter_use import AdapterUse
from assistant.chat import ChatEngine
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ContextOverflowError, ModelError
from assistant.evaluation.run import Answer, Arm
from assistant.events import Completed, Failed, Retrieved
from assistant.model import Model
from assistant.prompting import passage_block, system_prompt
from assistant.second_model import opened_second_model
from assistant.storage.conversations import Conversations
from ingest.document import Passage

if TYPE_CHECKING:
    from assistant.bootstrap import Core

Known = Callable[[str], Awaitable[Answer | None]]
Asked = tuple[str, str, str]  # a question, the answer to it, and the adapters that gave it


class Bench:
    """Answers one question at a time, by one arm after the other."""

    def __init__(self, core: Core, model: Model, use: AdapterUse, engine: ChatEngine, chats: Conversations) -> None:
        self._core, self._model, self._use, self._engine, self._chats = core, model, use, engine, chats
        self._loaded = ""
        self._files: dict[str, str] = {}  # what adapters are, by the name in a mix

    async def take(self, arm: Arm) -> None:
        """Load an arm's model and put its adapters on.

        Raises:
            ModelError, AdapterError: one of them cannot be used.
        """
        try:
            shares = parse_mix(arm.mix)
            if self._loaded != arm.model:
                await self._model.load(arm.model)
                self._loaded = arm.model
            await self._model.use_adapters(shares)
        except GGUFError as error:
            raise AdapterError(str(error), error.hint) from error

    async def answer(
        self, arm: Arm, question: str, thread: Sequence[Asked], documents: bool, known: Known
    ) -> tuple[str, Answer]:
        """The answer behind the turns of `thread`, with the key of all it follows from; `known` may have it already.

        Raises:
            ModelError: the answer failed in a way that all others would; WorkerError: a child died.
        """
        chat = await self._chats.create("evaluation")
        await self._chats.set_adapters(chat.id, arm.mix)
        parent: int | None = None
        for said, replied, adapter in thread:
            _, partial = await self._chats.begin_turn(chat.id, parent, said, self._engine.sampling)
            await self._chats.finish_answer(partial.id, "done", replied, model="", adapter=adapter)
            parent = partial.id
        key = ""
        passages: tuple[Passage, ...] = ()
        asked = self._engine.ask(chat.id, question, use_documents=documents)
        async with contextlib.aclosing(asked) as events:
            async for event in events:
                if isinstance(event, Retrieved):
                    self._check(arm)
                    passages = event.passages
                    key = await self._key(question, thread, event)
                    if (before := await known(key)) is not None:
                        return key, before
                elif isinstance(event, Failed):
                    if not isinstance(event.error, ContextOverflowError):
                        raise event.error
                    return key, Answer("", passages, error=str(event.error))
                elif isinstance(event, Completed):
                    return key, _answer(event, passages)
        raise ModelError("The answer was stopped.", "Run the evaluation again: it goes on where it was.")

    def _check(self, arm: Arm) -> None:
        """Raise unless what is on, or rests for its scope, is what the arm names: the base is no substitute for it."""
        there = {share.name for share in (*self._model.wanted, *self._use.resting)}
        if there != {share.name for share in parse_mix(arm.mix)}:
            told = " ".join(self._model.notices)
            raise AdapterError(f"{arm.label} cannot answer. {told}".strip(), "Leave it out, or mend it.")

    async def _key(self, question: str, thread: Sequence[Asked], found: Retrieved) -> str:
        """The hash of all that decides an answer: prompt, passages, model, adapters that are on, sampling."""
        info = await self._model.ready()
        settings = self._core.config.answer
        told = [
            question, [each[:2] for each in thread],
            [passage_block(number, passage) for number, passage in enumerate(found.passages, 1)], found.trace,
            await self._core.bases.sha256(Path(info.path)) or self._loaded, info.context,
            [[await self._file(share.name), share.scale] for share in self._model.wanted],
            asdict(self._engine.sampling), system_prompt(settings.system_prompt), settings.attribute,
            settings.without_documents, importlib.metadata.version("llama-cpp-python"),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).hexdigest()

    async def _file(self, name: str) -> str:
        """What an adapter is: the hash of its file, and how clear its answer that there is none has to be."""
        if name not in self._files:
            adapter = await self._core.registry.get(name)
            threshold = adapter.facts.null_threshold if adapter.facts else 0.0
            self._files[name] = f"{file_sha256(await self._use.file(name))}:{threshold:g}"
        return self._files[name]


def _answer(event: Completed, passages: tuple[Passage, ...]) -> Answer:
    message = event.message
    return Answer(
        message.text, passages, message.citations, message.model, message.adapter, message.trace, message.notices,
        message.system, tokens=message.usage.completion_tokens if message.usage else 0,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def opened_bench(core: Core) -> AsyncIterator[Bench]:
    """A bench; its model's process ends with it."""
    async with opened_second_model(core, "evaluation") as second:
        engine = ChatEngine(second.chats, second.model, core.retriever, core.index, core.config.answer, greedy(core))
        engine.before_answer = second.use.before_answer
        yield Bench(core, second.model, second.use, engine, second.chats)


def greedy(core: Core) -> Sampling:
    """As the chat chooses tokens, but greedily: the same question has one answer."""
    return replace(core.config.sampling.sampling(), temperature=0.0, seed=0)
