"""Does the screen of linked folders link, follow, tell, ask, retry, stop and unlink?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input

from assistant.tui.app import AssistantApp
from assistant.tui.folder_text import folder_name, plan_line
from assistant.tui.screens.add_documents import AddDocuments
from assistant.tui.screens.dialogs import ChooseDialog, ConfirmDialog, ReadDialog
from assistant.tui.screens.folders import FoldersScreen
from assistant.tui.screens.library import LibraryScreen
from ingest.planning import Plan

from .conftest import Running, configure, running, until


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Thirty notes, one empty file, and one that the rules leave out."""
    folder = tmp_path / "papers"
    folder.mkdir()
    for number in range(30):
        (folder / f"note-{number}.txt").write_text(f"Note {number} is about the garden.")
    (folder / "empty.txt").write_text("")
    (folder / "draft.txt").write_text("Unfinished.")
    (folder / ".gitignore").write_text("draft.txt\n")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that never rests: the machine of a test may be busy."""
    configure(tmp_path / "home")
    with (tmp_path / "home" / "config.toml").open("a") as settings:
        settings.write("rest_on_battery = false\nrest_above = 1.0\n")
    return tmp_path / "home"


async def open_folders(run: Running) -> FoldersScreen:
    await run.pilot.press("ctrl+l", "f")
    await until(lambda: isinstance(run.app.screen, FoldersScreen))
    await run.pilot.pause()
    screen = run.app.screen
    assert isinstance(screen, FoldersScreen)
    return screen


async def dialog(run: Running, kind: type[Any]) -> str:
    """Wait for a dialog; gives what is on the screen, notices put away."""
    await until(lambda: isinstance(run.app.screen, kind))
    run.app.clear_notifications()
    await run.pilot.pause(0.1)
    return run.screen_text()


async def linked(run: Running, papers: Path) -> None:
    """Link by command, and wait until everything is in and changes are followed."""
    await run.send(f"/link {papers}")
    assert run.app.folders is not None
    await until(lambda: run.app.folders.watching and not run.app.ingest.running)
    await in_step(run)


async def in_step(run: Running, state: str = "in step") -> None:
    while [folder.state for folder in await run.app.core.folders.all()] != [state] or run.app.ingest.running:
        await run.pilot.pause(0.05)


def told(app: AssistantApp) -> str:
    """All notices that are up."""
    return "\n".join(notice.message for notice in app._notifications)


async def test_a_folder_is_linked_from_the_library_after_saying_what_that_brings_in(home: Path, papers: Path) -> None:
    """f, l, the path, Enter, y; then it is listed with its failures, and the library names it."""
    async with running(home, size=(80, 24)) as run:
        await open_folders(run)
        assert "No folder is linked" in run.screen_text()
        await run.pilot.press("l")
        await until(lambda: isinstance(run.app.screen, AddDocuments))
        await run.pilot.pause()
        run.app.screen.query_one("#path", Input).value = str(papers / "empty.txt")
        await run.pilot.pause(0.3)  # the list of what the path may become follows it
        await run.pilot.press("enter")
        await until(lambda: "no such folder" in run.screen_text())
        run.app.screen.query_one("#path", Input).value = str(papers)
        await run.pilot.press("enter")
        assert "31 to add" in await dialog(run, ConfirmDialog)
        await run.pilot.press("y")
        await until(lambda: isinstance(run.app.screen, FoldersScreen))
        await in_step(run)
        await until(lambda: "in step" in run.screen_text() and "the file is empty" in run.screen_text())
        assert run.app.screen.query_one(DataTable).row_count == 1
        await run.pilot.press("escape")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))
        await until(lambda: "Linked: " in run.screen_text() and "in step" in run.screen_text())


async def test_changes_follow_and_failures_are_retried(home: Path, papers: Path) -> None:
    """A new file arrives by itself; a failed one is read again with r, in the folder and in the library."""
    async with running(home, size=(80, 24)) as run:
        await linked(run, papers)
        (papers / "new.txt").write_text("A walnut tree stands in the yard.")
        while not await run.app.core.library.find(str(papers / "new.txt")):
            await run.pilot.pause(0.05)
        await open_folders(run)
        await until(lambda: "changes are followed" in run.screen_text())
        reads = "SELECT count(*) FROM documents WHERE state = 'failed'"
        assert (await run.app.core.database.read(lambda db: db.conn.execute(reads).fetchone()))[0] == 1
        await run.pilot.press("r")
        await in_step(run)
        await until(lambda: "1 failed" in told(run.app))
        await run.pilot.press("escape")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))
        await run.pilot.press("d")
        assert "It lies in a linked folder" in await dialog(run, ConfirmDialog)
        await run.pilot.press("n")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))
        run.app.last_summary = None
        await run.pilot.pause()
        await run.pilot.press("r")
        await until(lambda: run.app.last_summary is not None)
        assert run.app.last_summary is not None
        assert [failure.path for failure in run.app.last_summary.failed] == [str(papers / "empty.txt")]


async def test_what_vanished_is_removed_after_a_question_only(home: Path, papers: Path) -> None:
    """It is told once, listed, and stays; p shows what a sync would do, n keeps it all, y removes it."""
    async with running(home, size=(80, 24)) as run:
        await linked(run, papers)
        for number in range(28):
            (papers / f"note-{number}.txt").unlink()
        await in_step(run, "asks")
        await until(lambda: "28 of 31 documents" in told(run.app) and "/folders" in told(run.app))
        await open_folders(run)
        state = run.app.screen.query_one(DataTable).get_row_at(0)[1]
        assert str(state) == "asks you" and "y Remove vanished" in run.screen_text()
        await run.pilot.press("p")
        assert "28 of 31 are gone" in await dialog(run, ReadDialog)
        await run.pilot.press("escape")
        for key, left in (("n", 31), ("y", 3)):
            await until(lambda: isinstance(run.app.screen, FoldersScreen))
            await run.pilot.press("y")
            assert "Remove 28 documents" in await dialog(run, ConfirmDialog)
            await run.pilot.press(key)
            if key == "y":
                await in_step(run)
            assert (await run.app.core.library.counts()).documents == left


@pytest.mark.parametrize(("key", "left"), [("k", 31), ("r", 0)], ids=["keep", "remove"])
async def test_unlinking_asks_what_becomes_of_the_documents(home: Path, papers: Path, key: str, left: int) -> None:
    """Enter and Esc do nothing; k keeps them, r removes them; the files stay, and changes follow no more."""
    async with running(home, size=(80, 24)) as run:
        await linked(run, papers)
        await open_folders(run)
        await run.pilot.press("u")
        assert "31 documents stay in the library or leave it" in await dialog(run, ChooseDialog)
        await run.pilot.press("enter", "escape")
        await until(lambda: isinstance(run.app.screen, FoldersScreen))
        assert await run.app.core.folders.all()
        await run.pilot.press("u")
        await dialog(run, ChooseDialog)
        await run.pilot.press(key)
        while await run.app.core.folders.all():
            await run.pilot.pause(0.05)
        await until(lambda: "not linked any more" in told(run.app))
        assert (await run.app.core.library.counts()).documents == left
        assert len(list(papers.glob("*.txt"))) == 32


async def test_stopped_changes_wait_until_a_sync_is_asked_for(home: Path, papers: Path) -> None:
    """x stops; the status line says that folders wait; /sync goes on with all that changed."""
    async with running(home, size=(80, 24)) as run:
        await linked(run, papers)
        await open_folders(run)
        for number in range(100, 500):
            (papers / f"note-{number}.txt").write_text(f"Note {number} is about bridges.\n\n" * 30)
        await until(lambda: run.app.ingest.running and run.app.ingest.progress is not None)
        await run.pilot.press("x")
        await until(lambda: run.app.status.ingest == "folders wait: stopped")
        held = (await run.app.core.library.counts()).documents
        assert held < 431
        (papers / "new.txt").write_text("One more.")
        await run.pilot.pause(1.5)
        assert (await run.app.core.library.counts()).documents == held
        await run.pilot.press("escape", "escape")
        await run.send("/sync")
        while (await run.app.core.library.counts()).documents < 432:
            await run.pilot.pause(0.05)
        await until(lambda: run.app.status.ingest == "")


async def test_a_folder_added_by_hand_loses_most_of_it_with_a_yes_only(home: Path, papers: Path) -> None:
    """/add tells how; /add PATH --yes does it."""
    async with running(home, size=(80, 24)) as run:
        await run.ingest(papers)
        for number in range(25):
            (papers / f"note-{number}.txt").unlink()
        summary = await run.ingest(papers)
        assert [each.gone for each in summary.withheld] == [25]
        await until(lambda: f"/add {papers} --yes removes them" in told(run.app))
        run.app.last_summary = None
        await run.send(f"/add {papers} --yes")
        await until(lambda: run.app.last_summary is not None)
        assert run.app.last_summary is not None and run.app.last_summary.removed == 25


async def test_what_cannot_be_linked_is_told_in_one_line(home: Path, papers: Path) -> None:
    """/link of a file, and /sync with nothing linked."""
    async with running(home) as run:
        await run.send(f"/link {papers / 'empty.txt'}")
        await until(lambda: "is no folder" in run.screen_text())
        await run.send("/sync")
        await until(lambda: "No folder is linked" in run.screen_text())


def test_names_and_plans_are_short(tmp_path: Path) -> None:
    """The home is ~, long names keep their end; a plan names only what there is."""
    assert folder_name(str(Path.home() / "a")) == "~/a"
    assert folder_name("/a/very/long/path/to/the/papers/of/2025") == "…/path/to/the/papers/of/2025"
    assert plan_line(Plan({})) == "no files in it"
