"""Can every setting be read and changed on the screen?"""

from __future__ import annotations

from pathlib import Path

from assistant.config import load_config
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
