"""`assistant keys`: every action of the interface with its keys, and changing them in the user's own file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from assistant.config import Config
from assistant.keymap import Action, change_keys, keymap, parse_keys
from assistant.output import emit, say, warn

Catalogue = Callable[[], Sequence[Action]]


def add_parsers(commands: Any, catalogue: Catalogue) -> None:
    """Add `keys` and its actions; `catalogue` gives what the interface can do."""
    keys = commands.add_parser("keys", help="every action of the interface with its keys; change them")
    keys.add_argument("--json", action="store_true", help="print JSON")
    keys.set_defaults(run=partial(run_list, catalogue))
    actions = keys.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="all actions, those that are not on their shipped keys with a *")
    listing.set_defaults(run=partial(run_list, catalogue))
    put = actions.add_parser("set", help="write the keys of an action into your config.toml")
    put.add_argument("name", metavar="ID", help="such as library.add")
    put.add_argument("keys", metavar="KEY", nargs="+", help="such as j, f5, ctrl+k, alt+enter; several are possible")
    put.set_defaults(run=partial(run_set, catalogue))
    default = actions.add_parser("default", help="write the shipped keys of an action into your config.toml")
    default.add_argument("name", metavar="ID", help="such as library.add")
    default.set_defaults(run=partial(run_default, catalogue))
    for parser in (listing, put, default):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_list(catalogue: Catalogue, arguments: argparse.Namespace, config: Config) -> int:
    """One line an action; entries of the file that cannot be used are warned of."""
    known = catalogue()
    found = keymap(known, config.keys)
    for problem in found.problems:
        warn(f"{config.user_file}: {problem}")
    rows = [(each, found.keys[each.id]) for each in known if each.id]
    if arguments.json:
        emit([_row(each, keys) for each, keys in rows])
        return 0
    for each, keys in rows:
        mark = "*" if each.id in found.changed else " "
        say(f"{mark} {each.id:<32} {', '.join(keys):<28} {each.meaning}")
    say(f"Your own are in {config.user_file}, section [keys].")
    return 0


async def run_set(catalogue: Catalogue, arguments: argparse.Namespace, config: Config) -> int:
    """Other keys."""
    return _change(catalogue(), arguments, config, parse_keys(" ".join(arguments.keys)))


async def run_default(catalogue: Catalogue, arguments: argparse.Namespace, config: Config) -> int:
    """The shipped keys."""
    known = catalogue()
    shipped = next((each.keys for each in known if each.id == arguments.name), ())
    return _change(known, arguments, config, shipped)


def _change(actions: Sequence[Action], arguments: argparse.Namespace, config: Config, keys: Sequence[str]) -> int:
    change_keys(config, actions, arguments.name, keys)
    if arguments.json:
        emit(_row(next(each for each in actions if each.id == arguments.name), keys))
    else:
        say(f"{arguments.name}: {', '.join(keys)}")
    return 0


def _row(action: Action, keys: Sequence[str]) -> dict[str, Any]:
    return {"id": action.id, "keys": list(keys), "default": list(action.keys), "meaning": action.meaning}
