"""The list of chats at the left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from assistant.conversation import Conversation
from assistant.safe_text import safe_line


class ChatList(OptionList):
    """Chats, the last used first."""

    BINDING_GROUP_TITLE = "Chats"
    DEFAULT_CSS = """
    ChatList {
        height: 1fr; border: none; padding: 1 1; background: $surface;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ChatList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "trash", "Delete"),
    ]

    class TrashWanted(Message):
        """The user wants to delete a chat."""

        def __init__(self, conversation_id: int) -> None:
            super().__init__()
            self.conversation_id = conversation_id

    def __init__(self) -> None:
        super().__init__(id="chats", markup=False)
        self._titles: list[tuple[int, str]] = []

    def show(self, conversations: Sequence[Conversation], current: int | None) -> None:
        """List these chats and highlight the one that is open."""
        titles = [(each.id, safe_line(each.title)) for each in conversations]
        if titles != self._titles:
            self._titles = titles
            self.clear_options()
            self.add_options([Option(_label(title), id=str(number)) for number, title in titles])
        places = {number: index for index, (number, _) in enumerate(titles)}
        self.highlighted = places.get(current) if current is not None else None

    def action_trash(self) -> None:
        """Ask for the highlighted chat to be deleted."""
        if self.highlighted is not None:
            self.post_message(self.TrashWanted(self._titles[self.highlighted][0]))


def _label(title: str) -> Content:
    return Content(title).truncate(200)
