"""One model's screen: does it fit, copies of it, a comparison; and what happens where it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_gguf
import pytest
from made_gguf import tiny_model

from assistant.models.memory import available_memory
from assistant.tui import model_loading

from .conftest import running, until

HUGE = 2**27  # tokens of context, whose cache no machine of this kind holds
LONGEST = 1_000_000  # that the settings take
DEEP = {"WIDTH": 64, "KV_HEADS": 4, "INNER": 32, "LAYERS": 400}  # 100 GB of cache for so many tokens, 36 MB of weights


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


async def test_where_memory_is_short_the_user_says_what_is_done(
    home: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escape leaves the model that answers; `s` loads it with the context that fits."""
    for name, value in DEEP.items():
        monkeypatch.setattr(made_gguf, name, value)
    tiny_model(tiny, llama__context_length=LONGEST)
    if available_memory() > 90e9:
        pytest.skip("this machine holds what is too large for others")
    monkeypatch.setattr(model_loading, "largest_context", lambda *_: 512)
    async with running(home, size=(80, 24)) as run:
        await run.send(f"/model {tiny}")
        await until(lambda: "load anyway" in run.screen_text())
        await until(lambda: "shrink the context to 512" in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: "load anyway" not in run.screen_text())
        assert run.app.core.model.name == "scripted"
        await run.send(f"/model {tiny}")
        await until(lambda: "load anyway" in run.screen_text())
        await run.pilot.press("s")
        await until(lambda: run.app.core.model.info is not None and run.app.core.model.info.name == "tiny.F32")
        assert run.app.core.model.info.context == 512
