"""The library: what it lists, finds and forgets."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from made_library import MadeLibrary, make_library

from ingest.errors import IngestError
from ingest.library import check_collection

LEASE = "# Lease\n\nThe rent is 1,120 pounds a month.\n\n## Pets\n\nA hamster is allowed, a puppy is not.\n"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[MadeLibrary]:
    """An empty library and a folder `files` with two documents."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "lease.md").write_text(LEASE)
    (files / "cake.txt").write_text("Plums, butter and flour, baked for an hour.")
    made = await make_library(tmp_path / "home")
    yield made
    await made.close()


async def test_list_shows_each_document_with_its_facts(made: MadeLibrary, tmp_path: Path) -> None:
    """A document is listed with collection, title, path, size, passages and state."""
    await made.ingest(tmp_path / "files")
    cake, lease = sorted(await made.library.documents(), key=lambda document: document.path)
    assert (lease.title, lease.collection, lease.state, lease.reason) == ("Lease", "documents", "ready", "")
    assert lease.path == str(tmp_path / "files" / "lease.md")
    assert lease.size == len(LEASE.encode())
    assert lease.passages >= 1
    assert cake.title == "cake"


async def test_collections_are_counted_and_kept_apart(made: MadeLibrary, tmp_path: Path) -> None:
    """The same file may stand in two collections; each counts its own."""
    await made.ingest(tmp_path / "files", collection="home")
    await made.ingest(tmp_path / "files" / "cake.txt", collection="recipes")
    counted = {entry.name: (entry.documents, entry.passages) for entry in await made.library.collections()}
    assert counted["recipes"] == (1, 1)
    assert counted["home"][0] == 2
    assert await made.titles("recipes") == ["cake"]
    counts = await made.library.counts()
    assert (counts.collections, counts.documents, counts.failed) == (2, 3, 0)
    assert counts.passages == sum(passages for _, passages in counted.values())


async def test_find_knows_numbers_paths_and_titles(
    made: MadeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document is found by its number, its path (also relative) and its title, and not by anything else."""
    await made.ingest(tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")
    number = (await made.library.find("Lease"))[0].id
    for name in (str(number), "lease.md", str(tmp_path / "files" / "lease.md")):
        assert [found.id for found in await made.library.find(name)] == [number]
    assert await made.library.find("no such document") == []


async def test_passages_are_the_characters_of_the_stored_text(made: MadeLibrary, tmp_path: Path) -> None:
    """Each passage's offsets point at exactly its text in the document's text."""
    await made.ingest(tmp_path / "files")
    numbers = [row[0] for row in await made.rows("SELECT id FROM chunks")]
    passages = await made.library.passages([*numbers, 10**9])
    assert sorted(passages) == numbers
    for passage in passages.values():
        text = await made.library.document_text(passage.document_id)
        assert text is not None
        assert text.text[passage.start : passage.end] == passage.text


async def test_remove_leaves_nothing_of_a_document(made: MadeLibrary, tmp_path: Path) -> None:
    """After removal no table holds a row of it, no index a word of it, and no file of the home its text."""
    canary = tmp_path / "files" / "canary.txt"
    canary.write_text("Xylocarpfeather is the word that must not survive. " * 30)
    await made.ingest(tmp_path / "files")
    (document,) = await made.library.find(str(canary))
    assert await made.pipeline.remove([document.id]) == 1
    assert await made.pipeline.remove([document.id]) == 0
    for table in ("documents WHERE id = ?", "document_texts WHERE document_id = ?", "chunks WHERE document_id = ?"):
        assert await made.rows(f"SELECT count(*) FROM {table}", document.id) == [(0,)]
    assert await made.rows("SELECT count(*) FROM vectors WHERE chunk_id NOT IN (SELECT id FROM chunks)") == [(0,)]
    await made.database.write(
        lambda db: db.conn.execute("INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('integrity-check', 1)")
    )
    assert all(hit.document != "canary" for hit in (await made.retriever.search("word survive", floor=0.0)).passages)
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file():
            assert b"ylocarpf" not in file.read_bytes().lower(), file


async def test_numbers_of_passages_are_never_used_twice(made: MadeLibrary, tmp_path: Path) -> None:
    """A passage stored after a removal does not get a removed one's number."""
    await made.ingest(tmp_path / "files")
    (highest,) = (await made.rows("SELECT max(id) FROM chunks"))[0]
    await made.pipeline.remove([document.id for document in await made.library.documents()])
    await made.ingest(tmp_path / "files")
    assert (await made.rows("SELECT min(id) FROM chunks"))[0][0] > highest


async def test_a_name_that_is_no_utf8_is_kept(made: MadeLibrary, tmp_path: Path) -> None:
    """A file whose name is not UTF-8 is indexed, found again under its path, and unchanged next time."""
    path = os.fsencode(tmp_path / "files") + b"/caf\xe9.txt"
    with open(path, "wb") as file:
        file.write(b"One espresso and two croissants.")
    await made.ingest(tmp_path / "files")
    (document,) = await made.library.find(os.fsdecode(path))
    assert os.fsencode(document.path) == path
    assert (await made.ingest(tmp_path / "files")).unchanged == 3


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a..b", "ü", "x" * 65, "a b", "-x"])
def test_a_bad_name_of_a_collection_is_refused(name: str) -> None:
    """A name that could be a path or cannot be typed is refused with a rule to follow."""
    with pytest.raises(IngestError, match="cannot be the name") as raised:
        check_collection(name)
    assert "letters" in raised.value.hint


@pytest.mark.parametrize("name", ["a", "Tax-2026", "x" * 64, "0.1_b"])
def test_a_good_name_of_a_collection_is_taken(name: str) -> None:
    """Letters, digits, dots, dashes and underscores make a name."""
    check_collection(name)
