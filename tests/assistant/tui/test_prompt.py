"""Does the prompt break lines, grow, remember, and keep pasted text from being sent?"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from assistant.tui.commands import suggestions
from assistant.tui.keys import keys_of
from assistant.tui.terminal_keys import teach_line_break
from assistant.tui.widgets.composer import Composer
from assistant.tui.widgets.prompt import Prompt

from .conftest import running, until


class Desk(App[None]):
    """A composer alone."""

    CSS = "#prompt { height: auto; max-height: 10; } #composer { height: auto; dock: bottom; }"

    def __init__(self) -> None:
        super().__init__()
        self.composer = Composer(self._suggest)
        self.sent: list[str] = []
        self.refused: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.composer

    def on_mount(self) -> None:
        self.composer.prompt.focus()

    async def _suggest(self, text: str) -> list[object]:
        return suggestions(text)  # type: ignore[return-value]

    def on_composer_sent(self, event: Composer.Sent) -> None:
        self.sent.append(event.text)

    def on_prompt_paste_refused(self, event: Prompt.PasteRefused) -> None:
        self.refused.append(event.characters)


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[tuple[Desk, Pilot[None], Prompt]]:
    app = Desk()
    async with app.run_test(size=(60, 20)) as pilot:
        yield app, pilot, app.composer.prompt


async def test_alt_enter_and_ctrl_j_break_the_line_and_enter_sends_all_lines() -> None:
    """A question may have several lines."""
    async with desk() as (app, pilot, prompt):
        await pilot.press("a", "alt+enter", "b", "ctrl+j", "c", "shift+enter", "d")
        assert prompt.text == "a\nb\nc\nd" and prompt.size.height == 4
        await pilot.press("enter")
        assert app.sent == ["a\nb\nc\nd"] and prompt.text == ""


def test_alt_enter_is_known_in_terminals_without_the_kitty_protocol() -> None:
    """ESC CR is a line break, at once, and not an Enter that sends; the kitty sequences keep their names."""
    teach_line_break()
    for sequence, key in (("\x1b\r", "ctrl+j"), ("\x1b[13;3u", "alt+enter"), ("\x1b[13;2u", "shift+enter")):
        [event] = list(XTermParser().feed(sequence))
        assert isinstance(event, events.Key) and event.key == key
        assert key in keys_of(None, "prompt.line-break")


async def test_the_prompt_grows_to_ten_lines() -> None:
    """Longer texts scroll inside the prompt."""
    async with desk() as (_, pilot, prompt):
        prompt.replace_text("\n".join("abcdefghijklmnop"))
        await pilot.pause()
        assert prompt.size.height == 10


async def test_an_empty_prompt_sends_nothing() -> None:
    """Enter on blanks is no question."""
    async with desk() as (app, pilot, prompt):
        await pilot.press("space", "enter")
        assert app.sent == [] and prompt.text == " "


async def test_pasted_text_never_sends() -> None:
    """Line breaks in a paste stay line breaks."""
    async with desk() as (app, pilot, prompt):
        app.post_message(events.Paste("one\ntwo\n"))
        await pilot.pause()
        assert prompt.text == "one\ntwo\n" and app.sent == []


async def test_a_paste_too_long_for_a_question_is_refused() -> None:
    """Ten million characters do not freeze the screen."""
    async with desk() as (app, _pilot, prompt):
        app.post_message(events.Paste("x" * 10_000_000))
        await until(lambda: app.refused == [10_000_000])
        assert prompt.text == ""


async def test_up_and_down_walk_through_what_was_sent() -> None:
    """On the first and last row; the unsent text comes back at the end."""
    async with desk() as (_, pilot, prompt):
        await pilot.press(*"one", "enter", *"two", "alt+enter", "x", "enter", *"three")
        await pilot.press("up")
        assert prompt.text == "two\nx"
        await pilot.press("up")
        assert prompt.text == "two\nx" and prompt.cursor_location[0] == 0
        await pilot.press("up")
        assert prompt.text == "one"
        await pilot.press("down", "down", "down")
        assert prompt.text == "three"


async def test_keys_typed_right_after_enter_are_kept() -> None:
    """A fast typist's next question is not swallowed by the one before."""
    async with desk() as (app, pilot, prompt):
        for key in (*"one", "enter", *"two"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(lambda: prompt.text == "two")
        assert app.sent == ["one"]


async def test_enter_takes_the_highlighted_command_and_down_highlights_another() -> None:
    """Half a command name is enough; one that needs more is completed and waits."""
    async with desk() as (app, pilot, prompt):
        await pilot.press(*"/he")
        await until(lambda: app.composer.query_one("#hints").display)
        await pilot.press("enter")
        assert app.sent == ["/help"]
        await pilot.press(*"/se")
        await until(lambda: app.composer.query_one("#hints").display)
        await pilot.press("down", "enter")
        assert prompt.text == "/set " and app.sent == ["/help"]


async def test_files_are_picked_with_an_at_sign_and_old_questions_with_alt_h(home: Path, tmp_path: Path) -> None:
    """Enter takes the suggestion, a second one sends; Alt+H puts a question of any chat into the prompt."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds.")
    async with running(home, size=(80, 24)) as run:
        await run.ingest(tmp_path / "lease.txt")
        await run.type("rent in @lse")
        await until(lambda: "read whole (1 passages)" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: run.prompt.text == "rent in @lease.txt ")
        await run.pilot.press("enter")
        await until(lambda: "Read whole: lease.txt." in run.screen_text())
        await until(lambda: not run.app.chat.answering)
        await run.pilot.press("ctrl+n", "alt+h")
        await until(lambda: "1 questions, the newest first" in run.screen_text())
        await run.pilot.press("l", "e", "a", "enter")
        await until(lambda: run.prompt.text == "rent in @lease.txt ")
