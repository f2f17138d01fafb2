"""The app as the tests run it: the real core and its children, in a temporary home, without a real model."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from assistant.bootstrap import Core
from assistant.config import load_config
from assistant.tui.app import AssistantApp

Condition = Callable[[], Any]


async def until(condition: Condition, seconds: float = 60.0) -> None:
    """Wait until something holds; what it was is in the assertion's source line."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


class Running:
    """An app under test and its pilot."""

    def __init__(self, app: AssistantApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def prompt(self) -> Any:
        return self.app.chat.prompt

    @property
    def session(self) -> Any:
        return self.app.chat.session

    async def type(self, text: str) -> None:
        """Type into the prompt, key by key."""
        await self.pilot.press(*("space" if letter == " " else letter for letter in text))

    async def send(self, text: str) -> None:
        """Put a text into the prompt and press Enter."""
        self.prompt.replace_text(text)
        await self.pilot.press("enter")

    async def ask(self, text: str) -> Any:
        """Ask and wait for the end of the answer; gives the view of the answer."""
        before = len(self.app.chat.transcript.answers())
        await self.send(text)
        await until(lambda: len(self.app.chat.transcript.answers()) > before and not self.app.chat.answering)
        await self.pilot.pause()
        return self.app.chat.transcript.answers()[-1]

    async def ingest(self, *paths: Path, collection: str = "documents") -> Any:
        """Index and wait for the summary."""
        self.app.last_summary = None
        assert self.app.ingest is not None
        self.app.ingest.add(list(paths), collection)
        await until(lambda: self.app.last_summary is not None)
        return self.app.last_summary

    def screen_text(self) -> str:
        """What stands on the screen, line by line."""
        app = self.app
        lines = app.screen._compositor.render_strips(app.size)
        return "\n".join(strip.text.rstrip() for strip in lines)


def configure(home: Path, **script: Any) -> None:
    """Write the settings of a home: a scripted model (see backends.scripted.Script) and a hashed embedder."""
    model = f"scripted:{json.dumps(script)}" if script else "scripted"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = ["[model]", f"name = {json.dumps(model)}", "[documents]", 'embedder = "hashed"']
    (home / "config.toml").write_text("\n".join(lines) + "\n")


@contextlib.asynccontextmanager
async def running(home: Path, size: tuple[int, int] = (100, 30), **script: Any) -> AsyncIterator[Running]:
    """The app, open and ready."""
    if script or not (home / "config.toml").exists():
        configure(home, **script)
    app = AssistantApp(Core(load_config(home)))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(lambda: app.chat.session is not None)
        await pilot.pause()
        yield Running(app, pilot)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that does not exist yet."""
    return tmp_path / "home"
