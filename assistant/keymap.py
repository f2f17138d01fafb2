"""Which keys call which action: what is shipped, what the user's file says instead, and what of that cannot be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assistant.config import Config
from assistant.errors import UsageError
from assistant.settings_file import write_settings
from assistant.wanted_keys import keys_of

TYPED_INTO = frozenset({"app", "chat", "prompt"})  # places where a letter goes into the prompt
EVERYWHERE = frozenset({"list", "screen"})  # places that are part of every other one but those of the chat
NAMED = frozenset(
    {"escape", "enter", "tab", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown", "up", "down"}
    | {"left", "right", "space"}
)
KEY = re.compile(r"((?:(?:ctrl|alt|shift|super|hyper|meta)\+)*)(\S|[a-z][a-z0-9_]+)")
SYMBOL = re.compile(r"f([1-9]|1\d|2[0-4])|[a-z]+(_[a-z]+)+|slash|comma|plus|minus|backslash|colon|semicolon|tilde|at")


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key does. Its id is its place and its name, as in "library.add".

    `first` says that its keys are looked at before those of the screen. An action without an id belongs to an
    input of `within`: its keys are taken and cannot be changed.
    """

    id: str
    keys: tuple[str, ...]
    meaning: str
    first: bool = False
    within: str = ""

    @property
    def place(self) -> str:
        """Where it can be called: "library", "evaluation.sets"."""
        return self.id.rpartition(".")[0] or self.within


@dataclass(frozen=True, slots=True)
class Keymap:
    """The keys of every action by its id, those of them that are not the shipped ones, and what was not used."""

    keys: Mapping[str, tuple[str, ...]]
    changed: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...]


def keymap(actions: Sequence[Action], wanted: Mapping[str, Sequence[str]]) -> Keymap:
    """What the keys are when the user wants these: an entry that cannot be is told, and left as it is shipped."""
    by_id = {action.id: action for action in actions if action.id}
    problems: list[str] = []
    used: dict[str, tuple[str, ...]] = {}
    for name, keys in wanted.items():
        if problem := _problem(by_id, name, keys):
            problems.append(problem)
        else:
            used[name] = tuple(dict.fromkeys(keys))
    while clash := _clash(actions, used):
        name, key, other = clash
        del used[name]
        problems.append(
            f"keys.{name}: {shown_key(key)} is taken by {other.id or other.within} ({other.meaning}); "
            f"{name} stays on {shown_keys(by_id[name].keys)}."
        )
    used = {name: keys for name, keys in used.items() if keys != by_id[name].keys}
    return Keymap({**{each.id: each.keys for each in by_id.values()}, **used}, used, tuple(problems))


def change_keys(config: Config, actions: Sequence[Action], name: str, keys: Sequence[str]) -> Config:
    """Write the keys of an action into the user's file.

    Raises:
        UsageError: there is no such action, it cannot have these keys, or the file is broken; nothing was written.
        StorageError: the file cannot be written; it stays as it was.
    """
    wanted = {**config.keys, name: tuple(keys)}
    before = keymap(actions, config.keys).problems
    new = [each for each in keymap(actions, wanted).problems if each not in before]
    if new:
        raise UsageError(new[0].removeprefix("keys."), "`assistant keys` lists every action with its keys.")
    write_settings(config, {("keys", name): list(keys)})
    return config.with_value("keys", name, list(keys))


def parse_keys(text: str) -> tuple[str, ...]:
    """Typed keys, between commas or blanks: "ctrl+k, f5"."""
    return keys_of("", text)


def shown_key(key: str) -> str:
    """A key as people write it: "Ctrl+L", "Esc", "j"."""
    names = {"escape": "Esc", "pageup": "Page Up", "pagedown": "Page Down", "question_mark": "?", "slash": "/"}
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    if not modifiers and len(last) == 1:
        return last
    return "+".join([*(each.title() for each in modifiers), names.get(last) or last.replace("_", " ").title()])


def shown_keys(keys: Iterable[str]) -> str:
    """Keys as people write them."""
    return ", ".join(shown_key(key) for key in keys)


def _problem(by_id: Mapping[str, Action], name: str, keys: Sequence[str]) -> str:
    if name not in by_id:
        near = difflib.get_close_matches(name, by_id, 1)
        hint = f"Did you mean {near[0]}?" if near else "`assistant keys` lists them."
        return f"keys.{name}: there is no such action. {hint}"
    if not keys:
        return f"keys.{name}: it needs a key; it stays on {shown_keys(by_id[name].keys)}."
    for key in keys:
        if not _is_key(key):
            return f"keys.{name}: there is no key {key!r}. Keys are such as j, f5, ctrl+k, alt+enter, escape."
        if by_id[name].place in TYPED_INTO and len(key) == 1:
            return f"keys.{name}: {key} is typed into the prompt there. Take one with Ctrl or Alt, or F1 to F12."
    return ""


def _is_key(key: str) -> bool:
    match = KEY.fullmatch(key)
    return bool(match and (len(match[2]) == 1 or match[2] in NAMED or SYMBOL.fullmatch(match[2])))


def _clash(actions: Sequence[Action], used: dict[str, tuple[str, ...]]) -> tuple[str, str, Action] | None:
    """The last of the wanted entries of which a key is taken by an action that can be called at the same time."""
    for name in reversed(used):
        own = next(action for action in actions if action.id == name)
        for other in actions:
            if other.id == name or not _meet(own, other):
                continue
            taken = set(used[name]) & set(used.get(other.id, other.keys))
            if taken:
                return name, min(taken), other
    return None


def _meet(one: Action, other: Action) -> bool:
    """Whether two actions may be called at the same time, so that a key can be only one's."""
    if one.first or other.first:
        return True
    places = {one.place, other.place}
    if places <= TYPED_INTO:
        return True
    if places & EVERYWHERE:
        return not places & TYPED_INTO
    a, b = f"{one.place}.", f"{other.place}."
    return a.startswith(b) or b.startswith(a)
