"""What is kept of an unexpected error: its type and where it happened, never what it was about."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

MAX_BYTES = 1_000_000
KEPT = 5


def record(error: BaseException, folder: Path) -> Path:
    """Append the error's type and frames, without messages or local variables, to the log; returns its path."""
    path = folder / "assistant.log"
    lines = [f"{datetime.now(UTC).isoformat(timespec='seconds')} unexpected error\n", *_frames(error)]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > MAX_BYTES:
            _rotate(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as log:
            log.writelines(lines)
    except OSError:
        pass  # the error is shown all the same; a full disk must not hide it
    return path


def _frames(error: BaseException) -> list[str]:
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}\n")
        lines.extend(
            f"  {frame.filename}:{frame.lineno} in {frame.name}\n" for frame in traceback.extract_tb(seen.__traceback__)
        )
        seen = seen.__cause__ or seen.__context__
    return lines


def _rotate(path: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        older = path.with_suffix(f".log.{number}")
        if older.exists():
            older.replace(path.with_suffix(f".log.{number + 1}"))
    path.replace(path.with_suffix(".log.1"))
