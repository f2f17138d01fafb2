"""In which order a page is read, and what on it is a table, judged by where its words stand.

PDF keeps no lines, columns or tables. The order in which the words were drawn is mostly the order of
reading, so it is kept unless it jumps between columns. Coordinates are points, y grows upwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.readers.rows import markdown_row

CELL_GAP = 1.4  # heights of a letter between two cells or columns; words stand closer
CELL_GAP_WITHOUT_SPACE = 1.0  # the same where no space was written between them
GUTTER = 0.7  # heights of a letter that must be free between two columns
FILLED = 0.55  # share of a column's width that lines of prose take up
FULL = 0.85  # share of a table's width that its rows stay below
MOST_SPANNING = 0.3  # of the lines may cross the gutter: titles, wide pictures
FEWEST_LINES = 5  # of a column
MAX_RUNS = 3_000  # on a page whose columns are looked for
SMALL = 0.7  # of the usual height of a word: what the height of a sign is taken for
PARAGRAPH_GAP = 0.9  # heights of a letter above the usual distance of lines
_BULLET = re.compile(r"(?:[•·▪◦‣●○■□➢➤✓–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\d+(?:\.\d+)*)$")


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


def lines_of(words: Iterable[Box]) -> list[Line]:
    """The lines of a page in the order of reading; `words` come in the order in which they were drawn."""
    words = list(words)
    runs = list(_runs(words))
    lines: list[Line] = []
    for part in _columns(runs) if len(runs) <= MAX_RUNS else [runs]:
        lines.extend(_lines(part))
    return lines


def _runs(words: list[Box]) -> Iterator[Box]:
    """Words that follow each other closely on one line, joined."""
    run: list[Box] = []
    least = SMALL * median(word.height for word in words) if words else 0.0  # signs are lower than letters
    for word in words:
        if run and not _follows(run[-1], word, least):
            yield _joined(run)
            run = []
        run.append(word)
    if run:
        yield _joined(run)


def _follows(word: Box, after: Box, least: float) -> bool:
    """Whether a word stands close to the right of another, or to the left, as in Arabic and Hebrew."""
    height = max(word.height, after.height, least)
    gap = after.left - word.right if after.right > word.left else word.left - after.right
    return word.beside(after) and -height < gap < height * (CELL_GAP if after.after_space else CELL_GAP_WITHOUT_SPACE)


def _joined(boxes: Sequence[Box], space: str = " ") -> Box:
    return Box(
        space.join(box.text for box in boxes),
        min(box.left for box in boxes),
        max(box.right for box in boxes),
        min(box.bottom for box in boxes),
        max(box.top for box in boxes),
    )


def _columns(runs: list[Box]) -> list[list[Box]]:
    """The runs in the parts in which they are read; one part, as drawn, unless that jumps between columns."""
    gutter = _gutter(runs)
    if gutter is None:
        return [runs]
    sides = [0 if run.right <= gutter else 2 if run.left >= gutter else 1 for run in runs]
    jumps = sum(a != b for a, b in pairwise([side for side in sides if side != 1]))
    spanning = [run for run, side in zip(runs, sides, strict=True) if side == 1]
    rest = [run for run, side in zip(runs, sides, strict=True) if side != 1]
    parts: list[list[Box]] = []
    if jumps <= 1 + 2 * (1 + len(spanning)):  # drawn column by column
        before = -1
        for run, side in zip(runs, sides, strict=True):
            if side != before:
                parts.append([])
                before = side
            parts[-1].append(run)
        return parts
    for band in _bands(rest, spanning):
        for on_left in (True, False):
            column = [run for run in band if (run.right <= gutter) == on_left]
            parts.extend(_columns(_by_row(column)) if column else [])
    return parts


def _bands(rest: list[Box], spanning: list[Box]) -> Iterator[list[Box]]:
    """Each run across the columns by itself, and what stands between them."""
    for cut in sorted(spanning, key=lambda run: -run.top):
        above = [run for run in rest if (run.top + run.bottom) / 2 > cut.top]
        if above:
            yield above
        rest = [run for run in rest if (run.top + run.bottom) / 2 <= cut.top]
        yield [cut]
    if rest:
        yield rest


def _by_row(runs: list[Box]) -> list[Box]:
    return [run for row in rows_of(runs) for run in row]


def _gutter(runs: list[Box]) -> float | None:
    """Where the page parts into two columns of prose, None where it does not."""
    left, right = min(run.left for run in runs), max(run.right for run in runs)
    width, height = right - left, median(run.height for run in runs)
    best: tuple[int, float, float] | None = None
    for edge in {round(run.left, 1) for run in runs if 0.2 * width < run.left - left < 0.8 * width}:
        place = edge - GUTTER * height / 2
        spanning = sum(run.left < place < run.right for run in runs)
        free = edge - max((run.right for run in runs if run.right <= place), default=left)
        candidate = (spanning, -sum(run.left >= place for run in runs), place)
        if free >= GUTTER * height and spanning <= MOST_SPANNING * len(runs) and (best is None or candidate < best):
            best = candidate
    if best is None:
        return None
    place = best[2]
    sides = [run for run in runs if run.right <= place], [run for run in runs if run.left >= place]
    return place if all(_is_prose(side) for side in sides) and _side_by_side(*sides) else None


def _is_prose(runs: list[Box]) -> bool:
    rows = rows_of(runs)
    if len(rows) < FEWEST_LINES:
        return False
    width = max(run.right for run in runs) - min(run.left for run in runs)
    filled = median(sum(run.right - run.left for run in row) for row in rows)
    letters = median(sum(len(run.text) for run in row) for row in rows)
    return filled >= FILLED * width and letters >= 15


def _side_by_side(left: list[Box], right: list[Box]) -> bool:
    """Whether the columns stand beside each other for most of their height."""
    shared = min(max(run.top for run in left), max(run.top for run in right)) - max(
        min(run.bottom for run in left), min(run.bottom for run in right)
    )
    heights = [max(run.top for run in side) - min(run.bottom for run in side) for side in (left, right)]
    return shared > 0.5 * min(heights)


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


def _lines(runs: list[Box]) -> Iterator[Line]:
    """The lines of a part of a page, its tables in one piece at the place of their first cell."""
    tables = list(_tables(rows_of(runs)))
    of_run = {id(run): index for index, table in enumerate(tables) for row in table.rows for run in row}
    done: set[int] = set()
    line: list[Box] = []
    before: Box | None = None
    pitch = _pitch(runs)
    for run in [*runs, None]:
        table = of_run.get(id(run)) if run is not None else None
        if line and (run is None or table is not None or not (line[-1].beside(run) and run.left >= line[-1].left)):
            whole = _joined(line)
            yield Line(whole.text, whole.bottom, whole.top, apart=_apart(before, whole, pitch))
            before, line = whole, []
        if run is None:
            return
        if table is None:
            line.append(run)
        elif table not in done:
            done.add(table)
            yield tables[table].line()


def _pitch(runs: list[Box]) -> float:
    """The usual distance between the bottoms of two lines."""
    steps = [a.bottom - b.bottom for a, b in pairwise(runs) if a.bottom - b.bottom > 0.5 * b.height]
    return median(steps) if steps else 0.0


def _apart(before: Box | None, line: Box, pitch: float) -> bool:
    return before is not None and before.bottom - line.bottom > pitch + PARAGRAPH_GAP * line.height


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of runs and the columns (left, right) that they stand in."""

    rows: list[list[Box]]
    columns: list[tuple[float, float]]

    def line(self) -> Line:
        """All rows as one block."""
        written: list[list[str]] = []
        for row in self.rows:
            cells = [""] * len(self.columns)
            for run in row:
                index = _column(run, self.columns)
                cells[index] = f"{cells[index]} {run.text}".strip()
            if written and len(row) == 1 and not cells[0] and sum(map(bool, written[-1])) > 1:
                index = next(i for i, cell in enumerate(cells) if cell)  # a cell that goes on in the next line
                written[-1][index] = f"{written[-1][index]} {cells[index]}".strip()
            else:
                written.append(cells)
        runs = [run for row in self.rows for run in row]
        text = "\n".join(map(markdown_row, written))
        return Line(text, min(run.bottom for run in runs), max(run.top for run in runs), "table", apart=True)


def _tables(rows: list[list[Box]]) -> Iterator[_Table]:
    """The runs of rows whose cells stand in columns."""
    start = 0
    while start < len(rows):
        if len(rows[start]) < 2:
            start += 1
            continue
        end = start + 1
        while end < len(rows) and _near(rows[end - 1], rows[end]) and _goes_on(rows, end):
            end += 1
        table = _table(_trimmed(rows[start:end]))
        if table is not None:
            yield table
        start = end


def _trimmed(rows: list[list[Box]]) -> list[list[Box]]:
    """Without lines of prose at either end: those that are filled from side to side."""
    width = max(run.right for row in rows for run in row) - min(run.left for row in rows for run in row)
    while len(rows) > 1 and sum(run.right - run.left for run in rows[0]) > FULL * width:
        rows = rows[1:]
    while len(rows) > 1 and sum(run.right - run.left for run in rows[-1]) > FULL * width:
        rows = rows[:-1]
    return rows


def _near(above: list[Box], below: list[Box]) -> bool:
    gap = min(run.bottom for run in above) - max(run.top for run in below)
    return gap < 3.0 * max(run.height for run in [*above, *below])


def _goes_on(rows: list[list[Box]], index: int) -> bool:
    """Whether a row belongs to the table above: it has cells, or is one line of a cell between two such rows."""
    if len(rows[index]) > 1:
        return True
    following = rows[index + 1 : index + 2]
    return bool(following) and len(following[0]) > 1 and _near(rows[index], following[0])


def _table(rows: list[list[Box]]) -> _Table | None:
    runs = [run for row in rows for run in row]
    width = max(run.right for run in runs) - min(run.left for run in runs)
    columns: list[tuple[float, float]] = []
    for heads in range(min(3, len(rows))):  # the names of columns often reach over several
        spans = _spans(run for row in rows[heads:] for run in row if run.right - run.left < 0.6 * width)
        columns = spans if len(spans) > len(columns) else columns
    filled = [len({_column(run, columns) for run in row}) for row in rows]
    several = [row for row, cells in zip(rows, filled, strict=True) if cells > 1]
    if len(columns) < 2 or len(several) < (3 if len(columns) == 2 else 2):
        return None
    if sum(cells for cells in filled if cells > 1) < 0.4 * len(columns) * len(several):
        return None  # hardly any cell is filled: text that happens to stand apart
    if median(sum(run.right - run.left for run in row) for row in several) > FULL * width:
        return None  # justified lines with wide spaces
    first = [row[0].text for row in several]
    if sum(bool(_BULLET.match(text)) for text in first) > 0.6 * len(first) and len(columns) == 2:
        return None  # a list
    if len(columns) == 2 and median(len(run.text) for run in runs) > 45:
        return None  # two columns of prose
    return _Table(rows, columns)


def _column(run: Box, columns: list[tuple[float, float]]) -> int:
    return next((index for index, (_, right) in enumerate(columns) if run.left < right), len(columns) - 1)


def _spans(runs: Iterable[Box]) -> list[tuple[float, float]]:
    """The intervals that the runs cover from left to right."""
    spans: list[tuple[float, float]] = []
    for run in sorted(runs, key=lambda run: run.left):
        if spans and run.left < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], run.right))
        else:
            spans.append((run.left, run.right))
    return spans
