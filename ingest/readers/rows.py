"""How the rows of a sheet become passages: Markdown rows in small groups, the header repeated in each.

A group is small enough to become one chunk, so that no row is ever found without the names of its columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits

_SPACE = re.compile(r"\s+")
_VALUE = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d\s.,:/T%-]*[%)€$]?Z?|true|false|yes|no|n/a", re.IGNORECASE)
MAX_COLUMNS = 1_000
MAX_NAME = 80  # characters of a column's name


def add_rows(
    assembly: Assembly, rows: Iterable[Sequence[str]], limits: Limits, place: Callable[[int, int], str], first: int = 1
) -> None:
    """Add rows as tables; `place` names a run of row numbers, which count from `first`.

    An empty row ends a table. The first row of a table names its columns unless it holds numbers; rows of a
    single cell above it are its title. A row too wide for a group becomes lines of "name: value".
    """
    groups = _Groups(assembly, limits.table_characters, place)
    for number, row in enumerate(rows, first):
        cells = [_SPACE.sub(" ", cell).strip() for cell in row[:MAX_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            groups.add(number, cells)
        else:
            groups.end_table()
    groups.end_table()


def markdown_row(cells: Iterable[str]) -> str:
    """Cells as a row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


class _Groups:
    """Gathers rows until a group is full."""

    def __init__(self, assembly: Assembly, size: int, place: Callable[[int, int], str]) -> None:
        self._assembly = assembly
        self._size = size
        self._place = place
        self._header: list[str] = []
        self._begun = False  # whether the present table has rows yet
        self._lines: list[str] = []
        self._length = 0
        self._first = self._last = 0

    def add(self, number: int, cells: list[str]) -> None:
        """Add a row that is not empty."""
        if not self._begun and sum(map(bool, cells)) == 1:
            self._put(number, next(filter(None, cells)))
        elif not self._begun and _is_header(cells):
            self._flush()
            self._begun, self._header = True, [cell[:MAX_NAME] for cell in cells]
            self._first = self._last = number
        else:
            if not self._begun and len(cells) > len(self._header):
                self._header = []  # not the columns of the table before
            self._begun = True
            self._row(number, cells)

    def end_table(self) -> None:
        """What follows is another table, or the rest of this one below an empty row."""
        if self._begun and not self._lines and self._header and self._first:  # a header and no more
            self._put(self._first, markdown_row(self._header))
            self._header = []
        self._flush()
        self._begun = False

    def _row(self, number: int, cells: list[str]) -> None:
        line = markdown_row(cells)
        if self._header and len(markdown_row(self._header)) + len(line) > self._size:
            self._flush()
            self._put(number, "\n".join(_named(self._header, cells)))
            self._flush()
            return
        if not self._lines and self._header:
            self._put(self._first or number, markdown_row(self._header))
        self._put(number, line)

    def _put(self, number: int, line: str) -> None:
        if self._lines and self._length + len(line) > self._size:
            self._flush()
            if self._header and self._begun:
                self._put(number, markdown_row(self._header))
        self._first = self._first or number
        self._last = number
        self._lines.append(line)
        self._length += len(line) + 1

    def _flush(self) -> None:
        if self._lines:
            self._assembly.place(self._place(self._first, self._last))
            self._assembly.block("\n".join(self._lines), "table")
        self._lines, self._length, self._first, self._last = [], 0, 0, 0


def _is_header(cells: Sequence[str]) -> bool:
    """Whether cells are names rather than values: mostly there, none a number, none twice."""
    names = [cell for cell in cells if cell]
    return len(set(names)) * 2 > len(cells) and not any(_VALUE.fullmatch(name) for name in names)


def _named(header: Sequence[str], cells: Sequence[str]) -> Iterable[str]:
    for index, cell in enumerate(cells):
        name = header[index] if index < len(header) else ""
        if cell:
            yield f"{name}: {cell}" if name else cell
