"""One model's screen: does it fit, copies of it, a comparison; and what happens where it does not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made_gguf import tiny_model

from adapters.files.gguf import read_gguf
from assistant.models.memory import SMALLEST, largest_context
from assistant.tui import model_loading

from .conftest import running, until

HUGE = 2**27  # tokens of context, whose cache no machine of this kind holds
LONGEST = 1_000_000  # that the settings take
CONTEXT = 65_536  # of a model that takes 140 MB with all of it


@pytest.fixture
def tiny(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small model, which the settings name."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    folder = tmp_path / "models"
    folder.mkdir()
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(
        f'[model]\nname = "scripted"\ncontext = {LONGEST}\nfolders = ["{folder}"]\n[documents]\nembedder = "hashed"\n'
    )
    return tiny_model(folder / "tiny.F32.gguf", llama__context_length=HUGE)


async def test_a_model_is_estimated_quantised_and_compared(home: Path, tiny: Path, tmp_path: Path) -> None:
    """`f` on the list of models opens it; `z` makes a copy, `c` measures both on a text, `n` asks for a context."""
    text = tmp_path / "text.txt"
    text.write_text("The ferry leaves at seven. " * 400)
    async with running(home, size=(80, 24)) as run:
        await run.pilot.press("alt+m")
        models: Any = run.app.screen
        await until(lambda: len(getattr(models, "_rows", [])) == 2)
        await run.pilot.press("down", "f")
        await until(lambda: "tiny.F32: fits." in run.screen_text())
        assert "By rule of thumb" in str(run.app.screen.query_one("#fit-tables").render())
        await run.pilot.press("n")
        await until(lambda: run.app.screen.query("Input"))
        run.app.screen.query_one("Input").value = str(HUGE)  # type: ignore[attr-defined]  # an Input
        await run.pilot.press("enter")
        await until(lambda: "too large" in run.screen_text() and "would fit" in run.screen_text())
        await run.pilot.press("z")
        await until(lambda: run.app.screen.query("Input"))
        run.app.screen.query_one("Input").value = "Q8_0"  # type: ignore[attr-defined]  # an Input
        await run.pilot.press("enter")
        await until(lambda: (home / "models" / "tiny.Q8_0.gguf").is_file() and not run.app.making.running)
        await run.pilot.press("c")
        await until(lambda: run.app.screen.query("Input"))
        await until(lambda: "2 files of this model" in run.screen_text())
        run.app.screen.query_one("Input").value = str(text)  # type: ignore[attr-defined]  # an Input
        await run.pilot.press("enter")
        await until(lambda: len(run.app.making.measured) == 2, 120)
        await until(lambda: "tiny.Q8_0" in str(run.app.screen.query_one("#fit-comparison").render()))
        await run.pilot.press("escape")
        assert run.app.screen is models


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with 110 MB left: child processes are started where /proc/meminfo says so."""
    free = 110_000_000
    told, python = tmp_path / "meminfo", tmp_path / "python"
    told.write_text(f"MemTotal: 1000000 kB\nMemAvailable: {free // 1024} kB\n")
    there = f'mount --bind {told} /proc/meminfo && exec {sys.executable} "$@"'
    python.write_text(f"#!/bin/sh\nexec unshare -rm sh -c '{there}' sh \"$@\"\n")
    python.chmod(0o700)
    said = "from assistant.models.memory import available_memory; print(available_memory())"
    asked = subprocess.run([python, "-c", said], capture_output=True, text=True, timeout=60, check=False)
    if not asked.stdout:
        pytest.skip(f"no mount of its own for a process here: {asked.stderr.strip()}")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(model_loading, "available_memory", lambda: int(asked.stdout))
    return int(asked.stdout)


async def test_where_memory_is_short_the_user_says_what_is_done(home: Path, tiny: Path, short: int) -> None:
    """Escape leaves the model that answers; `s` loads it with the context that fits, `l` with all of its context."""
    config = home / "config.toml"
    config.write_text(config.read_text().replace(str(LONGEST), str(CONTEXT)))
    tiny_model(tiny, llama__context_length=CONTEXT)
    fits = largest_context(read_gguf(tiny), short)
    assert SMALLEST < fits < CONTEXT

    async def asked() -> None:
        await run.send(f"/model {tiny}")
        await until(lambda: "load anyway" in run.screen_text(), 120)
        assert f"shrink the context to {fits:,} tokens" in run.screen_text()

    async with running(home, size=(80, 24)) as run:
        model = run.app.core.model
        await asked()
        await run.pilot.press("escape")
        await until(lambda: "load anyway" not in run.screen_text())
        assert model.name == "scripted"
        await asked()
        await run.pilot.press("s")
        await until(lambda: model.info is not None and model.info.name == "tiny.F32", 120)
        assert model.info and model.info.context == fits
        await asked()
        await run.pilot.press("l")
        await until(lambda: model.info is not None and model.info.context == CONTEXT, 120)
        assert (await run.ask("Are you there?")).text
