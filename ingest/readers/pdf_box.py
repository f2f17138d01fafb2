"""What a PDF page is made of: words and runs of words with their places, lines of text.

Coordinates are points, y grows upwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A word, or a run of words on one line, and the rectangle around it."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    after_space: bool = True  # whether a space was written before it, or only left free

    @property
    def height(self) -> float:
        """Points."""
        return self.top - self.bottom

    def beside(self, other: Box) -> bool:
        """Whether both stand on one line."""
        shared = min(self.top, other.top) - max(self.bottom, other.bottom)
        return shared > 0.4 * min(self.height, other.height)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a whole table ("table", a row a line); `apart` where a paragraph ends above it."""

    text: str
    bottom: float
    top: float
    kind: str = "text"
    apart: bool = False


def rows_of(runs: Iterable[Box]) -> list[list[Box]]:
    """The runs that stand on one line together, from the top, each from the left."""
    rows: list[list[Box]] = []
    for run in sorted(runs, key=lambda run: -(run.top + run.bottom) / 2):
        if rows and rows[-1][0].beside(run) and not any(_overlap(other, run) for other in rows[-1]):
            rows[-1].append(run)
        else:
            rows.append([run])
    return [sorted(row, key=lambda run: run.left) for row in rows]


def _overlap(a: Box, b: Box) -> bool:
    return min(a.right, b.right) - max(a.left, b.left) > 0.5
