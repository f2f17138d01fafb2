"""Replaces a file so that a reader sees the old bytes or the new ones, never a mixture."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"


def replace_file(path: Path, data: bytes | memoryview) -> None:
    """Put `data` into a file in place of what is at `path`; see `replacing`."""
    with replacing(path) as write:
        write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Callable[[bytes | memoryview], None]]:
    """What is written goes to a temporary file beside `path`, which is then synced and renamed over it.

    The file is readable by its owner only (mode 0600).

    Raises:
        OSError: the disk is full, the folder is read-only, …; the old file is untouched.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            yield lambda data: _write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _write(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_temporaries(folder: Path) -> int:
    """Delete temporary files that a killed process left in `folder`; returns how many.

    Only the process that holds the instance lock may call this.
    """
    left = [entry for entry in folder.glob(f"{TEMPORARY_PREFIX}*") if entry.is_file()]
    for entry in left:
        entry.unlink(missing_ok=True)
    return len(left)
