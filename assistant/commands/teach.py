"""`assistant teach`: keep a question with its answer, for the next dataset; list and remove them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.output import emit, say
from assistant.safe_text import safe_line
from assistant.storage.teachings import parse_teaching


def add_parsers(commands: Any) -> None:
    """Add `teach`."""
    parser = commands.add_parser("teach", help="keep a question with the answer the model should learn")
    parser.add_argument("text", nargs="*", metavar="QUESTION => ANSWER", help="what to keep; without it, all is listed")
    parser.add_argument("--list", action="store_true", help="list what was taught")
    parser.add_argument("--remove", type=int, action="append", metavar="ID", help="forget one of them (repeatable)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Teach, list or remove."""
    if arguments.remove:
        return await _remove(arguments, config)
    if arguments.list or not arguments.text:
        return await _list(arguments, config)
    question, answer = parse_teaching(" ".join(arguments.text))
    async with opened_core(config) as core:
        taught = await core.teachings.add(question, answer)
        count = len(await core.teachings.all())
    if arguments.json:
        emit(asdict(taught))
        return 0
    if taught.replaced:
        say(f"The answer was “{safe_line(taught.replaced)[:80]}” before.")
    say(f"{taught.id}: kept, {count:,} in all. `assistant dataset build NAME --teachings` makes a dataset of them.")
    return 0


async def _list(arguments: argparse.Namespace, config: Config) -> int:
    async with opened_core(config, shared=True) as core:
        taught = await core.teachings.all()
    if arguments.json:
        emit([asdict(entry) for entry in taught])
        return 0
    for entry in taught:
        say(f"{entry.id:>5}  {safe_line(entry.question)} => {safe_line(entry.answer)}")
    if not taught:
        say('Nothing was taught yet: assistant teach "QUESTION => ANSWER"')
    return 0


async def _remove(arguments: argparse.Namespace, config: Config) -> int:
    async with opened_core(config) as core:
        await core.teachings.remove(arguments.remove)
    if arguments.json:
        emit({"removed": arguments.remove})
    else:
        say(f"Removed {len(arguments.remove)}. `assistant dataset find TEXT` shows where else it stands.")
    return 0
