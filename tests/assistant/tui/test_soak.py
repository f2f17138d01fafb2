"""Does the app stand seeded random keys on all screens, any size, and very long texts, without keeping memory?"""

from __future__ import annotations

import gc
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.events import Paste
from textual.screen import Screen
from textual.widgets._footer import FooterKey

from assistant.tui.app import AssistantApp
from assistant.tui.opening import SCREENS
from assistant.tui.widgets.messages import AnswerView

from .conftest import Running, configure, running, until
from .hostile import hostile_strings

KEYS = (
    *"abcdefghijklmnopqrstuvwxyzAGZ0123456789",
    *("enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "home", "end", "pageup", "pagedown") * 3,
    *("space", "backspace", "delete", "insert", "slash", "at", "number_sign", "full_stop", "ctrl+j", "alt+enter"),
    *(f"f{number}" for number in range(1, 13)),
    *(f"ctrl+{letter}" for letter in "abdefgklnoprstuvwxyz"),
    *(f"alt+{letter}" for letter in "abcehijkmnsvyz"),
    *("alt+up", "alt+down", "alt+left", "alt+right", "shift+down", "ctrl+end", "ctrl+home"),
)
SIZES = ((20, 6), (300, 100), (80, 24), (40, 12), (160, 48))
GROWTH_MB = 80  # of ten minutes: caches fill, and each chat that was begun is a row in the list


def megabytes() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keys come to call works in a folder of its own, opens no browser, and does not end the app."""

    async def stays(self: AssistantApp) -> None:
        return None

    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(AssistantApp, "open_url", lambda self, url, **_: None)
    monkeypatch.setattr(AssistantApp, "action_quit", stays)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "note.txt").write_text("The boiler is serviced in May.")


async def at_chat(run: Running) -> None:
    """Back to the chat, whatever is open."""
    while run.app.screen is not run.app.chat:
        run.app.pop_screen()
    await run.pilot.pause()


async def keys_on(run: Running, name: str, chance: random.Random, count: int) -> None:
    """Open a screen in some size, and press keys."""
    await at_chat(run)
    await run.pilot.resize_terminal(*chance.choice((*SIZES, (chance.randint(20, 300), chance.randint(6, 100)))))
    if name != "chat":
        run.app.action_open(name)
    for key in chance.choices(KEYS, k=count):
        await run.pilot.press(key)
        assert run.app.is_running, (name, key)


def rounds(seconds: float) -> Iterator[str]:
    """All screens once, then again and again for so long."""
    end = time.monotonic() + seconds
    for name in itertools.cycle(("chat", *SCREENS)):
        yield name
        if name == [*SCREENS][-1] and time.monotonic() >= end:
            return


@pytest.mark.usefixtures("apart")
async def test_every_key_can_be_pressed_in_an_empty_chat(home: Path) -> None:
    """There is no message to go to, to copy or to score."""
    async with running(home) as run:
        for key in dict.fromkeys(KEYS):
            await at_chat(run)
            await run.pilot.press(key)
            assert run.app.is_running, key


@pytest.mark.parametrize(
    ("seconds", "keys"),
    [(0, 3), pytest.param(600, 20, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    ids=["once", "ten-minutes"],
)
@pytest.mark.usefixtures("apart")
async def test_random_keys_on_all_screens_break_nothing(home: Path, seconds: float, keys: int) -> None:
    """Sizes from 20x6 to 300x100, a pasted megabyte, hostile text in the chat: no exception, and no screen is kept."""
    chance, memory = random.Random(7), []
    configure(home, text="An answer with `code`.\n\n- and a list\n", tokens_per_second=200)
    async with running(home) as run:
        run.prompt.post_message(Paste("a pasted line\n" * 75_000))
        await until(lambda: "more than 50,000" in run.screen_text())
        await run.ask(" ".join(hostile_strings(5)))
        for number, name in enumerate(rounds(seconds)):
            await keys_on(run, name, chance, keys)
            if number % len(SCREENS) == 0:
                memory.append(megabytes())
        await at_chat(run)
        await run.pilot.resize_terminal(100, 30)
        await run.pilot.press("escape", "escape")
        await run.pilot.pause()
        gc.collect()
        kept = [type(each).__name__ for each in gc.get_objects() if isinstance(each, Screen) and each.is_attached]
        assert sorted(kept) == sorted(type(each).__name__ for each in run.app.screen_stack)
        assert memory[-1] - memory[len(memory) // 4] <= GROWTH_MB or not seconds, memory


@pytest.mark.parametrize(
    "tokens",
    [700, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["short", "20,000"],
)
async def test_a_very_long_answer_is_shown_and_memory_comes_back(home: Path, tokens: int) -> None:
    """Text, lists and code; keys are taken meanwhile, and its widgets go when another chat is opened."""
    block = "Some *plain* words of an answer.\n\n- a point, and `code`\n\n```python\nprint(1)\n```\n\n"
    text = block * (tokens // len(block.split()))
    configure(home, text=text, context=50_000)
    with (home / "config.toml").open("a") as file:
        file.write(f"[sampling]\nmax_tokens = {tokens}\n")
    async with running(home) as run:
        await run.send("write")
        await until(lambda: bool(run.app.chat.transcript.answers()))
        await run.type("typed meanwhile")
        assert run.prompt.text == "typed meanwhile"
        await until(lambda: not run.app.chat.answering, 600.0)
        view = run.app.chat.transcript.answers()[-1]
        assert view.message.state == "done" and len(view.message.text.split()) >= tokens * 0.9
        await run.pilot.press("ctrl+n")
        await until(lambda: not run.app.chat.transcript.answers())
        del view
        gc.collect()
        assert [each for each in gc.get_objects() if isinstance(each, AnswerView) and each.is_attached] == []


async def test_keys_that_were_shown_below_the_chat_are_let_go(home: Path) -> None:
    """The footer shows others with each message that is chosen; only those of the last few times are there."""
    async with running(home) as run:
        await run.ask("one")
        for _ in range(12):
            await run.pilot.press("alt+up")
            await run.pilot.press("escape")
            await run.pilot.pause()
        gc.collect()
        keys = [each for each in gc.get_objects() if isinstance(each, FooterKey)]
        assert len(keys) <= 4 * len([each for each in keys if each.is_attached])
