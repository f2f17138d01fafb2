"""Answers for other programs: a model process of its own, one answer at a time, and nothing kept that is not asked for.

With documents it is the chat's engine once more, on chats in memory; without, the messages go to the model as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.mix import mix_text, parse_mix
from assistant.adapter_use import AdapterUse
from assistant.backends.base import Done
from assistant.chat import ChatEngine
from assistant.citations import with_marks
from assistant.conversation import Conversation, Message, Usage
from assistant.errors import AdapterError, AssistantError
from assistant.events import Cancelled, Completed, Failed, Token
from assistant.model import Model
from assistant.second_model import opened_second_model
from assistant.serving.replies import Ended, sources, without_sources
from assistant.serving.requests import ChatRequest, RequestError
from assistant.serving.served_name import ServedName, base_name, offered_names, read_name
from assistant.storage.conversations import Conversations
from assistant.tools.calling import respond
from assistant.tools.tool import Said, ToolCall

if TYPE_CHECKING:
    from assistant.bootstrap import Core

MOST_WAITING = 8
STOP_SECONDS = 5.0  # for answers that were cancelled to come to their end
Item = str | ToolCall | Ended


class BusyError(AssistantError):
    """Too many requests wait for their turn."""


class Answers:
    """What is asked of one home. The model is loaded when it is first needed."""

    def __init__(self, core: Core, model: Model, use: AdapterUse, memory: Conversations) -> None:
        self.answered = 0  # requests that had an answer
        self.waiting = 0  # those that wait, or are being answered
        self._core, self._model, self._use, self._memory = core, model, use, memory
        self._turn = asyncio.Lock()  # gives turns in the order in which they were asked for

    @property
    def base(self) -> str:
        """What the model is called here."""
        return base_name(self._core.model.name)

    async def names(self) -> list[str]:
        """The models that are listed: adapters that are proven, and collections, by name."""
        adapters = [each.name for each in await self._core.registry.all() if each.state == "proven"]
        return offered_names(self.base, list(dict.fromkeys(adapters)), await self._collections())

    async def named(self, text: str) -> ServedName:
        """What a model's name means.

        Raises:
            NotFoundError, AdapterError, IngestError: what it names is not there, or may not be used.
        """
        name = read_name(text, self.base, await self._collections())
        return replace(name, mix=await self._use.checked_mix(name.mix)) if name.mix else name

    async def answer(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """The answer in pieces, the last of which is Ended; leaving the loop cancels it.

        Raises:
            BusyError: too many wait; AssistantError, IngestError: it cannot be answered.
        """
        name = await self.named(request.model)
        if name.scope != () and request.tools:
            raise RequestError("Tools and documents cannot be combined: leave @ away, or the tools.", "tools")
        if request.store and self._core.read_only:
            raise RequestError("Nothing can be stored: another assistant has this home open.", "store")
        async with self._my_turn():
            if self._model.name != self._core.model.name:
                await self._model.load(self._core.model.name)
            chats = self._core.conversations if request.store else self._memory
            chat = await chats.create(collections=name.scope)
            try:
                mix = name.mix if name.mix is not None else mix_text(self._core.adapters.in_force)
                await chats.set_adapters(chat.id, mix)
                chat = await chats.get(chat.id)
                from_documents = name.scope != ()
                items = (self._cited if from_documents else self._plain)(chats, chat, request)
                async with contextlib.aclosing(items) as found:
                    async for item in found:
                        self.answered += isinstance(item, Ended)
                        yield item
            finally:
                if not request.store:
                    await asyncio.shield(chats.delete_for_good(chat.id))

    async def embed(self, texts: list[str]) -> tuple[str, int, bytes]:
        """The embedder's name, its dimension, and a unit vector for each text: float32, shape (len(texts), dimension).

        Raises:
            BusyError: too many wait; WorkerError: the index process died.
        """
        async with self._my_turn():
            reply = await self._core.index.call("embed", texts=texts)
        return self._core.config.documents.embedder, int(reply.data["dimension"]), reply.blob

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self.waiting:
            await asyncio.sleep(0.02)

    async def _collections(self) -> list[str]:
        return [each.name for each in await self._core.library.collections()]

    @contextlib.asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self.waiting > MOST_WAITING:
            raise BusyError(f"{self.waiting} requests wait already.", "Try again in a while.")
        self.waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self.waiting -= 1

    async def _cited(
        self, chats: Conversations, chat: Conversation, request: ChatRequest
    ) -> AsyncGenerator[Item, None]:
        """From documents, by the chat's engine."""
        core, settings = self._core, self._core.config.answer
        system = "\n\n".join(each.text for each in request.messages if each.role == "system")
        settings = replace(settings, system_prompt=system or settings.system_prompt)
        engine = ChatEngine(chats, self._model, core.retriever, core.index, settings, request.sampling)
        engine.before_answer = self._use.before_answer
        question = "\n\n".join([*await _tell(chats, chat.id, request), request.messages[-1].text])
        async with contextlib.aclosing(engine.ask(chat.id, question)) as events:
            async for event in events:
                if isinstance(event, Token):
                    yield event.text
                elif isinstance(event, Failed):
                    raise event.error
                elif isinstance(event, Completed | Cancelled):
                    if told := sources(event.message.citations):
                        yield told
                    yield _ended(event.message, request)

    async def _plain(
        self, chats: Conversations, chat: Conversation, request: ChatRequest
    ) -> AsyncGenerator[Item, None]:
        """From the model alone."""
        question = next((each.text for each in reversed(request.messages) if each.role == "user"), "")
        chosen = await self._use.before_answer(chat, [question] if question else [], documents=False)
        self._check_on(chat)
        messages = list(request.messages)
        if chosen.wording and messages[-1].role == "user":
            messages[-1] = Said("user", chosen.wording)
        text, called = "", False
        said = respond(self._model, messages, request.tools, request.choice, request.sampling)
        async with contextlib.aclosing(said) as items:
            async for item in items:
                if isinstance(item, Done):
                    await self._keep(chats, chat, request, text)
                    yield self._plain_end(item, request, called)
                    continue
                text, called = (text + item, called) if isinstance(item, str) else (text, True)
                yield item

    def _check_on(self, chat: Conversation) -> None:
        """Raise unless what is on, or rests for its scope, is what was asked for: the base is no substitute for it."""
        there = {share.name for share in (*self._model.wanted, *self._use.resting)}
        if there != {share.name for share in parse_mix(chat.adapters or "")}:
            raise AdapterError(f"{chat.adapters} cannot answer. {' '.join(self._model.notices)}".strip())

    def _plain_end(self, done: Done, request: ChatRequest, called: bool) -> Ended:
        notices = (*request.notices, *self._model.notices)
        self._model.notices.clear()
        finish = "tool_calls" if called else "length" if done.finish == "length" else "stop"
        return Ended(
            finish, "", done.prompt_tokens, done.cached_tokens, done.completion_tokens, self._model.adapter, (),
            "documents not used", notices,
        )  # fmt: skip

    async def _keep(self, chats: Conversations, chat: Conversation, request: ChatRequest, text: str) -> None:
        if request.store:
            question = "\n\n".join([*await _tell(chats, chat.id, request), request.messages[-1].text])
            parent = next((each.id for each in reversed(await chats.thread(chat.id))), None)
            _, answer = await chats.begin_turn(chat.id, parent, question, request.sampling)
            await chats.finish_answer(answer.id, "done", text, model=self.base, adapter=self._model.adapter)


async def _tell(chats: Conversations, chat_id: int, request: ChatRequest) -> list[str]:
    """What was said before the last message, as turns of a chat; returns what of it still waits for an answer."""
    parent: int | None = None
    asked: list[str] = []
    for each in request.messages[:-1]:
        if each.role == "user":
            asked.append(each.text)
        elif each.role == "assistant" and asked:
            _, partial = await chats.begin_turn(chat_id, parent, "\n\n".join(asked), request.sampling)
            await chats.finish_answer(partial.id, "done", without_sources(each.text), model="", adapter="")
            parent, asked = partial.id, []
    return asked


def _ended(message: Message, request: ChatRequest) -> Ended:
    usage = message.usage or Usage()
    total = usage.prompt_tokens + usage.completion_tokens
    cut = usage.completion_tokens >= request.sampling.max_tokens or total >= usage.context_size > 0
    text = with_marks(message.text, message.citations) + sources(message.citations)
    return Ended(
        "length" if cut else "stop", text, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens,
        message.adapter, message.citations, message.trace, (*request.notices, *message.notices),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def opened_answers(core: Core) -> AsyncIterator[Answers]:
    """Answers from a home; their model's process ends with the block."""
    async with opened_second_model(core, "serving") as second:
        answers = Answers(core, second.model, second.use, second.chats)
        try:
            yield answers
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await answers.idle()
