"""`assistant dataset find` and `forget`: where a thing was learned from, and taking it out of there."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from adapters.data.dataset import label
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.forgetting import Found, FoundIn, find_everywhere, forget
from assistant.output import emit, say
from assistant.safe_text import safe_line

SHOWN = 5  # rows of each place


def add_parsers(actions: Any) -> None:
    """Add the two actions."""
    find = actions.add_parser("find", help="which datasets, teachings, drafts, runs and adapters hold a text")
    find.set_defaults(run=run_find)
    parser = actions.add_parser("forget", help="take a text out of datasets, teachings, drafts and evaluations")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run_forget)
    for action in (find, parser):
        action.add_argument("text", nargs="+", metavar="TEXT")


async def run_find(arguments: argparse.Namespace, config: Config) -> int:
    """List every place."""
    async with opened_core(config, shared=True) as core:
        found = await find_everywhere(core, " ".join(arguments.text))
    if arguments.json:
        emit(_as_json(found))
    else:
        _say(found)
    return 0


async def run_forget(arguments: argparse.Namespace, config: Config) -> int:
    """List every place, ask, take it out, and say where it still is."""
    async with opened_core(config) as core:
        found = await find_everywhere(core, " ".join(arguments.text))
        if not arguments.json:
            _say(found)
        removable = found.removable
        if removable and not (arguments.yes or _confirmed(arguments.json)):
            say("Nothing was changed.")
            return 0
        if removable:
            await forget(core, found)
    if arguments.json:
        emit({**_as_json(found), "forgotten": removable})
    elif removable:
        say("Forgotten in datasets, teachings, drafts and evaluations. Files, chats and documents it came from stay.")
        _say_what_stays(found)
    return 0


def _confirmed(as_json: bool) -> bool:
    if as_json or not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("This removes rows for good.", "Say so with --yes.")
    say("Remove all of this for good? (y/n) ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(found: Found) -> None:
    for place in found.datasets:
        _say_place("dataset", place)
    for place in found.runs:
        _say_place("run", place)
    for taught in found.teachings:
        say(f"teaching {taught.id}: {safe_line(taught.question)} => {safe_line(taught.answer)}")
    for path, count in found.drafts.items():
        say(f"drafts {safe_line(path)}: {count:,} {'pair' if count == 1 else 'pairs'}")
    for name, count in found.sets.items():
        say(f"evaluation set {safe_line(name)}: {count:,} {'question' if count == 1 else 'questions'}")
    for run, count in found.evaluations.items():
        say(f"evaluation run {run}: {count:,} {'answer' if count == 1 else 'answers'}; it is deleted whole")
    if found.adapters:
        say(f"learned by the adapters: {', '.join(found.adapters)}")
    for line in found.unreadable:
        say(f"not searched: {safe_line(line)}")
    if not found.anywhere:
        say("It stands in no dataset, teaching, draft, evaluation or run.")


def _say_place(kind: str, place: FoundIn) -> None:
    count = len(place.rows)
    say(f"{kind} {place.name}: {count:,} {'row' if count == 1 else 'rows'}")
    for row in place.rows[:SHOWN]:
        say(f"    {safe_line(label(row))}: {safe_line(row.question or row.text)[:100]}")


def _say_what_stays(found: Found) -> None:
    if found.adapters:
        say(f"These adapters still know it: {', '.join(found.adapters)}. Train them again, or remove them.")
    if found.runs:
        say(f"These runs still hold a copy: {', '.join(place.name for place in found.runs)}. Remove them when done.")


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "text": found.text,
        "datasets": [_place(place) for place in found.datasets],
        "runs": [_place(place) for place in found.runs],
        "teachings": [asdict(entry) for entry in found.teachings],
        "drafts": dict(found.drafts),
        "evaluation_sets": dict(found.sets),
        "evaluation_runs": dict(found.evaluations),
        "adapters": list(found.adapters),
        "unreadable": list(found.unreadable),
    }


def _place(place: FoundIn) -> dict[str, Any]:
    return {"name": place.name, "rows": [row.as_json() for row in place.rows], "adapters": list(place.adapters)}
