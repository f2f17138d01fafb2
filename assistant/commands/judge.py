"""`assistant scores judge`: what the loaded model says of answers, beside how far it agrees with you."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant.commands.opening import message_number, opened_core
from assistant.config import Config
from assistant.errors import ContextOverflowError
from assistant.output import counted, emit, say
from assistant.safe_text import safe_line
from assistant.scoring.judge import judging, weighted
from assistant.scoring.judge_agreement import judge_report, report_lines


def add_actions(actions: Any) -> None:
    """Add `judge` to `scores`."""
    parser = actions.add_parser(
        "judge", help="let the model judge your scored answers and pairs: does it agree with you?"
    )
    parser.add_argument(
        "message", nargs="?", metavar="MESSAGE", help="instead: its points for this answer, or for `last`"
    )
    parser.set_defaults(run=run_judge)


async def run_judge(arguments: argparse.Namespace, config: Config) -> int:
    """The judge's agreement with the user and its bias, or its points for one answer."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        if arguments.message is not None:
            number = await message_number(core, arguments.message)
            async with judging(core) as judge:
                points = await judge.points(number)
            if points is None:
                raise ContextOverflowError(f"The answer {number} is too long for the judge.", "Judge a shorter one.")
            found: dict[str, Any] = {"message": number, "model": core.model.name, **points, "overall": weighted(points)}
            told = " · ".join(f"{name} {value}" for name, value in points.items())
            lines = [f"{told} ({core.model.name}; `assistant scores judge` says how far it agrees with you)"]
        else:
            report = await judge_report(core, counted)
            found = {**asdict(report), "useful": report.useful, "says": report.says, "bias": report.bias}
            lines = report_lines(report)
    if arguments.json:
        emit(found)
        return 0
    for line in lines:
        say(safe_line(line))
    return 0
