"""What ingest is given from outside: a database with one writer, and child processes to call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import sqlite_utils

T = TypeVar("T")


class Database(Protocol):
    """Runs functions on an open database, off the event loop."""

    async def read(self, work: Callable[[sqlite_utils.Database], T], /) -> T:
        """Run `work` on a connection that cannot write."""

    async def write(self, work: Callable[[sqlite_utils.Database], T], /) -> T:
        """Run `work` inside BEGIN IMMEDIATE … COMMIT; an error rolls everything back."""


class Reply(Protocol):
    """JSON data and raw bytes that a child process gave back."""

    @property
    def data(self) -> Any:
        """The JSON data."""

    @property
    def blob(self) -> bytes:
        """The raw bytes."""


class Worker(Protocol):
    """A child process; it starts on first use and again after its death."""

    subject: str  # the file it works on, named when it dies

    async def start(self) -> None:
        """Start the child unless it runs."""

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """Run one method and wait for its result."""

    def stream(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> AsyncIterator[Reply]:
        """Run a method and yield its items, then its result."""
