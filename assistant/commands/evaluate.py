"""`assistant eval`: sets of questions with known answers, asked, measured and compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from assistant.commands import evaluation_runs, evaluation_sets, evaluation_uses
from assistant.commands.evaluation_sets import run_sets


class _SetOrAction(argparse._SubParsersAction):  # type: ignore[type-arg]  # its type argument is not for run time
    """Actions of which `run` may be left out: `eval SET` is `eval run SET`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.choices = None  # type: ignore[assignment]  # else the name of a set would be refused before it comes here

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        words = list(values or ())
        known = words and words[0] in self._name_parser_map
        super().__call__(parser, namespace, words if known else ["run", *words], option_string)


def add_parsers(commands: Any) -> None:
    """Add `eval` and its actions."""
    parser = commands.add_parser(
        "eval",
        help="ask a set of questions with known answers, measure and compare what is said",
        usage="assistant eval SET [--base] [--adapter MIX …] [--model M …] | assistant eval ACTION …",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_sets)
    actions = parser.add_subparsers(dest="action", metavar="SET|ACTION", action=_SetOrAction, prog="assistant eval")
    evaluation_runs.add_actions(actions)
    evaluation_sets.add_actions(actions)
    evaluation_uses.add_actions(actions)
    for action in actions._name_parser_map.values():
        action.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)
