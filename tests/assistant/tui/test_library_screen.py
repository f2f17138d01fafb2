"""Does the library screen add, list with reasons, search with scores, remove, and stop?"""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable, Input, OptionList

from assistant.tui.ingest_job import progress_line, summary_line
from assistant.tui.screens.add_documents import AddDocuments
from assistant.tui.screens.dialogs import ConfirmDialog
from assistant.tui.screens.library import LibraryScreen
from ingest.progress import Failure, Progress, Summary

from .conftest import Running, running, until

LEASE = "The lease begins in May.\n\nThe deposit is 1,290 pounds and is paid back within ten days.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files, one that is not text, and one whose name is hostile."""
    made = tmp_path / "papers"
    made.mkdir()
    (made / "lease.txt").write_text(LEASE)
    (made / "cake.md").write_text("# Plum cake\n\nTake a kilogram of plums and bake them for an hour.\n")
    (made / "noise.txt").write_bytes(bytes(range(256)) * 40)
    hostile = made / "odd [" / "] \x1b[2J [@click=app.quit]x.txt"  # its path holds a closing tag: [/]
    hostile.parent.mkdir()
    hostile.write_text("A harmless note about gardens.")
    return made


async def open_library(run: Running) -> LibraryScreen:
    await run.pilot.press("ctrl+l")
    await until(lambda: isinstance(run.app.screen, LibraryScreen))
    await run.pilot.pause()
    screen = run.app.screen
    assert isinstance(screen, LibraryScreen)
    return screen


async def test_a_folder_is_added_by_typing_its_path_and_failures_have_reasons(home: Path, folder: Path) -> None:
    """Tab completes the path; what could not be read stands first, with why."""
    async with running(home) as run:
        await open_library(run)
        assert "No documents yet" in run.screen_text()
        await run.pilot.press("a")
        await until(lambda: isinstance(run.app.screen, AddDocuments))
        await run.pilot.pause()
        run.app.screen.query_one("#path", Input).value = str(folder)[:-2]
        await until(lambda: run.app.screen.query_one("#paths", OptionList).option_count == 1)
        await run.pilot.press("tab")
        assert run.app.screen.query_one("#path", Input).value == f"{folder}/"
        await run.pilot.press("enter")
        await until(lambda: run.app.last_summary is not None)
        assert run.app.last_summary is not None and len(run.app.last_summary.failed) == 1
        await until(lambda: run.app.screen.query_one(DataTable).row_count == 4)
        await run.pilot.pause()
        shown = run.screen_text()
        assert "4 documents" in shown and "1 could not be read" in shown
        assert shown.index("noise.txt") < shown.index("lease.txt")
        reason = run.app.last_summary.failed[0].reason
        assert reason.split()[0] in shown


async def test_a_test_search_shows_three_scores(home: Path, folder: Path) -> None:
    """s, words, Enter: passages with fused, meaning and word score; Esc goes back to the table."""
    async with running(home) as run:
        await run.ingest(folder)
        await open_library(run)
        await run.pilot.press("s", *"deposit", "space", *"pounds", "space", *"paid", "space", *"back", "enter")
        await until(lambda: run.app.screen.query_one("#found", OptionList).option_count > 0)
        await run.pilot.pause()
        shown = str(run.app.screen.query_one("#found", OptionList).get_option_at_index(0).prompt)
        assert "1,290 pounds" in shown and "score" in shown and "meaning" in shown and "words" in shown
        await run.pilot.press("escape")
        await run.pilot.pause()
        assert run.app.screen.query_one(DataTable).display


async def test_removing_asks_first_and_leaves_the_file(home: Path, folder: Path) -> None:
    """No removes nothing; yes removes the document, not the file."""
    async with running(home) as run:
        await run.ingest(folder / "lease.txt")
        await open_library(run)
        for key, left in (("n", 1), ("y", 0)):
            await run.pilot.press("d")
            await until(lambda: isinstance(run.app.screen, ConfirmDialog))
            await run.pilot.pause()
            await run.pilot.press(key)
            await until(lambda: isinstance(run.app.screen, LibraryScreen))
            await until(lambda left=left: run.app.screen.query_one(DataTable).row_count == left)
        assert (folder / "lease.txt").exists()


async def test_indexing_shows_in_the_status_line_and_stops_on_request(home: Path, tmp_path: Path) -> None:
    """x ends the run; what is done stays searchable and the app goes on."""
    many = tmp_path / "many"
    many.mkdir()
    for number in range(2000):  # more than any machine has read before the keys are pressed
        (many / f"{number}.txt").write_text("\n\n".join(f"Bridge {number}.{part} has a span." for part in range(40)))
    async with running(home) as run:
        await open_library(run)
        run.app.ingest.add([many], "notes")
        await until(lambda: "indexing" in run.screen_text())
        await run.pilot.press("x")
        await until(lambda: not run.app.ingest.running)
        assert run.app.status.ingest == ""
        documents = await run.app.core.library.documents()
        assert all(each.state == "ready" for each in documents)


def test_progress_and_summary_are_one_line() -> None:
    """Counts, a short name, time left; and in the end what happened."""
    progress = Progress("read", "/far/away/with-a-very-long-name-indeed.pdf", 3, 14, 120, 61.2)
    assert progress_line(progress) == "indexing 3/14 with-a-very-long-name-i… · 1:02 left"
    summary = Summary(2, 0, 1, 0, (Failure("x", "why"),), 30, 1.5)
    assert summary_line(summary) == "Documents: 2 added, 1 unchanged, 1 failed · 30 passages"
    assert summary_line(Summary(0, 0, 0, 0, (), 0, 0.1)) == "Documents: no files found · 0 passages"
