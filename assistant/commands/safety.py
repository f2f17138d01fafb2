"""`assistant safety`: what is checked and what not, and how the model does in the probes."""

from __future__ import annotations

import argparse
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.output import counted, emit, say
from assistant.revising import check_principles
from assistant.safe_text import safe_line
from assistant.safety.checks import CHECKED, NOT_CHECKED, told
from assistant.safety.probes import run_probes
from assistant.safety.report import report_lines


def add_parsers(commands: Any) -> None:
    """Add `safety`."""
    parser = commands.add_parser("safety", help="what is checked for safety and what not; probes of the model")
    parser.add_argument("--list", action="store_true", help="the list alone: ask the model nothing")
    parser.add_argument(
        "--adapter", metavar="MIX", dest="probed", help="probe with these adapters; `off`: the base alone"
    )
    parser.add_argument("--revise", action="store_true", help="with the second pass by your principles")
    parser.add_argument("--failures", action="store_true", help="show every answer that was not as it should be")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """The list, then the counts."""
    if arguments.list:
        if arguments.json:
            emit({"checked": CHECKED, "not_checked": NOT_CHECKED})
        else:
            say(told())
        return 0
    async with opened_core(config, shared=True) as core:
        principles = check_principles(core) if arguments.revise else ()
        report = await run_probes(core, arguments.probed, counted, principles)
    if arguments.json:
        emit({"checked": CHECKED, "not_checked": NOT_CHECKED, **report.as_json()})
        return 0
    say(told())
    say()
    for line in report_lines(report, failures=arguments.failures):
        say(safe_line(line))
    return 0
