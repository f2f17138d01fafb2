"""The list of chats in groups: pinned, those that the user made, then by when they were last used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from assistant.conversation import Conversation
from assistant.errors import UsageError

LONGEST = 40  # characters of a group's name
PINNED, TODAY, THIS_WEEK, OLDER = "Pinned", "Today", "This week", "Older"


def grouped(chats: Sequence[Conversation], now: datetime) -> list[tuple[str, list[Conversation]]]:
    """Groups with their chats, in the order of `chats`; none is empty. `now` is local time, with its zone.

    This week is the last seven days. A chat of which the day is unknown or to come is from today.
    """
    groups: dict[str, list[Conversation]] = {PINNED: []}
    for name in sorted({each.group for each in chats if each.group}, key=str.casefold):
        groups[f"/{name}"] = []
    groups |= {TODAY: [], THIS_WEEK: [], OLDER: []}
    for chat in chats:
        groups[PINNED if chat.pinned else f"/{chat.group}" if chat.group else _when(chat, now)].append(chat)
    return [(name.removeprefix("/"), own) for name, own in groups.items() if own]


def checked_name(text: str) -> str:
    """The name of a group as it is kept.

    Raises:
        UsageError: it is too long, or nothing but blanks.
    """
    name = " ".join(text.split())
    if not name or len(name) > LONGEST:
        raise UsageError(f"A group has a name of at most {LONGEST} characters.", "Such as: flat, work, 2026 taxes.")
    return name


def _when(chat: Conversation, now: datetime) -> str:
    try:
        day = datetime.fromisoformat(chat.updated_at).astimezone(now.tzinfo).date()
    except ValueError:
        return TODAY
    if day >= now.date():
        return TODAY
    return THIS_WEEK if day > now.date() - timedelta(days=7) else OLDER
