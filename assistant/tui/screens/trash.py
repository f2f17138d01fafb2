"""The trash: chats that were deleted in the last 30 days, to be brought back, or removed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from assistant.safe_text import safe_line
from assistant.storage.conversations import TRASH_DAYS
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Conversation
    from assistant.tui.app import AssistantApp

EMPTY = f"The trash is empty. Chats that you delete stay here for {TRASH_DAYS} days."


class TrashScreen(Screen[None]):
    """One row a chat, the last used first."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Trash"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back", key_display="esc", id="screen.back"),
        Binding("r", "restore", "Bring back", id="trash.restore"),
        Binding("x,delete", "remove", "Remove for good", key_display="x", id="trash.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._chats: list[Conversation] = []

    def compose(self) -> ComposeResult:
        """The table, and the keys."""
        yield Plain("Trash", classes="panel-title")
        yield Plain(EMPTY, id="trash-told")
        yield ChoiceTable(id="trash")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """What is in it."""
        table = self.query_one(ChoiceTable)
        table.add_columns("last used", "messages", "chat")
        table.focus()
        await self._list()

    async def _list(self) -> None:
        self._chats = await self._core.conversations.trashed()
        table = self.query_one(ChoiceTable)
        table.clear()
        for chat in self._chats:
            used = chat.updated_at[:16].replace("T", " ")
            table.add_row(used, f"{chat.messages:,}", Text(safe_line(chat.title)[:200]))
        count = f"{len(self._chats):,} chats; each goes {TRASH_DAYS} days after it was deleted."
        self.query_one("#trash-told", Plain).update(count if self._chats else EMPTY)

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self.action_restore()

    def action_restore(self) -> None:
        """Bring the chosen chat back into the list."""
        self._do(False)

    def action_remove(self) -> None:
        """Remove the chosen chat and every trace of it, after a yes."""
        self._do(True)

    def _do(self, for_good: bool) -> None:
        if self._chats:
            chat = self._chats[self.query_one(ChoiceTable).cursor_row]
            self.run_worker(self._change(chat, for_good), group="trash", exclusive=True)

    async def _change(self, chat: Conversation, for_good: bool) -> None:
        try:
            if not for_good:
                await self._core.conversations.restore(chat.id)
            elif await self.app.confirmed(f"Remove “{chat.title}” for good?", "Nothing of it is left after that."):
                await self._core.conversations.delete_for_good(chat.id)
        except USER_ERRORS as error:
            self.app.tell(error)
        await self._list()
        await self.app.chat.session_changed()
