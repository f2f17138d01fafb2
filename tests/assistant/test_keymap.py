"""Are the user's keys put to use, and is what cannot be told in one line?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.config import load_config
from assistant.keymap import Action, keymap, parse_keys, shown_key

Run = Callable[..., tuple[int, str, str]]

ACTIONS = (
    Action("app.library", ("ctrl+l",), "Library"),
    Action("app.quit", ("ctrl+q",), "Quit", first=True),
    Action("chat.new", ("ctrl+n",), "New"),
    Action("library.add", ("a",), "Add"),
    Action("library.check", ("c",), "Check"),
    Action("scores.list.judge", ("v",), "Judge"),
    Action("scores.judge.judge", ("v",), "Judge"),
    Action("list.down", ("j",), "Down"),
    Action("", ("ctrl+e",), "editing what is typed", within="prompt"),
)


def test_wanted_keys_take_the_place_of_shipped_ones() -> None:
    """Several keys for one action, two that change places, and the same key on two screens."""
    wanted = {"library.add": ("c", "insert"), "library.check": ("a",), "scores.list.judge": ("x",)}
    found = keymap(ACTIONS, {**wanted, "scores.judge.judge": ("x",), "chat.new": ("ctrl+n",)})
    assert found.problems == ()
    assert found.keys["library.add"] == ("c", "insert") and found.keys["library.check"] == ("a",)
    assert found.keys["chat.new"] == ("ctrl+n",) and "chat.new" not in found.changed


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        ("library.ad", ("x",), "there is no such action. Did you mean library.add?"),
        ("library.add", (), "it needs a key; it stays on a."),
        ("library.add", ("ctl+x",), "there is no key 'ctl+x'."),
        ("library.add", ("f99",), "there is no key 'f99'."),
        ("library.add", ("c",), "c is taken by library.check (Check); library.add stays on a."),
        ("library.add", ("j",), "j is taken by list.down (Down)"),
        ("library.add", ("ctrl+q",), "Ctrl+Q is taken by app.quit (Quit)"),
        ("list.down", ("a",), "a is taken by library.add (Add)"),
        ("app.library", ("ctrl+n",), "Ctrl+N is taken by chat.new (New)"),
        ("chat.new", ("ctrl+e",), "Ctrl+E is taken by prompt (editing what is typed)"),
        ("chat.new", ("n",), "n is typed into the prompt there."),
    ],
)
def test_what_cannot_be_is_told_and_left_as_it_is_shipped(name: str, keys: tuple[str, ...], told: str) -> None:
    """An unknown action, a key that is none, one that is taken where both can be called: one line, nothing changed."""
    found = keymap(ACTIONS, {name: keys})
    assert len(found.problems) == 1 and found.problems[0].startswith(f"keys.{name}: ") and told in found.problems[0]
    assert not found.changed


def test_an_entry_that_goes_back_may_push_another_back() -> None:
    """The second cannot have c; then the first cannot have a, which the second stays on."""
    found = keymap(ACTIONS[3:5], {"library.check": ("a",), "library.add": ("nokey",)})
    assert len(found.problems) == 2 and not found.changed


def test_the_file_may_name_actions_in_every_way_that_toml_has(home: Path) -> None:
    """Bare, quoted, as a table; a text or a list; and a broken line costs that line alone."""
    path = home / "config.toml"
    path.write_text('[keys]\nlibrary.add = "A, Insert"\n"chat.new" = ["f5"]\n[keys.scores.list]\njudge = "x"\n')
    config = load_config(home)
    assert not config.notices
    assert config.keys == {"library.add": ("A", "insert"), "chat.new": ("f5",), "scores.list.judge": ("x",)}
    path.write_text('[keys]\nlibrary.add = 3\nlibrary.check = ["x"]\nlibrary.stop = "y\nchat.new = "f5"\n')
    config = load_config(home)
    assert config.keys == {"library.check": ("x",), "chat.new": ("f5",)}
    assert any(":2: keys.library.add must be a key or a list of keys" in each for each in config.notices)


def test_keys_are_typed_and_shown_as_people_write_them() -> None:
    """Capitals stand for Shift and a letter; other names are read in any case."""
    assert parse_keys("Ctrl+K, F5 G") == ("ctrl+k", "f5", "G")
    assert [shown_key(key) for key in ("ctrl+k", "escape", "G", "alt+pageup", "/")] == [
        "Ctrl+K", "Esc", "G", "Alt+Page Up", "/",
    ]  # fmt: skip


def test_keys_are_listed_and_changed_from_the_shell(run: Run, home: Path) -> None:
    """Every action with its keys; a change is one line of the file, what is refused changes nothing."""
    assert run("keys", "set", "library.add", "Insert", "f11") == (0, "library.add: insert, f11\n", "")
    assert 'library.add = ["insert", "f11"]' in (home / "config.toml").read_text()
    code, out, _ = run("keys", "--json")
    rows = {each["id"]: each for each in json.loads(out)}
    assert code == 0 and rows["library.add"] == {
        "id": "library.add", "keys": ["insert", "f11"], "default": ["a"], "meaning": "Add",
    }  # fmt: skip
    assert "* library.add" in run("keys", "list")[1]
    for arguments, told in (
        (("set", "library.add", "r"), "library.add: r is taken by library.retry (Read again)"),
        (("set", "library.nothing", "r"), "library.nothing: there is no such action."),
        (("default", "nothing"), "nothing: there is no such action."),
    ):
        before = (home / "config.toml").read_text()
        code, _, err = run("keys", *arguments)
        assert code == 2 and told in err and (home / "config.toml").read_text() == before
    assert run("keys", "default", "library.add")[0] == 0 and "* library.add" not in run("keys", "list")[1]
    (home / "config.toml").write_text('[keys]\nlibrary.ad = "x"\n')
    code, _, err = run("keys", "list")
    assert code == 0 and err.count("\n") == 1 and "Did you mean library.add?" in err
