"""A branch of a chat whose messages are made when they are looked at: a long chat opens as fast as a short one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from assistant.conversation import Message
from assistant.storage.message_rows import message_of


class Thread(Sequence[Message]):
    """Messages from the root to a leaf, oldest first."""

    def __init__(self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self._columns, self._rows = columns, rows
        self._id = columns.index("id") if rows else 0

    @property
    def ids(self) -> list[int]:
        """The ids of its messages, in order."""
        return [row[self._id] for row in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        if isinstance(index, slice):
            return [self._message(row) for row in self._rows[index]]
        return self._message(self._rows[index])

    def _message(self, row: tuple[Any, ...]) -> Message:
        return message_of(dict(zip(self._columns, row, strict=True)))
