"""The folder that holds all state: created for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from assistant.errors import StorageError


def prepare_home(home: Path) -> None:
    """Create the home folder and its parts, readable by their owner only.

    Raises:
        StorageError: it is a link, belongs to somebody else, or cannot be written.
    """
    try:
        for folder in (home, home / "logs", home / "index", home / "adapters"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = home.lstat()
        if status.st_uid != os.getuid():
            raise StorageError(f"{home} belongs to another user.", "Choose another folder with --home.")
        if status.st_mode & 0o077:
            home.chmod(0o700)
    except OSError as error:
        raise StorageError(f"{home} cannot be used: {error.strerror}.", "Choose another folder with --home.") from error
