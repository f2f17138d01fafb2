"""Has every command its help, its way in the app and in the shell, and is every screen whole in eighty columns?"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from assistant.cli import build_parser
from assistant.tui.command_actions import CommandActions
from assistant.tui.commands import COMMANDS
from assistant.tui.keys import catalogue
from assistant.tui.opening import SCREENS

from .conftest import Running, running, until

HERE = "it is about the screen itself"
TWINS: dict[str, str] = {  # what does the same in the shell, or why nothing has to
    "help": "--help", "new": "ask one", "chats": "chats", "docs": "documents", "add": "ingest x",
    "folders": "folders", "link": "folders link x", "sources": "chats show 1", "why": "why",
    "scope": "ask one --collection work", "context": "context last", "history": "chats asked", "editor": HERE,
    "search": "chats search x", "sync": "folders sync", "regenerate": "ask --again 2", "continue": "ask --again 2",
    "edit": "ask one --instead-of 1", "rewrite": "chats rewrite 2 better", "undo": "chats undo 1",
    "redo": "chats redo 1", "fork": "chats fork 2", "copy": "chats show 1", "export": "chats export 1",
    "import": "chats import x", "rename": "chats rename 1 x", "pin": "chats pin 1", "group": "chats group 1 x",
    "persona": "chats persona 1 x", "trash": "chats list --trash", "delete": "chats delete 1", "models": "models",
    "model": "--model x ask one", "adapters": "adapters", "adapter": "adapters activate x",
    "rollback": "adapters rollback", "score": "score last --good", "scores": "scores", "eval": "eval",
    "compare": "compare one --between base", "tokens": "tokens x", "learn": "learn", "agent": "agent one",
    "best": "ask one --best 2", "playground": "decode x", "revise": "ask one --revise", "safety": "safety",
    "prompt": "prompts", "teach": "teach x", "train": "train x --data y", "set": "settings set temperature 0",
    "settings": "settings", "keys": "keys", "activity": "activity", "theme": "themes", "quit": HERE,
    "serve": "serve", "remote": "remote", "fit": "models fit",
    "collections": "collections", "rebuild": "library rebuild",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_and_a_twin_in_the_shell(command: object) -> None:
    """What the palette lists is told in words, is done in the app, and can be done without it."""
    name: str = command.name  # type: ignore[attr-defined]  # a Command
    assert command.help and hasattr(CommandActions, f"_{name}")  # type: ignore[attr-defined]  # as above
    if action := command.action:  # type: ignore[attr-defined]  # as above
        assert action in {each.id for each in catalogue()}
    twin = TWINS[name]
    if twin == HERE:
        return
    with contextlib.suppress(SystemExit):  # --help
        assert build_parser().parse_args(twin.split()).run is not None


def cut_off(run: Running) -> list[str]:
    """What of the screen is not to be seen: parts of the footer, or what has the focus."""
    screen, size = run.app.screen, run.app.size
    found = [f"footer: {key.description}" for key in screen.query(FooterKey) if key.region.right > size.width]
    for footer in screen.query(Footer):
        found += [] if footer.region.bottom <= size.height and footer.region.height else ["footer"]
    focused = run.app.focused
    if focused is not None and focused.display and not focused.region.intersection(size.region).area:
        found.append(f"focus: {focused}")
    found += [
        f"title: {title.render()}"
        for title in screen.query(".panel-title, .dialog-title, #title, #library-title").results()
        if title.display and (title.region.y < 0 or len(str(title.render()).partition("\n")[0]) > title.region.area)
    ]
    for told in screen.query(".dialog-keys").results():
        line = max(str(told.render()).splitlines(), key=len, default="")
        inside = told.region.area and size.region.contains_region(told.region)
        found += [] if inside and len(line) <= told.content_region.width * told.region.height else [f"keys: {line}"]
    return found


DIALOGS = {  # what is pressed in the chat, or typed as a command, to open them
    "folders": "/folders", "link a folder": "/folders l", "help": "f1", "menu of a message": "alt+up enter",
    "score": "alt+s", "guide": "alt+s ctrl+g", "sources": "ctrl+o", "search": "ctrl+f", "history": "alt+h",
    "remote": "/remote", "delete": "/delete", "name": "ctrl+b f2", "rewrite": "/rewrite", "add": "ctrl+l a",
    "check": "ctrl+l c", "use a prompt": "f2 enter", "new prompt": "f2 n", "dataset": "f4 b",
}  # fmt: skip


async def test_every_dialog_is_whole_in_eighty_columns(home: Path, tmp_path: Path) -> None:
    """Title, keys, and what has the focus; each says something and is left with Escape."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month.")
    wrong: dict[str, list[str]] = {}
    async with running(home, size=(80, 24)) as run:
        await run.ingest(tmp_path / "lease.txt")
        await run.ask("What is the rent a month?")
        for name, opened in DIALOGS.items():
            for key in opened.split():
                before = run.app.screen, run.app.focused
                await (run.send(key) if key.startswith("/") else run.pilot.press(key))
                await until(lambda before=before: (run.app.screen, run.app.focused) != before)
                await run.pilot.pause()
            assert run.app.screen is not run.app.chat, name
            await until(lambda: not run.app.screen.query(Footer) or bool(run.app.screen.query(FooterKey)))
            assert len(re.findall(r"\w{3,}", run.screen_text())) > 5, name
            if found := cut_off(run):
                wrong[name] = found
            for _ in range(4):
                if run.app.screen is not run.app.chat or run.app.focused is not run.prompt:
                    await run.pilot.press("escape")
                    await run.pilot.pause()
            assert run.app.screen is run.app.chat, name
            run.prompt.focus()
            run.prompt.replace_text("")
        assert wrong == {}


async def test_every_screen_is_whole_in_eighty_columns(home: Path, tmp_path: Path) -> None:
    """Titles, footers and what has the focus are seen in full on each of them, with something to look at."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month.")
    wrong: dict[str, list[str]] = {}
    async with running(home, size=(80, 24)) as run:
        await run.ingest(tmp_path / "lease.txt")
        await run.ask("What is the rent a month?")
        for name in ["", *SCREENS]:
            if name:
                run.app.action_open(name)
                await until(lambda: run.app.screen is not run.app.chat)
            await run.pilot.pause()
            await until(lambda: not run.app.screen.query(Footer) or bool(run.app.screen.query(FooterKey)))
            text = run.screen_text()
            assert len(re.findall(r"\w{3,}", text)) > 5, f"{name} shows nothing"
            if found := cut_off(run):
                wrong[name or "chat"] = found
            if name:
                await run.pilot.press("escape")
                await until(lambda: run.app.screen is run.app.chat)
        assert wrong == {}
        await run.pilot.resize_terminal(50, 24)
        await until(lambda: any(each.startswith("footer: ") for each in cut_off(run)))  # it would be seen
