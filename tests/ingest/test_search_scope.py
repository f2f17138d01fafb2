"""Scopes: collections, kinds of file, folders and dates, applied before anything is ranked."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_library import MadeLibrary, make_library

from ingest.errors import IngestError
from ingest.scope import check_filters, split_filters

TEXT = "The monthly rent is due on the third day."


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[MadeLibrary]:
    """The same sentence in files of several kinds, folders, years and collections."""
    made = await make_library(tmp_path / "home")
    for name, year in (("letters/a.txt", 2023), ("letters/old/b.md", 2021), ("lettersets/c.txt", 2025)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{TEXT} {path.stem * 9}")
        moment = datetime(year, 6, 15).timestamp()
        os.utime(path, (moment, moment))
    await made.ingest(tmp_path / "letters")
    await made.ingest(tmp_path / "lettersets", collection="work")
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (None, "abc"),
        (("type:txt",), "ac"),
        (("type:.TXT", "type:md"), "abc"),
        (("type:pdf",), ""),
        (("work",), "c"),
        (("documents", "type:txt"), "a"),
        (("documents", "work", "type:txt"), "ac"),
        (("work", "type:md"), ""),
        (("path:LETTERS/old",), "b"),
        (("path:{here}/letters",), "ab"),
        (("path:{here}/letters/",), "ab"),
        (("path:{here}/letters/a.txt",), "a"),
        (("since:2023",), "ac"),
        (("since:2023-06-15", "until:2023-06-15"), "a"),
        (("since:2023-07", "until:2024-12"), ""),
        (("until:2021",), "b"),
        ((), ""),
    ],
)
async def test_a_scope_holds_what_it_says(
    made: MadeLibrary, tmp_path: Path, scope: tuple[str, ...] | None, found: str
) -> None:
    """Terms of one kind widen each other, kinds narrow each other; both searches keep to them."""
    terms = None if scope is None else tuple(term.format(here=tmp_path) for term in scope)
    result = await made.retriever.search("When is the monthly rent due?", k=9, scope=terms, floor=0.0)
    assert "".join(sorted(Path(passage.path).stem for passage in result.passages)) == found
    assert result.searched_chunks == len(found)


@pytest.mark.parametrize(
    "term", ["since:tomorrow", "until:2025-13", "since:2025-02-30", "kind:pdf", "type:", "since:0"]
)
async def test_a_filter_that_cannot_be_is_told(made: MadeLibrary, term: str) -> None:
    """An unknown filter or an impossible date is named, with what can be written instead."""
    with pytest.raises(IngestError) as told:
        await made.retriever.search("rent", scope=(term,))
    assert term in str(told.value)
    assert told.value.hint


def test_filters_are_taken_out_of_a_typed_search() -> None:
    """What is typed among the words as key:value narrows the search; other colons stay words."""
    assert split_filters("rent type:PDF  due Since:2025-01") == ("rent due", ("type:PDF", "since:2025-01"))
    assert split_filters("at 10:30 see http://example.org") == ("at 10:30 see http://example.org", ())


@given(st.text(max_size=30))
def test_no_filter_is_a_traceback(value: str) -> None:
    """Whatever stands behind a key is a filter or refused in words."""
    for key in ("type", "path", "since", "until", "x"):
        try:
            check_filters((f"{key}:{value}",))
        except IngestError as error:
            assert error.hint
