"""Rich text and old Word files (.rtf, .doc): text, tables, encodings; passwords and damage are said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import container, old_word

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

RTF = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}}{\info{\title The lease}}{\*\generator x;}"
    r"\pard The \b rent\b0  is \'e4 \u8364?640.\par{\f1 \'c4\'e0}\par\trowd a\cell b\cell\row c\cell d\cell\row"
    r"\pard {\pict 0102}After \{it\}.\par}"
)


def read(data: bytes | str, suffix: str = ".rtf") -> Document:
    return read_document(data.encode("latin-1") if isinstance(data, str) else data, "name", suffix, Limits())


def test_rich_text() -> None:
    """Paragraphs, code pages, signs and tables; fonts, pictures and properties are left out."""
    document = read(RTF)
    assert document.title == "The lease"
    assert document.text == "The rent is ä €640.\n\nДа\n\n| a | b |\n| c | d |\n\nAfter {it}."


def test_rich_text_under_another_name() -> None:
    """Rich text is read as what it is, also as .doc or .txt."""
    assert read(RTF, ".txt").text == read(RTF, ".doc").text == read(RTF).text


def test_old_word() -> None:
    """The text of an old Word file, its fields by their results, its tables as rows."""
    text = "The rent\r\x13 HYPERLINK x \x14link\x15 here\ra\x07b\x07\x07c\x07d\x07\x07After\r"
    assert read(old_word(text), ".doc").text == "The rent\n\nlink here\n\n| a | b |\n| c | d |\n\nAfter"


def test_refusals() -> None:
    """No rich text, no Word file, an encrypted one, an older one and a broken one are refused in words."""
    for data, suffix, reason in (
        (b"words", ".rtf", "is not an RTF file"),
        (b"{\\rtf1 }", ".rtf", "holds no text"),
        (b"words", ".doc", "is not an old Word file"),
        (container({"x": b"y"}), ".doc", "has no main part"),
        (container({"WordDocument": b"\xec\xa5\x65\x00", "1Table": b""}), ".doc", "older than 97"),
        (container({"WordDocument": b"\xec\xa5\xc1\x00" + bytes(9), "1Table": b""}), ".doc", "broken Word file"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data, suffix)
    with pytest.raises(PasswordError):
        read(old_word("secret", flags=0x0300), ".doc")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(512, len(old_word("rent")) - 1), st.integers(0, 255)), min_size=1, max_size=40))
def test_damaged_bytes(changes: list[tuple[int, int]]) -> None:
    """An old Word file with changed bytes gives a document or a reason."""
    data = bytearray(old_word("rent"))
    for position, byte in changes:
        data[position] = byte
    try:
        read(bytes(data), ".doc")
    except UnreadableError as error:
        assert str(error)
