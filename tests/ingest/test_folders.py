"""Linked folders: remembered, synced, held back when much is gone at once, forgotten."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from made_library import MadeLibrary

from ingest.errors import IngestError
from ingest.folders import LinkedFolder, LinkedFolders
from ingest.progress import Summary, combined


@pytest.fixture
def folders(made: MadeLibrary) -> LinkedFolders:
    """Its linked folders."""
    return LinkedFolders(made.database, made.pipeline)


def write(folder: Path, *names: str) -> Path:
    """Files with a text of their own each."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"This is the note called {name}.")
    return folder


async def sync(folders: LinkedFolders, retry: bool = False, confirmed: bool = False) -> Summary:
    """Sync all to the end."""
    items = [item async for item in folders.sync(await folders.all(), retry=retry, confirmed=confirmed)]
    return combined([item for item in items if isinstance(item, Summary)])


async def one(folders: LinkedFolders) -> LinkedFolder:
    """The one linked folder."""
    (folder,) = await folders.all()
    return folder


async def test_a_linked_folder_follows_the_disk(made: MadeLibrary, folders: LinkedFolders, tmp_path: Path) -> None:
    """New, changed, moved and deleted files arrive in the library; deleted words are in no table and no index."""
    folder = write(tmp_path / "papers", "a.txt", "b.txt", "deep/c.txt")
    linked = await folders.link(folder)
    assert (linked.state, linked.synced_at, linked.documents) == ("new", None, 0)
    assert (await sync(folders)).added == 3
    write(folder, "d.txt")
    (folder / "a.txt").write_text("Another text.")
    (folder / "b.txt").rename(folder / "deep" / "b.txt")
    (folder / "deep" / "c.txt").unlink()
    done = await sync(folders)
    assert (done.added, done.changed, done.moved, done.removed, done.unchanged) == (1, 1, 1, 1, 0)
    after = await one(folders)
    assert (after.state, after.documents, after.failed) == ("in step", 3, 0)
    assert after.synced_at is not None
    assert await made.rows("SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH 'c'") == []
    assert made.index.service.refresh()["vectors"] == (await made.library.counts()).passages == 3


async def test_deleted_words_are_not_on_the_disk_any_more(
    made: MadeLibrary, folders: LinkedFolders, tmp_path: Path
) -> None:
    """A word of a deleted file stands in no file of the home once the sync has ended."""
    folder = write(tmp_path / "papers", "a.txt", "b.txt")
    (folder / "secret.txt").write_text("The word is xylophonequartz, and it is secret.")
    await folders.link(folder)
    await sync(folders)
    assert any(b"xylophonequartz" in path.read_bytes() for path in made.database.path.parent.glob("assistant.db*"))
    (folder / "secret.txt").unlink()
    await sync(folders)
    home = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [path for path in home if b"xylophonequartz" in path.read_bytes()]


async def test_most_of_a_folder_is_not_removed_without_a_word(folders: LinkedFolders, tmp_path: Path) -> None:
    """More than twenty and more than half stay until it is confirmed; what else changed is done."""
    folder = write(tmp_path / "papers", *(f"{number}.txt" for number in range(40)))
    await folders.link(folder)
    await sync(folders)
    for number in range(30):
        (folder / f"{number}.txt").unlink()
    write(folder, "new.txt")
    done = await sync(folders)
    assert (done.added, done.removed) == (1, 0)
    assert [(each.folder, each.gone, each.held) for each in done.withheld] == [(str(folder), 30, 40)]
    asking = await one(folders)
    assert (asking.state, asking.withheld, asking.documents) == ("asks", 30, 41)
    assert (await sync(folders)).withheld
    [(collection, plan)] = await folders.preview(await folders.all())
    assert (collection, len(plan.gone), len(plan.withheld)) == ("documents", 0, 1)
    assert (await sync(folders, confirmed=True)).removed == 30
    assert ((await one(folders)).state, (await one(folders)).documents) == ("in step", 11)


async def test_a_folder_that_cannot_be_reached_loses_nothing(folders: LinkedFolders, tmp_path: Path) -> None:
    """It says so, keeps its documents, and is in step again when it is back."""
    folder = write(tmp_path / "papers", "a.txt", "b.txt")
    await folders.link(folder)
    await sync(folders)
    folder.rename(tmp_path / "away")
    done = await sync(folders, confirmed=True)
    assert (done.removed, done.failed[0].reason) == (0, "does not exist")
    away = await one(folders)
    assert (away.state, away.reason, away.documents) == ("unreachable", "does not exist", 2)
    (tmp_path / "away").rename(folder)
    assert (await sync(folders)).unchanged == 2
    assert (await one(folders)).state == "in step"


async def test_an_empty_folder_in_the_place_of_another_is_a_drive_that_is_missing(
    folders: LinkedFolders, tmp_path: Path
) -> None:
    """Few files too are kept when their folder is not the one it was; the drive comes back, and nothing is asked."""
    folder = write(tmp_path / "drive", "a.txt", "b.txt")
    await folders.link(folder)
    await sync(folders)
    folder.rename(tmp_path / "unplugged")
    folder.mkdir()
    for _ in range(2):
        assert (await sync(folders)).removed == 0
        assert ((await one(folders)).state, (await one(folders)).withheld) == ("asks", 2)
    folder.rmdir()
    (tmp_path / "unplugged").rename(folder)
    assert (await sync(folders)).unchanged == 2
    assert ((await one(folders)).state, (await one(folders)).withheld) == ("in step", 0)
    for path in folder.iterdir():
        path.unlink()
    assert (await sync(folders)).removed == 2


async def test_a_dry_run_tells_what_a_sync_does_then(made: MadeLibrary, folders: LinkedFolders, tmp_path: Path) -> None:
    """The plan names each file, changes nothing, and looks into files that only have another time."""
    folder = write(tmp_path / "papers", "a.txt", "b.txt", "c.txt", "d.txt")
    (folder / "e.txt").write_text("")
    await folders.link(folder)
    await sync(folders)
    write(folder, "new.txt")
    (folder / "a.txt").write_text("Another text.")
    (folder / "b.txt").rename(folder / "z.txt")
    (folder / "c.txt").unlink()
    os.utime(folder / "d.txt", (1, 1))
    before = await made.rows("SELECT * FROM documents"), await made.rows("SELECT * FROM linked_folders")
    [(_, plan)] = await folders.preview(await folders.all())
    assert before == (await made.rows("SELECT * FROM documents"), await made.rows("SELECT * FROM linked_folders"))
    assert [file.path for file in plan.new] == [str(folder / "new.txt")]
    assert [file.path for file in plan.changed] == [str(folder / "a.txt")]
    assert [(move.source, move.file.path) for move in plan.moved] == [(str(folder / "b.txt"), str(folder / "z.txt"))]
    assert plan.gone == [str(folder / "c.txt")]
    assert (plan.unchanged, [failure.path for failure in plan.failed]) == (1, [str(folder / "e.txt")])
    done = await sync(folders)
    counts = (done.added, done.changed, done.moved, done.removed, done.unchanged, len(done.failed))
    assert counts == (1, 1, 1, 1, 1, 1)


async def test_a_failing_file_is_read_again_when_asked_for(
    made: MadeLibrary, folders: LinkedFolders, tmp_path: Path
) -> None:
    """Unchanged it is listed with its reason and not opened; a retry reads it, and so does a change."""
    folder = write(tmp_path / "papers", "a.txt")
    (folder / "empty.txt").write_text("")
    await folders.link(folder)
    await sync(folders)
    made.reader.calls.clear()
    assert (await sync(folders)).failed[0].reason == "the file is empty"
    assert "read" not in made.reader.calls
    assert [failure.path for failure in await folders.failures(await folders.all())] == [str(folder / "empty.txt")]
    assert (await one(folders)).failed == 1
    await sync(folders, retry=True)
    assert made.reader.calls.count("read") == 1
    (folder / "empty.txt").write_text("Not any more.")
    assert (await sync(folders)).failed == ()
    assert await folders.failures(await folders.all()) == []


async def test_a_file_moved_between_two_linked_folders_is_moved(
    made: MadeLibrary, folders: LinkedFolders, tmp_path: Path
) -> None:
    """Folders of one collection are synced together; in another collection it is another document."""
    first, second = write(tmp_path / "one", "a.txt", "b.txt"), write(tmp_path / "two", "c.txt")
    third = write(tmp_path / "three", "d.txt")
    for path, collection in ((first, "documents"), (second, "documents"), (third, "work")):
        await folders.link(path, collection)
    await sync(folders)
    (first / "a.txt").rename(second / "a.txt")
    (first / "b.txt").rename(third / "b.txt")
    done = await sync(folders)
    assert (done.moved, done.removed, done.added) == (1, 1, 1)
    assert sorted(Path(entry.path).name for entry in await made.library.documents("work")) == ["b.txt", "d.txt"]


async def test_what_cannot_be_linked_is_refused(folders: LinkedFolders, tmp_path: Path) -> None:
    """Files, links, what is linked already, and folders that share files with one linked into the same collection."""
    folder = write(tmp_path / "papers", "deep/a.txt")
    (tmp_path / "link").symlink_to(folder)
    await folders.link(folder / "deep")
    for path, reason in (
        (folder / "deep" / "a.txt", "is no folder"), (tmp_path / "nowhere", "is no folder"),
        (tmp_path / "link", "is no folder"), (folder / "deep", "is linked already"), (folder, "hold the same files"),
        (Path("/"), "whole machine"),
    ):  # fmt: skip
        with pytest.raises(IngestError, match=reason):
            await folders.link(path)
    assert (await folders.link(folder, "work")).collection == "work"


async def test_unlinking_keeps_or_removes_the_documents(
    made: MadeLibrary, folders: LinkedFolders, tmp_path: Path
) -> None:
    """The files stay in either case, and so do documents of a neighbour whose name begins alike."""
    folder, neighbour = write(tmp_path / "papers", "a.txt"), write(tmp_path / "papers2", "b.txt")
    await folders.link(folder)
    await folders.link(neighbour)
    await sync(folders)
    linked = await folders.find(folder)
    assert linked is not None and linked.documents == 1
    assert await folders.unlink(linked, remove=False) == 0
    assert (await made.library.counts()).documents == 2
    linked = await folders.link(folder)
    assert await folders.unlink(linked, remove=True) == 1
    assert await made.titles() == ["b"]
    assert (folder / "a.txt").exists()
    shutil.rmtree(neighbour)
    (left,) = await folders.all()
    assert await folders.unlink(left, remove=True) == 1
