"""What the shell's commands print: safe text for people, JSON for programs, errors with a hint."""

from __future__ import annotations

import json
import sys
from typing import Any

from assistant.errors import AssistantError
from assistant.safe_text import safe_line, safe_text


def say(text: str = "", end: str = "\n") -> None:
    """Print text for a person; control characters from outside cannot reach the terminal."""
    print(safe_text(text), end=end, flush=True)


def emit(value: Any) -> None:
    """Print one JSON value. Escaped to ASCII, so no character in it can steer a terminal."""
    print(json.dumps(value, indent=2))


def emit_line(value: Any) -> None:
    """Print one JSON value on one line, at once: for programs that read along."""
    print(json.dumps(value), flush=True)


def warn(text: str) -> None:
    """Print a line beside the result."""
    print(f"assistant: {safe_line(text)}", file=sys.stderr, flush=True)


def fail(error: AssistantError) -> int:
    """Print an error with its hint and return its exit code."""
    warn(error.message)
    if error.hint:
        print(f"  {safe_line(error.hint)}", file=sys.stderr, flush=True)
    return error.exit_code


def counted(done: int, total: int) -> None:
    """Tell on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r{done + 1:,} of {total:,}", end="\n" if done + 1 == total else "", file=sys.stderr, flush=True)
