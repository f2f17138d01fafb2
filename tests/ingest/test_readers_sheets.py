"""Tables (.csv, .xlsx, .ods, .xls): every row is found with the names of its columns and with its number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import archive, container, opendocument, relations, sheet_rows, workbook

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

BOOK = workbook({"Rent": sheet_rows([["Tenant", "Rent"], ["Anna", "640"]])})


def read(data: bytes | str, suffix: str = ".xlsx", limits: Limits | None = None) -> Document:
    return read_document(data.encode() if isinstance(data, str) else data, "name", suffix, limits or Limits())


def found(document: Document) -> list[tuple[str, str]]:
    return [(s.place, document.text[s.start : s.end]) for s in document.sections]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    """The delimiter is found by the lines that it divides evenly."""
    rows = [["Tenant", "Rent, monthly"], ["Berg; Anna", "640,50"], ["Ole", "710,00"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert found(read(text, ".csv")) == [
        ("rows 1–3", "| Tenant | Rent, monthly |\n| Berg; Anna | 640,50 |\n| Ole | 710,00 |")
    ]


def test_the_header_stays_with_the_rows() -> None:
    """A long table becomes groups of rows, each begins with the names of the columns and knows its rows."""
    text = "Tenant,Rent\n" + "".join(f"Tenant number {number},{600 + number}\n" for number in range(60))
    document = read(text, ".csv")
    assert len(document.sections) > 3
    last = 1
    for section in document.sections:
        lines = document.text[section.start : section.end].split("\n")
        assert lines[0] == "| Tenant | Rent |" and len("\n".join(lines)) <= 470
        first, _, end = section.place.removeprefix("rows ").partition("–")
        assert int(first) == (1 if last == 1 else last + 1)
        assert lines[-1] == f"| Tenant number {int(end) - 2} | {600 + int(end) - 2} |"
        last = int(end)
    assert last == 61


def test_wide_rows_become_named_values() -> None:
    """A row too wide for a group becomes a line for each value with the name of its column."""
    names = [f"column {number}" for number in range(60)]
    text = ",".join(names) + "\n" + ",".join(f"v{number}" for number in range(60)) + "\n"
    document = read(text, ".csv")
    place, rows = found(document)[-1]
    assert place == "row 2" and rows.startswith("column 0: v0\ncolumn 1: v1\n")


def test_a_separator_line_and_quotes_over_lines() -> None:
    """The line with which Excel names its separator is no row, and a cell may hold line breaks and bars."""
    assert read('sep=;\na;b\n"one\ntwo";3|4\n', ".csv").text == "| a | b |\n| one two | 3\\|4 |"


def test_no_header() -> None:
    """A table that begins with numbers has no names for its columns."""
    assert read("1,2\n3,4\n", ".csv").text == "| 1 | 2 |\n| 3 | 4 |"


def test_sheets() -> None:
    """Each sheet is a heading; shared strings, dates, percentages, booleans and gaps are as a person sees them."""
    cells = (
        '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="C3" t="inlineStr"><is><t>Since</t></is></c>'
        '<c r="D3" t="inlineStr"><is><t>Rise</t></is></c><c r="E3" t="inlineStr"><is><t>Paid</t></is></c></row>'
        '<row r="4"><c r="A4" t="str"><v>Anna</v></c><c r="C4" s="1"><v>46143</v></c><c r="D4" s="2"><v>0.035</v></c>'
        '<c r="E4" t="b"><v>1</v></c></row>'
    )
    shared = b"<sst><si><r><t>Ten</t></r><r><t>ant</t></r><rPh><t>x</t></rPh></si></sst>"
    data = workbook({"Rent": cells, "Notes": sheet_rows([["Call the plumber."]])}, {"xl/sharedStrings.xml": shared})
    document = read(data)
    assert found(document) == [
        ("sheet Rent", "Rent"),
        ("sheet Rent, rows 3–4", "| Tenant |  | Since | Rise | Paid |\n| Anna |  | 2026-05-01 | 3.5% | TRUE |"),
        ("sheet Notes", "Notes"),
        ("sheet Notes, row 1", "Call the plumber."),
    ]
    assert [section.headings for section in document.sections] == [("Rent",), ("Rent",), ("Notes",), ("Notes",)]


def test_two_tables_on_a_sheet() -> None:
    """An empty row ends a table; the next begins with its own names, under a line that is its title."""
    rows = [
        ["Rents"],
        ["Tenant", "Rent"],
        ["Anna", "640"],
        [],
        ["Costs"],
        ["Item", "Euro", "When"],
        ["Water", "12", "May"],
    ]
    places = [place for place, _ in found(read(workbook({"A": sheet_rows(rows)})))]
    text = read(workbook({"A": sheet_rows(rows)})).text
    assert "| Item | Euro | When |\n| Water | 12 | May |" in text and text.count("| Tenant | Rent |") == 1
    assert places[-1].endswith("7")


def test_comments() -> None:
    """A comment is read with the cell that it hangs on and who wrote it."""
    parts = {
        "xl/worksheets/_rels/sheet1.xml.rels": relations({"rId1": ("comments", "../comments1.xml")}),
        "xl/comments1.xml": b"<comments><authors><author>Ole</author></authors><commentList>"
        b'<comment ref="B2" authorId="0"><text><t>Too low</t></text></comment></commentList></comments>',
    }
    document = read(workbook({"Rent": sheet_rows([["Tenant", "Rent"], ["Anna", "640"]])}, parts))
    assert found(document)[-1] == ("sheet Rent, cell B2", "Comment (Ole): Too low")


def test_repeated_cells_of_opendocument() -> None:
    """Repeated rows are written out, the million empty ones at the end of a sheet are not."""
    row = "<table-row{}><table-cell><p>{}</p></table-cell><table-cell><p>{}</p></table-cell></table-row>"
    end = '<table-row number-rows-repeated="1048000"><table-cell number-columns-repeated="16384"/></table-row>'
    rows = row.format("", "Tenant", "Rent") + row.format(' number-rows-repeated="2"', "Anna", "640") + end
    data = opendocument(f'<spreadsheet><table name="Rent">{rows}</table></spreadsheet>')
    assert found(read(data, ".ods"))[1] == ("sheet Rent, rows 1–3", "| Tenant | Rent |\n| Anna | 640 |\n| Anna | 640 |")


def test_refusals() -> None:
    """No workbook, an empty one, an encrypted one, one that is too large and XML with entities are refused in words."""
    entity = b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>'
    for data, reason in (
        (archive({"a.txt": b"hello"}), "is not an Excel workbook"),
        (workbook({"Empty": ""}), "holds no text"),
        (workbook({"A": ""}, {"xl/worksheets/sheet1.xml": entity}), "declares XML entities"),
        (workbook({"A": ""}, {"xl/worksheets/sheet1.xml": b" " * (80 * 2**20)}), "possible zip bomb"),
        (b"PK\x03\x04 cut", "not a complete zip"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data)
    with pytest.raises(PasswordError):
        read(container({"EncryptedPackage": b"x"}))
    with pytest.raises(UnreadableError, match="broken Excel"):
        read(container({"Workbook": b"nonsense"}), ".xls")


def test_a_row_far_below() -> None:
    """A row number beyond all use does not fill the memory with empty rows."""
    rows = '<row r="4000000000"><c t="inlineStr"><is><t>far</t></is></c></row>'
    assert read(workbook({"A": rows})).text.endswith("far")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BOOK) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_damaged_bytes(changes: list[tuple[int, int]]) -> None:
    """A workbook with changed bytes gives a document or a reason."""
    data = bytearray(BOOK)
    for position, byte in changes:
        data[position] = byte
    try:
        assert read(bytes(data)).text
    except UnreadableError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab1,;\t|"\n\r ', max_size=200))
def test_any_table(text: str) -> None:
    """Whatever a table holds, the answer is a document or a reason, and no word is lost."""
    try:
        document = read(text, ".csv")
    except UnreadableError as error:
        assert str(error)
        return
    assert set(document.text) >= set(text) & set("ab1")
