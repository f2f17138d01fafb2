"""What adapters are given from outside: a database with one writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import sqlite_utils

T = TypeVar("T")


class Database(Protocol):
    """Runs functions on an open database, off the event loop."""

    async def read(self, work: Callable[[sqlite_utils.Database], T], /) -> T:
        """Run `work` outside a transaction."""

    async def write(self, work: Callable[[sqlite_utils.Database], T], /) -> T:
        """Run `work` inside BEGIN IMMEDIATE … COMMIT; an error rolls everything back."""
