"""PDF files: pages, outline, missing text layers, passwords, damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import filled_form, pdf

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

LEASE = pdf([["The rent is 640 euros.", "It is due on the third."], [], ["Deposit", "Three months of rent."]])


def read(data: bytes, limits: Limits | None = None) -> Document:
    return read_document(data, "name", ".pdf", limits or Limits())


def test_pages() -> None:
    """Each section stands on one page, and pages without text leave the numbers of the others alone."""
    document = read(LEASE)
    assert document.pages == 3
    found = [(s.page, document.text[s.start : s.end]) for s in document.sections]
    assert found == [(1, "The rent is 640 euros.\nIt is due on the third."), (3, "Deposit\nThree months of rent.")]


def test_outline_gives_headings() -> None:
    """A title of the outline that stands on its page becomes a heading from there on."""
    document = read(pdf([["Preface", "1. Rent and costs", "640 euros"], ["On time"]], outline="Rent and costs"))
    found = [(s.headings, s.page, document.text[s.start : s.end]) for s in document.sections]
    assert found == [
        ((), 1, "Preface"),
        (("1. Rent and costs",), 1, "1. Rent and costs\n\n640 euros"),
        (("1. Rent and costs",), 2, "On time"),
    ]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("My lease", "My lease"),
        ("", "name"),
        ("untitled", "name"),
        ("Microsoft Word - a.doc", "name"),
        ("x.indd", "name"),
    ],
)
def test_title(title: str, shown: str) -> None:
    """The title is the file's own where somebody gave it one, else the file's name."""
    assert read(pdf([["text"]], title=title)).title == shown


def test_filled_form() -> None:
    """What was filled into a form is read with the page."""
    assert read(filled_form("Tenant:", "Anna Berg")).text.split() == ["Tenant:", "Anna", "Berg"]


def test_no_text_layer() -> None:
    """A PDF without text is refused with that reason and what to do."""
    with pytest.raises(UnreadableError, match="has no text layer: its 2 pages") as error:
        read(pdf([[], []]))
    assert "OCR" in error.value.hint


def test_password() -> None:
    """An encrypted PDF needs a password."""
    with pytest.raises(PasswordError, match="needs a password"):
        read(pdf([["secret"]], encrypted=True))


def test_no_pdf() -> None:
    """Another file under the name of a PDF is called what it is."""
    with pytest.raises(UnreadableError, match="is not a PDF file"):
        read(b"just words")


def test_broken() -> None:
    """A PDF whose pages cannot be found is broken."""
    with pytest.raises(UnreadableError, match="broken PDF"):
        read(b"%PDF-1.4\nnothing here\n%%EOF")


def test_too_many_pages() -> None:
    """More pages than allowed are refused with both numbers."""
    with pytest.raises(UnreadableError, match="has 3 pages; the limit is 2"):
        read(LEASE, Limits(pages=2))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(9, len(LEASE) - 1), st.integers(0, 255)), max_size=20), st.integers(20, len(LEASE))
)
def test_damaged_bytes(changes: list[tuple[int, int]], length: int) -> None:
    """A PDF with changed bytes or a missing end gives a document or a reason."""
    data = bytearray(LEASE)
    for position, byte in changes:
        data[position] = byte
    try:
        document = read(bytes(data[:length]))
    except UnreadableError as error:
        assert str(error)
        return
    assert all(1 <= (s.page or 0) <= (document.pages or 0) for s in document.sections)
