"""The playground: settings side by side, the distribution at a token, and settings that cannot be."""

from __future__ import annotations

from pathlib import Path

from assistant.tui.screens.playground import DistributionDialog, PlaygroundScreen
from assistant.tui.widgets.answer_pane import AnswerPane

from .conftest import Running, running, until


async def opened(run: Running) -> PlaygroundScreen:
    await run.pilot.press("f5")
    await until(lambda: isinstance(run.app.screen, PlaygroundScreen))
    screen = run.app.screen
    assert isinstance(screen, PlaygroundScreen)
    await run.pilot.pause()
    return screen


async def test_settings_answer_side_by_side_and_a_token_tells_why(home: Path) -> None:
    """F5 answers what is typed by each setting; Enter on a token lists what else could have come, at 80×24."""
    async with running(home, size=(80, 24), text="Blue or green.") as run:
        await run.type("Which colour?")
        screen = await opened(run)
        assert "Which colour?" in run.screen_text()
        await run.pilot.press("f2")
        await until(lambda: len(screen.query(AnswerPane)) == 3)
        await run.pilot.press("f5")
        await until(lambda: run.screen_text().count("ended by itself") == 3)
        pane = screen.query(AnswerPane).first()
        pane.flow.focus()
        await run.pilot.press("right")
        await until(lambda: "token 2 of 4" in run.screen_text() and "before any knob" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: isinstance(run.app.screen, DistributionDialog) and "→ or␣" in run.screen_text())
        shown = run.screen_text()
        assert "greedy leaves 1" in shown and "cut" in shown and "100.0%" in shown
        await run.pilot.press("escape", "escape")
        assert run.app.chat is run.app.screen and run.prompt.text == "Which colour?"


async def test_a_setting_that_cannot_be_is_told_and_nothing_is_lost(home: Path) -> None:
    """The line says what can be written; the answers that are there stay."""
    async with running(home, size=(100, 30)) as run:
        screen = await opened(run)
        await run.pilot.press("f5")
        await until(lambda: run.screen_text().count("ended by itself") == 2)
        field = screen.query_one("AnswerPane Input")
        field.value = "temperature=hot"  # type: ignore[attr-defined]  # an Input
        field.focus()
        await run.pilot.press("enter")
        await until(lambda: "temperature=hot cannot be" in run.screen_text())
        assert run.screen_text().count("ended by itself") == 2
        await run.pilot.press("f3")
        await until(lambda: len(screen.query(AnswerPane)) == 1)


async def test_an_answer_can_be_stopped(home: Path) -> None:
    """Esc stops the answers under way and keeps what there is; the next Esc leaves."""
    async with running(home, size=(100, 30), text="word " * 400, tokens_per_second=20) as run:
        screen = await opened(run)
        await run.pilot.press("f5")
        await until(lambda: "tokens…" in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: "Stopped." in run.screen_text())
        assert isinstance(run.app.screen, PlaygroundScreen) and screen.query(AnswerPane).first().decoded is not None
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
