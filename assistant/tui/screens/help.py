"""F1: the keys of what has the focus, the keys that always work, and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from assistant.tui.commands import COMMANDS
from assistant.tui.widgets.plain import Plain

PROMPT_KEYS = (
    ("Enter", "send"),
    ("Alt+Enter, Ctrl+J", "new line"),
    ("Up, Down", "what you sent before"),
    ("Tab", "complete a / command, a path, an @file or a #collection"),
    ("@file #name", "ask this file or collection alone; a small file is read whole"),
    ("Alt+H, Alt+E", "what you asked before; write in $EDITOR"),
    ("Page Up, Page Down", "scroll the conversation"),
)
KEYS = (
    ("Esc", "stop the answer, close a panel"),
    ("Ctrl+N", "new chat"),
    ("Ctrl+B", "chats: Enter opens, F2 names, Insert pins, Delete deletes"),
    ("Ctrl+F", "search in all chats"),
    ("Ctrl+L", "library; then f: linked folders"),
    ("F2", "prompts: a library with variables and examples"),
    ("F3", "adapters: on, off, strength, mixing, proof"),
    ("F4, Ctrl+T", "training: data, recipe, progress, runs"),
    ("F5", "playground: one prompt by up to four settings, token by token"),
    ("F6", "tokens of the typed text, the chosen message, its whole prompt"),
    ("F7", "why these passages: how the chosen or last answer's were found"),
    ("F8", "roll back: the adapters that were on before"),
    ("Ctrl+O", "sources of the chosen or last answer"),
    ("Ctrl+R", "another answer to the last question"),
    ("Alt+Up, Alt+Down", "choose a message; Enter: all that can be done with it"),
    ("Alt+Left, Alt+Right", "< 2/3 > another version of it, with what followed"),
    ("Alt+Z", "take the last question back into the prompt"),
    ("Alt+Y, Alt+N", "good, bad: score the chosen or last answer"),
    ("Alt+S", "score it in detail, or type the better answer"),
    ("Alt+V", "compare the answers to its question, blind"),
    ("F9", "scores, which figures agree with them, leaderboard; l: learn from them"),
    ("F12", "evaluation: sets of questions, runs, reports"),
    ("Alt+I", "context of the chosen or last answer: its parts, its prompt"),
    ("Alt+C", "copy the chosen message or the last answer"),
    ("Alt+B", "copy its code block, then the next"),
    ("Ctrl+C", "copy the selection, else stop the answer"),
    ("Alt+M", "models on this machine; Enter loads one"),
    ("Alt+A", "activity: long jobs, stopping them, connections so far"),
    ("F10", "settings: every one with its meaning"),
    ("Ctrl+P", "command palette"),
    ("Ctrl+Q", "quit"),
)


class HelpScreen(ModalScreen[None]):
    """All keys and commands."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Back", id="screen.back")]

    def __init__(self, group: str, focused: Sequence[tuple[str, str]]) -> None:
        """`focused` are the keys of the widget that had the focus, under its name `group`."""
        super().__init__()
        self._group, self._focused = group, focused

    def compose(self) -> ComposeResult:
        """One column that scrolls."""
        with VerticalScroll(classes="help"):
            if self._focused:
                yield _table(self._group, self._focused)
            yield _table("Keys", KEYS)
            yield _table("Commands", [(command.usage, command.help) for command in COMMANDS])
            yield Plain("Esc  back", classes="dialog-keys")


def keys_of(focused: Widget | None) -> tuple[str, Sequence[tuple[str, str]]]:
    """The name and the keys of the widget that has the focus, with those of what it stands in, up to a screen over
    the chat; nothing where it has none of its own."""
    if focused is None:
        return "", ()
    if focused.id == "prompt":
        return "Question", PROMPT_KEYS
    bindings = [
        binding
        for node in focused.ancestors_with_self
        if node is not focused.app and node is not focused.app.screen_stack[0]
        for each in type(node).__dict__.get("BINDINGS", ())
        for binding in Binding.make_bindings([each])
    ]
    keys = {binding.key_display or binding.key.title(): binding.description for binding in bindings if binding.show}
    name = type(focused.screen) if focused.screen is not focused.app.screen_stack[0] else type(focused)
    return str(type(focused).BINDING_GROUP_TITLE or name.BINDING_GROUP_TITLE or name.__name__), list(keys.items())


def _table(title: str, rows: Sequence[tuple[str, str]]) -> Plain:
    width = max(len(key) for key, _ in rows)
    lines = [Content.assemble((key.ljust(width), "$text-accent"), f"   {told}") for key, told in rows]
    return Plain(Content("\n").join([Content.styled(title, "bold"), *lines]), classes="help-table")
