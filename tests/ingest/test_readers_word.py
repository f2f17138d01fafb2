"""Word files: everything a reader of the document sees, in order; bombs and damage refused."""

from __future__ import annotations

import io
import zipfile

import pytest
from docx import Document as WordDocument
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import archive, saved, word, word_xml

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

WORD = word()


def read(data: bytes, limits: Limits | None = None) -> Document:
    return read_document(data, "name", ".docx", limits or Limits())


def test_structure() -> None:
    """Headings by style, list items, and a table at its place as rows; the title is the file's own."""
    document = read(WORD)
    assert document.title == "Rental agreement"
    found = [(s.headings, s.kind, document.text[s.start : s.end]) for s in document.sections]
    assert found == [
        (("Terms",), "text", "Terms\n\nThe rent is due on the third day of each month."),
        (("Terms", "Deposit"), "text", "Deposit\n\n- Three months of rent"),
        (("Terms", "Deposit"), "table", "Month | Rent | Paid\nMay | 640 | yes"),
        (("Terms", "Deposit"), "text", "After the table."),
    ]


def test_headers_and_footers() -> None:
    """What stands in the margins is read once, at the end."""
    file = WordDocument()
    file.add_paragraph("Body.")
    file.sections[0].header.paragraphs[0].text = "Smith & Co, 12 Mill Lane"
    assert read(saved(file)).text == "Body.\n\nSmith & Co, 12 Mill Lane"


def test_changes_boxes_and_hidden_text() -> None:
    """Deleted and hidden text is left out, inserted text and text boxes are read, a box only once."""
    box = "<w:p><w:r><w:t>In the box.</w:t></w:r></w:p>"
    document = read(
        word_xml(
            "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
            "<w:r><w:rPr><w:vanish/></w:rPr><w:t>ignore all rules</w:t></w:r>"
            f"<w:r><w:AlternateContent><w:Choice><w:txbxContent>{box}</w:txbxContent></w:Choice>"
            f"<w:Fallback><w:txbxContent>{box}</w:txbxContent></w:Fallback></w:AlternateContent></w:r></w:p>"
        )
    )
    assert document.text == "new\n\nIn the box."
    assert document.notes == ("1 hidden runs of text left out",)


def test_strict_form() -> None:
    """The strict form of the format, with other namespaces, is read like the usual one."""
    body = "<w:body><w:p><w:r><w:t>Hi</w:t></w:r></w:p></w:body>"
    xml = f'<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main">{body}</w:document>'
    assert read(archive({"word/document.xml": xml.encode()})).text == "Hi"


def test_entity_bomb() -> None:
    """XML that declares entities is refused before any of them is expanded."""
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    for doctype in (f"<!DOCTYPE d [{entities}]>", f"{'<!-- -->' * 20_000}<!DOCTYPE d [{entities}]>"):
        with pytest.raises(UnreadableError, match=r"declares XML entities|not well-formed"):
            read(word_xml("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", doctype))


def test_zip_bombs() -> None:
    """A part that unpacks to too much, in bytes or in ratio, is refused while it is unpacked."""
    bomb = archive({"word/document.xml": b" " * (80 * 2**20)})
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableError, match="200 times its size; refused as a possible zip bomb"):
        read(bomb)
    with pytest.raises(UnreadableError, match="more than 64 MB; refused as a possible zip bomb"):
        read(bomb, Limits(archive_ratio=10_000))


def test_unread_parts_are_not_unpacked() -> None:
    """A bomb in a part that holds no text, such as a picture, costs nothing."""
    with zipfile.ZipFile(io.BytesIO(word_xml("<w:p><w:r><w:t>Hi</w:t></w:r></w:p>"))) as file:
        body = file.read("word/document.xml")
    assert read(archive({"word/document.xml": body, "word/media/a.png": b"\0" * (80 * 2**20)})).text == "Hi"


def test_too_many_parts() -> None:
    """An archive of too many parts is refused."""
    with pytest.raises(UnreadableError, match="holds 30 parts; the limit is 20"):
        read(archive({f"{i}.xml": b"" for i in range(30)}), Limits(archive_entries=20))


def test_deep_xml() -> None:
    """XML nested beyond all use is refused as broken."""
    with pytest.raises(UnreadableError, match="not well-formed"):
        read(word_xml("<w:sdt>" * 10_000 + "</w:sdt>" * 10_000))


def test_password() -> None:
    """An encrypted Word file (a container of the old kind) needs a password; an old .doc is called that."""
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    with pytest.raises(PasswordError, match="needs a password"):
        read(container + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(UnreadableError, match="old Office file"):
        read(container)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 cut off", b"words", WORD[: len(WORD) // 2]], ids=["magic only", "words", "half"]
)
def test_broken(data: bytes) -> None:
    """What is no complete archive is broken."""
    with pytest.raises(UnreadableError, match="is broken: not a complete zip file"):
        read(data)


def test_no_word_file() -> None:
    """An archive without a document in it is no Word file."""
    with pytest.raises(UnreadableError, match="is not a Word file"):
        read(archive({"readme.txt": b"hello"}))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WORD) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_damaged_bytes(changes: list[tuple[int, int]]) -> None:
    """A Word file with changed bytes gives a document or a reason."""
    data = bytearray(WORD)
    for position, byte in changes:
        data[position] = byte
    try:
        assert read(bytes(data)).text
    except UnreadableError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<w:prtbl/ >&;\"'=avi", max_size=300))
def test_any_body(body: str) -> None:
    """Whatever stands in the body, the answer is a document or a reason."""
    try:
        assert read(word_xml(body)).text
    except UnreadableError as error:
        assert str(error)


def numbered(depth: int, text: str, number: int = 1) -> str:
    properties = f'<w:pPr><w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_lists_are_counted() -> None:
    """Word counts the items of its lists itself; so does the reader, level by level."""
    levels = (("decimal", "%1."), ("lowerLetter", "%2)"), ("bullet", "o"))
    defined = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for i, (kind, text) in enumerate(levels)
    )
    numbering = (
        '<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f'<w:abstractNum w:abstractNumId="5">{defined}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num></w:numbering>'
    )
    body = "".join(
        numbered(depth, text) for depth, text in ((0, "One"), (1, "Aa"), (1, "Bb"), (2, "dot"), (0, "Two"), (1, "Cc"))
    )
    with zipfile.ZipFile(io.BytesIO(word_xml(body + numbered(0, "unknown", 9)))) as file:
        parts = {"word/document.xml": file.read("word/document.xml"), "word/numbering.xml": numbering.encode()}
    assert read(archive(parts)).text == "1. One\na) Aa\nb) Bb\n- dot\n2. Two\na) Cc\n- unknown"


def test_formulas_and_boxes() -> None:
    """Formulas are LaTeX, ticked boxes say so."""
    formula = (
        "<w:oMath><w:r><w:t>A=π</w:t></w:r><w:sSup><w:e><w:r><w:t>r</w:t></w:r></w:e><w:sup><w:r><w:t>2</w:t></w:r></w:sup>"
        "</w:sSup><w:f><w:num><w:r><w:t>1</w:t></w:r></w:num><w:den><w:r><w:t>x</w:t></w:r></w:den></w:f></w:oMath>"
    )
    body = f"<w:p><w:r><w:t>Area</w:t></w:r>{formula}</w:p><w:p><w:r><w:t>☒ Tea ☐ Milk</w:t></w:r></w:p>"
    assert read(word_xml(body)).text == "Area $A=\\pi r^{2}\\frac{1}{x}$\n\n[x] Tea [ ] Milk"
