"""Can every setting be read and changed on the screen, and everything that runs be seen and stopped?"""

from __future__ import annotations

from pathlib import Path

from assistant.config import load_config
from assistant.tui.screens.activity import ActivityScreen
from assistant.tui.screens.settings import SettingsScreen

from .conftest import running, until


async def test_a_setting_is_read_flipped_typed_and_put_back(home: Path) -> None:
    """F10: the meaning stands below the table; Space turns, Enter types, d takes the default; all of it is kept."""
    async with running(home, size=(80, 24)) as run:
        await run.pilot.press("f10")
        await until(lambda: isinstance(run.app.screen, SettingsScreen) and "model.name" in run.screen_text())
        screen = run.app.screen
        names = [each.name for each in screen._settings]  # type: ignore[attr-defined]  # the screen above
        await run.pilot.press(*["down"] * names.index("sampling.temperature"))
        await until(lambda: "0 = greedy" in run.screen_text() and "acts at once" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: run.app.screen is not screen)
        await run.pilot.press("backspace", "9", "enter")
        await until(lambda: run.app.core.engine.sampling.temperature == 0.9)
        assert load_config(home).sampling.temperature == 0.9
        await run.pilot.press("d")
        await until(lambda: run.app.core.engine.sampling.temperature == 0.2)
        steps = names.index("answer.attribute") - names.index("sampling.temperature")
        await run.pilot.press(*["down"] * steps, "space")
        await until(lambda: not run.app.core.engine.settings.attribute)
        assert load_config(home).model.name.startswith("scripted")
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)


async def test_what_runs_is_seen_and_stopped(home: Path) -> None:
    """Alt+A: the answer under way with its seconds, the processes, no connection; x stops it."""
    async with running(home, size=(80, 24), text="word " * 400, tokens_per_second=30) as run:
        await run.send("go on")
        await until(lambda: run.session.answering is not None and run.session.answering.text)
        await run.pilot.press("alt+a")
        await until(lambda: isinstance(run.app.screen, ActivityScreen) and "Answer: writing" in run.screen_text())
        await until(lambda: "Outbound connections so far:" in run.screen_text() and "model" in run.screen_text())
        await run.pilot.press("x")
        await until(lambda: not run.app.chat.answering)
        await until(lambda: "Nothing long is going on." in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
