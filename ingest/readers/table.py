"""Tables as text (.csv, .tsv): the delimiter is found, the names of the columns stay with the rows."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.rows import add_rows
from ingest.readers.text import readable_text

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_SEPARATOR_LINE = "sep="  # the first line of files that Excel wrote for itself


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """Rows in groups; row 1 is the first of the file.

    Raises:
        UnreadableError: not text, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    csv.field_size_limit(limits.text_bytes)
    add_rows(assembly, _rows(text, delimiter(text, suffix)), limits, lambda first, last: rows_named(first, last))
    return assembly.document(stem)


def rows_named(first: int, last: int) -> str:
    """ "row 2", "rows 2–40"."""
    return f"row {first}" if first == last else f"rows {first}–{last}"


def delimiter(text: str, suffix: str) -> str:
    """What stands between the cells: the character that gives the most lines the same number of cells, above one."""
    head = text[: len(_SEPARATOR_LINE) + 1]
    if head.lower().startswith(_SEPARATOR_LINE) and head[-1] in _DELIMITERS:
        return head[-1]
    if suffix in {".tsv", ".tab"}:
        return "\t"
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample.rpartition("\n")[0] or sample
    return max(_DELIMITERS, key=lambda candidate: _evenness(sample, candidate))


def _evenness(sample: str, candidate: str) -> tuple[float, int]:
    """(share of lines with the usual number of cells, that number); quotes that stay inside cells speak against it."""
    rows = [row for row in _rows(sample, candidate) if row]
    counts = Counter(len(row) for row in rows if len(row) > 1)
    if not counts:
        return 0.0, 0
    cells = max(counts, key=lambda number: (counts[number], number))
    torn = sum(any(cell.count('"') % 2 for cell in row) for row in rows)
    return (counts[cells] - torn) / len(rows), cells


def _rows(text: str, candidate: str) -> Iterator[list[str]]:
    rows = csv.reader(text.splitlines(keepends=True), delimiter=candidate, skipinitialspace=True)
    try:
        for row in rows:
            if not (rows.line_num == 1 and text[:4].lower() == _SEPARATOR_LINE):
                yield row
    except csv.Error:
        yield from ([line] for line in text.splitlines()[rows.line_num :])
