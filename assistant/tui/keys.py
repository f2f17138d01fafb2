"""Every action of the interface with its id and keys, gathered from the bindings; and the user's keys put to use."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.widgets import TextArea

from assistant.keymap import Action, Keymap, keymap, shown_keys

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp

PACKAGE = "assistant.tui"
ACTION = re.compile(r"\{([a-z]+(?:[.-][a-z]+)+)\}")
_SHIPPED: dict[str, tuple[str, ...]] = {}  # what keys_of has looked up before: it is asked at every key press


def catalogue() -> tuple[Action, ...]:
    """All of them: those of the app and the chat first. Every screen is imported for it."""
    for folder in ("screens", "widgets"):
        for each in pkgutil.iter_modules(importlib.import_module(f"{PACKAGE}.{folder}").__path__):
            importlib.import_module(f"{PACKAGE}.{folder}.{each.name}")
    for name in ("app", "inline"):
        importlib.import_module(f"{PACKAGE}.{name}")
    return loaded_actions()


def loaded_actions() -> tuple[Action, ...]:
    """The actions of those parts that were imported so far.

    A part that shares an id with others, such as "screen.back", may have more keys for it; those that all have count.
    """
    found: dict[str, Action] = {}
    for owner in sorted(_parts(DOMNode), key=_order):
        first = f"{owner.__module__}.{owner.__name__}" == f"{PACKAGE}.app.AssistantApp"
        own: dict[str, list[Binding]] = {}
        for binding in Binding.make_bindings(owner.__dict__.get("BINDINGS", ())):
            own.setdefault(binding.id or "", []).append(binding)
        for name, bindings in own.items():
            keys = tuple(_typed(each.key) for each in bindings)
            if name in found:
                common = tuple(key for key in found[name].keys if key in keys)
                keys = common or found[name].keys
            known = found.get(name, bindings[0])
            meaning = known.meaning if isinstance(known, Action) else known.tooltip or known.description
            found[name] = Action(name, keys, meaning, (first and bindings[0].priority) or name == "app.jump")
    found.pop("", None)
    typed = Action("", tuple(_typed(each.key) for each in _own(TextArea)), "editing what is typed", within="prompt")
    return (*found.values(), typed)


async def use_keys(app: AssistantApp) -> None:
    """Let the keys be as the user's settings say; what of them cannot be is among the notices of the core."""
    found = keymap(await asyncio.to_thread(catalogue), app.core.config.keys)
    app.remapped = found.changed
    app.set_keymap({name: ",".join(keys) for name, keys in _with_neighbours(found).items()})
    told = [f"{app.core.config.user_file}: {problem}" for problem in found.problems]
    app.core.notices.extend(line for line in told if line not in app.core.notices)


def keys_of(app: Any, name: str) -> tuple[str, ...]:
    """The keys of an action now; () where there is no such action."""
    if found := getattr(app, "remapped", {}).get(name):
        return tuple(found)
    if name not in _SHIPPED:  # another part was imported since
        _SHIPPED.update({each.id: each.keys for each in loaded_actions()})
    return _SHIPPED.get(name, ())


def told_keys(app: Any, *names: str) -> str:
    """The keys of some actions as people write them: "F4, Ctrl+T"."""
    return shown_keys(key for name in names for key in keys_of(app, name))


def with_key(app: Any, help: str, action: str) -> str:
    """What a command does, with the keys that do the same."""
    keys = told_keys(app, action) if action else ""
    return f"{help} ({keys})" if keys else help


def with_keys(app: Any, text: str) -> str:
    """A text of ours in which {app.train} stands for the first key of that action as it is now."""

    def key(found: re.Match[str]) -> str:
        if not keys_of(app, found[1]):
            catalogue()  # its screen was not opened yet
        return shown_keys(keys_of(app, found[1])[:1]) or found[0]

    return ACTION.sub(key, text)


def key_line(app: Any, **told: str) -> str:
    """What a dialog says of its keys: `key_line(app, edit_prompt__save="save")` is "F5, Ctrl+S  save"."""
    keys = {name: keys_of(app, name.replace("__", ".").replace("_", "-"))[:2] for name in told}
    return "    ".join(f"{shown_keys(keys[name])}  {text}" for name, text in told.items())


def _with_neighbours(found: Keymap) -> dict[str, tuple[str, ...]]:
    """What Textual is told: it takes a key away from all that share it, so those at the same place are named too."""
    actions = [each for each in loaded_actions() if each.id]
    by_id = {each.id: each for each in actions}
    near = {
        other.id: found.keys[other.id]
        for name in found.changed
        for other in actions
        if other.place == by_id[name].place == "chat" and set(other.keys) & set(by_id[name].keys)
    }
    return {**near, **found.changed}


def _parts(base: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for each in base.__subclasses__():
        if each.__module__.startswith(f"{PACKAGE}."):
            yield each
        yield from _parts(each)


def _order(part: type[DOMNode]) -> tuple[bool, bool, bool, str, str]:
    module = part.__module__.removeprefix(f"{PACKAGE}.")
    return module != "app", module != "screens.chat_keys", "screens" not in module, module, part.__name__


def _own(part: type[DOMNode]) -> Sequence[Binding]:
    return list(Binding.make_bindings(part.__dict__.get("BINDINGS", ())))


def _typed(key: str) -> str:
    """A key as it is written in the settings: "/" for "slash"."""
    character = "/" if key == "slash" else key_to_character(key) if "+" not in key else None
    return character if character and character.isprintable() and character != " " else key
