"""The keys of the chat screen, and what each does."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from assistant.errors import UsageError
from assistant.tui.told import USER_ERRORS, told

if TYPE_CHECKING:
    from assistant.conversation import Message
    from assistant.tui.app import AssistantApp
    from assistant.tui.command_actions import CommandActions
    from assistant.tui.compare_actions import CompareActions
    from assistant.tui.message_actions import MessageActions
    from assistant.tui.score_actions import ScoreActions
    from assistant.tui.session import ChatSession
    from assistant.tui.source_view import SourceView
    from assistant.tui.widgets.chat_list import ChatList
    from assistant.tui.widgets.composer import Composer
    from assistant.tui.widgets.prompt import Prompt
    from assistant.tui.widgets.transcript import Transcript


class ChatKeys(Screen[None]):
    """What keys do on the chat screen; its parts come from the screen itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", id="chat.stop"),
        Binding("escape", "back", "Back", show=False, id="chat.back"),
        Binding("ctrl+n", "new_chat", "New", id="chat.new"),
        Binding("ctrl+b", "toggle_chats", "Chats", id="chat.chats"),
        Binding("ctrl+f", "search", "Search", show=False, priority=True, id="chat.search"),
        Binding("alt+h", "history", "Asked before", show=False, priority=True, id="chat.history"),
        Binding("alt+i", "app.open('context')", "Context", show=False, priority=True, id="chat.context"),
        Binding("alt+e", "editor", "Editor", show=False, priority=True, id="chat.editor"),
        Binding("ctrl+o", "sources", "Sources", id="chat.sources"),
        Binding("ctrl+r", "regenerate", "Again", id="chat.regenerate", tooltip="Another answer to the last question"),
        Binding("ctrl+l", "app.open('library')", "Library", id="app.library"),
        Binding("f3", "app.open('adapters')", "Adapters", id="app.adapters"),
        Binding("alt+c", "copy_answer", "Copy", show=False, priority=True, id="chat.copy"),
        Binding("alt+k", "copy_block", "Copy code", show=False, priority=True, id="chat.copy-code"),
        Binding("alt+z", "undo", "Take back", show=False, priority=True, id="chat.undo"),
        Binding("alt+y", "score(True)", "Good", show=False, priority=True, id="chat.good"),
        Binding("alt+n", "score(False)", "Bad", show=False, priority=True, id="chat.bad"),
        Binding("alt+s", "score(None)", "Score", show=False, priority=True, id="chat.score"),
        Binding("alt+v", "compare", "Compare", show=False, priority=True, id="chat.compare"),
        Binding("alt+up", "select(-1)", "Message above", show=False, id="chat.message-above"),
        Binding("alt+down", "select(1)", "Message below", show=False, id="chat.message-below"),
        Binding("alt+left", "sibling(-1)", "Version before", show=False, priority=True, id="chat.version-before"),
        Binding("alt+right", "sibling(1)", "Version after", show=False, priority=True, id="chat.version-after"),
        Binding("pageup", "page(-1)", "Scroll", show=False, id="chat.page-up"),
        Binding("pagedown", "page(1)", "Scroll", show=False, id="chat.page-down"),
    ]

    app: AssistantApp
    session: ChatSession | None
    transcript: Transcript
    composer: Composer
    prompt: Prompt
    scoring: ScoreActions
    comparing: CompareActions
    messaging: MessageActions
    _side: Vertical
    _chats: ChatList
    _sources: SourceView
    _actions: CommandActions | None

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that waits for the database; an error of ours is told below the conversation."""
        self.run_worker(self._told(work), group="work")

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except USER_ERRORS as error:
            self.composer.tell(told(error), "error")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action == "stop":
            return self.session is not None and self.session.answering is not None
        if action == "regenerate" and self.session is not None and self.session.answering is not None:
            return False
        if action in ("sources", "regenerate"):
            return bool(self.transcript.answers())
        return True

    def on_key(self, event: events.Key) -> None:
        """Typing goes into the prompt, whatever has the focus, unless that has the key for something."""
        typed = event.is_printable and event.character and not self.prompt.has_focus
        if typed and event.key not in self.active_bindings:
            event.stop()
            self.set_focus(self.prompt)
            self.prompt.insert(event.character or "")

    def action_stop(self) -> None:
        """Close the hints, else take back what waits, else stop the answer."""
        if self.composer.close_hints():
            return
        if self.session is not None and self.session.queued is not None:
            self.prompt.replace_text(self.session.take_back())
        elif self.session is not None:
            self.session.stop()

    async def action_back(self) -> None:
        """Close the hints, leave a question as it was, or close the sources, and go back to the prompt."""
        if self.composer.close_hints():
            pass
        elif self.session is not None and self.session.editing is not None:
            self.session.edit(None)
        else:
            await self._sources.close()
        self.prompt.focus()

    def action_new_chat(self) -> None:
        """An empty chat; it is stored when something is asked or typed in it."""
        if self.session is not None:
            self.do(self.session.open(None))
            self.prompt.focus()

    def action_toggle_chats(self) -> None:
        """Show the list of chats and go to it, or hide it."""
        self._side.display = not self._side.display
        if self._side.display and self.session is not None:
            self._chats.focus()
        else:
            self.prompt.focus()

    def action_search(self) -> None:
        """Search in all chats."""
        if self._actions is not None:
            self.do(self._actions.chats.search(""))

    def action_history(self) -> None:
        """Search in all that was ever asked."""
        if self._actions is not None:
            self.do(self._actions.chats.history(""))

    async def action_editor(self) -> None:
        """Have the prompt in $EDITOR."""
        await self._told(self._edit_outside())

    async def _edit_outside(self) -> None:
        from textual.app import SuspendNotSupported

        from assistant.tui.external_editor import edited, editor

        command = editor()
        try:
            with self.app.suspend():
                text = edited(self.prompt.text, command, self.app.core.config.home)
        except SuspendNotSupported:
            raise UsageError("An editor cannot be opened here.", "It needs a terminal of its own.") from None
        self.prompt.replace_text(text)

    async def action_page(self, step: int) -> None:
        """Scroll the conversation."""
        await self.transcript.page(step)

    async def action_select(self, step: int) -> None:
        """Move the cursor through the messages; below the last one is the prompt."""
        self.set_focus(await self.transcript.neighbour(self.focused, step) or self.prompt)

    def action_copy_answer(self) -> None:
        """Copy the chosen message, or the last answer."""
        if (message := self._chosen()) is not None:
            self.messaging.copy(message)

    async def action_copy_block(self) -> None:
        """Copy the first code block of the chosen or last answer, then the next with each time."""
        if (view := self.transcript.chosen(self.focused)) is not None:
            await self._told(self._copy_block(view.message))

    async def _copy_block(self, message: Message) -> None:
        self.messaging.copy_block(message)

    def action_sibling(self, step: int) -> None:
        """Another version of the chosen message, else of the last one that has any."""
        if self.session is not None and (message := self.transcript.versioned(self.focused)) is not None:
            self.do(self.messaging.sibling(message, step))

    def action_undo(self) -> None:
        """Take the last question back."""
        if self.session is not None:
            self.do(self.messaging.undo())

    def action_score(self, good: bool | None) -> None:
        """Call the chosen or last answer good or bad; None: points, a note, the better answer."""
        if self.session is not None:
            self.do(self.scoring.more() if good is None else self.scoring.verdict(good))

    def action_compare(self) -> None:
        """Choose between the answers to a question."""
        if self.session is not None:
            self.do(self.comparing.run(()))

    def action_regenerate(self) -> None:
        """Answer the last question again."""
        if self.session is not None and (answer := self.transcript.last("assistant")) is not None:
            self.do(self.session.answer_again(answer))

    def action_sources(self) -> None:
        """What the chosen or last answer stands on; again closes it."""
        self.do(self.toggle_sources())

    async def toggle_sources(self) -> None:
        """Show the sources of the chosen or last answer, or close them."""
        view = self.transcript.chosen(self.focused)
        if self._sources.is_open or view is None:
            await self._sources.close()
        elif self.session is not None:
            await self._sources.show(self.session.core, view.message)

    def _chosen(self) -> Message | None:
        view = self.transcript.focused_view(self.focused) or self.transcript.chosen(None)
        return view.message if view else None
