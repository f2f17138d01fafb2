"""The models screen: what is found is listed and told; Enter loads it into the open chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_gguf import tiny_model

from assistant.config import load_config

from .conftest import running, until


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that the settings name; no other program's are there."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    made = tmp_path / "models"
    made.mkdir()
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(
        f'[model]\nname = "scripted"\nfolders = ["{made}"]\n[documents]\nembedder = "hashed"\n'
    )
    return made


async def test_a_model_is_chosen_loaded_kept_and_removed(home: Path, folder: Path) -> None:
    """Rows with facts; a damaged file says why and does not load; a good one answers; `d` keeps it; delete asks."""
    tiny_model(folder / "nice.gguf")
    (folder / "rotten.gguf").write_bytes((folder / "nice.gguf").read_bytes()[:3000])
    (home / "models").mkdir()
    tiny_model(home / "models" / "fetched.gguf")
    async with running(home, size=(80, 24)) as run:
        await run.pilot.press("alt+m")
        screen: Any = run.app.screen
        await until(lambda: len(getattr(screen, "_rows", [])) == 4 and "4 in 3" in run.screen_text())
        words = ("starter", "135 M", "Q4_1", "nice", "damaged", "yours")
        await until(lambda: all(word in run.screen_text() for word in words))
        names = [each.name for each in screen._rows]
        table = screen.query_one("#models")

        async def choose(name: str) -> None:
            table.move_cursor(row=names.index(name))
            await run.pilot.pause()

        await choose("rotten")
        await until(lambda: "damaged: it ends" in run.screen_text() or "not whole" in run.screen_text())
        await run.pilot.press("enter")
        await run.pilot.pause()
        assert run.app.core.model.name == "scripted"
        await choose("nice")
        await run.pilot.press("enter")
        await until(lambda: run.app.core.model.name == str(folder / "nice.gguf"))
        await until(lambda: any("●" in line and "nice" in line for line in run.screen_text().splitlines()))
        await run.pilot.press("d")
        assert load_config(home).model.name == str(folder / "nice.gguf")
        await choose("fetched")
        await run.pilot.press("delete")
        await until(lambda: "Delete fetched?" in run.screen_text())
        await run.pilot.press("y")
        await until(lambda: len(screen._rows) == 3)
        assert not (home / "models" / "fetched.gguf").exists() and (folder / "nice.gguf").exists()
        await run.pilot.press("escape")
        await run.send("/model starter-of-nobody")
        await until(lambda: "There is no model" in run.screen_text())
