"""Make the pictures of the README: six screens of the assistant over the example library, with the embedded model.

    python tools/screenshots.py [--folder docs/screens]

Nothing is drawn by hand: each picture is what Textual would write to a terminal of 120 x 32, as SVG, without the web
fonts that Textual names in it. About half a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}  # colours do not depend on where it is run

from textual.pilot import Pilot  # noqa: E402 - the repository has to be importable first
from textual.widgets import Input, TextArea  # noqa: E402

from assistant import offline  # noqa: E402
from assistant.bootstrap import Core  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.tui.app import AssistantApp  # noqa: E402
from ingest.atomic_file import replace_file  # noqa: E402

SIZE = (120, 32)
LIMIT_SECONDS = 900.0
SETTINGS = '[sampling]\ntemperature = 0.0\nseed = 1\n[interface]\ntheme = "textual-dark"\n'
QUESTION = "When does the engineer come to service the boiler?"
FONT_FACES = re.compile(r"@font-face\s*\{[^}]*\}\s*")


class Pictures:
    """An app that is open, and the folder its pictures go to."""

    def __init__(self, app: AssistantApp, pilot: Pilot[None], private: Path, folder: Path) -> None:
        """`private` is the folder of its home, whose path must stand in no picture."""
        self.app, self.pilot, self._private, self._folder = app, pilot, private, folder

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it did not come to hold.
        """
        end = time.monotonic() + LIMIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"The app shows:\n{self.text()}")
            await asyncio.sleep(0.2)

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips(self.app.size))

    async def take(self, name: str, title: str) -> None:
        """Write one picture.

        Raises:
            ValueError: it would tell where it was made.
        """
        self.app.clear_notifications()
        await self.pilot.pause(0.5)
        picture = FONT_FACES.sub("", self.app.export_screenshot(title=title, simplify=True))
        picture = re.sub(rf"{re.escape(str(self._private))}((?:(?!&#160;)[^<\s])*)", self._at_home, picture)
        if str(self._private)[:12] in picture:
            raise ValueError(f"{name} shows the path of the folder it was made in.")
        replace_file(self._folder / f"{name}.svg", f"{picture}\n".encode())
        print(f"{name}.svg  {len(picture) / 1000:.0f} kB")

    def _at_home(self, path: re.Match[str]) -> str:
        """As it would be in a home folder, in as many cells."""
        return f"~{path[1]}{'&#160;' * (len(str(self._private)) - 1)}"


async def chat(made: Pictures) -> None:
    """A question, its answer, and the passage beside it."""
    assert made.app.ingest is not None
    made.app.ingest.add([made.app.core.config.home.parent / "library"], "documents")
    await made.until(lambda: made.app.last_summary is not None)
    await made.until(lambda: made.app.core.model.state == "ready")
    made.app.chat.prompt.replace_text(QUESTION)
    await made.pilot.press("enter")
    await made.until(lambda: made.app.chat.transcript.answers() and not made.app.chat.answering)
    await made.pilot.press("ctrl+o")
    await made.take("chat", "An answer, and the sentence it stands on")
    await made.pilot.press("ctrl+o")


async def library(made: Pictures) -> None:
    """A test search with its scores."""
    await made.pilot.press("ctrl+l")
    await made.pilot.pause(0.5)
    await made.pilot.press("s")
    made.app.screen.query_one("#search", Input).value = "deposit scheme"
    await made.pilot.press("enter")
    await made.until(lambda: "meaning" in made.text())
    await made.take("library", "A test search in the library, with its scores")
    await back(made)


async def why(made: Pictures) -> None:
    """How the passages of the answer were found."""
    await made.pilot.press("f7")
    await made.until(lambda: "floor" in made.text())
    await made.take("why", "How the passages of an answer were found")
    await back(made)


async def tokens(made: Pictures) -> None:
    """The whole prompt of the answer as tokens."""
    made.app.action_open("tokens", "Unbelievable: 1,290 pounds für die Wohnung 🏠, paid back within ten days.")
    await made.until(lambda: "token 1 of" in made.text())
    await made.pilot.press("right", "right")
    await made.take("tokens", "A text as the model reads it")
    await back(made)


async def playground(made: Pictures) -> None:
    """One prompt by two settings, and why a token came."""
    made.app.action_open("playground", "Name a colour of the sky, and say why in one sentence.")
    await made.until(lambda: made.app.screen.query(TextArea))
    await made.pilot.press("f5")
    await made.until(lambda: "Tab goes to an answer" in made.text())
    await made.take("playground", "One prompt, two settings")
    await back(made)


async def adapters(made: Pictures) -> None:
    """The adapters there are."""
    await made.pilot.press("f3")
    await made.until(lambda: "starter" in made.text())
    await made.take("adapters", "What was learned, with its scores")
    await back(made)


async def back(made: Pictures) -> None:
    """To the chat."""
    while made.app.screen is not made.app.chat:
        made.app.pop_screen()
    await made.pilot.pause()


async def make(folder: Path) -> None:
    """All pictures, one after the other, in one run of the app."""
    with tempfile.TemporaryDirectory() as temporary:
        private = Path(temporary)
        shutil.copytree(ROOT / "examples" / "library", private / "library")
        home = private / "home"
        home.mkdir(mode=0o700)
        replace_file(home / "config.toml", SETTINGS.encode())
        app = AssistantApp(Core(load_config(home)))
        app.animation_level = "none"
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            made = Pictures(app, pilot, private, folder)
            await made.until(lambda: app.chat.session is not None and app.training is not None)
            app.chat.prompt.cursor_blink = False
            for take in (chat, library, why, tokens, playground, adapters):
                await take(made)


def main() -> None:
    """Make them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, default=ROOT / "docs" / "screens")
    folder = options.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    offline.enforce()
    asyncio.run(make(folder))


if __name__ == "__main__":
    main()
