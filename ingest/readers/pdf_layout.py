"""In which order a PDF page is read, judged by where its words stand.

PDF keeps no lines, columns or tables. The order in which the words were drawn is mostly the order of
reading, so it is kept unless it jumps between columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from ingest.readers.pdf_box import Box, Line, rows_of
from ingest.readers.pdf_tables import tables_in

CELL_GAP = 1.4  # heights of a letter between two cells or columns; words stand closer
CELL_GAP_WITHOUT_SPACE = 1.0  # the same where no space was written between them
GUTTER = 0.7  # heights of a letter that must be free between two columns
FILLED = 0.55  # share of a column's width that lines of prose take up
MOST_SPANNING = 0.3  # of the lines may cross the gutter: titles, wide pictures
FEWEST_LINES = 5  # of a column
MAX_RUNS = 3_000  # on a page whose columns are looked for
SMALL = 0.7  # of the usual height of a word: what the height of a sign is taken for
PARAGRAPH_GAP = 0.9  # heights of a letter above the usual distance of lines


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


def _lines(runs: list[Box]) -> Iterator[Line]:
    """The lines of a part of a page, its tables in one piece at the place of their first cell."""
    tables = list(tables_in(rows_of(runs)))
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
