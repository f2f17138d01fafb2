"""The models screen: what is found is listed and told; Enter loads it into the open chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_gguf import tiny_model
from made_https import CERTIFICATE, Site, served

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


async def test_a_model_is_fetched_after_two_answers_and_stopped(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The catalogue stands below; an address is asked for its size only after a yes; x stops, and it goes on."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "localhost")
    with served(Site(tiny_model(tmp_path / "served.gguf").read_bytes(), pause=0.3)) as site:
        async with running(home, size=(80, 24)) as run:
            await run.pilot.press("alt+m")
            screen: Any = run.app.screen
            await until(lambda: len(getattr(screen, "_offered", [])) > 3)
            job = run.app.pulls
            assert job is not None

            async def ask(question: str) -> None:
                await until(lambda: question in run.screen_text())

            screen.query_one("#models").move_cursor(row=1 + [each.name for each in screen._offered].index("mistral-7b"))
            await until(lambda: "Apache-2.0" in run.screen_text() and "to fetch" in run.screen_text())
            await run.pilot.press("enter")
            await ask("Fetch this model from the internet?")
            shown = run.screen_text()
            assert all(word in shown for word in ("huggingface.co", "4,372,812,000 bytes", "free", "1270d22c0fbb3d09"))
            await run.pilot.press("n")
            assert not job.running

            async def fetch() -> None:
                await run.pilot.press("p")
                await ask("Fetch a model")
                run.app.screen.query_one("Input").value = site.url()  # type: ignore[attr-defined]  # an Input
                await run.pilot.press("enter")
                await ask("Ask localhost for the size of tiny?")
                await run.pilot.press("y")
                await ask("Fetch this model from the internet?")
                await run.pilot.press("y")
                await until(lambda: job.running or job.ended)

            await fetch()
            await until(lambda: "fetching tiny" in run.screen_text())
            part = home / "models" / "tiny.gguf.part"
            await until(lambda: part.exists() and part.stat().st_size > 0)
            await run.pilot.press("x")
            await until(lambda: not job.running)
            assert part.exists() and not (home / "models" / "tiny.gguf").exists()
            site.pause = 0.0
            await fetch()
            await until(
                lambda: (home / "models" / "tiny.gguf").read_bytes() == site.content if not job.running else False
            )
            await until(lambda: "tiny" in [each.name for each in screen._rows])
            assert site.asked[-1][1]["Range"].startswith("bytes=")
            await run.pilot.press("p")
            await ask("Fetch a model")
            run.app.screen.query_one("Input").value = "http://example.org/x.gguf"  # type: ignore[attr-defined]  # as above
            await run.pilot.press("enter")
            await until(lambda: "only https" in run.screen_text())
