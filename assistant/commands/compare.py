"""`assistant compare`: answers beside each other, blind; `scores vote`, `leaderboard`, `pairs`: what came of it."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.commands.opening import message_number, opened_core
from assistant.config import Config
from assistant.conversation import Message
from assistant.errors import UsageError
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line, safe_text
from assistant.scoring.comparing import all_same, answer_all, existing, settle
from assistant.scoring.comparison import check_count, ranks_of_pick
from assistant.scoring.files import pair_values, save_lines
from assistant.scoring.preferences import board, writer

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.scoring.comparison import Comparison
    from assistant.scoring.preferences import Board

LETTERS = "abcd"
BY = ("adapter", "setting", "prompt")
TIE, BAD = "t", "x"


def add_parsers(commands: Any) -> None:
    """Add `compare`."""
    parser = commands.add_parser(
        "compare", help="answer a question several ways, and choose without knowing which is which"
    )
    parser.add_argument("question", nargs="*", metavar="TEXT", help="the question")
    parser.add_argument(
        "--of", metavar="MESSAGE", help="instead: the answers to the question of this one, or of `last`"
    )
    parser.add_argument(
        "--between",
        action="append",
        metavar="MIX",
        help="`base`, adapters as in `style:0.7`, a temperature as in `base~1.2`; two to four times",
    )
    parser.add_argument("--no-docs", action="store_true", help="answer from the model alone")
    parser.add_argument("--no-vote", action="store_true", help="show the answers; `scores vote` takes the vote")
    parser.add_argument("--json", action="store_true", help="print JSON; implies --no-vote")
    parser.set_defaults(run=run_compare)


def add_actions(actions: Any) -> None:
    """Add to `scores` what deals with comparisons."""
    vote = actions.add_parser("vote", help="say which of some answers to one question is best")
    vote.add_argument(
        "messages", nargs="+", type=int, metavar="MESSAGE", help="two to four answers, as they were shown"
    )
    said = vote.add_mutually_exclusive_group(required=True)
    said.add_argument("--pick", type=int, metavar="MESSAGE", help="the best one")
    said.add_argument("--order", type=int, nargs="+", metavar="MESSAGE", help="all of them, the best first")
    said.add_argument("--tie", action="store_true", help="equally good")
    said.add_argument("--bad", action="store_true", help="none of them will do")
    vote.add_argument("--note", default="", metavar="TEXT", help="why")
    vote.set_defaults(run=run_vote)
    listing = actions.add_parser("comparisons", help="all comparisons")
    listing.add_argument("--withdraw", type=int, metavar="ID", help="take one back")
    listing.set_defaults(run=run_comparisons)
    leaders = actions.add_parser(
        "leaderboard", help="which model and adapter wins, with intervals, beyond chance or not"
    )
    leaders.add_argument("--by", choices=BY, default="adapter", help="what is told apart beside the model")
    leaders.set_defaults(run=run_leaderboard)
    learn = actions.add_parser("pairs", help="what is preferred to what, one JSON object a line")
    add_file(learn)
    learn.set_defaults(run=run_pairs)


async def run_compare(arguments: argparse.Namespace, config: Config) -> int:
    """Answer, show in random order, ask for the vote, and only then tell who wrote what."""
    async with opened_core(config) as core:
        answers = await _answers(core, arguments)
        random.shuffle(answers)
        shown = [answer.id for answer in answers]
        if arguments.json:
            question, chat = answers[0].parent_id, answers[0].conversation_id
            emit({"question": question, "chat": chat, "answers": [_answer(each) for each in answers]})
            return 0
        for letter, answer in zip(LETTERS, answers, strict=False):
            say(f"── {letter}\n{safe_text(answer.text)}\n")
        if arguments.no_vote:
            say(f"assistant scores vote {' '.join(map(str, shown))} --pick …")
            return 0
        if all_same(answers):
            say("They are the same: there is nothing to choose.")
            return 0
        ranks, all_bad = _asked(len(answers))
        if not ranks:
            say("No vote.")
            return 0
        await settle(core, answers, ranks, all_bad=all_bad)
    for letter, answer in zip(LETTERS, answers, strict=False):
        say(f"{letter} was {safe_line(writer(answer, 'setting'))}")
    return 0


async def _answers(core: Core, arguments: argparse.Namespace) -> list[Message]:
    """The answers to compare: those there are, or one from each mix."""
    question, between = " ".join(arguments.question), arguments.between or []
    if arguments.of is not None:
        if question or between:
            raise UsageError("--of takes answers that are there.", "Leave the question and --between out.")
        return await existing(core, await message_number(core, arguments.of))
    if not question:
        raise UsageError("There is no question.", "Give it as TEXT, or name an answer with --of.")
    check_count(range(len(between)))
    chat = await core.conversations.create()
    return await answer_all(core, chat.id, question, between, use_documents=not arguments.no_docs)


def _answer(answer: Message) -> dict[str, Any]:
    return {"message": answer.id, "answer": answer.text, "notices": list(answer.notices)}


def _asked(count: int) -> tuple[tuple[int, ...], bool]:
    """Ranks, and whether all are bad, as typed; no ranks for no vote."""
    letters = LETTERS[:count]
    say(f"Which is best? {' '.join(letters)}, {TIE} for a tie, {BAD} for none of them, Enter for no vote: ", end="")
    while line := sys.stdin.readline() if sys.stdin else "":
        typed = line.strip().lower()
        if typed in (TIE, BAD):
            return ranks_of_pick(count, None), typed == BAD
        if len(typed) == 1 and typed in letters:
            return ranks_of_pick(count, letters.index(typed)), False
        if not typed:
            break
        say(f"One of {' '.join(letters)} {TIE} {BAD}: ", end="")
    say()
    return (), False


async def run_vote(arguments: argparse.Namespace, config: Config) -> int:
    """Store what was said of answers that are there."""
    shown = arguments.messages
    ranks = _ranks(shown, arguments)
    async with opened_core(config) as core:
        answers = [await core.conversations.message(message) for message in shown]
        number = await settle(core, answers, ranks, all_bad=arguments.bad, note=arguments.note.strip())
    if arguments.json:
        emit({"comparison": number, "messages": shown, "ranks": list(ranks), "all_bad": arguments.bad})
    else:
        say(f"Comparison {number} is kept. `assistant scores leaderboard` counts them.")
    return 0


def _ranks(shown: Sequence[int], arguments: argparse.Namespace) -> tuple[int, ...]:
    if arguments.pick is not None:
        if arguments.pick not in shown:
            raise UsageError(f"{arguments.pick} is not among them.", "Pick one of the answers that are compared.")
        return ranks_of_pick(len(shown), shown.index(arguments.pick))
    if arguments.order is not None:
        if sorted(arguments.order) != sorted(shown):
            raise UsageError("The order does not hold the same answers.", "Name each of them once, the best first.")
        return tuple(1 + arguments.order.index(message) for message in shown)
    return ranks_of_pick(len(shown), None)


async def run_comparisons(arguments: argparse.Namespace, config: Config) -> int:
    """One line a comparison, or take one back."""
    if arguments.withdraw is not None:
        async with opened_core(config) as core:
            await core.comparisons.withdraw(arguments.withdraw)
        if arguments.json:
            emit({"withdrawn": arguments.withdraw})
        else:
            say(f"Comparison {arguments.withdraw} is withdrawn.")
        return 0
    async with opened_core(config, shared=True, stored_chats=True) as core:
        found = await core.comparisons.all()
    if arguments.json:
        emit([asdict(each) for each in found])
        return 0
    for each in found:
        say(f"{each.id:>5}  {safe_line(_said(each))}: {safe_line(each.question)[:80]}")
    if not found:
        say('Nothing was compared yet: assistant compare "TEXT" --between base --between ADAPTER')
    return 0


def _said(comparison: Comparison) -> str:
    names = " / ".join(f"{answer.message} {answer.writer}" for answer in comparison.answers)
    best = comparison.picked
    told = "none will do" if comparison.all_bad else f"{best.message} is best" if best else "a tie"
    return f"{told} of {names}"


async def run_leaderboard(arguments: argparse.Namespace, config: Config) -> int:
    """Points with intervals, votes, wins, and places where they are beyond chance."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        found = await board(core, arguments.by)
    if arguments.json:
        emit({**asdict(found), "says": found.says})
        return 0
    for line in board_lines(found):
        say(safe_line(line))
    return 0


def board_lines(found: Board) -> list[str]:
    """The leaderboard for a person."""
    lines = [
        f"{each.place:>3}  {each.points:>5.0f} ({each.low:.0f} to {each.high:.0f})  {each.votes:>4} votes  "
        f"{100 * each.wins:>3.0f} % won  {each.name}"
        for each in found.standings
    ]
    shown = f"The answer shown first was picked {found.first_picks:,} of {found.picks:,} times."
    return [*lines, found.says, *([shown] if found.picks else [])]


async def run_pairs(arguments: argparse.Namespace, config: Config) -> int:
    """JSON lines, or one JSON array with --json."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        values = await pair_values(core)
    await hand_out(values, arguments)
    if not values:
        warn("Nothing is preferred to anything yet: compare answers, or type better ones.")
    return 0


def add_file(parser: argparse.ArgumentParser) -> None:
    """Where values may go instead of stdout."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="write them there instead")


async def hand_out(values: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> None:
    """To the file that was named; else print JSON lines, or one array with --json."""
    if arguments.file is not None:
        path = arguments.file.expanduser()
        await save_lines(path, values)
        if arguments.json:
            emit({"file": str(path), "count": len(values)})
        else:
            say(f"{len(values):,} written to {path}.")
    elif arguments.json:
        emit(values)
    else:
        for value in values:
            print(json.dumps(value))
