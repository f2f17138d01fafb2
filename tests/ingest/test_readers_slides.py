"""Presentations (.pptx, .odp): slide by slide, with tables, notes, charts and comments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import archive, opendocument, presentation, relations, shape

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits


def read(data: bytes, suffix: str = ".pptx", limits: Limits | None = None) -> Document:
    return read_document(data, "name", suffix, limits or Limits())


def test_slides() -> None:
    """The title is a heading wherever it stands; numbers and footers of slides are left out; groups are looked into."""
    first = shape("The rent is due.") + shape("7", "sldNum") + shape("Lease", "title")
    second = f"<grpSp>{shape('In a group')}<grpSp>{shape('deeper')}</grpSp></grpSp>"
    document = read(presentation([first, second]))
    assert (document.title, document.pages) == ("Lease", 2)
    assert [(s.page, s.place, s.headings, document.text[s.start : s.end]) for s in document.sections] == [
        (1, "slide 1", ("Lease",), "Lease\n\nThe rent is due."),
        (2, "slide 2", (), "In a group\n\ndeeper"),
    ]


def test_tables_notes_charts_and_comments() -> None:
    """Everything that belongs to a slide is read with it."""
    cell = "<tc><txBody><p><r><t>{}</t></r></p></txBody></tc>"
    rows = "".join(
        f"<tr>{''.join(cell.format(text) for text in row)}</tr>" for row in (("Month", "Rent"), ("May", "640"))
    )
    frame = f'<graphicFrame><tbl>{rows}</tbl></graphicFrame><graphicFrame><chart r:id="rId3"/></graphicFrame>'
    point = '<pt idx="0"><v>{}</v></pt>'
    chart = (
        "<chartSpace><chart><title><t>Rents</t></title><plotArea><barChart><ser>"
        f"<tx>{point.format('Euro')}</tx><cat>{point.format('May')}</cat><val>{point.format('640')}</val>"
        "</ser></barChart></plotArea></chart></chartSpace>"
    )
    parts = {
        "ppt/slides/_rels/slide1.xml.rels": relations(
            {"rId1": ("notesSlide", "../n.xml"), "rId2": ("comments", "../c.xml"), "rId3": ("chart", "../chart.xml")}
        ),
        "ppt/n.xml": f"<notes><cSld><spTree>{shape('Say it slowly.', 'body')}</spTree></cSld></notes>".encode(),
        "ppt/c.xml": b'<cmLst><cm dt="2026-05-01T10:00:00"><text>Nice</text></cm></cmLst>',
        "ppt/chart.xml": chart.encode(),
    }
    assert read(presentation([frame], parts)).text == (
        "| Month | Rent |\n| May | 640 |\n\nBar chart: Rents\n\n|  | Euro |\n| May | 640 |\n\n"
        "Notes: Say it slowly.\n\nComment (2026-05-01 10:00): Nice"
    )


def test_opendocument_slides() -> None:
    """Slides of OpenDocument are pages with a title and notes."""
    page = (
        '<page><frame class="title"><text-box><p>Lease</p></text-box></frame><frame><text-box><list><list-item>'
        "<p>The rent</p></list-item></list></text-box></frame>"
        "<notes><frame><text-box><p>Slowly</p></text-box></frame></notes></page>"
    )
    document = read(opendocument(f"<presentation>{page}{page}</presentation>"), ".odp")
    assert document.pages == 2 and document.sections[1].place == "slide 2"
    assert document.text.startswith("Lease\n\n- The rent\n\nNotes: Slowly")


def test_refusals() -> None:
    """No presentation, one without text, one with too many slides and a bomb are refused in words."""
    for data, reason in (
        (archive({"a.txt": b"hello"}), "is not a PowerPoint file"),
        (presentation([""]), "holds no text"),
        (presentation([f"<sp>{' ' * (70 * 2**20)}</sp>"]), "possible zip bomb"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data)
    with pytest.raises(UnreadableError, match="has 3 slides; the limit is 2"):
        read(presentation([shape("a")] * 3), limits=Limits(pages=2))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<sp:trcfb/ >&;\"'=avix", max_size=200))
def test_any_slide(body: str) -> None:
    """Whatever stands on a slide, the answer is a document or a reason."""
    try:
        assert read(presentation([body])).text
    except UnreadableError as error:
        assert str(error)
