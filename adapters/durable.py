"""Puts a finished folder or file in place so that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

UNFINISHED = ".unfinished-"


def unfinished(final: Path) -> Path:
    """Where to build what will be `final`; what an earlier attempt left there is removed."""
    temporary = final.with_name(UNFINISHED + final.name)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.unlink(missing_ok=True)
    temporary.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return temporary


def publish(temporary: Path, final: Path) -> None:
    """Sync everything under `temporary`, rename it to `final` (which must not be a folder yet), sync the parent."""
    for path in [*temporary.rglob("*"), temporary] if temporary.is_dir() else [temporary]:
        sync(path)
    temporary.replace(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
