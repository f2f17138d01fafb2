"""What each `/` command does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.conversation import Conversation
from assistant.errors import AssistantError, StorageError, UsageError
from assistant.transcript import as_markdown
from assistant.tui.commands import parse, parse_setting
from assistant.tui.path_completion import expanded
from ingest.atomic_file import replace_file
from ingest.errors import IngestError

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.screens.chat import ChatScreen


class CommandActions:
    """Runs command lines on the chat screen."""

    def __init__(self, screen: ChatScreen, core: Core) -> None:
        self._screen, self._core = screen, core

    def understands(self, line: str) -> bool:
        """Whether a line is a command with what it needs; if not, the user is told what to type."""
        try:
            parse(line)
        except UsageError as error:
            self._screen.app.tell(error)
            return False
        return True

    async def run(self, line: str) -> None:
        """Do what a line says; what goes wrong is told."""
        command, rest = parse(line)
        action: Callable[[str], Awaitable[None]] = getattr(self, f"_{command.name}")
        try:
            await action(rest)
        except (AssistantError, IngestError) as error:
            self._screen.app.tell(error)

    async def _help(self, rest: str) -> None:
        self._screen.app.action_help()

    async def _new(self, rest: str) -> None:
        await self._screen.action_new_chat()

    async def _chats(self, rest: str) -> None:
        self._screen.action_toggle_chats()

    async def _docs(self, rest: str) -> None:
        self._screen.app.action_library()

    async def _add(self, rest: str) -> None:
        path = expanded(rest)
        if not await asyncio.to_thread(path.exists):
            raise UsageError(f"There is no file or folder {path}.", "Tab completes paths.")
        job = self._screen.app.ingest
        if job is not None:
            job.add([path], await self._collection())
            self._screen.app.say(f"Indexing {path}. You can go on asking meanwhile.")

    async def _collection(self) -> str:
        """Where /add puts documents: the chat's collection if it has exactly one."""
        from ingest.library import DEFAULT_COLLECTION

        scope = self._screen.conversation.collections if self._screen.conversation else None
        return scope[0] if scope and len(scope) == 1 else DEFAULT_COLLECTION

    async def _sources(self, rest: str) -> None:
        await self._screen.action_sources()

    async def _scope(self, rest: str) -> None:
        known = [each.name for each in await self._core.library.collections()]
        names = tuple(rest.replace(",", " ").split())
        scope = {("all",): None, ("none",): ()}.get(names, names)
        unknown = [name for name in scope or () if name not in known]
        if unknown:
            raise UsageError(f"There is no collection {unknown[0]}.", f"Known: {', '.join(known) or 'none yet'}.")
        conversation = self._screen.conversation or await self._core.conversations.create()
        await self._core.conversations.set_collections(conversation.id, scope)
        self._screen.conversation = conversation
        await self._screen.refresh_chats()

    async def _search(self, rest: str) -> None:
        from assistant.tui.screens.search import SearchScreen

        hits = await self._core.conversations.search(rest)
        if not hits:
            self._screen.app.say(f"No message in any chat has “{rest}”.")
            return
        hit = await self._screen.app.push_screen_wait(SearchScreen(rest, hits))
        if hit is not None:
            await self._screen.open_chat_id(hit.conversation_id)

    async def _regenerate(self, rest: str) -> None:
        answers = self._screen.transcript.answers()
        if not answers:
            raise UsageError("There is no answer yet.", "Ask something first.")
        await self._screen.answer_again(answers[-1].message)

    async def _continue(self, rest: str) -> None:
        await self._regenerate(rest)

    async def _copy(self, rest: str) -> None:
        self._screen.action_copy_answer()

    async def _export(self, rest: str) -> None:
        conversation = self._open_chat()
        path = expanded(rest) if rest else Path.cwd() / f"chat-{conversation.id}.md"
        text = as_markdown(conversation, await self._core.conversations.thread(conversation.id))
        await asyncio.to_thread(_save, path, text)
        self._screen.app.say(f"Saved as {path}.")

    async def _rename(self, rest: str) -> None:
        await self._core.conversations.rename(self._open_chat().id, rest)
        await self._screen.refresh_chats()

    async def _delete(self, rest: str) -> None:
        await self.delete(self._open_chat().id)

    async def delete(self, conversation_id: int) -> None:
        """Ask, then put a chat into the trash and open the one below it."""
        from assistant.tui.screens.dialogs import ConfirmDialog

        chat = await self._core.conversations.get(conversation_id)
        dialog = ConfirmDialog(f"Delete “{chat.title}”?", "It stays in the trash for 30 days (see `assistant chats`).")
        if not await self._screen.app.push_screen_wait(dialog):
            return
        await self._core.conversations.trash(chat.id)
        current = self._screen.conversation
        if current is not None and current.id == chat.id:
            self._screen.conversation = None
            others = await self._core.conversations.recent()
            await self._screen.open_chat(others[0] if others else None)
        await self._screen.refresh_chats()

    async def _model(self, rest: str) -> None:
        self._refuse_while_answering()
        info = await self._core.model.load(rest)
        self._screen.last_usage = None
        self._screen.app.say(f"{info.name} answers from now on.")

    async def _adapter(self, rest: str) -> None:
        self._refuse_while_answering()
        name, _, scale = rest.rpartition(" ")
        strength = _number(scale) if name else None
        if strength is None:
            name, strength = rest, 1.0
        wanted = None if name == "off" else name
        await self._core.model.use_adapter(wanted, strength)
        self._screen.app.say(f"The adapter {self._core.model.adapter} is on." if wanted else "The adapter is off.")

    async def _set(self, rest: str) -> None:
        section, key, value = parse_setting(rest, self._core.config)
        try:
            config = self._core.config.with_value(section, key, value)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self._core.config = config
        self._core.engine.settings, self._core.engine.sampling = config.answer, config.sampling.sampling()
        self._screen.app.say(f"{key} is now {getattr(getattr(config, section), key)}.")

    async def _theme(self, rest: str) -> None:
        app = self._screen.app
        if not rest:
            app.action_change_theme()
        elif rest in app.available_themes:
            app.theme = rest
        else:
            raise UsageError(f"There is no theme {rest}.", f"Known: {', '.join(sorted(app.available_themes))}.")

    async def _quit(self, rest: str) -> None:
        await self._screen.app.action_quit()

    def _open_chat(self) -> Conversation:
        if self._screen.conversation is None:
            raise UsageError("This chat is empty.", "Ask something first.")
        return self._screen.conversation

    def _refuse_while_answering(self) -> None:
        if self._screen.answering:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")


def _save(path: Path, text: str) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already.", "Choose another name: /export FILE")
    try:
        replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Choose another: /export FILE") from error


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
