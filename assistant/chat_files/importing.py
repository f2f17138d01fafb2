"""Chats from a file into the store, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.chat_files.imported_chat import chat_from_json
from assistant.errors import UsageError

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(slots=True)
class ImportSummary:
    """What came of a file: chats that are new (by id), that were there already, and why others were left out."""

    added: list[int] = field(default_factory=list)
    known: int = 0
    messages: int = 0
    skipped: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """All of it in one line."""
        told = f"Imported: {len(self.added):,} new with {self.messages:,} messages"
        told += f", {self.known:,} here already" if self.known else ""
        return f"{told}{f', {len(self.skipped):,} left out' if self.skipped else ''}."


async def import_chats(
    core: Core, path: Path, progress: Callable[[ImportSummary], None] = lambda summary: None
) -> ImportSummary:
    """Import every chat of a file that is not here yet; each is stored whole or not at all.

    Raises:
        UsageError: the file cannot be read, or holds no chats in a known form.
        WorkerError: the child that reads it died; what was imported before stays.
        StorageError: the disk is full or read-only.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}.", "Give the path of an exported file.")
    summary = ImportSummary()
    try:
        async for reply in core.importing.stream("read", path=str(path.absolute())):
            if reply.last:
                break
            if "skipped" in reply.data:
                summary.skipped.append(str(reply.data["skipped"]))
                continue
            chat = chat_from_json(reply.data["chat"])
            number = await core.conversations.imported.add(chat)
            if number is None:
                summary.known += 1
            else:
                summary.added.append(number)
                summary.messages += len(chat.messages)
            progress(summary)
    finally:
        await core.importing.stop()
    return summary
