"""`assistant learn`: from new scores to an adapter that is proven, and on if you say so."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from assistant.commands.following import ended, follow
from assistant.commands.opening import opened_core
from assistant.commands.train import recipe_of
from assistant.commands.train_report import Report
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say
from assistant.scoring.feedback import FEWEST, WAYS, Feedback

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.learning import LearnRequest

AGAIN = "assistant learn"


def add_parsers(commands: Any) -> None:
    """Add `learn`."""
    parser = commands.add_parser(
        "learn", help="learn from new scores: dataset, training, proof, and on if you say so",
        description="Turns what was scored, compared and typed into a dataset, trains an adapter, proves it against the"
        " base and against what is on, and puts it on. Cut short, the same command goes on where it was.",
        epilog=f"Needed are {FEWEST} comparisons, good or better answers, or ratings; new ones since the last adapter"
        " that learned from scores.",
    )  # fmt: skip
    parser.set_defaults(run=run_learn, no_replay=False)
    parser.add_argument("--auto", action="store_true", help="ask nothing; put on only what is proven")
    parser.add_argument("--plan", action="store_true", help="say what there is to learn and how, and stop there")
    parser.add_argument("--from", dest="way", choices=WAYS, help="what to learn from (default: what says most)")
    parser.add_argument("--again", action="store_true", help="also if nothing was scored since the last time")
    parser.add_argument("--name", default="", metavar="NAME", help="of the adapter (default: from-scores)")
    parser.add_argument("--recipe", default="", metavar="FILE", help="a recipe.json, such as an adapter's own")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any knob of the recipe")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines; the last line is the result")


async def run_learn(arguments: argparse.Namespace, config: Config) -> int:
    """Whatever was asked for."""
    from assistant.learning import NAME, LearnRequest

    request = LearnRequest(arguments.name or NAME, arguments.way, recipe_of(arguments), arguments.again)
    if arguments.plan:
        async with opened_core(config, shared=True, stored_chats=True) as core:
            return await _plan(core, request, arguments.json)
    asked = not arguments.json and all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    if not (arguments.auto or asked):
        raise UsageError("Nobody can be asked here.", "`assistant learn --auto` asks nothing, and proves all the same.")
    async with opened_core(config) as core:
        return await _learn(core, request, arguments)


async def _learn(core: Core, request: LearnRequest, arguments: argparse.Namespace) -> int:
    step = await core.learning.next(request)
    report = Report(arguments.json, step.run)
    report.told(f"{step.feedback.heading}. {step.why}")
    if not arguments.auto and step.step == "begin" and not await _yes("Learn from them?"):
        return 0
    if await follow(core, core.learning.learn(request), report) and report.promotable:
        question = f"Put {report.adapter} on? What would answer then: {report.promotable['mix']}"
        report.result["promoted"] = arguments.auto or await _yes(question)
        if report.result["promoted"]:
            mix = await core.learning.promote(report.adapter, report.promotable["current"])
            report.result["mix"] = mix
            report.told(f"On: {mix}. Back to what was: assistant adapters rollback")
    elif report.decision:
        report.result["promoted"] = False
        report.told(f"{report.adapter} is {report.decision}: what is on stays on.")
    return ended(report, AGAIN)


async def _plan(core: Core, request: LearnRequest, as_json: bool) -> int:
    """What there is; too little is no error here."""
    found = await core.learning.feedback()
    way = request.way or found.way
    if as_json:
        emit({**found.as_json(), "heading": found.heading, "why": found.why(way) if way else found.too_few})
        return 0
    say(f"{found.heading}.")
    for line in lines(found):
        say(f"  {line}")
    say(found.why(way) if way and not found.missing(way) else found.too_few)
    return 0


def lines(found: Feedback) -> list[str]:
    """What the scores hold, one line a kind."""
    return [
        f"{found.compared:>6,} pairs from comparisons and answers scored apart",
        f"{found.typed:>6,} better answers that were typed",
        f"{found.good:>6,} answers scored well",
        f"{found.rated_good:>6,} called good, {found.rated_bad:,} called bad",
    ]


async def _yes(question: str) -> bool:
    try:
        answer = await asyncio.to_thread(input, f"{question} [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")
