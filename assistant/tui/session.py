"""The open chat: opened, drafted in, asked in; an answer goes on while another chat is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from assistant.conversation import Conversation, Message, Sampling, Usage
from assistant.errors import AssistantError, NotFoundError, UsageError
from assistant.events import Event
from assistant.revising import check_principles, revise
from assistant.tui.answering import Answering
from assistant.tui.new_chat import NewChat
from assistant.tui.title_job import TitleJob

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tools.agent import Agent
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.widgets.messages import AnswerView

HISTORY = 200  # messages at the end of a chat that are looked at when it is opened
STOP_SECONDS = 2.0  # how long a quitting app waits until the stopped answer is stored


class ChatSession:
    """Which chat is on the screen, and the one answer that may be under way."""

    def __init__(self, screen: ChatScreen, core: Core) -> None:
        self.core = core
        self.conversation: Conversation | None = None  # None: a chat that nothing was asked in yet
        self.last_usage: Usage | None = None
        self.answering: Answering | None = None
        self.queued: str | None = None  # asked while an answer was under way, for the open chat
        self.editing: Message | None = None  # the question that is being asked in another way
        self._queued_for: Conversation | None = None
        self._new = NewChat(core.conversations)  # what is open while there is no conversation
        self._agent: Agent | None = None  # while it answers in place of the engine
        self._titles = TitleJob(screen, core)
        self._screen = screen
        self._saved_draft = ""

    # -- opening -----------------------------------------------------------------

    async def start(self) -> None:
        """Show the last chat and its draft; what was typed before the database was open stays."""
        chats = await self.core.conversations.recent(1)
        await self._show(chats[0] if chats and self.core.config.interface.resume else None)

    async def open(self, conversation: Conversation | None, at: int = 0) -> None:
        """Show a chat, beginning at a message (0: its end), or an empty new one."""
        await self.save_draft()
        self._screen.prompt.replace_text("")
        await self._show(conversation, at)

    async def reopen(self, at: int = 0) -> None:
        """Show the open chat again: it goes on from another message than before."""
        await self._show(self.conversation, at)

    async def _show(self, conversation: Conversation | None, at: int = 0) -> None:
        transcript, prompt = self._screen.transcript, self._screen.prompt
        self.edit(None)
        if self.answering is not None:
            self.answering.leave()
        self.conversation, self._new = conversation, NewChat(self.core.conversations)
        messages = await self.core.conversations.long_thread(conversation.id) if conversation else ()
        if conversation and self.answering and self.answering.conversation_id == conversation.id:
            await self.answering.show_in(transcript, messages)
        else:
            await transcript.show(messages, at)
        self._saved_draft = conversation.draft if conversation else ""
        if not prompt.text:
            prompt.replace_text(self._saved_draft)
        prompt.set_history([each.text for each in messages[-HISTORY:] if each.role == "user"])
        self.last_usage = next((each.usage for each in messages[:-HISTORY:-1] if each.usage), None)
        await self._screen.session_changed()

    async def open_id(self, conversation_id: int, at: int = 0) -> None:
        """Show the chat with this number, beginning at a message (0: its end).

        Raises:
            NotFoundError: there is none.
        """
        await self.open(await self.core.conversations.get(conversation_id), at)

    async def reload(self) -> list[Conversation]:
        """All chats, for the list; the open one is read again, since its title or scope may have changed."""
        if self.conversation is not None:
            try:
                self.conversation = await self.core.conversations.get(self.conversation.id)
            except NotFoundError:
                self.conversation, self._new = None, NewChat(self.core.conversations)
        return await self.core.conversations.recent()

    async def save_draft(self) -> None:
        """Keep what is typed but not sent; a chat begins with its first draft.

        Raises:
            StorageError: it could not be stored.
        """
        text = self._screen.prompt.text
        if text == self._saved_draft or text.startswith("/"):
            return
        self._saved_draft = text
        new = self._new
        chat = self.conversation or await new.stored()
        if self._new is new:
            self.conversation = self.conversation or chat
        if self._screen.prompt.text == text:  # it was not sent meanwhile
            await self.core.conversations.set_draft(chat.id, text)

    # -- asking ------------------------------------------------------------------

    def ask(self, text: str) -> None:
        """Ask now, or keep the question until the answer under way is finished."""
        if self.answering is None:
            instead_of = self.editing
            self.edit(None)
            self._begin(self.conversation, text, instead_of)
            return
        self.queued = text if self.queued is None else f"{self.queued}\n{text}"
        self._queued_for = self.conversation
        self._screen.answering_changed()

    def ask_agent(self, text: str) -> None:
        """Let an agent answer; its steps are told while it makes them.

        Raises:
            UsageError: an answer is under way.
        """
        from assistant.tools.agent import Agent

        if self.answering is not None:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")
        self.edit(None)
        composer = self._screen.composer
        self._agent = Agent(self.core, lambda step: composer.tell(f"{step.line}. Esc stops."))
        self._begin(self.conversation, text)

    def edit(self, question: Message | None) -> None:
        """Let the next question stand beside this one, whose text is put into the prompt; None: no longer."""
        before, self.editing = self.editing, question
        if question is not None:
            self._screen.prompt.replace_text(question.text)
            self._screen.prompt.focus()
        elif before is not None and self._screen.prompt.text == before.text:
            self._screen.prompt.replace_text("")
        self._screen.answering_changed()

    def take_back(self) -> str:
        """The waiting question, which then waits no longer."""
        text, self.queued = self.queued or "", None
        self._screen.answering_changed()
        return text

    def stop(self) -> None:
        """End the answer under way; what was streamed is kept."""
        (self._agent or self.core.engine).stop()

    async def close(self) -> None:
        """Stop, and wait until the end is stored."""
        self.queued = None
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        while self.answering is not None and asyncio.get_running_loop().time() < deadline:
            self.stop()
            await asyncio.sleep(0.02)

    async def answer_again(self, message: Message) -> None:
        """Another answer to the question of an answer, beside it."""
        if self.answering is not None:
            self._screen.app.say("Stop the answer first (Esc), or wait.")
            return
        self.edit(None)
        self.answering = Answering(message.conversation_id, self._screen.session_changed)
        self._screen.answering_changed()
        await self._screen.transcript.show(
            await self.core.conversations.thread(message.conversation_id, message.parent_id)
        )
        await self._follow(self.core.engine.regenerate(message.id))

    async def answer_unseen(self, message: Message, mix: str | None, sampling: Sampling) -> Message | None:
        """Another answer to the question of an answer, shown nowhere, to be compared. `mix` as in `regenerate`."""
        self.answering = Answering(message.conversation_id, self._screen.session_changed)
        self._screen.answering_changed()
        try:
            events = self.core.engine.regenerate(message.id, mix=mix, sampling=sampling)
            return await self.answering.follow(events, None)
        finally:
            self._end_answering()

    def _begin(self, conversation: Conversation | None, text: str, instead_of: Message | None = None) -> None:
        self._titles.cancel()
        self.answering = Answering(conversation.id if conversation else 0, self._screen.session_changed)
        self._screen.answering_changed()
        self._screen.run_worker(self._ask(conversation, self._new, text, instead_of), group="answer")

    async def _ask(
        self, conversation: Conversation | None, new: NewChat, text: str, instead_of: Message | None
    ) -> None:
        answering = self.answering
        assert answering is not None
        try:
            conversation = conversation or await new.stored()
        except AssistantError as error:
            self._screen.app.tell(error)
            self._end_answering()
        else:
            if self._new is new:
                self.conversation = self.conversation or conversation
            answering.conversation_id = conversation.id
            self._saved_draft = ""  # storing the question empties it
            if instead_of is not None:
                await self._screen.transcript.show(await self._above(instead_of))
            number = instead_of.id if instead_of else None
            asked = self._agent or self.core.engine
            await self._follow(asked.ask(conversation.id, text, instead_of=number))
        if answering.message is None:
            self._screen.composer.give_back(text)  # it was not stored, so it must not be lost either

    async def _above(self, message: Message) -> list[Message]:
        if message.parent_id is None:
            return []
        return await self.core.conversations.thread(message.conversation_id, message.parent_id)

    async def _follow(self, events: AsyncIterator[Event]) -> None:
        """Show an answer until its end, then ask what waits."""
        assert self.answering is not None
        open_id = self.conversation.id if self.conversation else None
        transcript = self._screen.transcript if open_id == self.answering.conversation_id else None
        try:
            message = await self.answering.follow(events, transcript)
            if message is not None and self.conversation and message.conversation_id == self.conversation.id:
                self.last_usage = message.usage or self.last_usage
        except AssistantError as error:
            self._screen.app.tell(error)
            message = None
        self._end_answering()
        await self._screen.session_changed()
        if message is not None and message.state == "done" and self.core.config.answer.principles:
            await self._second_pass(message)
        if self.answering is None and self.queued is not None:
            text, self.queued = self.queued, None
            self._begin(self._queued_for, text)
        elif message is not None and message.state == "done":
            self._titles.begin(message.conversation_id)

    async def revise(self, view: AnswerView | None) -> None:
        """Hold an answer against the user's principles.

        Raises:
            UsageError: there is none, or there are no principles.
        """
        if view is None or self.answering is not None:
            raise UsageError("There is no finished answer.", "Ask something, or wait.")
        check_principles(self.core)
        await self._second_pass(view.message)

    async def _second_pass(self, message: Message) -> None:
        """The answer that the chat goes on from is shown in place of the first draft; no other is asked meanwhile."""
        self.answering = Answering(message.conversation_id, self._screen.session_changed)
        self._screen.composer.tell("Holding the answer against your principles…")
        try:
            await revise(self.core, message.id)
        except AssistantError as error:
            self._screen.app.tell(error)
        finally:
            self._end_answering()
            self._screen.composer.tell("")
        if self.conversation is not None and self.conversation.id == message.conversation_id:
            await self.open_id(message.conversation_id)

    def _end_answering(self) -> None:
        self.answering = None
        if self._agent is not None:
            self._agent = None
            self._screen.composer.tell("")
        self._screen.answering_changed()
