"""The screen of tokens: sources, cursor, merges, a second tokenizer, and no control character from a text."""

from __future__ import annotations

from pathlib import Path

from assistant.models.location import starter_path
from assistant.tui.screens.dialogs import ReadDialog
from assistant.tui.screens.message_menu import MessageMenu
from assistant.tui.screens.tokens import TokensScreen
from assistant.tui.widgets.token_flow import TokenFlow

from .conftest import Running, running, until


async def opened(run: Running) -> TokensScreen:
    await run.pilot.press("f6")
    await until(lambda: isinstance(run.app.screen, TokensScreen))
    screen = run.app.screen
    assert isinstance(screen, TokensScreen)
    await until(lambda: "id " in run.screen_text())
    return screen


async def test_the_typed_text_the_answer_and_its_prompt_are_cut(home: Path) -> None:
    """F6 begins with what is typed; F2 goes on to the last answer and to its whole prompt, at 80×24."""
    async with running(home, size=(80, 24), text="A short answer") as run:
        await run.ask("What is asked?")
        await run.type("two words")
        await opened(run)
        assert "two␣│words│" in run.screen_text() and "2 tokens" in run.screen_text()
        await run.pilot.press("f2")
        await until(lambda: "A␣│short␣│answer│" in run.screen_text())
        await run.pilot.press("right")
        await until(lambda: "token 2 of 3" in run.screen_text() and "U+0073 Latin small letter s" in run.screen_text())
        await run.pilot.press("f2")
        await until(lambda: "<system>" in run.screen_text() and "What␣│is␣│asked?" in run.screen_text())
        await run.pilot.press("escape")
        assert run.prompt.text == "two words"


async def test_a_second_tokenizer_and_its_merges(home: Path) -> None:
    """`w` puts another tokenizer beside the model's and takes it away again; `m` shows how a word was merged."""
    async with running(home, size=(120, 30)) as run:
        await run.type("some magic")
        await opened(run)
        await run.pilot.press("m")
        await until(lambda: "tokenizer of scripted" in run.screen_text())
        await run.pilot.press("w")
        await until(lambda: bool(run.app.screen.query("Input")))
        run.app.screen.query_one("Input").value = str(starter_path())  # type: ignore[attr-defined]  # an Input
        await run.pilot.press("enter")
        await until(lambda: "byte-level BPE" in run.screen_text() and "some│␣magic│" in run.screen_text())
        run.app.screen.query_one("#tokens-flow-1").focus()
        await run.pilot.press("end", "m")
        await until(lambda: isinstance(run.app.screen, ReadDialog) and "its bytes" in run.screen_text())
        assert "␣│m│a│g│i│c" in run.screen_text() and "as the tokenizer itself gives them" in run.screen_text()
        await run.pilot.press("escape", "w")
        await until(lambda: "byte-level BPE" not in run.screen_text())


async def test_a_long_text_with_control_characters_is_shown_line_by_line(home: Path) -> None:
    """Ten thousand tokens scroll to the last one; an escape sequence is shown in hexadecimal."""
    async with running(home, size=(80, 24)) as run:
        run.prompt.replace_text("word " * 10_000 + "\x1b[31m")
        screen = await opened(run)
        await run.pilot.press("end")
        await until(lambda: "token 10,001 of 10,001" in run.screen_text())
        assert "⟨1B⟩[31m" in run.screen_text() and "\x1b" not in run.screen_text()
        flow = screen.query(TokenFlow).first()
        await run.pilot.press("pageup", "up", "left")
        assert 9_000 < flow.place < 10_000


async def test_a_file_that_is_no_tokenizer_is_told(home: Path, tmp_path: Path) -> None:
    """The screen stays as it was, and says why."""
    (tmp_path / "tokenizer.json").write_text("{}")
    async with running(home) as run:
        await opened(run)
        run.app.screen.query_one("#tokens-flow-0").focus()
        await run.pilot.press("w")
        await until(lambda: bool(run.app.screen.query("Input")))
        run.app.screen.query_one("Input").value = str(tmp_path)  # type: ignore[attr-defined]  # an Input
        await run.pilot.press("enter")
        await until(lambda: "is no tokenizer" in run.screen_text())
        assert isinstance(run.app.screen, TokensScreen)


async def test_the_menu_of_a_message_opens_its_tokens(home: Path) -> None:
    """Of a question as of an answer, also while something else is typed."""
    async with running(home, size=(80, 24), text="A short answer") as run:
        await run.ask("What is asked?")
        await run.type("typed")
        for keys, shown in ((("alt+up",), "A␣│short␣│answer│"), (("alt+up", "alt+up"), "What␣│is␣│asked?│")):
            run.prompt.focus()
            await run.pilot.press(*keys, "enter")
            await until(lambda: isinstance(run.app.screen, MessageMenu))
            await run.pilot.press("t")
            await until(lambda shown=shown: shown in run.screen_text())
            await run.pilot.press("escape")
            await until(lambda: run.app.screen is run.app.chat)
