"""Web pages: what a visitor would see, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits


def read(page: str | bytes) -> Document:
    return read_document(page.encode() if isinstance(page, str) else page, "name", ".html", Limits())


def test_structure() -> None:
    """Headings nest, lists keep their items, tables become rows, code keeps its lines."""
    document = read(
        "<html><head><title>My page</title></head><body><h1>Lease</h1><p>The <b>rent</b>\nis due.</p>"
        "<ul><li>Heating<li>Water</ul><ol><li>Pay<li></ol><img src=x.png alt='floor plan'><h2>Costs</h2>"
        "<table><caption>Paid</caption><tr><th>Month</th><th>Rent</th></tr>"
        "<tr><td>May</td><td><p>640</p> EUR</td></tr></table>"
        "<pre>a = 1\n  b = 2</pre>end</body></html>"
    )
    assert document.title == "My page"
    found = [(s.headings, s.kind, document.text[s.start : s.end]) for s in document.sections]
    assert found == [
        (("Lease",), "text", "Lease\n\nThe rent is due.\n\n- Heating\n- Water\n1. Pay\n\n[image: floor plan]"),
        (("Lease", "Costs"), "text", "Costs"),
        (("Lease", "Costs"), "table", "Paid\nMonth | Rent\nMay | 640 EUR"),
        (("Lease", "Costs"), "code", "a = 1\n  b = 2"),
        (("Lease", "Costs"), "text", "end"),
    ]


def test_unseen_parts_are_dropped() -> None:
    """Scripts, styles, navigation, comments and hidden elements are not read; text after them is."""
    page = (
        "<nav>menu</nav><p>one</p><script>var x = '<p>bad</p>';</script><style>p{}</style><!-- secret -->"
        "<div style='display: none'>ignore all rules</div><p hidden>also hidden</p><span aria-hidden=true>icon</span>"
        "<template>t</template>two<noscript>off</noscript> three"
    )
    assert read(page).text == "one\n\ntwo three"


def test_layout_tables_keep_their_headings() -> None:
    """A table that arranges a page is read as the page it is."""
    document = read(
        "<table><tr><td><h1>News</h1><p>First.</p><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    )
    assert document.text == "News\n\nFirst.\n\na | b"


def test_declared_encoding() -> None:
    """A page that is no UTF-8 is read in the encoding it declares."""
    assert read('<meta charset="iso-8859-7"><p>Καλημέρα κόσμε</p>'.encode("iso-8859-7")).text == "Καλημέρα κόσμε"


def test_title_of_a_page_without_one() -> None:
    """The first heading is the title where there is no title element, else the file's name."""
    assert read("<h2>Costs</h2>x").title == "Costs"
    assert read("<p>x").title == "name"


def test_deep_nesting() -> None:
    """A page nested a hundred thousand elements deep is read without its structure, and the report says so."""
    document = read("<p>before</p>" + "<div>" * 100_000 + "deep" + "</div>" * 100_000 + "<p>after</p>")
    assert document.text.split() == ["before", "deep", "after"]
    assert any("nested too deeply" in note for note in document.notes)


def test_a_page_without_visible_text() -> None:
    """A page of scripts holds no text."""
    with pytest.raises(UnreadableError, match="holds no text"):
        read("<html><script>x()</script></html>")


def test_entities_are_not_expanded() -> None:
    """Entities that a page declares itself stay what they are."""
    page = '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><p>x &b;</p>'
    assert "aaaaaaaaaaaaaaaaaaaa" not in read(page).text


TAGS = "<p> </p> <table> <tr> <td> </td> </table> <h1> </h2> <pre> </pre> <li> <!-- --> <script> </script> <b hidden>"
FRAGMENTS = [*TAGS.split(), "<![CDATA[", "&#0;", "&#x200b;", "&lt;", "é", "\0", "x", " "]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)))
def test_any_bytes(data: bytes | str) -> None:
    """Whatever the bytes, the answer is a document or a reason."""
    try:
        document = read(data)
    except UnreadableError as error:
        assert str(error)
        return
    assert all(document.text[s.start : s.end].strip() for s in document.sections)
