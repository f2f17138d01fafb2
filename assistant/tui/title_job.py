"""New chats are named by the model when nothing else is going on, where `interface.titles` says so."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from textual.worker import Worker

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.screens.chat import ChatScreen

QUIET = 2.0  # seconds without an answer under way and with an empty prompt


class TitleJob:
    """One chat at a time; the next question cancels it, and a title that the user gave stays."""

    def __init__(self, screen: ChatScreen, core: Core) -> None:
        self._screen, self._core = screen, core
        self._worker: Worker[None] | None = None

    def begin(self, conversation_id: int) -> None:
        """Name this chat in a quiet moment; a model on a server is not asked, which would cost."""
        if self._core.config.interface.titles == "model" and not self._core.model.is_remote:
            self._worker = self._screen.run_worker(self._name(conversation_id), group="title", exclusive=True)

    def cancel(self) -> None:
        """Something else is wanted of the model now."""
        if self._worker is not None:
            self._worker.cancel()

    async def _name(self, conversation_id: int) -> None:
        from assistant.title_writing import is_untouched, written_title

        with contextlib.suppress(AssistantError):  # then it is called by its question as before
            thread = await self._core.conversations.thread(conversation_id)
            before = (await self._core.conversations.get(conversation_id)).title
            if len(thread) != 2 or not is_untouched(before, thread[0].text):
                return
            await asyncio.sleep(QUIET)
            while self._core.engine.busy or self._screen.prompt.text:
                await asyncio.sleep(QUIET)
            title = await written_title(self._core, conversation_id)
            if await self._core.conversations.retitle(conversation_id, before, title):
                await self._screen.session_changed()
