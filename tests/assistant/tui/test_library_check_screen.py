"""Does c in the library ask the library about itself, and w use what it offers?"""

from __future__ import annotations

from pathlib import Path

from assistant.library_check import LibraryReport
from assistant.tui.screens.library import LibraryScreen
from assistant.tui.screens.library_check import LibraryCheckScreen
from assistant.tui.widgets.plain import Plain

from .conftest import running, until

TEXT = "The monthly rent of the flat in Harbour Street is 950 pounds and falls due early in the month."


async def test_the_check_reports_and_better_settings_are_used_when_asked(home: Path, tmp_path: Path) -> None:
    """The report is shown; w is there only with something to use, and puts it into the file and the search at once."""
    (tmp_path / "lease.txt").write_text(TEXT)
    async with running(home) as run:
        await run.ingest(tmp_path / "lease.txt")
        await run.pilot.press("ctrl+l")
        await until(lambda: isinstance(run.app.screen, LibraryScreen) and run.app.screen.check_action("check", ()))
        await run.pilot.press("c")
        await until(lambda: isinstance(run.app.screen, LibraryCheckScreen))
        screen = run.app.screen
        assert isinstance(screen, LibraryCheckScreen)
        await until(lambda: isinstance(screen._report, LibraryReport))
        shown = str(screen.query_one("#check-lines", Plain).visual)
        assert "1 questions made from your own passages" in shown and "The settings can stay" in shown
        assert not screen.check_action("write", ())
        report = screen._report
        assert report is not None
        report.better["word_weight"] = 0.4
        assert screen.check_action("write", ())
        await run.pilot.press("w")
        await until(lambda: run.app.core.retriever.weights.words == 0.4)
        assert "word_weight = 0.4" in (home / "config.toml").read_text()
