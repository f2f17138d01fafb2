"""The child that reads files of chats: what is in them may be large, broken or hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.chat_files.reading import read_chats


class ChatFileWorker:
    """The service of the importing child."""

    def read(self, path: str, cancelled: Callable[[], bool] = lambda: False) -> Iterator[dict[str, Any]]:
        """`{"chat": …}` for each chat of a file, `{"skipped": why}` for each that cannot be read."""
        for found in read_chats(Path(path)):
            if cancelled():
                return
            yield {"skipped": found} if isinstance(found, str) else {"chat": asdict(found)}
