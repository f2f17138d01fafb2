"""What terminals send in a way Textual does not know: keys, and bytes that are no text."""

from __future__ import annotations

import codecs
import functools

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers import linux_driver
from textual.keys import Keys


def teach_line_break() -> None:
    """Make Alt+Enter of terminals without the kitty protocol (tmux, xterm, VTE) a line break.

    They send ESC CR, which Textual reads as Enter; here it becomes Ctrl+J, which breaks the line.
    """
    for sequence in ("\x1b\r", "\x1b\n"):
        ANSI_SEQUENCES_KEYS.setdefault(sequence, (Keys.ControlJ,))  # type: ignore[attr-defined]  # it is a dict


def read_any_bytes() -> None:
    """Let bytes that are no UTF-8 come in as U+FFFD; Textual's strict decoder would end the app with its input thread.

    They come from a terminal set to Latin-1, or from a text in another encoding that is pasted.
    """
    linux_driver.getincrementaldecoder = _forgiving  # type: ignore[attr-defined, assignment]  # it imports the name


def _forgiving(encoding: str) -> functools.partial[codecs.IncrementalDecoder]:
    return functools.partial(codecs.getincrementaldecoder(encoding), errors="replace")
