"""What each `/` command does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from assistant.conversation import Conversation, Message
from assistant.errors import UsageError
from assistant.settings import apply
from assistant.storage.teachings import parse_teaching
from assistant.tui.adapter_actions import on_now, roll_back
from assistant.tui.chat_actions import ChatActions
from assistant.tui.collection_actions import collections
from assistant.tui.commands import parse, parse_setting
from assistant.tui.model_loading import load_model
from assistant.tui.path_completion import expanded
from assistant.tui.screen_commands import ScreenCommands
from assistant.tui.told import USER_ERRORS, told
from ingest.scope import check_filters, is_filter

if TYPE_CHECKING:
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.session import ChatSession

ENOUGH, LISTED = 8, 3  # teachings that are worth a training, and how many /teach lists


class CommandActions(ScreenCommands):
    """Runs command lines on the chat screen."""

    def __init__(self, screen: ChatScreen, session: ChatSession) -> None:
        self._screen, self._session, self._core = screen, session, session.core
        self.chats = ChatActions(screen, session)

    def problem(self, line: str) -> str:
        """What is wrong with a line, "" for a command with what it needs."""
        try:
            parse(line)
        except UsageError as error:
            return told(error)
        return ""

    async def run(self, line: str) -> None:
        """Do what a line says; what goes wrong is told."""
        command, rest = parse(line)
        action: Callable[[str], Awaitable[None]] = getattr(self, f"_{command.name}")
        try:
            await action(rest)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")

    async def _help(self, rest: str) -> None:
        self._screen.app.action_help()

    async def _new(self, rest: str) -> None:
        await self._session.open(None)

    async def _chats(self, rest: str) -> None:
        self._screen.action_toggle_chats()

    async def _add(self, rest: str) -> None:
        path = expanded(rest.removesuffix(" --yes"))
        if not await asyncio.to_thread(path.exists):
            raise UsageError(f"There is no file or folder {path}.", "Tab completes paths.")
        job = self._screen.app.ingest
        if job is not None:
            job.add([path], await self._collection(), confirmed=rest.endswith(" --yes"))
            self._screen.composer.tell(f"Indexing {path}. You can go on asking meanwhile.")

    async def _collection(self) -> str:
        """Where /add puts documents: the chat's collection if it has exactly one."""
        from ingest.library import DEFAULT_COLLECTION

        scope = self._session.conversation.collections if self._session.conversation else None
        names = [name for name in scope or () if not is_filter(name)]
        return names[0] if len(names) == 1 else DEFAULT_COLLECTION

    async def _folders(self, rest: str) -> None:
        from assistant.tui.screens.folders import FoldersScreen

        app = self._screen.app
        if app.ingest is not None and app.folders is not None:
            app.push_screen(FoldersScreen(self._core, app.ingest, app.folders))

    async def _link(self, rest: str) -> None:
        job = self._screen.app.folders
        if job is not None:
            folder = await job.link(expanded(rest), await self._collection())
            self._screen.composer.tell(f"Linked {folder.path}. You can go on asking while it is indexed.")

    async def _sync(self, rest: str) -> None:
        folders, job = await self._core.folders.all(), self._screen.app.folders
        if not folders:
            raise UsageError("No folder is linked.", "/link PATH links one.")
        if job is not None:
            job.sync(folders)
            self._screen.composer.tell("Syncing. You can go on asking meanwhile.")

    async def _collections(self, rest: str) -> None:
        self._screen.composer.tell(await collections(self._screen.app, rest))

    async def _rebuild(self, rest: str) -> None:
        job = self._screen.app.folders
        started = job is not None and job.rebuild.start(asked=True)
        told = "Passages are made anew. The old ones serve meanwhile."
        self._screen.composer.tell(told if started else "All passages are made with the settings as they are.")

    async def _sources(self, rest: str) -> None:
        await self._screen.toggle_sources()

    async def _scope(self, rest: str) -> None:
        known = [each.name for each in await self._core.library.collections()]
        scope: tuple[str, ...] | None = tuple(rest.replace(",", " ").split())
        if rest in ("all", "none"):
            scope = None if rest == "all" else ()
        check_filters(scope or ())
        unknown = [name for name in scope or () if not is_filter(name) and name not in known]
        if unknown:
            raise UsageError(f"There is no collection {unknown[0]}.", f"Known: {', '.join(known) or 'none yet'}.")
        conversation = self._session.conversation or await self._core.conversations.create()
        await self._core.conversations.set_collections(conversation.id, scope)
        self._session.conversation = conversation
        await self._screen.session_changed()

    async def _history(self, rest: str) -> None:
        await self.chats.history(rest)

    async def _editor(self, rest: str) -> None:
        await self._screen.action_editor()

    async def _search(self, rest: str) -> None:
        await self.chats.search(rest)

    async def _regenerate(self, rest: str) -> None:
        await self._session.answer_again(self._last_answer())

    async def _continue(self, rest: str) -> None:
        await self._regenerate(rest)

    async def _edit(self, rest: str) -> None:
        question = self._screen.transcript.last("user")
        if question is None:
            raise UsageError("There is no question yet.", "Ask something first.")
        await self._screen.messaging.edit(question)

    async def _rewrite(self, rest: str) -> None:
        await self._screen.messaging.edit(self._last_answer())

    async def _undo(self, rest: str) -> None:
        await self._screen.messaging.undo()

    async def _redo(self, rest: str) -> None:
        await self._screen.messaging.redo()

    async def _fork(self, rest: str) -> None:
        await self._screen.messaging.fork(self._last_answer())

    async def _copy(self, rest: str) -> None:
        answer = self._last_answer()
        if rest.isdecimal():
            self._screen.messaging.copy_block(answer, int(rest))
        elif rest in ("", "sources"):
            copy = self._screen.messaging.copy_with_sources if rest else self._screen.messaging.copy
            copy(answer)
        else:
            raise UsageError(
                f"/copy {rest} is not known.", "/copy, /copy sources, or /copy and the number of a code block."
            )

    def _last_answer(self) -> Message:
        answer = self._screen.transcript.last("assistant")
        if answer is None:
            raise UsageError("There is no answer yet.", "Ask something first.")
        return answer

    async def _export(self, rest: str) -> None:
        await self.chats.export(self._open_chat(), rest)

    async def _import(self, rest: str) -> None:
        await self.chats.import_file(rest)

    async def _rename(self, rest: str) -> None:
        from assistant.title_writing import written_title

        chat = self._open_chat()
        await self._core.conversations.rename(chat.id, rest or await written_title(self._core, chat.id))
        await self._screen.session_changed()

    async def _pin(self, rest: str) -> None:
        await self.chats.pin(self._open_chat().id)

    async def _group(self, rest: str) -> None:
        await self.chats.group(self._open_chat().id, rest)

    async def _persona(self, rest: str) -> None:
        chat = self._session.conversation or await self._core.conversations.create()
        self._session.conversation = chat
        await self.chats.persona(chat.id, rest)

    async def _delete(self, rest: str) -> None:
        await self.chats.delete(self._open_chat().id)

    async def _model(self, rest: str) -> None:
        self._refuse_while_answering()
        info = await load_model(self._screen.app, await self._core.models.path(rest))
        if info is None:
            return
        self._session.last_usage = None
        self._screen.composer.tell(f"{info.name} answers from now on.")

    async def _adapter(self, rest: str) -> None:
        self._refuse_while_answering()
        words = rest.split()
        mix = " ".join(word for word in words if word not in ("--chat", "--force"))
        force = "--force" in words
        if "--chat" in words:
            await self._chat_adapter(mix, force)
            return
        on = await self._core.adapters.activate(mix, force=force)
        self._screen.composer.tell(on_now(self._screen.app, on))

    async def _chat_adapter(self, mix: str, force: bool) -> None:
        """A mix for this chat alone; `all` lets it follow the others again."""
        own = None if mix == "all" else await self._core.adapters.checked_mix(mix, force=force)
        conversation = self._session.conversation or await self._core.conversations.create()
        await self._core.conversations.set_adapters(conversation.id, own)
        self._session.conversation = conversation
        await self._screen.session_changed()
        told = "what is on for all" if own is None else own or "the base model alone"
        self._screen.composer.tell(f"This chat answers with {told}.")

    async def _rollback(self, rest: str) -> None:
        self._refuse_while_answering()
        await roll_back(self._screen.app)

    async def _score(self, rest: str) -> None:
        if rest not in ("", "good", "bad"):
            raise UsageError("An answer is good or bad.", "/score alone opens points, note and better answer.")
        await (self._screen.scoring.verdict(rest == "good") if rest else self._screen.scoring.more())

    async def _compare(self, rest: str) -> None:
        await self._screen.comparing.run(rest.split())

    async def _agent(self, rest: str) -> None:
        if self._screen.answering:
            self._screen.composer.give_back(f"/agent {rest}")
        self._session.ask_agent(rest)

    async def _best(self, rest: str) -> None:
        from assistant.tui.best_actions import BestActions

        await BestActions(self._screen).run(rest)

    async def _revise(self, rest: str) -> None:
        await self._session.revise(self._screen.transcript.chosen(self._screen.focused))

    async def _learn(self, rest: str) -> None:
        from assistant.tui.learn_actions import learn

        await learn(self._screen.app)

    async def _prompt(self, rest: str) -> None:
        from assistant.tui.prompt_actions import use_prompt

        await use_prompt(self._screen.app, rest)

    async def _teach(self, rest: str) -> None:
        if not rest:
            self._screen.composer.tell(await self._taught())
            return
        taught = await self._core.teachings.add(*parse_teaching(rest))
        count = len(await self._core.teachings.all())
        before = f" The answer was “{taught.replaced[:60]}” before." if taught.replaced else ""
        next_step = (
            "/train makes a dataset of them." if count >= ENOUGH else f"From about {ENOUGH} on, /train learns them."
        )
        self._screen.composer.tell(f"Kept; {count:,} taught.{before} {next_step}")

    async def _taught(self) -> str:
        taught = await self._core.teachings.all()
        if not taught:
            return "Nothing was taught yet: /teach QUESTION => ANSWER"
        lines = [f"{each.question} => {each.answer}" for each in taught[-LISTED:]]
        shown = "\n".join(line if len(line) <= 100 else f"{line[:100]}…" for line in lines)
        return f"{len(taught):,} taught; the newest:\n{shown}"

    async def _train(self, rest: str) -> None:
        self._screen.app.action_train(rest.strip())

    async def _set(self, rest: str) -> None:
        section, key, value = parse_setting(rest, self._core.config)
        try:
            config = self._core.config.with_value(section, key, value)
        except ValueError as error:
            raise UsageError(str(error)) from error
        apply(self._core, config)
        self._screen.composer.tell(f"{key} is now {getattr(getattr(config, section), key)}. /settings keeps a change.")

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
        if self._session.conversation is None:
            raise UsageError("This chat is empty.", "Ask something first.")
        return self._session.conversation

    def _refuse_while_answering(self) -> None:
        if self._screen.answering:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")
