"""Does F7 tell how passages were found, for an answer and for a test search?"""

from __future__ import annotations

from pathlib import Path

from assistant.tui.screens.why import NO_ANSWER, WhyScreen
from assistant.tui.widgets.plain import Plain

from .conftest import running, until

LEASE = "The rent is 950 pounds a month. It is due on the first day of the month."


async def test_f7_tells_it_in_the_chat_and_in_the_library(home: Path, tmp_path: Path) -> None:
    """F7 before any answer says so; after one it has the question, the floor and the passages; Esc closes it."""
    (tmp_path / "lease.txt").write_text(LEASE)
    async with running(home) as run:

        def lines() -> str:
            return str(run.app.screen.query_one("#why-lines", Plain).visual)

        await run.pilot.press("f7")
        await until(lambda: isinstance(run.app.screen, WhyScreen))
        await run.pilot.pause()
        assert lines() == NO_ANSWER.replace("{app.why}", "F7")
        await run.pilot.press("escape")
        await run.ingest(tmp_path / "lease.txt")
        await run.ask("What is the rent a month?")
        await run.send("/why")
        await until(lambda: isinstance(run.app.screen, WhyScreen))
        await until(lambda: "Into the prompt went 1" in lines())
        assert "“What is the rent a month?”" in lines() and "[1] lease.txt" in lines()
        await run.pilot.press("escape", "ctrl+l")
        await until(lambda: run.app.screen.query("#search"))
        await run.pilot.press("s", *"rent", "enter")
        await until(lambda: run.app.screen.query_one("#found").display)
        await run.pilot.press("f7")
        await until(lambda: isinstance(run.app.screen, WhyScreen))
        await until(lambda: "Searched for: “rent”" in lines())
