"""Records (.ics, .vcf, .json, .yaml, .xml, .ipynb): values with the path of their names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits


def read(data: bytes | str, suffix: str) -> Document:
    return read_document(data.encode() if isinstance(data, str) else data, "name", suffix, Limits())


def sections(document: Document) -> list[tuple[tuple[str, ...], str]]:
    return [(s.headings, document.text[s.start : s.end]) for s in document.sections]


def test_a_calendar() -> None:
    """An event stands under its name, its place is its time; folded lines, escapes and alarms are understood."""
    event = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=Europe/Berlin:20260501T100000\nSUMMARY:Flat insp\n ection\n"
        'DESCRIPTION:Bring keys\\, please\\nand light\nATTENDEE;CN="Anna Berg":mailto:anna@example.org\n'
        "BEGIN:VALARM\nDESCRIPTION:Beep\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    document = read(event, ".ics")
    assert document.sections[0].place == "2026-05-01 10:00 Europe/Berlin"
    assert document.text == (
        "Flat inspection\n\nStart: 2026-05-01 10:00 Europe/Berlin\nBring keys, please\nand light\n"
        "Attendee: Anna Berg <anna@example.org>"
    )


def test_an_address_book() -> None:
    """A person stands under the name, numbers say their kind, quoted-printable lines are joined."""
    card = (
        "BEGIN:VCARD\nN:Berg;Anna;;;\nitem1.TEL;TYPE=CELL:+49 30 1\nADR;TYPE=HOME:;;Mill Lane 12;Bremen;;28195;\n"
        "NOTE;ENCODING=QUOTED-PRINTABLE:K=C3=BC=\nche\nPHOTO;BASE64:AAAA\nEND:VCARD\n"
    )
    assert read(card, ".vcf").text == (
        "Anna Berg\n\nPhone (cell): +49 30 1\nAddress (home): Mill Lane 12, Bremen, 28195\nNote: Küche"
    )


def test_json() -> None:
    """Small things are lines with the path of their keys, large ones stand under their key as heading."""
    small = {"flat": {"rent": 640, "paid": True, "tenants": ["Anna", "Ole"], "keys": [{"door": 1}]}}
    assert read(json.dumps(small), ".json").text == (
        "flat.rent: 640\nflat.paid: true\nflat.tenants: Anna, Ole\nflat.keys[1].door: 1"
    )
    large = {"version": 2, "flats": [{"name": f"flat {number}", "rent": 600 + number} for number in range(60)]}
    document = read(json.dumps(large), ".json")
    assert sections(document)[0] == ((), "version: 2")
    assert all(headings == ("flats",) for headings, _ in sections(document)[1:])
    assert "name: flat 7\nrent: 607\n\nname: flat 8" in document.text


def test_json_lines() -> None:
    """Each line of .jsonl is a record with its number."""
    document = read('{"a": 1}\n\n{"a": 2}\n', ".jsonl")
    assert [(s.place, document.text[s.start : s.end]) for s in document.sections] == [
        ("line 1", "a: 1"),
        ("line 2", "a: 2"),
    ]


def test_json_that_is_none() -> None:
    """Broken JSON is read as the text it is, and the report says so; JSON nested without end is refused or read."""
    document = read('{"rent": 640,', ".json")
    assert document.text == '{"rent": 640,' and document.notes == ("is not valid JSON: read as text",)
    with pytest.raises((UnreadableError, RecursionError)):
        read("[" * 100_000 + "]" * 100_000, ".json")


def test_yaml() -> None:
    """The text stays as it is; keys that hold others are headings, lines of a block of text are none."""
    text = "name: lease\nterms:\n  rent:\n    euro: 640\n  note: |\n    owner: nobody\nend: 2027\n"
    document = read(text, ".yaml")
    assert document.text == text
    assert [headings for headings, _ in sections(document)] == [
        ("name",), ("terms",), ("terms", "rent"), ("end",)
    ]  # fmt: skip


def test_xml() -> None:
    """Leaves are lines, elements with others inside are headings named by what they call themselves; pages are read."""
    feed = (
        '<rss version="2"><channel><title>News</title><item><title>Rent</title><link href="x"/>'
        "<description>&lt;p&gt;The &lt;b&gt;rent&lt;/b&gt; is due on the third day of every single month of the year."
        "&lt;/p&gt;</description></item></channel></rss>"
    )
    document = read(feed, ".xml")
    assert document.sections[-1].headings == ("channel: News", "item: Rent")
    assert "title: Rent\nlink: href: x" in document.text and document.text.endswith(
        "The rent is due on the third day of every single month of the year."
    )


def test_xml_bombs() -> None:
    """XML with entities is refused before any is expanded; so is XML that is broken or nested without end."""
    for data, reason in (
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares XML entities"),
        ("<a><b></a>", "not well-formed"),
        ("<a>" * 10_000 + "</a>" * 10_000, "not well-formed"),
        ("<a/>", "holds no text"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data, ".xml")


def test_a_notebook() -> None:
    """Cells are places, headings come from their Markdown, and what the code printed is read."""
    cells = [
        {"cell_type": "markdown", "source": ["# Rents\n", "Of the flat."]},
        {"cell_type": "code", "source": "# not a heading\nprint(640)", "outputs": [
            {"output_type": "stream", "text": ["640\n"]}, {"data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
            {"ename": "KeyError", "evalue": "'rent'"},
        ]},
    ]  # fmt: skip
    document = read(json.dumps({"cells": cells}), ".ipynb")
    assert (document.title, document.text) == (
        "Rents", "Rents\n\nOf the flat.\n\n# not a heading\nprint(640)\n\n640\n\n<Figure>\n\nKeyError 'rent'"
    )  # fmt: skip
    assert {section.place for section in document.sections} == {"cell 1", "cell 2"}
    with pytest.raises(UnreadableError, match="broken notebook"):
        read("{", ".ipynb")


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    ),
)
def test_any_json(value: object) -> None:
    """Whatever JSON holds, every value is in the text."""
    try:
        document = read(json.dumps({"a": value, "z": "end"}), ".json")
    except UnreadableError as error:
        assert str(error)
        return
    assert "z: end" in document.text


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet='BEGIN:VCARD\nND;=\\<a/>&-{}[]",:0123 \t', max_size=200),
    st.sampled_from([".ics", ".vcf", ".json", ".jsonl", ".yaml", ".xml", ".ipynb", ".srt", ".vtt", ".rtf"]),
)
def test_any_text(text: str, suffix: str) -> None:
    """Whatever stands in such a file, the answer is a document or a reason."""
    for content in (text, f"BEGIN:VCARD\n{text}", "{\\rtf1 " + text):
        try:
            read(content, suffix)
        except UnreadableError as error:
            assert str(error)
