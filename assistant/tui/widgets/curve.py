"""Curves on the screen: a title, a legend with the newest values, and the lines in braille dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from assistant.tui.plot import MARKS, Point, plot

AXIS = 8  # columns of the figures at the left, with the line beside them


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name, its points by rising x, and its style."""

    name: str
    points: tuple[Point, ...]
    style: str = "$text-accent"


class Curve(Widget):
    """Draws lines over one pair of axes; the scale follows what is there."""

    DEFAULT_CSS = "Curve { height: 10; min-height: 5; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, title: str, *, id: str | None = None) -> None:  # as every widget names it
        super().__init__(id=id)
        self.title = title
        self._lines: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Draw these instead; nothing is drawn again where nothing has changed."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.refresh()

    def render(self) -> Content:
        """Title and legend, the plot, the x axis."""
        width, height = self.content_size
        rows = [Content.assemble((self.title, "bold"), *self._legend())]
        drawn = plot([line.points for line in self._lines], width - AXIS, height - 2)
        if drawn is None:
            return Content("\n").join([*rows, Content.styled("nothing to draw yet", "$text-muted")])
        for label, pieces in zip(drawn.labels, drawn.rows, strict=True):
            edge = f"{label:>{AXIS - 1}}┤" if label else f"{'':>{AXIS - 1}}│"
            rows.append(
                Content.assemble((edge, "$text-muted"), *((text, self._style(whose)) for text, whose in pieces))
            )
        rows.append(Content.styled(f"{'':>{AXIS - 1}}└{drawn.axis}", "$text-muted"))
        return Content("\n").join(rows)

    def _legend(self) -> list[tuple[str, str]]:
        return [
            (
                f"   {MARKS[place % len(MARKS)]} {line.name}{f' {line.points[-1][1]:.3g}' if line.points else ''}",
                line.style,
            )
            for place, line in enumerate(self._lines)
        ]

    def _style(self, owner: int) -> str:
        return self._lines[owner].style if owner >= 0 else ""
