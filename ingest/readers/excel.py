"""Excel workbooks (.xlsx): each sheet's tables as rows with their header, dates as dates, comments below."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.archive import Archive
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.ooxml import comment_line, core_title, main_part, related
from ingest.readers.ooxml_chart import add_chart
from ingest.readers.rows import add_rows
from ingest.readers.safe_xml import attribute, child, descendants, local, part, streamed
from ingest.readers.table import rows_named

_DATE_FORMATS = frozenset(
    {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
)  # built in, ECMA-376 18.8.30
_PERCENT_FORMATS = frozenset({9, 10})
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]|_.|\*.')
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
MAX_COLUMN = 16_384
MAX_EMPTY_ROWS = 1_000_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of all sheets in the order of the workbook.

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, a bomb, or without text.
    """
    archive = Archive(data, limits)
    main = main_part(archive, "xl/workbook.xml")
    book = part(archive, main)
    if book is None or local(book) != "workbook":
        raise UnreadableError("is not an Excel workbook: it has no main part")
    cells = _Cells(archive, main, attribute(child(book, "workbookPr"), "date1904") in {"1", "true"})
    targets = dict(related(archive, main))
    assembly = Assembly(limits)
    for sheet in descendants(book, "sheet"):
        name, target = attribute(sheet, "name"), targets.get(_relation(sheet), "")
        content = archive.read(target)
        if content is not None:
            assembly.close_headings()
            assembly.place(f"sheet {name}")
            assembly.heading(1, name)
            add_rows(assembly, _rows(content, target, cells), limits, partial(sheet_place, name))
            assembly.place(f"sheet {name}")
            _add_drawings(assembly, archive, target)
            _add_comments(assembly, archive, target, name)
    if not assembly.tables:
        raise UnreadableError("holds no text")
    return assembly.document(core_title(archive) or stem)


def _relation(sheet: etree._Element) -> str:
    return next((str(value) for key, value in sheet.attrib.items() if str(key).endswith("}id")), "")


def sheet_place(sheet: str, first: int, last: int) -> str:
    """ "sheet Rent, rows 2–40"."""
    return f"sheet {sheet[:60]}, {rows_named(first, last)}"


class _Cells:
    """What the value of a cell looks like to a person."""

    def __init__(self, archive: Archive, main: str, from_1904: bool) -> None:
        folder = posixpath.dirname(main)
        self._epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
        strings = archive.read(f"{folder}/sharedStrings.xml") or b""
        self._strings = [_text(item) for item in streamed(strings, "sharedStrings.xml", "si")] if strings else []
        self._kinds = list(_kinds(part(archive, f"{folder}/styles.xml")))

    def shown(self, cell: etree._Element) -> str:
        """The text of a cell element."""
        kind, value = cell.get("t", "n"), child(cell, "v")
        text = (value.text or "") if value is not None else ""
        if kind == "inlineStr":
            return _text(cell)
        if kind == "s":
            return self._strings[int(text)] if text.isdigit() and int(text) < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        if kind != "n" or not text:
            return text.replace("T00:00:00", "") if kind == "d" else text
        style = cell.get("s", "0")
        index = int(style) if style.isdigit() else 0
        return self._number(text, self._kinds[index] if index < len(self._kinds) else "")

    def _number(self, text: str, kind: str) -> str:
        try:
            number = float(text)
            if kind == "date" and 0 <= number < 2_958_466:  # 9999-12-31
                return _moment(self._epoch, number)
            return f"{number * 100:.10g}%" if kind == "percent" else f"{number:.15g}"
        except (ValueError, OverflowError):
            return text


def _moment(epoch: datetime, number: float) -> str:
    """A serial date; one below 1 is a time of day."""
    moment = epoch + timedelta(seconds=round(number * 86_400))
    if number < 1:
        return moment.strftime("%H:%M:%S").removesuffix(":00")
    return moment.isoformat(" ").removesuffix(" 00:00:00").removesuffix(":00")


def _kinds(styles: etree._Element | None) -> Iterator[str]:
    """For each cell style "date", "percent" or ""."""
    codes = {attribute(each, "numFmtId"): attribute(each, "formatCode") for each in descendants(styles, "numFmt")}
    formats = child(styles, "cellXfs")
    for style in formats if formats is not None else ():
        number = attribute(style, "numFmtId")
        code = _NOT_FORMAT.sub("", codes.get(number, "")).lower()
        built_in = int(number) if number.isdigit() else 0
        if built_in in _DATE_FORMATS or (code != "general" and re.search(r"[ymdhs]", code)):
            yield "date"
        else:
            yield "percent" if built_in in _PERCENT_FORMATS or "%" in code else ""


def _text(element: etree._Element) -> str:
    """The runs of a string, without what is said of its pronunciation."""
    return "".join(
        each.text or "" for each in descendants(element, "t") if local(each.getparent()) != "rPh"
    )  # fmt: skip


def _rows(content: bytes, name: str, cells: _Cells) -> Iterator[list[str]]:
    """The rows from row 1 on; a row that is left out in the file is empty."""
    number = 0
    for row in streamed(content, name, "row"):
        said = row.get("r", "")
        stands = int(said) if said.isdigit() and number < int(said) <= MAX_EMPTY_ROWS + number else number + 1
        yield from ([] for _ in range(number + 1, stands))
        number = stands
        yield _row(row, cells)


def _row(row: etree._Element, cells: _Cells) -> list[str]:
    values: list[str] = []
    for cell in row:
        if local(cell) != "c":
            continue
        found = _CELL.fullmatch(cell.get("r", ""))
        column = min(_column(found[1]), MAX_COLUMN) if found else len(values)
        text = cells.shown(cell)
        if text:
            values.extend("" for _ in range(len(values), column))
            values.append(text)
    return values


def _column(letters: str) -> int:
    """The index of a column: A is 0, AA is 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _add_drawings(assembly: Assembly, archive: Archive, sheet: str) -> None:
    """The charts and text boxes that lie on a sheet."""
    for _, drawing in related(archive, sheet, "/drawing"):
        for box in descendants(part(archive, drawing), "txBody"):
            lines = ("".join(each.text or "" for each in descendants(line, "t")) for line in descendants(box, "p"))
            assembly.block("\n".join(lines))
        for _, chart in related(archive, drawing, "/chart"):
            add_chart(assembly, part(archive, chart))


def _add_comments(assembly: Assembly, archive: Archive, sheet: str, name: str) -> None:
    """Comments with the cell they hang on; of those that are answered, the old copy for other programs is left out."""
    threads = [part(archive, target) for _, target in related(archive, sheet, "/threadedComment")]
    people = {attribute(each, "id"): attribute(each, "displayName") for each in _persons(archive)}
    threaded = {attribute(each, "ref") for root in threads for each in descendants(root, "threadedComment")}
    for _, target in related(archive, sheet, "/comments"):
        root = part(archive, target)
        authors = ["".join(each.itertext()) for each in descendants(root, "author")]
        for comment in descendants(root, "comment"):
            number = attribute(comment, "authorId")
            author = authors[int(number)] if number.isdigit() and int(number) < len(authors) else ""
            if attribute(comment, "ref") not in threaded:
                _add_comment(assembly, name, comment, author)
    for root in threads:
        for comment in descendants(root, "threadedComment"):
            _add_comment(assembly, name, comment, people.get(attribute(comment, "personId"), ""))


def _add_comment(assembly: Assembly, sheet: str, comment: etree._Element, author: str) -> None:
    words = (each.text or "" for each in descendants(comment, "t", "text") if local(each.getparent()) != "rPh")
    assembly.place(f"sheet {sheet[:60]}, cell {attribute(comment, 'ref')}")
    assembly.block(comment_line(author, attribute(comment, "dT"), " ".join(" ".join(words).split())))


def _persons(archive: Archive) -> Iterator[etree._Element]:
    for name in archive.names:
        if name.startswith("xl/persons/") and name.endswith(".xml"):
            yield from descendants(part(archive, name), "person")
