"""The last gate before the terminal: no segment of any widget carries a control character."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from assistant.safe_text import safe_cells


class SafeFilter(LineFilter):
    """Shows characters that could steer the terminal as U+FFFD."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with safe text; styles and controls made by Textual itself stay."""
        return [
            segment if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(safe_cells(segment.text), segment.style)
            for segment in segments
        ]  # fmt: skip
