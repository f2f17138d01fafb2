"""Word files (.docx): headings, paragraphs, lists, tables, text boxes, formulas and notes in document order.

The parts are read as XML by local name, so the transitional and the strict form of the format both work.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.archive import Archive
from ingest.readers.assembly import Assembly
from ingest.readers.formula import latex
from ingest.readers.limits import Limits
from ingest.readers.ooxml import core_title, main_part
from ingest.readers.safe_xml import attribute, child, local, part
from ingest.readers.word_numbering import BULLET, Numbering, numbering_of

_HEADING_STYLE = re.compile(r"^(?:heading|überschrift|titre|título|titolo|kop) ?([1-9])$", re.I)
_LIST_STYLE = re.compile(r"^list\b", re.I)
_CODE_STYLE = re.compile(r"code|source|preformatted|html pre", re.I)
_SKIPPED = frozenset({"delText", "instrText", "del", "moveFrom", "Fallback", "rPrChange", "pPrChange", "txbxContent"})
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_CHECK_BOXES = str.maketrans({"☒": "[x]", "☑": "[x]", "☐": "[ ]"})
_NOTE_PARTS = ("footnotes", "endnotes", "comments")


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of the document's body, then its notes, comments, headers and footers.

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, a bomb, or without text.
    """
    archive = Archive(data, limits)
    main = main_part(archive, "word/document.xml")
    assembly = Assembly(limits)
    folder = posixpath.dirname(main)
    body = _Body(assembly, _styles(archive, main), numbering_of(part(archive, f"{folder}/numbering.xml")))
    root = part(archive, main)
    if root is None:
        raise UnreadableError("is not a Word file: it has no main document part")
    body.add(root)
    for name in _NOTE_PARTS:
        _add_notes(body, part(archive, f"{folder}/{name}.xml"))
    for text in _margins(archive, folder):
        assembly.block(text)
    if body.vanished:
        assembly.notes.append(f"{body.vanished} hidden runs of text left out")
    return assembly.document(core_title(archive) or body.title or assembly.first_heading or stem)


def _value(element: etree._Element | None) -> str:
    """The `val` attribute whatever its namespace."""
    return attribute(element, "val")


@dataclass(frozen=True, slots=True)
class _Style:
    """The name, outline level (from 1, 0 for none) and list of a kind of paragraph."""

    name: str = ""
    level: int = 0
    number: str = ""  # of the list
    depth: str = ""  # in the list


def _styles(archive: Archive, main: str) -> dict[str, _Style]:
    """Styles by their id; what one does not say it has from the one it is based on."""
    root = part(archive, f"{posixpath.dirname(main)}/styles.xml")
    styles: dict[str, _Style] = {}
    for style in root if root is not None else ():
        if local(style) == "style":
            name, level = _value(child(style, "name")), _value(child(style, "pPr", "outlineLvl"))
            base = styles.get(_value(child(style, "basedOn")), _Style())
            found = _HEADING_STYLE.match(name)
            own = int(found[1]) if found else int(level) + 1 if level.isdigit() and int(level) < 9 else base.level
            number = _value(child(style, "pPr", "numPr", "numId")) or base.number
            depth = _value(child(style, "pPr", "numPr", "ilvl")) or base.depth
            styles[attribute(style, "styleId")] = _Style(name, own, number, depth)
    return styles


class _Body:
    """Walks block elements and adds them to the assembly."""

    def __init__(self, assembly: Assembly, styles: dict[str, _Style], numbering: Numbering) -> None:
        self.title = ""
        self.vanished = 0
        self._assembly = assembly
        self._styles = styles
        self._numbering = numbering

    def add(self, parent: etree._Element) -> None:
        """Everything below `parent`; wrappers such as content controls are looked through."""
        for element in parent:
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name not in _SKIPPED:
                self.add(element)

    def _paragraph(self, element: etree._Element) -> None:
        style = self._styles.get(_value(child(element, "pPr", "pStyle")), _Style())
        own = _value(child(element, "pPr", "outlineLvl"))
        level = int(own) + 1 if own.isdigit() and int(own) < 9 else style.level
        text = self.text(element)
        if style.name.lower() == "title" and not self.title:
            self.title, level = " ".join(text.split()), 1
        mark = self._mark(element, style) if text.strip() else ""
        if level and text.strip():
            self._assembly.heading(level, f"{mark} {text}" if mark != BULLET else text)
        elif _CODE_STYLE.search(style.name):
            self._assembly.block(text, "code")
        else:
            self._assembly.block(f"{mark} {text.strip()}" if mark else text)
        for box in _boxes(element):
            self.add(box)

    def _mark(self, paragraph: etree._Element, style: _Style) -> str:
        """What stands before a paragraph of a list."""
        number = _value(child(paragraph, "pPr", "numPr", "numId")) or style.number
        depth = _value(child(paragraph, "pPr", "numPr", "ilvl")) or style.depth
        if number:
            return self._numbering.mark(number, int(depth) if depth.isdigit() else 0)
        return BULLET if _LIST_STYLE.match(style.name) else ""

    def _table(self, table: etree._Element) -> None:
        rows = [list(_below(row, "tc")) for row in _below(table, "tr")]
        if all(len(row) <= 1 for row in rows):  # a frame around text
            for row in rows:
                for cell in row:
                    self.add(cell)
            return
        lines = (" | ".join(self._cell(cell) for cell in row) for row in rows)
        self._assembly.block("\n".join(line for line in lines if line.strip(" |")), "table")

    def _cell(self, cell: etree._Element) -> str:
        paragraphs = [self.text(element) for element in cell.iter() if local(element) == "p"]
        return " ".join(" ".join(paragraphs).split())

    def text(self, paragraph: etree._Element) -> str:
        """The visible text of a paragraph without its text boxes."""
        parts: list[str] = []
        for element in _visible(paragraph):
            name = local(element)
            if name == "r" and (vanish := child(element, "rPr", "vanish")) is not None:
                self.vanished += _value(vanish) not in {"0", "false"}
            if name == "t" and not _vanishes(element):
                parts.append((element.text or "").translate(_CHECK_BOXES))
            elif name == "oMath":
                parts.append(f" ${latex(element).strip()}$ ")
            elif name in _BREAKS:
                parts.append(_BREAKS[name])
        return "".join(parts)


def _visible(element: etree._Element) -> Iterator[etree._Element]:
    """The elements inside a paragraph in order, without deleted text, field codes and text boxes."""
    for each in element:
        name = local(each)
        if name in _SKIPPED or name in {"pPr", "p", "tbl"}:
            continue
        yield each
        if name not in {"t", "oMath"}:
            yield from _visible(each)


def _vanishes(text: etree._Element) -> bool:
    vanish = child(text.getparent(), "rPr", "vanish")
    return vanish is not None and _value(vanish) not in {"0", "false"}


def _boxes(paragraph: etree._Element) -> Iterator[etree._Element]:
    """The outermost text boxes in a paragraph; the copy kept for old programs is left out."""
    for each in paragraph:
        name = local(each)
        if name == "txbxContent":
            yield each
        elif name not in {"Fallback", "p"}:
            yield from _boxes(each)


def _below(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The nearest descendants of that name, content controls looked through."""
    for each in element:
        if local(each) == name:
            yield each
        elif local(each) in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _below(each, name)


def _add_notes(body: _Body, root: etree._Element | None) -> None:
    for note in root if root is not None else ():
        if attribute(note, "type") not in {"separator", "continuationSeparator"}:
            body.add(note)


def _margins(archive: Archive, folder: str) -> list[str]:
    """The distinct texts of headers and footers."""
    names = sorted(name for name in archive.names if re.match(rf"{re.escape(folder)}/(?:header|footer)\d*\.xml$", name))
    texts: dict[str, None] = {}
    for name in names[:100]:
        root = part(archive, name)
        if root is not None:
            lines = ("".join(_margin_text(element)) for element in root.iter() if local(element) == "p")
            texts["\n".join(line for line in lines if line.strip())] = None
    return list(texts)


def _margin_text(paragraph: etree._Element) -> Iterator[str]:
    for element in _visible(paragraph):
        name = local(element)
        yield (element.text or "") if name == "t" else _BREAKS.get(name, "")
