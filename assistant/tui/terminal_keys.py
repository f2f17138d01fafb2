"""Keys that many terminals send in a way Textual does not know."""

from __future__ import annotations

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.keys import Keys


def teach_line_break() -> None:
    """Make Alt+Enter of terminals without the kitty protocol (tmux, xterm, VTE) a line break.

    They send ESC CR, which Textual reads as Enter; here it becomes Ctrl+J, which breaks the line.
    """
    for sequence in ("\x1b\r", "\x1b\n"):
        ANSI_SEQUENCES_KEYS.setdefault(sequence, (Keys.ControlJ,))  # type: ignore[attr-defined]  # it is a dict
