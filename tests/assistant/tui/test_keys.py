"""Does every action have an id, do the user's keys call it, do the keys of vi move, does a letter jump?"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys

from assistant.keymap import keymap
from assistant.tui.keys import _parts, catalogue, with_keys
from assistant.tui.progress_text import AFTER
from assistant.tui.score_actions import SCORED
from assistant.tui.screens import library, playground, why
from assistant.tui.screens.dialogs import AskLine
from assistant.tui.screens.help import HelpScreen
from assistant.tui.screens.jump import JumpScreen
from assistant.tui.screens.library import LibraryScreen
from assistant.tui.screens.settings import SettingsScreen
from assistant.tui.training_job import ended_line
from assistant.tui.training_watch import Watch
from assistant.tui.widgets import score_agreement, score_board, score_judge, score_list, transcript

from .conftest import Running, configure, running, until


def test_every_binding_has_an_id_and_a_meaning() -> None:
    """And no id is the place of another, since TOML could not hold both."""
    actions = catalogue()
    for part in _parts(DOMNode):
        bindings = list(Binding.make_bindings(part.__dict__.get("BINDINGS", ())))
        assert [each.key for each in bindings if not each.id or "." not in each.id] == [], part
        found: dict[str, set[str]] = defaultdict(set)
        for each in bindings:
            found[each.key].add(each.id or "")
        shared = {key for key, ids in found.items() if len(ids) > 1}
        assert shared <= {"escape"}, f"{part} has a key twice"
    ids = [each.id for each in actions if each.id]
    assert len(ids) == len(set(ids)) > 150
    assert not [(one, other) for one in ids for other in ids if other.startswith(f"{one}.")]
    assert not [each for each in actions if not each.meaning]
    assert keymap(actions, {}).problems == ()


def test_every_key_of_ours_can_come_from_any_terminal() -> None:
    """Where Alt comes as Esc before the letter (xterm, tmux), Textual reads Esc b as Ctrl+Left; and Ctrl+I is Tab."""
    keys = {key for action in catalogue() if action.id for key in action.keys if "+" in key}
    alt = {key for key in keys if key.startswith("alt+") and len(key) == len("alt+x")}
    ctrl = {key for key in keys if key.startswith("ctrl+") and len(key) == len("ctrl+x")}
    assert len(alt) > 10 and len(ctrl) > 10
    assert [key for key in alt if f"\x1b{key[-1]}" in ANSI_SEQUENCES_KEYS] == []
    assert [key for key in ctrl if ANSI_SEQUENCES_KEYS[chr(ord(key[-1]) - 96)] != (Keys(key),)] == []


def told(run: Running, expected: str) -> bool:
    """Whether a notice says it, or, for none, the change acts."""
    if not expected:
        return "app.library" in run.app.remapped
    return any(expected in each.message for each in run.app._notifications)


def test_texts_of_ours_name_actions_that_are_there() -> None:
    """Each {action} in them becomes a key."""
    texts = [transcript.WELCOME, why.NO_ANSWER, library.EMPTY, playground.HOW, score_list.NO_SCORES, *SCORED.values()]
    texts += [score_judge.ABOUT, score_judge.NOTHING, score_board.ABOUT, score_agreement.NOTHING, AFTER]
    texts += [ended_line(Watch("flat", state="paused"))]
    for text in texts:
        assert "{" in text and "{" not in with_keys(object(), text), text


async def test_remapped_keys_call_their_action_and_stand_everywhere(home: Path) -> None:
    """The new keys work and the old ones do not; footer, help, palette and dialogs name the new ones."""
    configure(home)
    keys = '[keys]\napp.library = ["ctrl+g", "f11"]\nlibrary.add = "i"\n'
    keys += 'chat.stop = "alt+x"\nlibrary.check = "d"\nscreen.back = "f8"\n'
    keys += 'prompt.send = "ctrl+s"\nlibrary.nothing = "x"\nlist.down = "ctrl+y"\nchat.new = "ctrl+l"\n'
    with (home / "config.toml").open("a") as file:
        file.write(keys)
    async with running(home, size=(80, 24)) as run:
        said = run.app.core.notices
        assert any("keys.library.nothing: there is no such action" in each for each in said)
        assert sum("keys." in each for each in said) == 2, said  # d removes
        await run.pilot.press("a", "b", "enter")
        assert run.prompt.text.startswith("ab"), "enter sends no longer"
        run.prompt.replace_text("")
        await run.pilot.press("f1")
        await until(lambda: isinstance(run.app.screen, HelpScreen))
        help_text = "\n".join(str(each.render()) for each in run.app.screen.query(".help-table"))
        assert "Ctrl+G, F11" in help_text and "(Ctrl+G, F11)" in help_text and "Ctrl+Y, k, g, G" in help_text
        assert "F8  back" in run.screen_text() or "F8" in help_text
        await run.pilot.press("f8")
        await run.pilot.press("f11")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))
        await until(lambda: "i Add" in run.screen_text() and "f8 Back" in run.screen_text())
        assert "Press  i  to add a file" in run.screen_text()
        await run.pilot.press("a")
        assert isinstance(run.app.screen, LibraryScreen)
        await run.pilot.press("i")
        await until(lambda: not isinstance(run.app.screen, LibraryScreen))
        await run.pilot.press("f8", "f8")
        await until(lambda: run.app.screen is run.app.chat)


async def test_keys_are_listed_and_changed_on_the_settings_screen(home: Path) -> None:
    """/keys opens them; the keys of vi move in the list; a change acts at once and is kept; a clash is told."""
    async with running(home, size=(80, 24)) as run:
        await run.send("/keys")
        await until(lambda: isinstance(run.app.screen, SettingsScreen) and "app.help" in run.screen_text())
        table = run.app.screen.query_one("#settings")
        await run.pilot.press("j", "j", "k")
        assert table.cursor_row == 1 and "app.library" in run.screen_text()
        await run.pilot.press("G")
        last = table.cursor_row
        await run.pilot.press("ctrl+u")
        assert 0 < table.cursor_row < last
        await run.pilot.press("ctrl+d", "g", "j")
        assert table.cursor_row == 1
        for typed, expected in (("ctrl+n", "taken by chat.new"), ("ctrl+g", "")):
            await run.pilot.press("enter")
            await until(lambda: isinstance(run.app.screen, AskLine))
            run.app.screen.query_one("Input").value = typed
            await run.pilot.press("enter")
            await until(lambda: isinstance(run.app.screen, SettingsScreen))
            await until(partial(told, run, expected))
        assert 'app.library = ["ctrl+g"]' in (home / "config.toml").read_text()
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
        await run.pilot.press("ctrl+g")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))


async def test_a_letter_jumps_to_a_part_of_the_screen(home: Path) -> None:
    """Each part that is seen has its letter; any other key leaves everything as it was."""
    async with running(home, size=(120, 30)) as run:
        await run.ask("one")
        await run.pilot.press("alt+j")
        await until(lambda: isinstance(run.app.screen, JumpScreen))
        assert all(f"[{letter}]" in run.screen_text() for letter in "asd")
        await run.pilot.press("f9")
        assert run.app.screen is run.app.chat and run.prompt.has_focus
        await run.pilot.press("alt+j", "a")
        await until(lambda: run.app.screen is run.app.chat and run.app.focused is not run.prompt)
        assert run.app.focused.id == "chats"
        before = run.prompt.text
        await run.pilot.press("j")
        assert run.prompt.text == before, "in a list j moves"
        await run.pilot.press("x")
        assert run.prompt.text == "x" and run.prompt.has_focus
