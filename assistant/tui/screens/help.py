"""F1: the keys of what has the focus, the keys that always work, and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from assistant.keymap import shown_key, shown_keys
from assistant.tui.commands import COMMANDS
from assistant.tui.keys import key_line, keys_of, with_key
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

PROMPT_KEYS = (
    ("prompt.send", "send"),
    ("prompt.line-break", "new line"),
    ("Up, Down", "what you sent before"),
    ("Tab", "complete a / command, a path, an @file or a #collection"),
    ("@file #name", "ask this file or collection alone; a small file is read whole"),
    ("chat.history chat.editor", "what you asked before; write in $EDITOR"),
    ("chat.page-up chat.page-down", "scroll the conversation"),
)
KEYS = (  # ids of actions, whose keys are shown
    ("chat.stop", "stop the answer, close a panel"),
    ("chat.new", "new chat"),
    ("chat.chats", "chats: Enter opens, F2 names, F4 groups, Insert pins, Delete deletes"),
    ("chat.search", "search in all chats"),
    ("app.library", "library; then f: linked folders"),
    ("app.prompts", "prompts: a library with variables and examples"),
    ("app.adapters", "adapters: on, off, strength, mixing, proof"),
    ("app.train", "training: data, recipe, progress, runs"),
    ("app.playground", "playground: one prompt by up to four settings, token by token"),
    ("app.tokens", "tokens of the typed text, the chosen message, its whole prompt"),
    ("app.why", "why these passages: how the chosen or last answer's were found"),
    ("app.roll-back", "roll back: the adapters that were on before"),
    ("chat.sources", "sources of the chosen or last answer"),
    ("chat.regenerate", "another answer to the last question"),
    ("chat.message-above chat.message-below", "choose a message; Enter: all that can be done with it"),
    ("chat.version-before chat.version-after", "< 2/3 > another version of it, with what followed"),
    ("chat.undo", "take the last question back into the prompt"),
    ("chat.good chat.bad", "good, bad: score the chosen or last answer"),
    ("chat.score", "score it in detail, or type the better answer"),
    ("chat.compare", "compare the answers to its question, blind"),
    ("app.scores", "scores, which figures agree with them, leaderboard; l: learn from them"),
    ("app.evaluation", "evaluation: sets of questions, runs, reports"),
    ("chat.context", "context of the chosen or last answer: its parts, its prompt"),
    ("chat.copy", "copy the chosen message or the last answer"),
    ("chat.copy-code", "copy its code block, then the next"),
    ("app.interrupt", "copy the selection, else stop the answer"),
    ("app.models", "models on this machine and in the catalogue; Enter loads or fetches one"),
    ("app.activity", "activity: long jobs, stopping them, connections so far"),
    ("app.settings", "settings: every one with its meaning"),
    ("app.jump", "jump: a letter over each part of the screen takes you there"),
    ("list.down list.up list.first list.last", "in lists and long texts: down, up, first, last"),
    ("list.half-page-down list.half-page-up", "in lists and long texts: half a page down, up"),
    ("app.palette", "command palette"),
    ("app.quit", "quit"),
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
        with MovingScroll(classes="help"):
            if self._focused:
                yield _table(self._group, self._told(self._focused))
            yield _table("Keys", self._told(KEYS))
            told = [(command.usage, with_key(self.app, command.help, command.action)) for command in COMMANDS]
            yield _table("Commands", told)
            yield Plain(key_line(self.app, screen__back="back"), classes="dialog-keys")

    def _told(self, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """With the keys that the actions have now; what is no id of an action stands for itself."""
        return [
            (shown_keys(key for name in names.split() for key in keys_of(self.app, name)[:2]) or names, told)
            for names, told in rows
        ]


def focused_keys(focused: Widget | None) -> tuple[str, Sequence[tuple[str, str]]]:
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
    remapped = getattr(focused.app, "remapped", {})
    keys = {
        shown_keys(remapped.get(binding.id or "", ()))
        or binding.key_display
        or shown_key(binding.key): binding.description
        for binding in bindings
        if binding.show
    }
    name = type(focused.screen) if focused.screen is not focused.app.screen_stack[0] else type(focused)
    return str(type(focused).BINDING_GROUP_TITLE or name.BINDING_GROUP_TITLE or name.__name__), list(keys.items())


def _table(title: str, rows: Sequence[tuple[str, str]]) -> Plain:
    width = max(len(key) for key, _ in rows)
    lines = [Content.assemble((key.ljust(width), "$text-accent"), f"   {told}") for key, told in rows]
    return Plain(Content("\n").join([Content.styled(title, "bold"), *lines]), classes="help-table")
