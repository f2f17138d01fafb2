"""Books and OpenDocument texts (.epub, .odt): chapters, headings, lists, notes; protection is said."""

from __future__ import annotations

import pytest
from made_files import archive, book, opendocument

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits


def read(data: bytes, suffix: str, limits: Limits | None = None) -> Document:
    return read_document(data, "name", suffix, limits or Limits())


def test_chapters() -> None:
    """Chapters come in the order of reading, named by the table of contents."""
    contents = '<a href="two.xhtml">The <i>end</i></a><a href="one.xhtml#x">The start</a>'
    chapters = {"one.xhtml": "<h1>Start</h1><p>It begins.</p>", "two.xhtml": "<p>It ends.</p>"}
    document = read(book(chapters, contents), ".epub")
    assert document.title == "A book"
    assert [(s.place, s.headings, document.text[s.start : s.end]) for s in document.sections] == [
        ("chapter 1: The start", ("Start",), "Start\n\nIt begins."),
        ("chapter 2: The end", ("The end",), "The end\n\nIt ends."),
    ]


def test_no_book() -> None:
    """What names no contents, a book with copy protection and one that unpacks to too much are refused."""
    with pytest.raises(UnreadableError, match="is not an EPUB book"):
        read(archive({"a": b"b"}), ".epub")
    protection = b'<encryption><EncryptedData><EncryptionMethod Algorithm="x#aes128-cbc"/></EncryptedData></encryption>'
    with pytest.raises(PasswordError, match="copy-protected"):
        read(archive({"META-INF/encryption.xml": protection}), ".epub")
    with pytest.raises(UnreadableError, match="possible zip bomb"):
        read(book({"one.xhtml": " " * (70 * 2**20)}), ".epub")


def test_opendocument_text() -> None:
    """Headings, lists, tables, spaces and notes of a text; deleted passages are left out."""
    body = (
        '<text><tracked-changes><p>gone</p></tracked-changes><h outline-level="1">Lease</h><p>Rent<s c="2"/>due'
        "<note><note-citation>1</note-citation><note-body><p>In cash.</p></note-body></note>.</p>"
        "<list><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list>"
        "<table><table-row><table-cell><p>a</p></table-cell><table-cell><p>b</p></table-cell></table-row></table></text>"
    )
    document = read(opendocument(body), ".odt")
    assert document.text == "Lease\n\nRent  due.\n\nIn cash.\n\n- one\n- two\n\n| a | b |"
    assert document.sections[0].headings == ("Lease",)


def test_opendocument_refusals() -> None:
    """An encrypted file, another archive and XML with entities are refused."""
    manifest = b"<manifest><file-entry><encryption-data/></file-entry></manifest>"
    with pytest.raises(PasswordError):
        read(opendocument("<text/>", {"META-INF/manifest.xml": manifest}), ".odt")
    with pytest.raises(UnreadableError, match="is not an OpenDocument file"):
        read(archive({"a": b"b"}), ".odt")
    with pytest.raises(UnreadableError, match="declares XML entities"):
        read(archive({"content.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}), ".odt")
