"""`assistant eval sets`, `build`, `show`, `remove`: the sets of questions with known answers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.evaluation.building import BuiltSet, SetRequest, build_set
from assistant.evaluation.question import Question
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line
from assistant.storage.evaluation_sets import StoredSet, list_sets, load_set, remove_set, set_file

BAD_TOLD = 5  # rows that are no questions, named one by one


def add_actions(actions: Any) -> None:
    """Add the actions to `eval`."""
    actions.add_parser("sets", help="all sets").set_defaults(run=run_sets)
    build = actions.add_parser("build", help="make a set from files, scored answers, or reviewed drafts")
    build.add_argument("name", metavar="SET")
    build.add_argument("files", nargs="*", type=Path, metavar="FILE", help="questions as JSONL, JSON or CSV")
    build.add_argument("--scores", action="store_true", help="questions whose answer was scored well, or corrected")
    build.add_argument(
        "--drafts", action="append", metavar="D", help="reviewed pairs from documents (see `dataset draft`)"
    )
    build.add_argument("--tag", action="append", metavar="T", help="give every new question this tag (repeatable)")
    existing = build.add_mutually_exclusive_group()
    existing.add_argument("--add", action="store_true", help="keep what a set of that name holds already")
    existing.add_argument("--replace", action="store_true", help="make a set of that name anew")
    build.set_defaults(run=run_build)
    show = actions.add_parser("show", help="the questions of a set, with what is right and where it stands")
    show.set_defaults(run=run_show)
    remove = actions.add_parser("remove", help="delete a set; what was answered to it stays")
    remove.set_defaults(run=run_remove)
    for action in (show, remove):
        action.add_argument("name", metavar="SET")


async def run_sets(arguments: argparse.Namespace, config: Config) -> int:
    """One line a set."""
    sets = [load_set(config.home, name) for name in list_sets(config.home)]
    if arguments.json:
        emit([_summary(each, config.home) for each in sets])
        return 0
    for each in sets:
        say(safe_line(_line(each)))
    if not sets:
        say("No evaluation sets yet: assistant eval build NAME FILE (or --scores, or --drafts D)")
    return 0


async def run_build(arguments: argparse.Namespace, config: Config) -> int:
    """Build, then say what is in it."""
    request = SetRequest(
        arguments.name, tuple(arguments.files), arguments.scores, tuple(arguments.drafts or ()),
        tuple(arguments.tag or ()), arguments.add, arguments.replace,
    )  # fmt: skip
    async with opened_core(config, shared=True, stored_chats=True) as core:
        built = await build_set(core, request)
    stored = StoredSet(built.questions, built.bad)
    if arguments.json:
        left = {"repeated": built.repeated, "unreviewed": built.unreviewed}
        emit({**_summary(stored, config.home), **left})
        return 0
    say(safe_line(_line(stored)))
    _tell_left_out(built)
    say(f"Next: assistant eval {request.name}")
    return 0


def _tell_left_out(built: BuiltSet) -> None:
    tell_bad(StoredSet(built.questions, built.bad))
    if built.repeated:
        say(f"{built.repeated:,} asked the same as another one and were left out.")
    if built.unreviewed:
        say(f"{built.unreviewed:,} drafts were not reviewed, so they are not used.")


def tell_bad(stored: StoredSet) -> None:
    """The rows of a set's file that are no questions, beside the result."""
    for bad in stored.bad[:BAD_TOLD]:
        warn(f"left out: {bad}")
    if len(stored.bad) > BAD_TOLD:
        warn(f"{len(stored.bad) - BAD_TOLD:,} more rows were left out.")


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """Every question in full."""
    stored = load_set(config.home, arguments.name)
    if arguments.json:
        emit({**_summary(stored, config.home), "rows": [each.as_json() for each in stored.questions.questions]})
        return 0
    say(safe_line(_line(stored)))
    for each in stored.questions.questions:
        for line in question_lines(each):
            say(safe_line(line))
    tell_bad(stored)
    say(f"It can be edited: {set_file(config.home, arguments.name)}")
    return 0


def question_lines(question: Question) -> list[str]:
    """A question for a person."""
    right = "no answer in the documents" if question.unanswerable else " / ".join(question.answers) or "not given"
    tags = f"  [{', '.join(question.tags)}]" if question.tags else ""
    behind = f" (behind {question.follows})" if question.follows else ""
    places = [f"    in {place.label}" + (f": “{place.quote}”" if place.quote else "") for place in question.gold]
    return [f"{question.id}{behind}  {question.question}{tags}", f"    right: {right}", *places]


async def run_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Delete the set's file."""
    remove_set(config.home, arguments.name)
    if arguments.json:
        emit({"removed": arguments.name})
    else:
        say(f"The set {safe_line(arguments.name)} is gone.")
    return 0


def _line(stored: StoredSet) -> str:
    questions = stored.questions.questions
    unanswerable = sum(each.unanswerable for each in questions)
    placed = sum(bool(each.gold) for each in questions)
    parts = [f"{len(questions):,} questions", f"{placed:,} with their place in a document"]
    parts += [f"{unanswerable:,} without an answer"] if unanswerable else []
    parts += [f"{len(stored.bad):,} bad rows"] if stored.bad else []
    tags = stored.questions.tags
    shown = f"; {', '.join(tags[:8])}{', …' if len(tags) > 8 else ''}" if tags else ""
    return f"{stored.questions.name}  {', '.join(parts)}{shown}"


def _summary(stored: StoredSet, home: Path) -> dict[str, Any]:
    found = stored.questions
    return {
        "name": found.name, "file": str(set_file(home, found.name)), "sha256": found.sha256,
        "questions": len(found.questions), "unanswerable": sum(each.unanswerable for each in found.questions),
        "with_gold": sum(bool(each.gold) for each in found.questions), "tags": list(found.tags),
        "bad": [str(bad) for bad in stored.bad],
    }  # fmt: skip
