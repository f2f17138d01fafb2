"""Section [keys] of the settings: the keys that the user wants for actions, as far as they can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

KEYS = "keys"  # the name of the section


def wanted_keys(entries: Any, place: Callable[[str], str], notices: list[str]) -> dict[str, tuple[str, ...]]:
    """Keys by action; what cannot be read is named in `notices`, with its `place` in the file."""
    found = {}
    for name, value in flat(entries if isinstance(entries, dict) else {}):
        try:
            found[name] = keys_of(name, value)
        except ValueError as error:
            notices.append(f"{place(name)}: {error} The default is used.")
    return found


def flat(entries: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """`library.add = "a"`, which TOML reads as a table in a table, by the whole name."""
    for key, value in entries.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def keys_of(name: str, value: Any) -> tuple[str, ...]:
    """`"ctrl+k, f5"` or `["ctrl+k", "f5"]`; a capital stands for the letter with Shift, as it is typed.

    Raises:
        ValueError: it is neither; the message is for the user.
    """
    if isinstance(value, str):
        value = re.split(r"[,\s]+", value.strip())
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ValueError(f'{KEYS}.{name} must be a key or a list of keys, such as "ctrl+k" or ["a", "f5"].')
    return tuple(each if len(each) == 1 else each.lower() for each in value if each)
