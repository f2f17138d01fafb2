"""Passages made with other settings are made anew in the background of the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.machine import Machine
from assistant.tui.app import AssistantApp

from .conftest import configure, running, until


async def changed_home(tmp_path: Path) -> tuple[Path, int]:
    """A home whose passages, so many, are longer than its settings say by now."""
    home = tmp_path / "home"
    configure(home)
    (tmp_path / "lease.txt").write_text(
        "\n\n".join(f"Part {part}: the rent is due on the first day." for part in range(40))
    )
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([tmp_path / "lease.txt"])]
        few = (await core.library.counts()).passages
    text = (home / "config.toml").read_text()
    (home / "config.toml").write_text(
        text.replace("[documents]\n", "[documents]\nchunk_tokens = 40\nchunk_overlap = 0\n")
    )
    return home, few


async def test_the_app_makes_passages_anew_while_the_old_ones_serve(tmp_path: Path) -> None:
    """It begins by itself, says when it is done, and /rebuild then finds nothing to do."""
    home, few = await changed_home(tmp_path)
    async with running(home) as run:
        app: AssistantApp = run.app
        await until(lambda: getattr(app.core, "generations", None) is not None and not app.core.generations.behind)
        await until(lambda: "serve from now on" in run.screen_text())
        assert (await app.core.library.counts()).passages > 2 * few
        assert (await app.core.retriever.search("When is the rent due?", 1)).passages[0].similarity
        await run.send("/rebuild")
        await until(lambda: "All passages are made with the settings as they are" in run.screen_text())
        await run.send("/collections documents chunk_tokens 60")
        await until(lambda: "chunk_tokens 60" in run.screen_text())
        await run.send("/collections documents chunk_tokens 6")
        await until(lambda: "whole number from 32 to 2000" in run.screen_text())


async def test_new_passages_wait_for_a_good_moment_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status line says why they wait; /rebuild does not wait."""
    monkeypatch.setattr(Machine, "why_rest", lambda self: "on battery")
    home, _ = await changed_home(tmp_path)
    async with running(home) as run:
        await until(lambda: "new passages wait: on battery" in run.screen_text())
        assert run.app.core.generations.behind and (await run.app.core.generations.standing()).staged == 0
        await run.send("/rebuild")
        await until(lambda: not run.app.core.generations.behind)
        await until(lambda: "new passages wait" not in run.screen_text())
