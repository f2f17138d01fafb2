"""What rows does a file hold? JSON lines, JSON, CSV or plain text, told by content; bad rows are listed, not fatal."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.data.messages import RowError, clean
from adapters.data.row_formats import Given, read_row
from adapters.data.text_pieces import PIECE, pieces
from adapters.errors import DatasetError
from adapters.rows import Origin, Row

TEXT_SUFFIXES = (".txt", ".md", ".markdown", ".text", ".rst")
LINE_SUFFIXES = (".jsonl", ".ndjson")
TABLES = {".csv": ",", ".tsv": "\t"}
MAX_FILE = 256 * 2**20  # bytes
MAX_ROWS = 200_000
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
FORMATS = "Read are .jsonl, .json, .csv and .tsv files of rows, and .txt and .md files of text."


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out, and why."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class FileRows:
    """What one file gave: its name, the formats found in it, the rows, and those that were left out."""

    name: str
    format: str
    rows: tuple[Given, ...]
    bad: tuple[BadRow, ...] = ()


def read_file(path: Path) -> FileRows:
    """All rows of a file; the file's kind is told by its content, text files by their suffix.

    Raises:
        DatasetError: it cannot be read, is no text, is too large, or no row of it can be used.
    """
    if path.suffix.lower() in TEXT_SUFFIXES:
        return _text_file(path.name, _decoded(_content(path), path))
    return _collected(path.name, read_values(path))


def read_values(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON values, or rows of a table, that a file holds, each with its line; a RowError in place of a bad one.

    Raises:
        DatasetError: it cannot be read, is no text, is too large, or of no known format.
    """
    data, suffix = _content(path), path.suffix.lower()
    if suffix in TABLES:
        return _table(_decoded(data, path), TABLES[suffix])
    start = data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    if start not in (b"{", b"[") and suffix not in (".json", *LINE_SUFFIXES):
        raise DatasetError(f"{path.name} is of no known format.", FORMATS)
    if suffix not in LINE_SUFFIXES and (whole := _whole(_decoded(data, path))) is not None:
        return iter(whole)
    return _lines(data)


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise DatasetError(f"{path} is a folder.", "Name the files in it.")
    if not path.is_file():
        raise DatasetError(f"There is no file {path}.", FORMATS)
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise DatasetError(
                f"{path.name} has {size / 2**20:,.0f} MB; at most {MAX_FILE // 2**20} are read.", "Split it."
            )
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DatasetError(f"{path.name} is empty.", FORMATS)
    if b"\x00" in data[:65536] and data[:2] not in BOMS:
        raise DatasetError(f"{path.name} is no text: it looks like binary data.", FORMATS)
    return data


def _decoded(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in BOMS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"{path.name}:{line}: this is not UTF-8 text.", "Save the file as UTF-8.") from error


def _whole(text: str) -> list[tuple[int, Any]] | None:
    """The rows of a JSON file with their number: a list, or an object that holds one; None where it is lines."""
    try:
        value = json.loads(text)
    except RecursionError:
        return [(1, RowError("it is nested too deeply"))]
    except ValueError as error:
        return (
            None if "\n" in text.strip() and not text.lstrip().startswith("[") else [(_line(error), _json_error(error))]
        )
    if isinstance(value, dict):
        lists = [
            entry for key, entry in value.items() if key in ("data", "rows", "train", "examples") and _is_rows(entry)
        ]
        value = lists[0] if lists else [value]
    return list(enumerate(value if isinstance(value, list) else [value], 1))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _lines(data: bytes) -> Iterator[tuple[int, Any]]:
    """The rows of a file of JSON lines, each with its line; a line that is no JSON gives what is wrong with it."""
    if data[:2] in BOMS:
        data = data.decode("utf-16", "replace").encode()
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            yield number, RowError("this is not UTF-8 text")
        except RecursionError:
            yield number, RowError("it is nested too deeply")
        except ValueError as error:
            yield number, _json_error(error)


def _json_error(error: ValueError) -> RowError:
    if isinstance(error, json.JSONDecodeError):
        return RowError(f"wrong JSON at column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}")
    return RowError(f"wrong JSON: {str(error)[:80]}")  # a number of too many digits


def _line(error: ValueError) -> int:
    return error.lineno if isinstance(error, json.JSONDecodeError) else 1


def _table(text: str, delimiter: str) -> Iterator[tuple[int, Any]]:
    """The rows of a table with a first line of names, each with the line it ends on."""
    csv.field_size_limit(MAX_FILE)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            named = {(key or "").strip().lower(): value for key, value in row.items() if isinstance(key, str)}
            yield reader.line_num, {key: value for key, value in named.items() if value is not None}
    except csv.Error as error:
        yield reader.line_num, RowError(f"wrong CSV: {error}")


def _collected(name: str, values: Iterator[tuple[int, Any]]) -> FileRows:
    rows: list[Given] = []
    bad: list[BadRow] = []
    formats: Counter[str] = Counter()
    for line, value in values:
        try:
            if isinstance(value, RowError):
                raise value
            kind, given = read_row(value, Origin("file", name, str(line), f"{name}:{line}"))
        except RowError as error:
            bad.append(BadRow(name, line, str(error)))
            continue
        formats[kind] += 1
        rows += [replace(given, row=row) for row in cut_text(given.row)]
        if len(rows) > MAX_ROWS:
            raise DatasetError(f"{name} has more than {MAX_ROWS:,} rows.", "Split it, or leave some out.")
    if not rows:
        first = bad[0] if bad else BadRow(name, 1, "there are no rows in it")
        more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
        raise DatasetError(f"No row of {name} can be used. {first}{more}.", FORMATS)
    return FileRows(name, " and ".join(kind for kind, _ in formats.most_common()), tuple(rows), tuple(bad))


def _text_file(name: str, text: str) -> FileRows:
    rows = cut_text(Row(text=clean(text), origin=Origin("file", name, group=name)))
    return FileRows(name, "text", tuple(Given(row) for row in rows))


def cut_text(row: Row, size: int = PIECE) -> list[Row]:
    """A row of text as pieces that fit into a training row, numbered; a row of turns as it is."""
    if row.turns or len(row.text) <= size:
        return [row]
    spans = pieces(row.text, size)
    return [
        replace(row, text=row.text[start:end], origin=replace(row.origin, id=_numbered(row.origin.id, number)))
        for number, (start, end) in enumerate(spans, 1)
    ]


def _numbered(identifier: str, number: int) -> str:
    return f"{identifier}/{number}" if identifier else str(number)
