"""The prompt library in the app: chosen, filled in, put into the chat or sent, written, removed."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import TextArea

from assistant.prompts.files import NEW
from assistant.tui.prompt_actions import parse_values
from assistant.tui.screens.prompts import EditPrompt, PromptsScreen
from assistant.tui.screens.use_prompt import UsePrompt

from .conftest import Running, running, until


async def opened(run: Running) -> None:
    await run.pilot.press("f2")
    await until(lambda: isinstance(run.app.screen, PromptsScreen) and "classify" in run.screen_text())


async def test_a_prompt_is_filled_in_and_stands_in_the_chat(home: Path) -> None:
    """Examples are picked and counted; Ctrl+S puts the prompt into the chat above what was typed, at 80×24."""
    async with running(home, size=(80, 24)) as run:
        await run.type("typed before")
        await opened(run)
        await run.pilot.press("enter")
        await until(lambda: isinstance(run.app.screen, UsePrompt))
        assert "sentence is missing" in run.screen_text()
        await run.type("Snow again")
        await until(lambda: "few-shot, 4 examples" in run.screen_text() and "(11 tokens)" in run.screen_text())
        await run.pilot.press("tab", "space", "tab", "space", "tab", "space")
        await until(lambda: "one-shot" in run.screen_text())
        await run.pilot.press("ctrl+s")
        await until(lambda: run.app.screen is run.app.chat)
        text = run.prompt.text
        assert text.endswith("Input: Snow again\nOutput:\n\ntyped before") and text.count("Input:") == 2


async def test_the_command_fills_in_what_it_is_given(home: Path) -> None:
    """With all values the prompt stands in the chat; with some missing they are asked for, and F5 sends."""
    async with running(home) as run:
        await run.send("/prompt explain subject=the tides reader=an expert")
        await until(lambda: run.prompt.text.startswith("You are a patient teacher"))
        assert run.prompt.text.endswith("Explain the tides to an expert. Begin with what it is good for.")
        await run.send("/prompt explain")
        await until(lambda: isinstance(run.app.screen, UsePrompt))
        await run.type("rain")
        await run.pilot.press("f5")
        await until(lambda: bool(run.app.chat.transcript.answers()) and not run.app.chat.answering)
        await run.send("/prompt explain the tides")
        await until(lambda: "fills in nothing" in run.screen_text())
        await run.send("/prompt explian")
        await until(lambda: "Did you mean explain?" in run.screen_text())
    assert parse_values("tone=plainer text=a = b, c=3 = d") == {"tone": "plainer", "text": "a = b,", "c": "3 = d"}


async def test_prompts_are_written_changed_and_removed(home: Path) -> None:
    """What is wrong is told where it is written, and nothing is lost; your own can be removed, shipped ones not."""
    async with running(home, size=(120, 36)) as run:
        await opened(run)
        await run.pilot.press("n")
        await until(lambda: isinstance(run.app.screen, EditPrompt))
        area = run.app.screen.query_one(TextArea)
        area.text = NEW.replace('"instruction"', '"poem"')
        await run.pilot.press("f5")
        await until(lambda: "There is no kind 'poem'" in run.screen_text())
        area.text = NEW
        await run.pilot.press("f5")
        await until(lambda: isinstance(run.app.screen, PromptsScreen) and "my-prompt*" in run.screen_text())
        names = [prompt.name for prompt in await run.app.core.prompts.all()]
        run.app.screen.query_one("#prompt-list").move_cursor(row=names.index("my-prompt"))  # type: ignore[attr-defined]  # a table
        await run.pilot.pause()
        await run.pilot.press("d")
        await until(lambda: "Remove the prompt my-prompt?" in run.screen_text())
        await run.pilot.press("y")
        await until(lambda: "my-prompt" not in run.screen_text())
        await run.pilot.press("home", "d")
        assert isinstance(run.app.screen, PromptsScreen)
