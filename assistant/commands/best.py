"""`ask --best N`: the best of several answers; `scores reward`, `scores toxicity`: what was learned of your scores."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.output import counted, emit, say
from assistant.safe_text import safe_line
from assistant.scoring.best_of import MOST, REWARD, best_of, checked_count, ranker, rankers

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Message
    from assistant.events import Event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add to `ask` what asks for several answers."""
    parser.add_argument("--best", type=int, metavar="N", help=f"answer N times (2 to {MOST}), and give the best answer")
    parser.add_argument(
        "--best-by", metavar="R", default="", help=f"what chooses it: `{REWARD}`, or an adapter trained on preferences"
    )


def add_actions(actions: Any) -> None:
    """Add `reward` to `scores`."""
    parser = actions.add_parser(
        "reward", help="what was learned of your preferences, and whether it may choose answers"
    )
    parser.set_defaults(run=run_rankers)
    flag = actions.add_parser("toxicity", help="what was learned of your points for harmless, and whether it may flag")
    flag.set_defaults(run=run_toxicity)


async def best_answer(
    core: Core, arguments: argparse.Namespace, first: Callable[[], Awaitable[AsyncIterator[Event]]]
) -> Message:
    """The best of several answers; nothing is asked where there is nothing that may choose."""
    count = checked_count(arguments.best)
    chosen = await ranker(core, arguments.best_by, counted)
    return await best_of(core, chosen, await first(), count, use_documents=not arguments.no_docs)


async def run_rankers(arguments: argparse.Namespace, config: Config) -> int:
    """One line for each."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        found = await rankers(core, counted)
    if arguments.json:
        emit([each.as_json() for each in found])
        return 0
    for each in found:
        say(safe_line(f"{each.name:<20} {each.line}"))
    return 0


async def run_toxicity(arguments: argparse.Namespace, config: Config) -> int:
    """How good the flag is, or why there is none."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        flag = await core.toxicity.flag()
    if arguments.json:
        emit(flag.as_json())
    else:
        say(flag.says)
    return 0
