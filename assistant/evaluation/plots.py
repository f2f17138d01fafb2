"""Plots as HTML with inline SVG: dots with intervals, stacked bars. No script, no font, no file from elsewhere.

A plot is a grid of rows, a name and a strip beside it; what stands in a strip is placed across by percent and down by
pixel, so that it fills a wide page and a narrow one and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assistant.evaluation.report import Contrast, Line
from assistant.safe_text import safe_line

ROW, PADDING, BAR, AXIS = 18, 6, 18, 40  # heights in pixels
COLOURS = 8  # arms have this many before they come again

STYLE = """
.plot{margin:12px 22px 14px 0;font-size:13px}
.plot>div{display:grid;grid-template-columns:minmax(80px,26%) minmax(0,1fr);column-gap:12px;align-items:center}
.plot span{text-align:right;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.plot svg{display:block;width:100%;overflow:visible}
.plot text{font-size:12px;fill:var(--soft);text-anchor:middle}
.plot line{stroke-width:2}.plot .grid{stroke:var(--line);stroke-width:1}.plot .zero{stroke:var(--soft);stroke-width:1}
"""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places across a strip, in percent; `ticks` are values and what stands under them."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    title: str

    def x(self, value: float) -> str:
        """Where a value stands."""
        return f"{100 * (value - self.low) / (self.high - self.low):.2f}%"

    def grid(self, height: int) -> str:
        """The lines of a strip, that of zero marked where there are values on both sides."""
        return "".join(
            f'<line class="{"zero" if not value and self.low < 0 else "grid"}" x1="{self.x(value)}" '
            f'x2="{self.x(value)}" y1="0" y2="{height}"/>'
            for value, _ in self.ticks
        )

    def axis(self) -> str:
        """The row under the others: what the lines stand for, and what is measured."""
        told = "".join(f'<text x="{self.x(value)}" y="14">{_shown(text)}</text>' for value, text in self.ticks)
        return _row("", f'{told}<text x="50%" y="33">{_shown(self.title)}</text>', AXIS)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A dot and its interval, in the colour of an arm, with what stands under the pointer."""

    arm: int
    interval: tuple[float, float, float]  # low, middle, high
    told: str


def estimates_plot(lines: Sequence[Line], arms: Sequence[str]) -> str:
    """A dot and an interval for each arm on each line, from 0 to 100 %."""
    ticks = tuple((value / 100, f"{value} %") for value in range(0, 101, 25))
    scale = _Scale(0.0, 1.0, ticks, "right answers, with 95 % intervals")
    rows = []
    for line in lines:
        marks = [
            _Mark(arm, (each.low, each.mean, each.high), f"{arms[arm]}: {100 * each.mean:.1f} % of {each.count:,}")
            for arm, each in enumerate(line.estimates)
            if each is not None
        ]
        rows += [_whiskers(scale, line.name, marks)] if marks else []
    return _plot(scale, rows)


def differences_plot(contrasts: Sequence[Contrast], arms: Sequence[str]) -> str:
    """A dot and an interval for each difference, around 0; points of a hundred."""
    widest = 100 * max([0.1, *(max(abs(each.figure.low), abs(each.figure.high)) for each in contrasts)])
    step = _step(widest, 3.5)
    points = range(-int(widest / step), int(widest / step) + 1)
    ticks = tuple((place * step, f"{place * step:+}" if place else "0") for place in points)
    scale = _Scale(-widest, widest, ticks, "points, with 95 % intervals")
    rows = []
    for tag in dict.fromkeys(each.name for each in contrasts):
        marks = [
            _Mark(
                list(arms).index(each.after),
                (100 * each.figure.low, 100 * each.figure.difference, 100 * each.figure.high),
                f"{each.after}: {100 * each.figure.difference:+.1f} points, {each.says}",
            )
            for each in contrasts
            if each.name == tag
        ]
        rows.append(_whiskers(scale, tag, marks))
    return _plot(scale, rows)


def outcomes_plot(labels: Sequence[str], outcomes: Sequence[dict[str, int]], names: Sequence[str], total: int) -> str:
    """One bar an arm: what is right, then why the others are wrong, in the order of `names`."""
    step = _step(max(total, 1), 5.5)
    ticks = tuple((float(value), f"{value:,}") for value in range(0, total + 1, step))
    scale, height = _Scale(0.0, float(max(total, 1)), ticks, "answers"), BAR + PADDING
    rows = []
    for label, found in zip(labels, outcomes, strict=True):
        marks, at = [scale.grid(height)], 0
        for place, name in enumerate(names):
            if count := found.get(name, 0):
                width = f"{100 * count / scale.high:.2f}%"
                title = f"<title>{_shown(f'{name}: {count:,}')}</title>"
                across = f'x="{scale.x(at)}" width="{width}"'
                marks.append(f'<rect class="part{place}" {across} y="{PADDING // 2}" height="{BAR}">{title}</rect>')
            at += count
        rows.append(_row(label, "".join(marks), height))
    return _plot(scale, rows)


def _whiskers(scale: _Scale, name: str, marks: Sequence[_Mark]) -> str:
    """A row with an interval below the other."""
    height = ROW * len(marks) + PADDING
    drawn = [scale.grid(height)]
    for place, mark in enumerate(marks):
        low, middle, high = map(scale.x, mark.interval)
        y = PADDING // 2 + ROW * place + ROW // 2
        drawn.append(
            f'<g class="arm{mark.arm % COLOURS}"><title>{_shown(mark.told)}</title>'
            f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/><circle cx="{middle}" cy="{y}" r="5"/></g>'
        )
    return _row(name, "".join(drawn), height)


def _step(span: float, most: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 … of which `most` reach over `span`."""
    ten = 1
    while True:
        for step in (ten, 2 * ten, 5 * ten):
            if span / step <= most:
                return step
        ten *= 10


def _row(name: str, marks: str, height: int) -> str:
    """A name and its strip; a name that is too long for its column can be read whole under the pointer."""
    shown = _shown(name)
    return f'<div><span title="{shown}">{shown}</span><svg height="{height}">{marks}</svg></div>'


def _plot(scale: _Scale, rows: Sequence[str]) -> str:
    return f'<div class="plot" role="img" aria-label="{_shown(scale.title)}">{"".join(rows)}{scale.axis()}</div>'


def _shown(text: str) -> str:
    return escape(safe_line(text))
