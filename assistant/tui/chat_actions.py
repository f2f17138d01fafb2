"""What is done with whole chats: searched, named, pinned, exported, deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import branching
from assistant.chat_groups import checked_name
from assistant.errors import StorageError, UsageError
from assistant.personas import NONE, choose_persona
from assistant.safe_text import safe_line
from assistant.tui.path_completion import expanded
from ingest.atomic_file import replace_file

if TYPE_CHECKING:
    from assistant.conversation import Conversation
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.session import ChatSession


TOLD = 20  # chats between two lines about an import


class ChatActions:
    """Does to chats what commands and the list of chats ask for."""

    def __init__(self, screen: ChatScreen, session: ChatSession) -> None:
        self._screen, self._session, self._core = screen, session, session.core

    async def search(self, words: str) -> None:
        """Search in all chats; the chosen message is shown in its chat, on its branch."""
        from assistant.tui.screens.search import SearchScreen

        hit = await self._screen.app.push_screen_wait(SearchScreen(self._core.conversations, words))
        if hit is None:
            return
        thread = await self._core.conversations.thread(hit.conversation_id)
        if all(message.id != hit.message_id for message in thread) and not self._screen.answering:
            await branching.choose_branch(self._core, hit.message_id)
        await self._session.open_id(hit.conversation_id, hit.message_id)

    async def history(self, words: str) -> None:
        """Put a question that was asked before into the prompt."""
        from assistant.tui.screens.prompt_history import PromptHistory

        text = await self._screen.app.push_screen_wait(PromptHistory(self._core.conversations, words))
        if text is not None:
            self._screen.prompt.replace_text(text)
            self._screen.prompt.focus()

    async def pin(self, conversation_id: int) -> None:
        """Keep a chat at the top of the list, or no longer."""
        chat = await self._core.conversations.get(conversation_id)
        await self._core.conversations.pin(chat.id, not chat.pinned)
        await self._screen.session_changed()
        self._screen.composer.tell("It is no longer pinned." if chat.pinned else "Pinned: it stays at the top.")

    async def name(self, conversation_id: int) -> None:
        """Ask for a chat's title."""
        from assistant.tui.screens.dialogs import AskLine

        chat = await self._core.conversations.get(conversation_id)
        title = await self._screen.app.push_screen_wait(AskLine("Title of this chat", chat.title, "", path=False))
        if title is not None:
            await self._core.conversations.rename(chat.id, title)
            await self._screen.session_changed()

    async def group(self, conversation_id: int, name: str = "") -> None:
        """List a chat in a group: the named one, "off" for none, or the one that is typed when asked."""
        from assistant.tui.screens.dialogs import AskLine

        chat = await self._core.conversations.get(conversation_id)
        if not name:
            note = "A name, or off to list it by its day again."
            asked = AskLine("Group of this chat", chat.group, note, path=False)
            typed = await self._screen.app.push_screen_wait(asked)
            name = typed or ""
        if name:
            await self._core.conversations.set_group(chat.id, "" if name == NONE else checked_name(name))
            await self._screen.session_changed()

    async def persona(self, conversation_id: int, text: str) -> None:
        """Let somebody else answer in this chat from now on."""
        persona = await choose_persona(self._core, conversation_id, text)
        await self._screen.session_changed()
        told = f"From now on in this chat: {persona[:100]}" if persona else "This chat has no persona of its own."
        self._screen.composer.tell(safe_line(told))

    async def delete(self, conversation_id: int) -> None:
        """Ask, then put a chat into the trash and open the one below it."""
        from assistant.tui.screens.dialogs import ConfirmDialog

        chat = await self._core.conversations.get(conversation_id)
        dialog = ConfirmDialog(f"Delete “{chat.title}”?", "It stays in the trash for 30 days; /trash brings it back.")
        if not await self._screen.app.push_screen_wait(dialog):
            return
        await self._core.conversations.trash(chat.id)
        current = self._session.conversation
        if current is not None and current.id == chat.id:
            self._session.conversation = None
            others = await self._core.conversations.recent()
            await self._session.open(others[0] if others else None)
        await self._screen.session_changed()

    async def export(self, conversation: Conversation, rest: str) -> None:
        """Write a chat to a new file, in the form that its ending asks for."""
        from assistant.chat_files.exporting import SUFFIXES, exported, form_of

        path = expanded(rest) if rest else Path.cwd() / f"chat-{conversation.id}.md"
        first, _, others = rest.partition(" ")
        form = form_of(path)
        if first in SUFFIXES:
            form = first
            path = expanded(others) if others else Path.cwd() / f"chat-{conversation.id}{SUFFIXES[form]}"
        await asyncio.to_thread(_save, path, await exported(self._core, conversation.id, form))
        self._screen.composer.tell(f"Saved as {path}.")

    async def import_file(self, rest: str) -> None:
        """Add the chats of a file to the list."""
        from assistant.chat_files.importing import ImportSummary, import_chats

        def tell(summary: ImportSummary) -> None:
            if len(summary.added) % TOLD == 0:
                self._screen.composer.tell(f"Reading… {summary.line}")

        self._screen.composer.tell("Reading…")
        summary = await import_chats(self._core, expanded(rest), tell)
        await self._screen.session_changed()
        more = f" The first that was left out: {summary.skipped[0]}" if summary.skipped else ""
        self._screen.composer.tell(f"{summary.line} {{chat.chats}} lists the chats.{more}")


def _save(path: Path, text: str) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already.", "Choose another name: /export FILE")
    try:
        replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Choose another: /export FILE") from error
