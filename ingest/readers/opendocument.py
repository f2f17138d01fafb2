"""OpenDocument files: texts (.odt), presentations (.odp) and sheets (.ods)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers.archive import Archive
from ingest.readers.assembly import Assembly
from ingest.readers.excel import sheet_place
from ingest.readers.limits import Limits
from ingest.readers.rows import add_rows, markdown_row
from ingest.readers.safe_xml import attribute, child, descendants, local, part

_NOT_TEXT = frozenset({"tracked-changes", "annotation-end", "sequence-decls", "forms", "note-citation", "script"})
_OWN_BLOCKS = frozenset({"frame", "custom-shape", "g", "text-box", "note", "annotation"})
_SPACES = {"tab": "\t", "line-break": "\n"}
MAX_REPEATED = 1_000  # copies of a row or a cell that are written out; sheets end with a million empty ones


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of the document in reading order.

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, a bomb, or without text.
    """
    archive = Archive(data, limits)
    if any(True for _ in descendants(part(archive, "META-INF/manifest.xml"), "encryption-data")):
        raise PasswordError("needs a password", "Save a copy without one and add that.")
    root = part(archive, "content.xml")
    body = child(root, "body")
    if body is None:
        raise UnreadableError("is not an OpenDocument file: it has no content")
    assembly = Assembly(limits)
    pages = _add_body(assembly, body, limits)
    if suffix in {".ods", ".ots"} and not assembly.tables:
        raise UnreadableError("holds no text")
    title = next((each.text or "" for each in descendants(part(archive, "meta.xml"), "title")), "")
    return assembly.document(" ".join(title.split()) or assembly.first_heading or stem, pages)


def _add_body(assembly: Assembly, body: etree._Element, limits: Limits) -> int | None:
    walk = _Walk(assembly)
    slides = 0
    for content in body:
        if local(content) == "presentation":
            for page in (each for each in content if local(each) == "page"):
                slides += 1
                _add_slide(assembly, walk, page, slides)
        elif local(content) == "spreadsheet":
            for sheet in (each for each in content if local(each) == "table"):
                _add_sheet(assembly, sheet, limits)
        else:
            walk.add(content)
    return slides or None


def _add_slide(assembly: Assembly, walk: _Walk, page: etree._Element, number: int) -> None:
    assembly.page(number, f"slide {number}")
    assembly.close_headings()
    frames = list(page)
    title = next((frame for frame in frames if attribute(frame, "class") == "title"), None)
    if title is not None:
        assembly.heading(1, " ".join(text_of(each) for each in descendants(title, "p")))
    for frame in frames:
        if local(frame) == "notes":
            lines = [text_of(each) for each in descendants(frame, "p", "h")]
            assembly.block("Notes: " + "\n".join(filter(None, lines)) if any(lines) else "")
        elif frame is not title:
            walk.add([frame])


def _add_sheet(assembly: Assembly, sheet: etree._Element, limits: Limits) -> None:
    name = attribute(sheet, "name")
    assembly.close_headings()
    assembly.place(f"sheet {name}")
    assembly.heading(1, name)
    add_rows(assembly, _rows(sheet), limits, partial(sheet_place, name))


class _Walk:
    """Adds block elements; wrappers such as sections and frames are looked through."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def add(self, parent: etree._Element | list[etree._Element]) -> None:
        """Everything below `parent`."""
        for element in parent:
            kind = local(element)
            if kind == "h":
                level = attribute(element, "outline-level")
                self._assembly.heading(int(level) if level.isdigit() else 1, text_of(element))
                self._inside(element)
            elif kind == "p":
                self._assembly.block(text_of(element))
                self._inside(element)
            elif kind == "list":
                self._list(element)
            elif kind == "table":
                rows = [[" ".join(cell.split()) for cell in row] for row in _rows(element)]
                self._assembly.block("\n".join(markdown_row(row) for row in rows if any(row)), "table")
            elif kind not in _NOT_TEXT:
                self.add(element)

    def _list(self, element: etree._Element) -> None:
        for item in (each for each in element if local(each) in {"list-item", "list-header"}):
            for part_of_item in item:
                if local(part_of_item) == "list":
                    self._list(part_of_item)
                elif local(part_of_item) in {"p", "h"}:
                    text = text_of(part_of_item).strip()
                    self._assembly.block(f"- {text}" if text else "")
                    self._inside(part_of_item)

    def _inside(self, paragraph: etree._Element) -> None:
        """Text boxes, notes and comments that hang on a paragraph."""
        for element in paragraph.iter():
            if element is not paragraph and local(element) in {"text-box", "note-body", "annotation", "custom-shape"}:
                self.add([each for each in element if local(each) in {"p", "h", "list", "table"}])


def text_of(paragraph: etree._Element) -> str:
    """The text of a paragraph without what hangs on it."""
    pieces: list[str] = [paragraph.text or ""]
    for element in paragraph:
        kind = local(element)
        if kind == "s":
            count = attribute(element, "c")
            pieces.append(" " * (min(int(count), 100) if count.isdigit() else 1))
        elif kind in _SPACES:
            pieces.append(_SPACES[kind])
        elif kind and kind not in _OWN_BLOCKS | _NOT_TEXT:
            pieces.append(text_of(element))
        pieces.append(element.tail or "")
    return "".join(pieces)


def _rows(table: etree._Element) -> Iterator[list[str]]:
    """The rows of a table; repeated ones are written out, but not the empty end of a sheet."""
    empty = 0
    for row in _own_rows(table):
        cells = _cells(row)
        copies = _repeated(row, "number-rows-repeated")
        if not any(cells):
            empty += copies
            continue
        yield from ([] for _ in range(min(empty, MAX_REPEATED)))
        empty = 0
        yield from (cells for _ in range(min(copies, MAX_REPEATED)))


def _own_rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        if local(element) == "table-row":
            yield element
        elif local(element) in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _own_rows(element)


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    empty = 0
    for cell in row:
        copies = _repeated(cell, "number-columns-repeated")
        text = " ".join(text_of(each) for each in descendants(cell, "p", "h")) if len(cell) else ""
        if not text:
            empty += copies
            continue
        cells.extend("" for _ in range(min(empty, MAX_REPEATED)))
        empty = 0
        cells.extend(text for _ in range(min(copies, MAX_REPEATED)))
    return cells


def _repeated(element: etree._Element, name: str) -> int:
    count = attribute(element, name)
    return max(1, int(count)) if count.isdigit() else 1
