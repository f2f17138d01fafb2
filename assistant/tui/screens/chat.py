"""The main screen: chats at the left, the conversation, the prompt, and the sources beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList, TextArea

from assistant.conversation import Conversation, Message, Usage
from assistant.errors import AssistantError
from assistant.events import Event
from assistant.safe_text import safe_line
from assistant.tui.answering import Answering
from assistant.tui.commands import Command, Suggestion, is_command
from assistant.tui.widgets.chat_list import ChatList
from assistant.tui.widgets.hints import Hints
from assistant.tui.widgets.messages import AnswerView
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.prompt import LONGEST_PASTE, Prompt
from assistant.tui.widgets.status_line import StatusLine
from assistant.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.widgets import Markdown

    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.command_actions import CommandActions
    from assistant.tui.widgets.sources_panel import SourcesPanel

DRAFT_SECONDS = 2.0
TWO_COLUMNS = 120  # from this width on, sources stand beside the conversation


class ChatScreen(Screen[None]):
    """One chat at a time; an answer goes on when another chat is looked at."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (TWO_COLUMNS, "-wide")]
    BINDINGS = [
        Binding("escape", "stop", "Stop", id="stop"),
        Binding("escape", "back", "Back", show=False),
        Binding("ctrl+n", "new_chat", "New", id="new"),
        Binding("ctrl+b", "toggle_chats", "Chats", id="chats"),
        Binding("ctrl+o", "sources", "Sources", id="sources"),
        Binding("ctrl+r", "regenerate", "Again", id="regenerate", tooltip="Another answer to the last question"),
        Binding("alt+c", "copy_answer", "Copy", show=False, id="copy"),
        Binding("alt+up", "select(-1)", "Answer above", show=False, id="answer-above"),
        Binding("alt+down", "select(1)", "Answer below", show=False, id="answer-below"),
        Binding("pageup", "page(-1)", "Scroll", show=False),
        Binding("pagedown", "page(1)", "Scroll", show=False),
    ]

    app: AssistantApp  # type: ignore[assignment]  # this screen has no other app

    def __init__(self) -> None:
        super().__init__()
        self.core: Core | None = None  # there as soon as it is open
        self.conversation: Conversation | None = None  # None: a chat that nothing was asked in yet
        self.last_usage: Usage | None = None
        self.transcript = Transcript()
        self.prompt = Prompt()
        self._hints = Hints()
        self._chats = ChatList()
        self._title = Plain(id="title")
        self._queued_line = Plain(id="queued")
        self._answering: Answering | None = None
        self._queued: tuple[Conversation | None, str] | None = None
        self._saved_draft = ""
        self._actions: CommandActions | None = None
        self._sources: SourcesPanel | None = None

    def compose(self) -> ComposeResult:
        """Everything is there from the first frame; the chats come when the database is open."""
        with Horizontal(id="body"):
            yield self._chats
            with Vertical(id="main"):
                yield self._title
                yield self.transcript
                yield self._queued_line
                yield self._hints
                yield self.prompt
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to type at once."""
        self._queued_line.display = False
        self.prompt.focus()
        self.set_interval(DRAFT_SECONDS, self.save_draft)
        if not self.app.core.database_path.exists():
            self.run_worker(self.transcript.show(()), name="welcome")

    # -- opening chats ------------------------------------------------------------

    async def start(self, core: Core) -> None:
        """The core is open: show the last chat, with what was typed in it, and send what is waiting."""
        from assistant.tui.command_actions import CommandActions

        self.core, self._actions = core, CommandActions(self, core)
        chats = await core.conversations.recent()
        last = chats[0] if chats and core.config.interface.resume else None
        typed = self.prompt.text
        await self.open_chat(last)
        if typed:
            self.prompt.replace_text(typed)
        await self._ask_queued()

    async def cannot_open(self, error: AssistantError) -> None:
        """Say why there is nothing to work with; the app stays, so that it can be read."""
        await self.transcript.show(())
        await self.transcript.say(str(error), "error")

    async def open_chat(self, conversation: Conversation | None) -> None:
        """Show a chat, or an empty new one."""
        assert self.core is not None
        await self.save_draft()
        if self._answering is not None:
            self._answering.leave()
        self.conversation = conversation
        messages = await self.core.conversations.thread(conversation.id) if conversation else []
        if conversation and self._answering and self._answering.conversation_id == conversation.id:
            await self._answering.show_in(self.transcript, messages)
        else:
            await self.transcript.show(messages)
        self._saved_draft = conversation.draft if conversation else ""
        self.prompt.replace_text(self._saved_draft)
        self.prompt.set_history([each.text for each in messages if each.role == "user"])
        self.last_usage = next((each.usage for each in reversed(messages) if each.usage), None)
        await self._close_sources()
        await self.refresh_chats()

    async def open_chat_id(self, conversation_id: int) -> None:
        """Show the chat with this number."""
        assert self.core is not None
        try:
            await self.open_chat(await self.core.conversations.get(conversation_id))
        except AssistantError as error:
            self.app.tell(error)

    async def refresh_chats(self) -> None:
        """Bring the list and the title up to date."""
        assert self.core is not None
        if self.conversation is not None:
            self.conversation = await self.core.conversations.get(self.conversation.id)
        self._chats.show(await self.core.conversations.recent(), self.conversation.id if self.conversation else None)
        self._title.update(_title(self.conversation))
        self.refresh_bindings()

    async def save_draft(self) -> None:
        """Keep what is typed; a chat begins with its first draft."""
        text = self.prompt.text
        if self.core is None or text == self._saved_draft or text.startswith("/"):
            return
        self._saved_draft = text
        try:
            if self.conversation is None:
                self.conversation = await self.core.conversations.create()
            await self.core.conversations.set_draft(self.conversation.id, text)
        except AssistantError as error:
            self.app.tell(error)

    # -- asking ---------------------------------------------------------------------

    @property
    def answering(self) -> bool:
        """Whether an answer is under way."""
        return self._answering is not None

    @property
    def activity(self) -> str:
        """What the answer under way is at."""
        return self._answering.line if self._answering else ""

    @on(Prompt.Submitted)
    async def _submitted(self, event: Prompt.Submitted) -> None:
        text = event.text
        if (chosen := self._hints.chosen) is not None and not self._hints.complete(text):
            self._complete(chosen)
            if chosen.line.endswith(" "):
                return
            text = chosen.line
        if is_command(text):
            self.choose_line(text)
        elif text.strip():
            self.prompt.remember(text)
            self.prompt.replace_text("")
            self._take(text)

    def choose_line(self, text: str) -> None:
        """Run a command line; the prompt is emptied if it was understood."""
        if self._actions is None:
            self.app.say("One moment: the chats are being opened.")
        elif self._actions.understands(text):
            self.prompt.remember(text)
            self.prompt.replace_text("")
            self.run_worker(self._actions.run(text), group="command")

    def choose_command(self, command: Command) -> None:
        """From the palette: run a command, or put it into the prompt to be finished."""
        if command.needs_argument:
            self.prompt.replace_text(f"/{command.name} ")
            self.prompt.focus()
        else:
            self.choose_line(f"/{command.name}")

    def _take(self, text: str) -> None:
        """Ask now, or keep the question until the answer under way is finished."""
        if self.core is None or self._answering is not None:
            if self._queued is not None:
                text = f"{self._queued[1]}\n{text}"
            self._queue((self.conversation, text))
        else:
            self._begin(self.conversation, text)

    def _begin(self, conversation: Conversation | None, text: str) -> None:
        self._answering = Answering(conversation.id if conversation else 0)
        self.refresh_bindings()
        self.run_worker(self._ask(conversation, text), group="answer")

    async def _ask(self, conversation: Conversation | None, text: str) -> None:
        assert self.core is not None and self._answering is not None
        try:
            if conversation is None:
                conversation = await self.core.conversations.create()
                if self.conversation is None:
                    self.conversation = conversation
            self._answering.conversation_id = conversation.id
            self._saved_draft = self.prompt.text
            await self._follow(self.core.engine.ask(conversation.id, text))
        except AssistantError as error:
            self.app.tell(error)
            if self._answering and self._answering.message is None and not self.prompt.text:
                self.prompt.replace_text(text)  # it was not stored, so it is not lost either
        await self._finish()

    async def answer_again(self, message: Message) -> None:
        """Another answer to the question of the last answer."""
        assert self.core is not None
        if self._answering is not None:
            self.app.say("Stop the answer first (Esc), or wait.")
            return
        self._answering = Answering(message.conversation_id)
        self.refresh_bindings()
        await self.transcript.drop_last_answer()
        try:
            await self._follow(self.core.engine.regenerate(message.id))
        except AssistantError as error:
            self.app.tell(error)
        await self._finish()

    async def _follow(self, events: AsyncIterator[Event]) -> None:
        assert self._answering is not None
        shown = self.conversation is not None and self.conversation.id == self._answering.conversation_id
        message = await self._answering.follow(events, self.transcript if shown else None)
        if message is not None and self.conversation and message.conversation_id == self.conversation.id:
            self.last_usage = message.usage or self.last_usage

    async def _finish(self) -> None:
        self._answering = None
        await self.refresh_chats()
        self.app.tell_notices()
        await self._ask_queued()

    async def _ask_queued(self) -> None:
        if self._queued is not None:
            conversation, text = self._queued
            self._queue(None)
            self._begin(conversation or self.conversation, text)

    def _queue(self, queued: tuple[Conversation | None, str] | None) -> None:
        self._queued = queued
        self._queued_line.display = queued is not None
        if queued is not None:
            self._queued_line.update(f"Next: {safe_line(queued[1])[:200]}   (Esc takes it back)")

    async def stop_answering(self) -> None:
        """End the answer under way and wait until it is stored."""
        self._queue(None)
        if self.core is not None and self._answering is not None:
            self.core.engine.stop()
            for _ in range(40):
                if self._answering is None:
                    break
                await asyncio.sleep(0.05)

    # -- keys -------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action == "stop":
            return self.answering or self._queued is not None
        if action in ("sources", "regenerate"):
            return bool(self.transcript.answers())
        return True

    def on_key(self, event: events.Key) -> None:
        """Typing goes into the prompt, whatever has the focus."""
        if event.is_printable and event.character and not self.prompt.has_focus:
            event.stop()
            self.prompt.focus()
            self.prompt.insert(event.character)

    def action_stop(self) -> None:
        """Close the hints, else take back what waits, else stop the answer."""
        if self._hints.display:
            self._show_hints([])
        elif self._queued is not None:
            self.prompt.replace_text(self._queued[1])
            self._queue(None)
        elif self.core is not None:
            self.core.engine.stop()

    async def action_back(self) -> None:
        """Close the hints or the sources, and go back to the prompt."""
        if self._hints.display:
            self._show_hints([])
        elif self._sources is not None:
            await self._close_sources()
        self.prompt.focus()

    async def action_new_chat(self) -> None:
        """An empty chat; it is stored when something is asked or typed in it."""
        if self.core is not None:
            await self.open_chat(None)
            self.prompt.focus()

    def action_toggle_chats(self) -> None:
        """Show the list of chats and go to it, or hide it."""
        self._chats.display = not self._chats.display
        (self._chats if self._chats.display else self.prompt).focus()

    async def action_page(self, step: int) -> None:
        """Scroll the conversation."""
        await self.transcript.page(step)

    def action_select(self, step: int) -> None:
        """Move through the answers; below the last one is the prompt."""
        answers = self.transcript.answers()
        place = answers.index(self.focused) if self.focused in answers else len(answers)
        if answers and place + step < len(answers):
            answers[max(place + step, 0)].focus()
        else:
            self.prompt.focus()

    def action_copy_answer(self) -> None:
        """Copy the chosen or last answer."""
        if (view := self._chosen_answer()) is not None:
            self.app.copy_to_clipboard(view.text)
            self.app.say("The answer is in the clipboard.")

    def action_regenerate(self) -> None:
        """Answer the last question again."""
        if answers := self.transcript.answers():
            self.run_worker(self.answer_again(answers[-1].message), group="answer")

    def _chosen_answer(self) -> AnswerView | None:
        answers = self.transcript.answers()
        return self.focused if isinstance(self.focused, AnswerView) else (answers[-1] if answers else None)

    # -- chats, links and sources ---------------------------------------------------------

    @on(ChatList.OptionSelected, "#chats")
    async def _chat_selected(self, event: OptionList.OptionSelected) -> None:
        await self.open_chat_id(int(event.option_id or 0))
        self.prompt.focus()

    @on(ChatList.TrashWanted)
    async def _trash_wanted(self, event: ChatList.TrashWanted) -> None:
        if self._actions is not None:
            self.run_worker(self._actions.delete(event.conversation_id), group="command")

    async def action_sources(self) -> None:
        """What the chosen or last answer stands on; again closes it."""
        if self._sources is not None:
            await self._close_sources()
        elif (view := self._chosen_answer()) is not None:
            await self.show_sources(view.message)

    @on(AnswerView.SourcesWanted)
    async def _sources_wanted(self, event: AnswerView.SourcesWanted) -> None:
        await self.show_sources(event.message, event.mark)

    async def show_sources(self, message: Message, mark: int = 0) -> None:
        """Beside the conversation where there is room, else on a screen of their own."""
        assert self.core is not None
        from assistant.tui.sources import sources_of
        from assistant.tui.widgets.sources_panel import SourcesPanel

        passages = await self.core.conversations.passages(message.id)
        panel = SourcesPanel(self.core.library, sources_of(message.citations, passages), mark)
        await self._close_sources()
        if self.size.width < TWO_COLUMNS:
            from assistant.tui.screens.sources import SourcesScreen

            self.app.push_screen(SourcesScreen(panel))
        else:
            self._sources = panel
            await self.query_one("#body").mount(panel)
            panel.focus_list()

    async def _close_sources(self) -> None:
        if self._sources is not None:
            await self._sources.remove()
            self._sources = None

    async def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """A mark opens its source; any other link is shown before anything is done with it."""
        from assistant.tui.screens.dialogs import LinkDialog
        from assistant.tui.widgets.markdown import mark_of

        event.stop()
        mark = mark_of(event.href)
        view = next((each for each in event.markdown.ancestors if isinstance(each, AnswerView)), None)
        if mark and view is not None:
            await self.show_sources(view.message, mark)
        else:
            self.app.push_screen(LinkDialog(event.href))

    # -- hints ----------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Look for completions of what is typed."""
        if event.text_area is self.prompt:
            self.run_worker(self._suggest(self.prompt.text), group="hints", exclusive=True)

    async def _suggest(self, text: str) -> None:
        if not text.startswith("/") or self.core is None:
            self._show_hints([])
            return
        from assistant.tui.suggesting import suggest

        self._show_hints(await suggest(text, self.core, self.app.available_themes))

    def _show_hints(self, suggestions: Sequence[Suggestion]) -> None:
        self._hints.show(suggestions)
        self.prompt.hints_shown = bool(suggestions)

    @on(Prompt.HintKey)
    def _hint_key(self, event: Prompt.HintKey) -> None:
        if event.key != "tab":
            self._hints.move(-1 if event.key == "up" else 1)
        elif (chosen := self._hints.chosen) is not None:
            self._complete(chosen)

    def _complete(self, suggestion: Suggestion) -> None:
        self.prompt.replace_text(suggestion.line)

    @on(Prompt.PasteRefused)
    def _paste_refused(self, event: Prompt.PasteRefused) -> None:
        told = f"The pasted text has {event.characters:,} characters, more than {LONGEST_PASTE:,}."
        self.app.say(f"{told} Save it as a file and /add it to your documents.", "warning")


def _title(conversation: Conversation | None) -> Content:
    if conversation is None:
        return Content("New chat")
    scope = conversation.collections
    told = "" if scope is None else "without documents" if not scope else f"in {', '.join(scope)}"
    return Content.assemble(safe_line(conversation.title), (f"   {told}", "$text-muted") if told else "")
