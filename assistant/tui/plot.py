"""How do curves become text? Braille dots, eight to a character, with the figures at the ends of both axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, row by row
MARKS = "●◆■"  # stand at a line's end, so that lines are told apart without colour
LEAST_WIDTH, LEAST_HEIGHT = 16, 3  # characters; below, a curve says nothing


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot: each row's label and its pieces of text with the line they belong to (-1: none), and the x axis."""

    labels: tuple[str, ...]
    rows: tuple[tuple[tuple[str, int], ...], ...]
    axis: str


def plot(curves: Sequence[Sequence[Point]], width: int, height: int) -> Drawn | None:
    """The curves in `width` x `height` characters; None where there is no room or nothing to draw."""
    points = [point for curve in curves for point in curve]
    if not points or width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return None
    low_x, high_x = _range([x for x, _ in points])
    low_y, high_y = _range([y for _, y in points])
    dots = [[0] * width for _ in range(height)]
    owners = [[-1] * width for _ in range(height)]
    marks: dict[tuple[int, int], tuple[str, int]] = {}
    for number, curve in enumerate(curves):
        placed = [
            (
                round((x - low_x) / (high_x - low_x) * (2 * width - 1)),
                round((high_y - y) / (high_y - low_y) * (4 * height - 1)),
            )
            for x, y in curve
        ]
        for (x, y), after in zip(placed, [*placed[1:], placed[-1]] if placed else [], strict=True):
            for column, row in _between((x, y), after):
                dots[row // 4][column // 2] |= DOTS[row % 4][column % 2]
                owners[row // 4][column // 2] = number
        if placed:
            column, row = placed[-1]
            marks[row // 4, column // 2] = (MARKS[number % len(MARKS)], number)
    labels = ["" for _ in range(height)]
    labels[0], labels[-1] = f"{high_y:.3g}", f"{low_y:.3g}"
    rows = tuple(
        _pieces(dots[row], owners[row], {c: m for (r, c), m in marks.items() if r == row}) for row in range(height)
    )
    return Drawn(tuple(labels), rows, _axis(low_x, high_x, width))


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """All dots of a straight line."""
    (x0, y0), (x1, y1) = start, end
    count = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(x0 + round((x1 - x0) * n / count), y0 + round((y1 - y0) * n / count)) for n in range(count + 1)]


def _pieces(dots: list[int], owners: list[int], marks: dict[int, tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for column, (bits, owner) in enumerate(zip(dots, owners, strict=True)):
        text, whose = marks.get(column, (chr(0x2800 + bits) if bits else " ", owner))
        if found and found[-1][1] == whose:
            found[-1] = (found[-1][0] + text, whose)
        else:
            found.append((text, whose))
    return tuple(found)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis, never the same."""
    low, high = min(values), max(values)
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):
        return low - abs(low) / 2 - 1e-3, high + abs(high) / 2 + 1e-3
    return low, high


def _axis(low: float, high: float, width: int) -> str:
    left, right = f"{low:.0f}", f"step {high:.0f}"
    return f"{left}{'─' * max(1, width - len(left) - len(right))}{right}"[:width]
