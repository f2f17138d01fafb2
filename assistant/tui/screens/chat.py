"""The main screen: chats at the left, the conversation, the prompt, and the sources beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from assistant.errors import AssistantError
from assistant.tui.commands import Command, Suggestion, is_command, suggestions
from assistant.tui.compare_actions import CompareActions
from assistant.tui.message_actions import MessageActions
from assistant.tui.score_actions import ScoreActions
from assistant.tui.screens.chat_keys import ChatKeys
from assistant.tui.source_view import TWO_COLUMNS, SourceView
from assistant.tui.widgets.chat_title import ChatTitle
from assistant.tui.widgets.composer import Composer
from assistant.tui.widgets.messages import AnswerView, MenuWanted
from assistant.tui.widgets.status_line import StatusLine
from assistant.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.widgets import Markdown, OptionList

    from assistant.bootstrap import Core
    from assistant.conversation import Message
    from assistant.tui.app import AssistantApp
    from assistant.tui.command_actions import CommandActions
    from assistant.tui.session import ChatSession
    from assistant.tui.widgets.chat_list import ChatList

DRAFT_SECONDS = 2.0


class ChatScreen(ChatKeys):
    """One chat at a time; an answer goes on when another chat is looked at."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (TWO_COLUMNS, "-wide")]  # noqa: RUF012  # Textual declares it without ClassVar
    app: AssistantApp

    def __init__(self) -> None:
        super().__init__()
        self.session: ChatSession | None = None  # there as soon as the core is open
        self.transcript = Transcript()
        self.composer = Composer(self._suggest)
        self.prompt = self.composer.prompt
        self._keys = Vertical(id="keys")  # filled after the first frame
        self._side = Vertical(id="side")
        self._chats: ChatList  # mounted when there are chats to show: the first frame is drawn without it
        self._title = ChatTitle()
        self._sent_early: list[str] = []  # before the core was open
        self._actions: CommandActions | None = None
        self._sources = SourceView(self)
        self.scoring, self.comparing, self.messaging = ScoreActions(self), CompareActions(self), MessageActions(self)

    def compose(self) -> ComposeResult:
        """Everything is there from the first frame; the chats come when the database is open."""
        with Horizontal(id="body"):
            yield self._side
            with Vertical(id="main"):
                yield self._title
                yield self.transcript
                yield self.composer
        yield StatusLine()
        yield self._keys

    def on_mount(self) -> None:
        """Ready to type at once."""
        self.prompt.focus()
        self.set_interval(DRAFT_SECONDS, self.save_draft)
        self.call_after_refresh(self._show_keys)
        if not self.app.core.database_path.exists():
            self.run_worker(self.transcript.show(()), name="welcome")

    async def _show_keys(self) -> None:
        from assistant.tui.widgets.key_line import KeyLine

        await self._keys.mount(KeyLine(show_command_palette=False))

    # -- the open chat --------------------------------------------------------------

    async def start(self, core: Core) -> None:
        """The core is open: show the last chat, and ask what was sent before."""
        from assistant.tui.command_actions import CommandActions
        from assistant.tui.session import ChatSession
        from assistant.tui.widgets.chat_list import ChatList

        self._chats = ChatList()
        await self._side.mount(self._chats)
        session = ChatSession(self, core)
        await session.start()
        self.session, self._actions = session, CommandActions(self, session)
        await self.session_changed()
        for text in self._sent_early:
            session.ask(text)

    async def cannot_open(self, error: AssistantError) -> None:
        """Say why there is nothing to work with; the app stays, so that it can be read."""
        await self.transcript.show(())
        await self.transcript.say(str(error), "error")

    async def session_changed(self) -> None:
        """Another chat is open, or this one has changed: bring title and list up to date."""
        if self.session is None:
            return
        chats, current = await self.session.reload(), self.session.conversation
        self._chats.show(chats, current.id if current else None)
        self._title.show(current)
        await self.scoring.show()
        self.answering_changed()
        self.app.tell_notices()

    def answering_changed(self) -> None:
        """An answer began or ended, or a question waits: show what can be done now."""
        session = self.session
        editing = session.editing.text if session and session.editing else ""
        self.composer.show_queued((session.queued if session else None) or "", editing)
        self.refresh_bindings()

    async def save_draft(self) -> None:
        """Keep what is typed but not sent."""
        if self.session is not None:
            try:
                await self.session.save_draft()
            except AssistantError as error:
                self.app.tell(error)

    @property
    def answering(self) -> bool:
        """Whether an answer is under way."""
        return self.session is not None and self.session.answering is not None

    # -- asking ---------------------------------------------------------------------

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        if is_command(event.text):
            self.choose_line(event.text)
        else:
            self._ask(event.text)

    def _ask(self, text: str) -> None:
        if self.session is None:
            self._sent_early.append(text)
            self.composer.show_queued(text)
        else:
            self.session.ask(text)

    async def _suggest(self, text: str) -> Sequence[Suggestion]:
        if self.session is None:
            return suggestions(text)
        from assistant.tui.mention_suggestions import suggest_mentions
        from assistant.tui.suggesting import suggest

        if not text.startswith("/"):
            return await suggest_mentions(text, self.session.core)
        return await suggest(text, self.session.core, self.app.available_themes)

    def choose_line(self, text: str) -> None:
        """Run a command line; one that is not understood goes back into the prompt."""
        if self._actions is None:
            self.composer.give_back(text)
            self.composer.tell("One moment: the chats are being opened.")
        elif problem := self._actions.problem(text):
            self.composer.give_back(text)
            self.composer.tell(problem, "error")
        else:
            self.do(self._actions.run(text))

    def choose_command(self, command: Command) -> None:
        """From the palette: run a command, or put it into the prompt to be finished."""
        if command.needs_argument:
            self.prompt.replace_text(f"/{command.name} ")
            self.prompt.focus()
        else:
            self.choose_line(f"/{command.name}")

    # -- chats, links and sources ---------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A chat was chosen."""
        if event.option_list is self._chats and self.session is not None:
            self.do(self.session.open_id(int(event.option_id or 0)))
            self.prompt.focus()

    def on_chat_list_pin_wanted(self, event: ChatList.PinWanted) -> None:
        """A chat is to stay at the top, or no longer."""
        if self._actions is not None:
            self.do(self._actions.chats.pin(event.conversation_id))

    def on_chat_list_group_wanted(self, event: ChatList.GroupWanted) -> None:
        """A chat is to be listed in a group."""
        if self._actions is not None:
            self.do(self._actions.chats.group(event.conversation_id))

    def on_chat_list_name_wanted(self, event: ChatList.NameWanted) -> None:
        """A chat is to be named."""
        if self._actions is not None:
            self.do(self._actions.chats.name(event.conversation_id))

    def on_chat_list_trash_wanted(self, event: ChatList.TrashWanted) -> None:
        """A chat is to be deleted."""
        if self._actions is not None:
            self.do(self._actions.chats.delete(event.conversation_id))

    @on(MenuWanted)
    def _menu_wanted(self, event: MenuWanted) -> None:
        self.do(self.messaging.menu(event.view))

    @on(AnswerView.SourcesWanted)
    def _sources_wanted(self, event: AnswerView.SourcesWanted) -> None:
        self._show_sources(event.message, event.mark)

    def _show_sources(self, message: Message, mark: int) -> None:
        if self.session is not None:
            self.do(self._sources.show(self.session.core, message, mark))

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """A mark opens its source; any other link is shown before anything is done with it."""
        from assistant.tui.screens.dialogs import LinkDialog
        from assistant.tui.widgets.markdown import mark_of

        event.stop()
        mark = mark_of(event.href)
        view = next((each for each in event.markdown.ancestors if isinstance(each, AnswerView)), None)
        if mark and view is not None:
            self._show_sources(view.message, mark)
        else:
            self.app.push_screen(LinkDialog(event.href))
