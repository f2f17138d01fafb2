"""`assistant score`: say what you think of an answer; `assistant scores`: list, show, export, measure, compare."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from assistant.commands import best, compare, judge
from assistant.commands.opening import message_number, opened_core
from assistant.config import Config
from assistant.errors import NotFoundError, UsageError
from assistant.output import counted, emit, say
from assistant.safe_text import safe_line
from assistant.scoring.agreement import agreement
from assistant.scoring.automatic import lines, measure
from assistant.scoring.files import score_values
from assistant.scoring.format_rules import KNOWN
from assistant.scoring.guide import guide
from assistant.scoring.learning import exported
from assistant.scoring.score import ASPECTS, Score, Scored


def add_parsers(commands: Any) -> None:
    """Add `score` and `scores`."""
    score = commands.add_parser("score", help="say how good an answer is; alone, what was said of it")
    _add_message(score)
    verdict = score.add_mutually_exclusive_group()
    verdict.add_argument("--good", action="store_const", const=True, default=None, help="it is a good answer")
    verdict.add_argument("--bad", action="store_const", const=False, dest="good", help="it is a bad answer")
    for name in ASPECTS:
        score.add_argument(f"--{name}", type=int, metavar="N", help="1 to 5 points; 0 takes them back")
    score.add_argument("--nonsense", action=argparse.BooleanOptionalAction, default=None, help="F: it makes no sense")
    score.add_argument("--note", metavar="TEXT", help="why; an empty one removes it")
    score.add_argument("--better", metavar="TEXT", help="what it should have said; - reads stdin, empty removes it")
    score.add_argument("--withdraw", action="store_true", help="take the score back")
    score.add_argument("--json", action="store_true", help="print JSON")
    score.set_defaults(run=run_score)
    scores = commands.add_parser("scores", help="list, show and export scores; the guide to scoring")
    scores.add_argument("--json", action="store_true", help="print JSON")
    scores.set_defaults(run=run_list)
    actions = scores.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all scores, the newest answer first").set_defaults(run=run_list)
    show = actions.add_parser("show", help="one score beside its question and answer")
    _add_message(show)
    show.set_defaults(run=run_show)
    export = actions.add_parser("export", help="all scores with prompts and passages, one JSON object a line")
    compare.add_file(export)
    export.set_defaults(run=run_export)
    measure = actions.add_parser("measure", help="what can be measured of an answer: grounding, citations, form, ROUGE")
    _add_message(measure)
    measure.add_argument("--reference", action="append", default=[], metavar="TEXT", help="a right answer (repeatable)")
    measure.add_argument("--rule", action="append", metavar="R", help=f"what it should keep to: {KNOWN}TEXT")
    asked = measure.add_mutually_exclusive_group()
    asked.add_argument("--answerable", action="store_const", const=True, default=None, help="it should have answered")
    asked.add_argument(
        "--unanswerable", action="store_const", const=False, dest="answerable", help="it should have declined"
    )
    measure.set_defaults(run=run_measure)
    agree = actions.add_parser("agreement", help="which automatic figure agrees with your scores")
    agree.add_argument("--ask", action="store_true", help="ask the model for the perplexity of those without one")
    agree.set_defaults(run=run_agreement)
    judge.add_actions(actions)
    best.add_actions(actions)
    compare.add_actions(actions)
    actions.add_parser("guide", help="how to score").set_defaults(run=run_guide)
    for parser in actions.choices.values():
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


def _add_message(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("message", metavar="MESSAGE", help="the answer's number (see `chats show`), or `last`")


async def run_score(arguments: argparse.Namespace, config: Config) -> int:
    """Score, withdraw, or say what was scored."""
    changes = _changes(arguments)
    if not changes and not arguments.withdraw:
        return await run_show(arguments, config)
    async with opened_core(config) as core:
        number = await message_number(core, arguments.message)
        if arguments.withdraw:
            await core.scores.withdraw(number)
            score = None
        else:
            score = await core.scores.change(number, **changes)
    if arguments.json:
        emit(score.as_json() if score else {"message": number, "withdrawn": True})
    else:
        say(f"{number}: {safe_line(score.line)}" if score else f"The score of {number} is withdrawn.")
    return 0


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of a score that were named; 0 points are None."""
    names = ("good", *ASPECTS, "nonsense", "note", "better")
    changes = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if changes and arguments.withdraw:
        raise UsageError("A score is either changed or withdrawn.", "Leave one of them out.")
    for name in ASPECTS:
        changes |= {name: changes[name] or None} if name in changes else {}
    if changes.get("better") == "-":
        changes["better"] = sys.stdin.read()
    return {name: value.strip() if isinstance(value, str) else value for name, value in changes.items()}


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a score."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        scored = await core.scores.all()
    if arguments.json:
        emit([_as_json(each) for each in scored])
        return 0
    for each in scored:
        say(f"{each.score.message:>5}  {safe_line(each.score.line)}")
        say(f"       {safe_line(each.writer)}: {safe_line(each.question)[:80]}")
    if not scored:
        say("No answer is scored yet: assistant score MESSAGE --good")
    return 0


def _as_json(scored: Scored) -> dict[str, Any]:
    rest = {name: value for name, value in asdict(scored).items() if name != "score"}
    return {**scored.score.as_json(), **rest}


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """The question, the answer, and what was said of it."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        number = await message_number(core, arguments.message)
        found = next((each for each in await core.scores.all() if each.score.message == number), None)
        if found is None:
            await core.conversations.message(number)
            raise NotFoundError(f"The answer {number} has no score.", f"assistant score {number} --good")
        value = await exported(core, found)
    if arguments.json:
        emit(value)
        return 0
    say(f"── question\n{found.question}\n── answer {number} ({found.writer})\n{found.answer}")
    _say_score(found.score)
    return 0


def _say_score(score: Score) -> None:
    overall = f", {score.overall:.1f} of 5 overall" if score.overall is not None else ""
    learned = "; scored well" if score.well else ""
    say(f"── score {score.updated_at}{overall}{learned}\n{score.line}")
    if score.better:
        say(f"── better answer\n{score.better}")


async def run_export(arguments: argparse.Namespace, config: Config) -> int:
    """Everything, for other programs: JSON lines, or one JSON array with --json."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        values = await score_values(core)
    await compare.hand_out(values, arguments)
    return 0


async def run_measure(arguments: argparse.Namespace, config: Config) -> int:
    """One figure a line; rules that are not kept below them."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        number = await message_number(core, arguments.message)
        found = await measure(core, number, arguments.reference, arguments.rule, arguments.answerable)
    if arguments.json:
        emit(asdict(found))
        return 0
    for line in lines(found):
        say(safe_line(line))
    return 0


async def run_agreement(arguments: argparse.Namespace, config: Config) -> int:
    """The rank correlation of each figure with the user's points."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        found = await agreement(core, counted, ask=arguments.ask)
    if arguments.json:
        emit([{**asdict(each), "says": each.says} for each in found])
        return 0
    for each in found:
        shown = f"{each.rho:+.2f} ({each.low:+.2f} to {each.high:+.2f})" if each.rho is not None else ""
        say(f"{each.metric:<20} {shown:<24} {each.count:>4} answers  {each.says}")
    if not found:
        say("No answer has points, or good or bad: assistant score MESSAGE --good")
    return 0


async def run_guide(arguments: argparse.Namespace, config: Config) -> int:
    """The labelling guide."""
    if arguments.json:
        emit({"guide": guide()})
    else:
        say(guide())
    return 0
