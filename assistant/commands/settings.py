"""`assistant settings`: what can be set, what it means, and changing it in the user's own file."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant.config import Config
from assistant.output import emit, say
from assistant.safe_text import safe_line
from assistant.settings import Setting, all_settings, change, find, parsed, shown


def add_parsers(commands: Any) -> None:
    """Add `settings` and its actions."""
    settings = commands.add_parser("settings", help="every setting with its meaning; change them, comments are kept")
    settings.add_argument("--json", action="store_true", help="print JSON")
    settings.set_defaults(run=run_list)
    actions = settings.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="all settings, those that are not at their default with a *")
    listing.set_defaults(run=run_list)
    get = actions.add_parser("get", help="one setting with its meaning")
    get.set_defaults(run=run_get)
    put = actions.add_parser("set", help="write a value into your config.toml")
    put.set_defaults(run=run_set)
    default = actions.add_parser("default", help="write the shipped value into your config.toml")
    default.set_defaults(run=run_default)
    for parser in (get, put, default):
        parser.add_argument("name", metavar="NAME", help="such as sampling.temperature, or temperature")
    put.add_argument("value", metavar="VALUE", help='as in the file: 0.5, true, a text, or \'["a", "b"]\'')
    for parser in (listing, get, put, default):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a setting."""
    settings = all_settings(config)
    if arguments.json:
        emit([asdict(setting) for setting in settings])
        return 0
    for setting in settings:
        mark = "*" if setting.value != setting.default else " "
        say(f"{mark} {setting.name:<28} {safe_line(shown(setting.value))[:30]:<30}  {setting.meaning}")
    say(f"Your own are in {config.user_file}.")
    return 0


async def run_get(arguments: argparse.Namespace, config: Config) -> int:
    """One of them."""
    return _told(arguments, find(config, arguments.name))


async def run_set(arguments: argparse.Namespace, config: Config) -> int:
    """Another value."""
    setting = find(config, arguments.name)
    return _told(arguments, find(change(config, setting, parsed(setting, arguments.value)), setting.name))


async def run_default(arguments: argparse.Namespace, config: Config) -> int:
    """The shipped value."""
    setting = find(config, arguments.name)
    return _told(arguments, find(change(config, setting, setting.default), setting.name))


def _told(arguments: argparse.Namespace, setting: Setting) -> int:
    if arguments.json:
        emit(asdict(setting))
        return 0
    say(f"{setting.name} = {shown(setting.value)}")
    rest = [setting.meaning, setting.range, f"default {shown(setting.default)}"]
    say(f"  {'; '.join(part for part in rest if part)}")
    return 0
