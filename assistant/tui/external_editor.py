"""The prompt in the user's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from assistant.errors import StorageError, UsageError
from ingest.atomic_file import replace_file

FILE = "question.md"  # in the home folder, while the editor has it


def editor() -> str:
    """The command that $VISUAL or $EDITOR names.

    Raises:
        UsageError: neither is set.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not command.strip():
        raise UsageError("No editor is set.", "Set $EDITOR, such as `export EDITOR=nano`, and start again.")
    return command


def edited(text: str, command: str, folder: Path) -> str:
    """The text after the user has had it in an editor, which has the terminal meanwhile.

    Raises:
        UsageError: the editor cannot be started, or ended with an error: the text stays as it was.
        StorageError: the file for it cannot be written.
    """
    path = folder / FILE
    try:
        replace_file(path, text.encode("utf-8", "replace"))
        code = subprocess.run([*shlex.split(command), str(path)]).returncode
        after = path.read_text("utf-8", "replace")
    except ValueError as error:
        raise UsageError(f"{command!r} is no command: {error}.", "Set $EDITOR to one.") from error
    except FileNotFoundError as error:
        raise UsageError(f"There is no editor {error.filename}.", "Set $EDITOR to one that is installed.") from error
    except OSError as error:
        raise StorageError(f"The editor could not be used: {error.strerror}.", "Type the question here.") from error
    finally:
        path.unlink(missing_ok=True)
    if code:
        raise UsageError(f"The editor ended with code {code}.", "The question stays as it was.")
    return after.rstrip("\n")
