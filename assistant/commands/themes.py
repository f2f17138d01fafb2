"""`assistant themes`: the colours that can be chosen, your own among them, and what is wrong with a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from assistant.config import Config
from assistant.output import emit, say, warn

Themes = Callable[[Path], tuple[Mapping[str, str], Sequence[str]]]


def add_parsers(commands: Any, themes: Themes) -> None:
    """Add `themes`; `themes` gives those of a home with whose they are, and a line for each file that is none."""
    parser = commands.add_parser(
        "themes",
        help="the colours of the interface: Textual's, two of high contrast, your own in HOME/themes",
        epilog="`assistant settings set theme NAME` chooses one. Your own: HOME/themes/NAME.toml with primary, "
        "secondary, accent, warning, error, success, foreground, background, surface and panel as '#rrggbb', "
        "and dark = true or false; only primary is needed. NO_COLOR=1 shows everything without colour.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=partial(run, themes))


async def run(themes: Themes, arguments: argparse.Namespace, config: Config) -> int:
    """One line a theme, the chosen one with a *; files that are none are warned of."""
    found, problems = themes(config.home)
    for problem in problems:
        warn(problem)
    chosen = config.interface.theme
    if arguments.json:
        emit([{"name": name, "of": owner, "chosen": name == chosen} for name, owner in found.items()])
        return 0
    for name, owner in found.items():
        say(f"{'*' if name == chosen else ' '} {name:<24} {owner}")
    return 0
