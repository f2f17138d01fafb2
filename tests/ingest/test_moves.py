"""Moves: a file that lies elsewhere keeps its document and its vectors, whatever was renamed onto what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_library import MadeLibrary


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three notes of the same length."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, word in (("a", "heating"), ("b", "bicycle"), ("c", "gardens")):
        (folder / f"{name}.txt").write_text(f"This note is about the {word} alone.")
    return folder


async def numbers(made: MadeLibrary) -> dict[str, int]:
    """The document of each word, by its text."""
    rows = await made.rows("SELECT k.text, k.document_id FROM chunks k")
    return {text.split()[5]: number for text, number in rows}


async def embedded(made: MadeLibrary, files: Path) -> tuple[int, int, int]:
    """Sync; gives how many were moved, how many removed, and how many passages were embedded."""
    before = made.index.calls.count("embed"), (await made.rows("SELECT max(id) FROM chunks"))[0][0]
    summary = await made.ingest(files)
    after = (await made.rows("SELECT coalesce(max(id), 0) FROM chunks"))[0][0]
    assert after - before[1] == summary.passages
    return summary.moved, summary.removed, summary.passages


async def test_a_renamed_file_keeps_its_document_and_is_not_embedded_again(made: MadeLibrary, files: Path) -> None:
    """Number and vectors stay; path and title follow, and the new title's words are found."""
    await made.ingest(files)
    before = await numbers(made)
    vectors = await made.rows("SELECT chunk_id, vector FROM vectors ORDER BY chunk_id")
    (files / "deep").mkdir()
    (files / "a.txt").rename(files / "deep" / "radiator.txt")
    assert await embedded(made, files) == (1, 0, 0)
    assert await numbers(made) == before
    assert await made.rows("SELECT chunk_id, vector FROM vectors ORDER BY chunk_id") == vectors
    (document,) = await made.library.find(str(files / "deep" / "radiator.txt"))
    assert (document.id, document.title) == (before["heating"], "radiator")
    found = await made.rows("SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH 'context: radiator'")
    assert len(found) == 1
    assert await embedded(made, files) == (0, 0, 0)


async def test_a_folder_that_is_renamed_moves_all_in_it(made: MadeLibrary, files: Path, tmp_path: Path) -> None:
    """Not one passage is embedded again, and nothing counts as removed."""
    await made.ingest(tmp_path)
    before = await numbers(made)
    files.rename(tmp_path / "papers")
    assert await embedded(made, tmp_path) == (3, 0, 0)
    assert await numbers(made) == before


async def test_files_that_changed_places(made: MadeLibrary, files: Path) -> None:
    """A ring of three renames: each document goes where its text went."""
    await made.ingest(files)
    before = await numbers(made)
    (files / "a.txt").rename(files / "x")
    (files / "c.txt").rename(files / "a.txt")
    (files / "b.txt").rename(files / "c.txt")
    (files / "x").rename(files / "b.txt")
    for number, name in enumerate("abc"):  # the three were written in one tick of the clock
        os.utime(files / f"{name}.txt", ns=(1, 1_700_000_000_000_000_000 + number))
    assert await embedded(made, files) == (3, 0, 0)
    assert await numbers(made) == before
    assert await made.titles() == ["a", "b", "c"]


async def test_a_file_moved_onto_another_takes_its_place(made: MadeLibrary, files: Path) -> None:
    """The overwritten document is gone with its words, the moved one keeps its number."""
    await made.ingest(files)
    before = await numbers(made)
    os.utime(files / "a.txt", ns=(1, 1_700_000_000_000_000_000))
    (files / "a.txt").replace(files / "b.txt")
    assert await embedded(made, files) == (1, 1, 0)
    assert await numbers(made) == {"heating": before["heating"], "gardens": before["gardens"]}
    assert await made.rows("SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH 'bicycle'") == []


async def test_a_copy_is_another_document_and_an_edited_move_is_read(made: MadeLibrary, files: Path) -> None:
    """Only whole, equal bytes under the same suffix are a move."""
    await made.ingest(files)
    (files / "copy.txt").write_bytes((files / "a.txt").read_bytes())
    assert await embedded(made, files) == (0, 0, 1)
    (files / "b.txt").write_text("This note is about the bicycle again.")
    (files / "b.txt").rename(files / "bike.txt")
    assert await embedded(made, files) == (0, 1, 1)
    (files / "c.txt").rename(files / "c.md")
    assert await embedded(made, files) == (0, 1, 1)


async def test_of_two_copies_each_is_moved_once(made: MadeLibrary, files: Path) -> None:
    """Equal files that are moved together keep their own names where they can."""
    (files / "twin.txt").write_bytes((files / "a.txt").read_bytes())
    await made.ingest(files)
    before = {Path(entry.path).name: entry.id for entry in await made.library.documents()}
    (files / "z").mkdir()
    for name in ("twin.txt", "a.txt"):
        (files / name).rename(files / "z" / name)
    assert await embedded(made, files) == (2, 0, 0)
    assert {Path(entry.path).name: entry.id for entry in await made.library.documents()} == before
