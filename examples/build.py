"""How are the PDF and DOCX files of the sample library made? From the plain sources beside this script.

    pip install reportlab python-docx && python examples/build.py

The same sources give the same bytes, so a second run changes nothing.
"""

from __future__ import annotations

import datetime
import sys
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import cast

import docx
from reportlab.lib import colors
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle, StyleSheet1, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Table, TableStyle

HERE = Path(__file__).resolve().parent
Block = tuple[str, list[str]]  # "#", "##", "###", "-", "|", "---" or "", and its lines


def blocks(text: str) -> Iterator[Block]:
    """Headings, table rows together, page breaks and paragraphs of the small markup of the sources."""
    for kind, lines in groupby((line for line in text.splitlines() if line.strip()), key=_kind):
        content = [line.strip("# ").strip() for line in lines]
        if kind == "|":
            yield kind, content
        else:
            yield from ((kind, [line]) for line in content)


def _kind(line: str) -> str:
    first = line.split(" ", 1)[0]
    return first if first in {"#", "##", "###", "---", "|"} else ""


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


class Heading(Paragraph):
    """A heading that knows its words and its depth in the outline."""

    def __init__(self, words: str, style: ParagraphStyle, level: int) -> None:
        super().__init__(words, style)
        self.words, self.level = words, level


class Booklet(SimpleDocTemplate):
    """A PDF with selectable text, an outline, and the title and page number at the foot of each page."""

    def afterFlowable(self, flowable: Flowable) -> None:
        """Enter headings into the outline, which viewers show as a table of contents."""
        if isinstance(flowable, Heading):
            self.canv.bookmarkPage(flowable.words)
            self.canv.addOutlineEntry(flowable.words, flowable.words, flowable.level)

    def afterPage(self) -> None:
        """Draw the foot after the text, so that it is also read after it."""
        self.canv.setFont("Helvetica", 7)
        self.canv.drawString(15 * mm, 8 * mm, str(self.title))
        self.canv.drawRightString(A5[0] - 15 * mm, 8 * mm, f"Page {self.page}")


def write_pdf(source: Path, target: Path) -> None:
    """Set the source as an A5 booklet; `invariant` keeps dates and ids out of the file."""
    content = list(blocks(source.read_text(encoding="utf-8")))
    booklet = Booklet(
        str(target), pagesize=A5, title=content[0][1][0], author="", invariant=1,
        leftMargin=15 * mm, rightMargin=15 * mm, topMargin=14 * mm, bottomMargin=14 * mm,
    )  # fmt: skip
    styles = getSampleStyleSheet()
    booklet.build([_flowable(kind, lines, styles) for kind, lines in content])


def _flowable(kind: str, lines: list[str], styles: StyleSheet1) -> Flowable:
    body = ParagraphStyle("small", parent=styles["BodyText"], fontSize=8.5, leading=10.8)
    if kind == "---":
        return PageBreak()
    if kind == "|":
        return _table(lines, body)
    if not kind:
        return Paragraph(lines[0], body)
    return Heading(lines[0], cast(ParagraphStyle, styles[f"Heading{len(kind)}"]), level=len(kind) - 1)


def _table(lines: list[str], body: ParagraphStyle) -> Table:
    cell = ParagraphStyle("cell", parent=body, fontSize=7.5, leading=9)
    rows = [[Paragraph(text, cell) for text in _cells(line)] for line in lines]
    grid = TableStyle([("GRID", (0, 0), (-1, -1), 0.3, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return Table(rows, style=grid, repeatRows=1, spaceBefore=4, spaceAfter=6)


def write_docx(source: Path, target: Path) -> None:
    """A Word file with real headings and tables, and a fixed date so that its bytes repeat."""
    document = docx.Document()
    for kind, lines in blocks(source.read_text(encoding="utf-8")):
        if kind == "|":
            _docx_table(document, [_cells(line) for line in lines])
        elif kind:
            document.add_heading(lines[0], level=len(kind) - 1)
        else:
            document.add_paragraph(lines[0])
    document.core_properties.title = next(blocks(source.read_text(encoding="utf-8")))[1][0]
    document.core_properties.created = document.core_properties.modified = datetime.datetime(2026, 2, 13)
    document.save(str(target))
    _fix_dates(target)


def _docx_table(document: docx.document.Document, rows: list[list[str]]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


def _fix_dates(path: Path) -> None:
    """Write the archive again with one date for all members."""
    with zipfile.ZipFile(path) as old:
        members = [(name, old.read(name)) for name in old.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members:
            new.writestr(zipfile.ZipInfo(name, (2026, 2, 13, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def main() -> int:
    library = HERE / "library"
    write_pdf(HERE / "source" / "lease.md", library / "lease.pdf")
    write_pdf(HERE / "source" / "dishwasher-manual.md", library / "dishwasher-manual.pdf")
    write_docx(HERE / "source" / "residents-meeting.md", library / "residents-meeting.docx")
    return 0


if __name__ == "__main__":
    sys.exit(main())
