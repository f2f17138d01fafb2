"""The list of chats at the left: those that are pinned, then the last used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from assistant.conversation import Conversation
from assistant.safe_text import safe_line
from assistant.tui.widgets.moving import MovingList


class ChatList(MovingList):
    """Chats; keys name, pin and delete the highlighted one."""

    BINDING_GROUP_TITLE = "Chats"
    DEFAULT_CSS = """
    ChatList {
        height: 1fr; border: none; padding: 1 1; background: $surface;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ChatList:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "name", "Name", id="chats.name"),
        Binding("insert", "pin", "Pin", id="chats.pin"),
        Binding("delete", "trash", "Delete", id="chats.delete"),
    ]

    class Wanted(Message):
        """The user wants something done with a chat."""

        def __init__(self, conversation_id: int) -> None:
            super().__init__()
            self.conversation_id = conversation_id

    class NameWanted(Wanted):
        """The user wants to name a chat."""

    class PinWanted(Wanted):
        """The user wants a chat to stay at the top, or no longer."""

    class TrashWanted(Wanted):
        """The user wants to delete a chat."""

    def __init__(self) -> None:
        super().__init__(id="chats", markup=False)
        self._titles: list[tuple[int, str]] = []

    def show(self, conversations: Sequence[Conversation], current: int | None) -> None:
        """List these chats and highlight the one that is open."""
        titles = [(each.id, f"{'★ ' if each.pinned else ''}{safe_line(each.title)}") for each in conversations]
        if titles != self._titles:
            self._titles = titles
            self.clear_options()
            self.add_options([Option(_label(title), id=str(number)) for number, title in titles])
        places = {number: index for index, (number, _) in enumerate(titles)}
        self.highlighted = places.get(current) if current is not None else None

    def action_trash(self) -> None:
        """Ask for the highlighted chat to be deleted."""
        self._want(self.TrashWanted)

    def action_name(self) -> None:
        """Ask for the highlighted chat to be named."""
        self._want(self.NameWanted)

    def action_pin(self) -> None:
        """Ask for the highlighted chat to be pinned, or no longer."""
        self._want(self.PinWanted)

    def _want(self, wanted: type[Wanted]) -> None:
        if self.highlighted is not None:
            self.post_message(wanted(self._titles[self.highlighted][0]))


def _label(title: str) -> Content:
    return Content(title).truncate(200)
