"""PDF files: pages, outline, missing text layers, passwords, damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import filled_form, pdf, placed_pdf

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


LEFT = [f"Line {number} of the left column runs on" for number in range(12)]
RIGHT = [f"Line {number} of the right column is here" for number in range(12)]


def columns(order: str) -> list[tuple[float, float, str]]:
    """A title over two columns, drawn column by column or line by line."""
    left = [(50.0, 740.0 - 14 * number, line) for number, line in enumerate(LEFT)]
    right = [(320.0, 740.0 - 14 * number, line) for number, line in enumerate(RIGHT)]
    lines = (
        [*left, *right] if order == "by column" else [word for pair in zip(left, right, strict=True) for word in pair]
    )
    return [(50.0, 790.0, "A title that stands over both of the columns and is long, so that it crosses"), *lines]


@pytest.mark.parametrize("order", ["by column", "by line"])
def test_two_columns(order: str) -> None:
    """Columns are read one after the other, however they were drawn; what spans both comes first."""
    document = read(placed_pdf([columns(order)]))
    assert [line for line in document.text.split("\n") if line][1:] == [*LEFT, *RIGHT]
    assert all(section.kind == "text" for section in document.sections)


def test_a_table() -> None:
    """Rows whose cells stand in columns become Markdown rows, also where a cell is empty."""
    rows = [
        ("Tenant", "Rent", "Due"),
        ("Anna Berg", "640", "third"),
        ("Ole Dahl", "", "first"),
        ("Pia", "710", "fifth"),
    ]
    words = [
        (50.0 + 120 * column, 700.0 - 14 * row, text)
        for row, cells in enumerate(rows)
        for column, text in enumerate(cells)
        if text
    ]
    document = read(placed_pdf([[(50.0, 740.0, "These are the rents of the house."), *words]]))
    assert [(s.kind, document.text[s.start : s.end]) for s in document.sections] == [
        ("text", "These are the rents of the house."),
        (
            "table",
            "| Tenant | Rent | Due |\n| Anna Berg | 640 | third |\n| Ole Dahl |  | first |\n| Pia | 710 | fifth |",
        ),
    ]


def test_a_list_is_no_table() -> None:
    """Bullets and numbers before a list's items do not make columns."""
    words = [
        (x, 700.0 - 14 * row, text)
        for row in range(5)
        for x, text in ((50.0, f"{row}."), (90.0, "an item of the list"))
    ]
    assert read(placed_pdf([words])).sections[0].kind == "text"


def test_running_headers_and_page_numbers() -> None:
    """What repeats in the margins is read once, page numbers are left out, text that repeats elsewhere stays."""
    pages = []
    for page in range(1, 7):
        rules = [(50.0, 740.0 - 14 * n, f"Rule {n + 3 * page * page} is said here.") for n in range(8)]
        pages.append([(50.0, 810.0, "House rules"), *rules, (280.0, 30.0, f"Page {page} of 6")])
    document = read(placed_pdf(pages))
    assert document.text.count("House rules") == 1 and "of 6" not in document.text
    assert document.text.count("is said here.") == 48 and document.pages == 6


def test_paragraphs() -> None:
    """More room than usual between two lines ends a paragraph."""
    lines = [(50.0, y, f"Line at {y:g} points.") for y in (700.0, 686.0, 672.0, 640.0, 626.0)]
    assert "672 points.\n\nLine at 640" in read(placed_pdf([lines])).text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-50, 700), st.floats(-50, 900), st.text(alphabet="abc 1.•", min_size=1, max_size=12)),
        max_size=40,
    )
)
def test_words_anywhere(words: list[tuple[float, float, str]]) -> None:
    """However words stand on a page, none is read more often than it was drawn."""
    shown = [(round(x, 2), round(y, 2), text.replace("•", "-")) for x, y, text in words]
    try:
        text = read(placed_pdf([shown])).text
    except UnreadableError:
        return
    assert text.count("b") <= sum(word.count("b") for _, _, word in shown)
