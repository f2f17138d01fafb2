"""Plots as inline SVG: dots with their intervals, and stacked bars. No script, no font, no file from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assistant.evaluation.report import Contrast, Line
from assistant.safe_text import safe_line

WIDTH, LEFT, RIGHT, ROW = 760, 226, 20, 22  # pixels
TOP, BOTTOM = 8, 26
LONGEST = 28  # characters of a label


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def estimates_plot(lines: Sequence[Line], arms: int) -> str:
    """A dot and an interval for each arm on each line, from 0 to 100 %."""
    scale, marks, y = _Scale(0.0, 1.0), [], TOP
    for line in lines:
        marks.append(_label(line.name, y + ROW * arms / 2))
        for arm, estimate in enumerate(line.estimates):
            if estimate is not None:
                told = f"{100 * estimate.mean:.1f} % of {estimate.count}"
                marks.append(_whisker(scale, estimate.low, estimate.mean, estimate.high, y + ROW / 2, arm, told))
            y += ROW
        y += 6
    ticks = [(value / 100, f"{value} %") for value in range(0, 101, 20)]
    return _svg(y, _axis(scale, ticks, y), marks, "Share of right answers")


def differences_plot(contrasts: Sequence[Contrast], arms: Sequence[str]) -> str:
    """A dot and an interval for each difference, around 0; points of a hundred."""
    widest = max([0.1, *(max(abs(each.figure.low), abs(each.figure.high)) for each in contrasts)])
    scale, marks, y = _Scale(-widest, widest), [], TOP
    for each in contrasts:
        figure, arm = each.figure, list(arms).index(each.after)
        name = each.name if len(arms) == 2 else f"{each.after}, {each.name}"
        marks.append(_label(name, y + ROW / 2))
        told = f"{100 * figure.difference:+.1f} points: {each.says}"
        marks.append(_whisker(scale, figure.low, figure.difference, figure.high, y + ROW / 2, arm, told))
        y += ROW
    ticks = [(share * widest, f"{100 * share * widest:+.0f}") for share in (-1, -0.5, 0, 0.5, 1)]
    zero = f'<line class="zero" x1="{scale.x(0):.1f}" x2="{scale.x(0):.1f}" y1="{TOP}" y2="{y}"/>'
    return _svg(y, _axis(scale, ticks, y), [zero, *marks], "Difference in right answers, in points")


def outcomes_plot(labels: Sequence[str], outcomes: Sequence[dict[str, int]], names: Sequence[str], total: int) -> str:
    """One bar an arm: what is right, then why the others are wrong."""
    scale, marks, y = _Scale(0.0, float(max(total, 1))), [], TOP
    for label, found in zip(labels, outcomes, strict=True):
        marks.append(_label(label, y + ROW / 2))
        at = 0.0
        for place, name in enumerate(["right", *names]):
            count = found.get(name, 0)
            if count:
                marks.append(_bar(scale, at, at + count, y, place, f"{name}: {count}"))
            at += count
        y += ROW + 4
    step = max(1, total // 5)
    ticks = [(float(value), str(value)) for value in range(0, total + 1, step)]
    return _svg(y, _axis(scale, ticks, y), marks, "Answers that are right, and why the others are wrong")


def _whisker(scale: _Scale, low: float, middle: float, high: float, y: float, arm: int, told: str) -> str:
    return (
        f'<g class="arm{arm % 8}"><title>{_shown(told)}</title>'
        f'<line x1="{scale.x(low):.1f}" x2="{scale.x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle cx="{scale.x(middle):.1f}" cy="{y:.1f}" r="5"/></g>'
    )


def _bar(scale: _Scale, start: float, end: float, y: float, place: int, told: str) -> str:
    x, width = scale.x(start), max(scale.x(end) - scale.x(start) - 1, 1)
    return (
        f'<g class="part{place}"><title>{_shown(told)}</title>'
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 4}" rx="2"/></g>'
    )


def _label(text: str, y: float) -> str:
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f'<text class="label" x="{LEFT - 10}" y="{y + 4:.1f}"><title>{_shown(text)}</title>{_shown(shown)}</text>'


def _axis(scale: _Scale, ticks: Sequence[tuple[float, str]], y: float) -> list[str]:
    return [
        f'<line class="grid" x1="{scale.x(value):.1f}" x2="{scale.x(value):.1f}" y1="{TOP}" y2="{y}"/>'
        f'<text class="tick" x="{scale.x(value):.1f}" y="{y + 16}">{_shown(text)}</text>'
        for value, text in ticks
    ]


def _svg(y: float, axis: Sequence[str], marks: Sequence[str], title: str) -> str:
    body = "".join([*axis, *marks])
    return (
        f'<svg viewBox="0 0 {WIDTH} {y + BOTTOM:.0f}" role="img" aria-label="{_shown(title)}">'
        f"<title>{_shown(title)}</title>{body}</svg>"
    )


def _shown(text: str) -> str:
    return escape(safe_line(text))
