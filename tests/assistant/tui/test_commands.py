"""Are `/` commands told from questions, understood, and completed?"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.config import load_config
from assistant.errors import UsageError
from assistant.tui.command_actions import CommandActions
from assistant.tui.commands import COMMANDS, is_command, parse, parse_setting, suggestions
from assistant.tui.path_completion import completions, expanded


@pytest.mark.parametrize("text", ["/help", "/add ~/papers", " /set temperature 0 ", "/nonsense"])
def test_a_slash_and_a_word_is_a_command(text: str) -> None:
    """Known or not, it is not sent to the model."""
    assert is_command(text)


@pytest.mark.parametrize("text", ["/usr/bin/env is what?", "what is /help", "/help\nplease", "/ 2 = 4", "1/2"])
def test_a_path_or_a_fraction_is_a_question(text: str) -> None:
    """Only a word right behind the slash, alone or before a blank, makes a command."""
    assert not is_command(text) or text.startswith("/ ")


def test_a_command_and_its_argument_are_split() -> None:
    """Names are read in any case."""
    assert parse("/ADD  my papers ") == (next(each for each in COMMANDS if each.name == "add"), "my papers")


def test_an_unknown_command_names_the_nearest() -> None:
    """A slip of the finger is one line away from right."""
    with pytest.raises(UsageError, match=r"no command /hlep") as caught:
        parse("/hlep")
    assert caught.value.hint == "Did you mean /help?"


def test_a_missing_argument_is_told_with_the_usage() -> None:
    """/add alone says what belongs behind it."""
    with pytest.raises(UsageError, match="/add PATH"):
        parse("/add")


def test_every_command_is_implemented() -> None:
    """What the help lists can be run."""
    assert [each.name for each in COMMANDS if not hasattr(CommandActions, f"_{each.name}")] == []


def test_a_slash_suggests_all_commands_and_letters_narrow_them() -> None:
    """Hints follow what is typed, and vanish behind the first blank."""
    assert len(suggestions("/")) == len(COMMANDS)
    assert [each.line for each in suggestions("/se")] == ["/search ", "/set ", "/settings", "/serve "]
    assert suggestions("/set t") == [] and suggestions("hello") == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("temperature 0", ("sampling", "temperature", 0)),
        ("top_k = 5", ("sampling", "top_k", 5)),
        ("answer.passages 7", ("answer", "passages", 7)),
        ("without_documents false", ("answer", "without_documents", False)),
        ("system_prompt Be brief.", ("answer", "system_prompt", "Be brief.")),
        ('stop ["END"]', ("sampling", "stop", ["END"])),
    ],
)
def test_a_setting_is_read_as_in_the_settings_file(typed: str, expected: object, tmp_path: Path) -> None:
    """Numbers, truth values, lists and plain text are told apart."""
    assert parse_setting(typed, load_config(tmp_path)) == expected


def test_an_unknown_setting_names_the_nearest_and_a_bare_one_its_value(tmp_path: Path) -> None:
    """/set temprature helps; /set temperature shows."""
    config = load_config(tmp_path)
    with pytest.raises(UsageError) as caught:
        parse_setting("temprature 0", config)
    assert caught.value.hint == "Did you mean temperature?"
    with pytest.raises(UsageError, match=r"temperature is 0\.2"):
        parse_setting("temperature", config)


async def test_paths_are_completed_folders_first_hidden_ones_on_demand(tmp_path: Path) -> None:
    """As in a shell, and never with an error."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "page.txt").touch()
    (tmp_path / ".page").touch()
    start = f"{tmp_path}/"
    assert await completions(f"{start}pa") == [f"{start}papers/", f"{start}page.txt"]
    assert await completions(f"{start}.p") == [f"{start}.page"]
    assert await completions(f"{start}none/x") == []
    assert await completions("~nobody-of-that-name/x") == []


def test_quotes_and_the_home_folder_are_resolved() -> None:
    """A path may be pasted with quotes around it."""
    assert expanded("'~/my papers'") == Path.home() / "my papers"
