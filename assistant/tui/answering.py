"""The answer under way: each event of the engine becomes one call of a widget."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from assistant.conversation import Message
from assistant.events import Cancelled, Completed, Event, Failed, Retrieved, Started, Token
from assistant.tui.widgets.messages import AnswerView
from assistant.tui.widgets.transcript import Transcript


class Answering:
    """Follows one answer to its end, whether or not its chat is on the screen."""

    def __init__(self, conversation_id: int, stored: Callable[[], Awaitable[None]]) -> None:
        """`stored` is called when the question is on disk: the chat may have its title from it."""
        self.conversation_id = conversation_id
        self.message: Message | None = None  # None until question and answer are on disk
        self.text = ""
        self._view: AnswerView | None = None
        self._began = time.monotonic()
        self._doing = "searching"
        self._stored = stored

    @property
    def line(self) -> str:
        """What is going on, for the status line."""
        return f"{self._doing} {time.monotonic() - self._began:.0f} s"

    async def follow(self, events: AsyncIterator[Event], transcript: Transcript | None) -> Message | None:
        """Show the events until the last one; returns the finished answer. `transcript` None shows nothing."""
        async for event in events:
            if isinstance(event, Started):
                await self._start(event, transcript)
            elif isinstance(event, Retrieved):
                self._tell("reading", f"{event.trace} · reading…")
            elif isinstance(event, Token):
                self._write(event.text)
            elif isinstance(event, Completed | Cancelled | Failed):
                self.message = event.message
                if self._view is not None and self._view.is_attached:
                    await self._view.finish(event.message)
        return self.message

    async def show_in(self, transcript: Transcript, messages: Sequence[Message]) -> None:
        """Show a chat again whose answer is still being written."""
        if self.message is None:
            await transcript.show(messages)
            return
        shown = self.text
        number = self.message.id
        await transcript.show([replace(each, text=shown) if each.id == number else each for each in messages])
        self._view = next((view for view in transcript.answers() if view.message.id == number), None)
        if self._view is not None:
            self._view.feed(self.text[len(shown) :])

    def leave(self) -> None:
        """Its chat is no longer on the screen."""
        self._view = None

    async def _start(self, event: Started, transcript: Transcript | None) -> None:
        self.message = event.answer
        if transcript is not None:
            self._view = await transcript.begin(event.question, event.answer)
            self._tell("searching", "searching your documents…")
        await self._stored()

    def _write(self, text: str) -> None:
        if not self.text:
            self._tell("writing", "writing…")
        self.text += text
        if self._view is not None:
            self._view.feed(text)

    def _tell(self, doing: str, progress: str) -> None:
        self._doing = doing
        if self._view is not None:
            self._view.show_progress(progress)
