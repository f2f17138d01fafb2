"""Is what comes from outside inert: links, markup, control characters, and what a defect leaves behind?"""

from __future__ import annotations

import ast
import stat
import unicodedata
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

import assistant.tui
from assistant.crash import record
from assistant.safe_text import UNSAFE
from assistant.tui.app import AssistantApp
from assistant.tui.safe_filter import SafeFilter
from assistant.tui.screens.dialogs import LinkDialog
from assistant.tui.widgets.messages import QuestionView

from .conftest import running, until


def test_the_filter_lets_no_unsafe_character_pass_and_keeps_the_rest() -> None:
    """Every code point of the list alone, and styles untouched."""
    safe = SafeFilter()
    for code in sorted(UNSAFE):
        [segment] = safe.apply([Segment(f"a{chr(code)}b")], Color(0, 0, 0))
        assert segment.text == "a\N{REPLACEMENT CHARACTER}b"
    assert safe.apply([Segment("Grüße 世界 👍")], Color(0, 0, 0))[0].text == "Grüße 世界 👍"


async def test_hostile_text_in_a_chat_is_shown_and_does_nothing(home: Path) -> None:
    """Markup, escapes and actions in question, answer, title and collection are just characters."""
    hostile = "[/] \x1b]52;c;eA==\x07 [@click=app.quit]report.txt[/] \u202edp.exe"
    async with running(home, text=f"{hostile} <script>x</script> ![pic](http://evil.example/p.png)") as run:
        view = await run.ask(hostile)
        assert view.message.state == "done"
        await run.pilot.pause()
        shown = run.screen_text()
        assert "[@click=app.quit]report.txt[/]" in shown and "[image: pic]" in shown and "<script>" in shown
        assert not [letter for letter in shown if letter != "\n" and ord(letter) in UNSAFE]
        await run.pilot.click(QuestionView, offset=(12, 0))
        run.app.say(hostile, "error")
        await run.pilot.pause()
        assert run.app.is_running


async def test_a_link_shows_where_it_leads_and_nothing_opens_by_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter copies; only o opens, and only a web address."""
    opened: list[str] = []
    monkeypatch.setattr(AssistantApp, "open_url", lambda self, url, **_: opened.append(url))
    async with running(home, text="[safe](http://evil.example/?q=SECRET&x=%1b%20) [file](file:///etc/passwd)") as run:
        await run.ask("link")
        paragraph = run.app.chat.query("AnswerMarkdown MarkdownParagraph").last()
        await run.pilot.click(paragraph, offset=(1, 0))
        await until(lambda: isinstance(run.app.screen, LinkDialog))
        await run.pilot.pause()
        assert "http://evil.example/?q=SECRET&x=%1B%20" in run.screen_text()
        await run.pilot.press("enter")
        await until(lambda: run.app.screen is run.app.chat)
        assert run.app.clipboard == "http://evil.example/?q=SECRET&x=%1B%20" and opened == []
        await run.pilot.click(paragraph, offset=(1, 0))
        await until(lambda: isinstance(run.app.screen, LinkDialog))
        await run.pilot.press("o")
        assert opened == ["http://evil.example/?q=SECRET&x=%1B%20"]
    assert not LinkDialog("file:///etc/passwd").opens and not LinkDialog("javascript:alert(1)").opens


async def test_a_defect_is_recorded_without_a_word_of_the_chat(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log holds type and frames, the screen one line; neither holds locals, messages or text."""

    class DefectError(Exception):
        pass

    async def fails() -> None:
        secret = "my secret question"
        raise DefectError(secret)

    with pytest.raises(Exception, match="DefectError"):
        async with running(home) as run:
            run.app.run_worker(fails())
            await until(lambda: not run.app.is_running)
    log = home / "logs" / "assistant.log"
    text = log.read_text()
    assert "DefectError" in text and "in fails" in text
    printed = capsys.readouterr().err
    assert "unexpected error" in printed
    for said in (text, printed):
        assert "secret" not in said
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert run.app.return_code == 1


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    """It is moved aside at one megabyte, and five are kept."""
    for number in range(8):
        (tmp_path / "assistant.log").write_text(f"{number}" * 1_000_001)
        record(ValueError("x"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 6


SHOWING = {"Static", "Label", "Button", "Tooltip", "Checkbox", "RadioButton"}  # read markup unless told not to
LISTS = {"OptionList", "MovingList"}  # their options read markup, however they are given
FOREIGN = {"safe_line", "safe_text"}  # what is passed through these comes from outside


def markup_calls(tree: ast.AST) -> list[ast.Call]:
    """Calls that would read their first argument as markup, where that is not a plain constant."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "add_row" and any(
            isinstance(arg, ast.Call) and getattr(arg.func, "id", "") in FOREIGN for arg in node.args
        ):
            found.append(node)  # cells of a table read markup, too: Text does not
        if name not in SHOWING | LISTS | {"notify", "from_markup"}:
            continue
        plain = any(each.arg == "markup" and getattr(each.value, "value", True) is False for each in node.keywords)
        constant = all(isinstance(each, ast.Constant) for each in node.args) and name not in LISTS
        if name == "from_markup" or not (plain or constant):
            found.append(node)
    return found


def test_no_variable_is_ever_read_as_markup() -> None:
    """Everything shown goes through Plain, Content, or an explicit markup=False."""
    wrong = [
        f"{path.name}:{call.lineno}"
        for path in Path(assistant.tui.__path__[0]).rglob("*.py")
        for call in markup_calls(ast.parse(path.read_text()))
    ]
    assert wrong == []
    wrong_and_right = (
        'Static(f"{name}"); app.notify(text); t.add_row(safe_line(x)); Static("fixed"); Label(x, markup=False)'
    )
    assert len(markup_calls(ast.parse(wrong_and_right))) == 3


def test_the_list_of_unsafe_characters_holds_all_controls() -> None:
    """Every control and surrogate of Unicode is in it."""
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp"):
            assert code in UNSAFE
