"""`assistant eval retrieval` and `candidates`: what the search finds of a set, and what can be learned from a run."""

from __future__ import annotations

import argparse
from typing import Any

from assistant.commands.compare import add_file, hand_out
from assistant.commands.dataset_report import say_card
from assistant.commands.evaluation_runs import run_number
from assistant.commands.evaluation_sets import tell_bad
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.evaluation.candidates import candidates, send
from assistant.evaluation.report_text import retrieval_lines
from assistant.evaluation.retrieval import DEPTH, score_retrieval
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line
from assistant.storage.evaluation_sets import load_set


def add_actions(actions: Any) -> None:
    """Add the actions to `eval`."""
    retrieval = actions.add_parser("retrieval", help="does the search find the places of a set? No model is asked")
    retrieval.add_argument("name", metavar="SET")
    retrieval.add_argument("-k", type=int, default=DEPTH, metavar="N", help=f"passages looked at (default {DEPTH})")
    retrieval.set_defaults(run=run_retrieval)
    learn = actions.add_parser("candidates", help="wrong answers from right passages, to learn from")
    learn.add_argument("number", metavar="RUN", help="its number, or `last`")
    add_file(learn)
    learn.add_argument("--dataset", metavar="NAME", help="make a dataset of them; their questions count apart then")
    learn.add_argument("--pairs", action="store_true", help="the right answer beside the wrong one, for preferences")
    learn.add_argument("--add", action="store_true", help="add to a dataset that is there")
    learn.set_defaults(run=run_candidates)


async def run_retrieval(arguments: argparse.Namespace, config: Config) -> int:
    """Recall, reciprocal rank and gain, by tag, and what was not found."""
    stored = load_set(config.home, arguments.name)
    tell_bad(stored)
    async with opened_core(config, shared=True, stored_chats=True) as core:
        found = await score_retrieval(core, stored.questions, arguments.k)
    if arguments.json:
        emit(found.as_json())
        return 0
    for line in retrieval_lines(found):
        say(safe_line(line))
    return 0


async def run_candidates(arguments: argparse.Namespace, config: Config) -> int:
    """Print them, write them to a file, or make a dataset of them."""
    if arguments.dataset and arguments.file:
        raise UsageError("They go to a file or to a dataset.", "Leave one of the two out.")
    async with opened_core(config, shared=not arguments.dataset, stored_chats=True) as core:
        run = await core.evaluations.get(await run_number(core, arguments.number))
        if not arguments.dataset:
            found = candidates(run)
            await hand_out([each.as_json(pair=arguments.pairs) for each in found], arguments)
            if found:
                warn("What is learned from these is no longer tested by their questions.")
            else:
                warn(f"No answer of run {run.id} is a candidate for training.")
            return 0
        built = await send(core, run, arguments.dataset, pairs=arguments.pairs, add=arguments.add)
    if arguments.json:
        emit(built.card.as_json())
        return 0
    say_card(built.card)
    say(f"Their questions are tagged “learned” in {safe_line(run.questions.name)}, and count apart.")
    return 0
