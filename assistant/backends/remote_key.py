"""Where is the key for a server? In a file that only its owner can read, or in the environment; nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from assistant.errors import ModelError

VARIABLE = "ASSISTANT_REMOTE_KEY"
MAX_KEY = 4096  # bytes


def read_key(file: str) -> str:
    """The key in the file, with "" for no file the one in the environment; "" where there is none.

    Raises:
        ModelError: the file is not there, is open to others, or holds no key.
    """
    if not file:
        return _checked(os.environ.get(VARIABLE, ""), VARIABLE)
    path = Path(file).expanduser()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ModelError(
            f"The key file {path} cannot be read: {error.strerror}.", "Correct remote.key_file."
        ) from error
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"The key file {path} is no file.", "Correct remote.key_file.")
        if status.st_mode & 0o077 or status.st_uid != os.getuid():
            raise ModelError(f"Others can read the key file {path}.", f"Make it yours alone: chmod 600 {path}")
        key = _checked(opened.read(MAX_KEY + 1).decode("utf-8", "replace").strip(), str(path))
    if not key:
        raise ModelError(f"The key file {path} is empty.", "Put the key into it, on one line.")
    return key


def _checked(key: str, where: str) -> str:
    if len(key) > MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ModelError(f"What stands in {where} is no key.", "It has to be one word of plain letters and signs.")
    return key
