"""The list of chats at the left: in groups, the last used first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from assistant.chat_groups import grouped
from assistant.conversation import Conversation
from assistant.safe_text import safe_line
from assistant.tui.widgets.moving import MovingList


class ChatList(MovingList):
    """Chats; keys name, group, pin and delete the highlighted one."""

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
        Binding("f4", "group", "Group", id="chats.group"),
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

    class GroupWanted(Wanted):
        """The user wants a chat to be listed in a group."""

    class PinWanted(Wanted):
        """The user wants a chat to stay at the top, or no longer."""

    class TrashWanted(Wanted):
        """The user wants to delete a chat."""

    def __init__(self) -> None:
        super().__init__(id="chats", markup=False)
        self._shown: list[tuple[int, str]] = []

    def show(self, conversations: Sequence[Conversation], current: int | None) -> None:
        """List these chats in their groups, and highlight the one that is open."""
        rows = [
            row
            for name, chats in grouped(conversations, datetime.now().astimezone())
            for row in ((0, safe_line(name)), *((each.id, _title(each)) for each in chats))
        ]
        if rows != self._shown:
            self._shown = rows
            self.clear_options()
            self.add_options([_option(number, title) for number, title in rows])
        places = {number: index for index, (number, _) in enumerate(rows)}
        self.highlighted = places.get(current) if current is not None else None

    def action_trash(self) -> None:
        """Ask for the highlighted chat to be deleted."""
        self._want(self.TrashWanted)

    def action_name(self) -> None:
        """Ask for the highlighted chat to be named."""
        self._want(self.NameWanted)

    def action_group(self) -> None:
        """Ask for the group of the highlighted chat."""
        self._want(self.GroupWanted)

    def action_pin(self) -> None:
        """Ask for the highlighted chat to be pinned, or no longer."""
        self._want(self.PinWanted)

    def _want(self, wanted: type[Wanted]) -> None:
        if self.highlighted is not None:
            self.post_message(wanted(self._shown[self.highlighted][0]))


def _title(chat: Conversation) -> str:
    return f"{'★ ' if chat.pinned else ''}{safe_line(chat.title)}"


def _option(number: int, title: str) -> Option:
    """A chat; a heading, which cannot be chosen, has no number."""
    if number == 0:
        return Option(Content.styled(f"{title} ", "bold underline"), disabled=True)
    return Option(Content(title).truncate(200), id=str(number))
