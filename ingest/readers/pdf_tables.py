"""What on a PDF page is a table: rows of runs that stand in columns with free space between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from ingest.readers.pdf_box import Box, Line
from ingest.readers.rows import markdown_row

FULL = 0.85  # share of a table's width that its rows stay below
_BULLET = re.compile(r"(?:[•·▪◦‣●○■□➢➤✓–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\d+(?:\.\d+)*)$")


@dataclass(frozen=True, slots=True)
class Table:
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


def tables_in(rows: list[list[Box]]) -> Iterator[Table]:
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


def _table(rows: list[list[Box]]) -> Table | None:
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
    return Table(rows, columns)


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
