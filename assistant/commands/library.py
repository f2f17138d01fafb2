"""`assistant library`: is what is in the documents found, would other settings find more? And: passages made anew."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import asdict
from typing import Any

from assistant.commands.ingest_report import end_progress, show_progress
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.library_check import QUESTIONS, CheckProgress, LibraryReport, check_library
from assistant.library_text import report_lines
from assistant.output import emit, say
from assistant.passage_generations import rebuilt_line
from assistant.safe_text import safe_line
from assistant.settings_file import write_settings
from ingest.rebuilding import Rebuilt

ACTIONS = "check: ask the library about itself; rebuild: make passages with the settings as they are"


def add_parsers(commands: Any) -> None:
    """Add `library`."""
    parser = commands.add_parser("library", help="check how well documents are found; make passages anew")
    parser.add_argument("action", choices=("check", "rebuild"), metavar="ACTION", help=ACTIONS)
    parser.add_argument("--questions", type=int, default=QUESTIONS, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed makes other questions")
    parser.add_argument("--write", action="store_true", help="put better settings, if there are any, into config.toml")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Check, tell, and change the settings only where it was asked for."""
    if arguments.action == "rebuild":
        return await rebuild(arguments, config)
    if not 10 <= arguments.questions <= 10_000:
        raise UsageError("--questions must be from 10 to 10000.")
    report: LibraryReport | None = None
    async with opened_core(config, shared=True) as core:
        async for item in check_library(core, arguments.questions, arguments.seed):
            if isinstance(item, LibraryReport):
                report = item
            elif not arguments.json and sys.stderr.isatty():
                _show(item)
    assert report is not None
    if arguments.json:
        emit(report.as_json())
    else:
        for line in report_lines(report):
            say(safe_line(line))
    if arguments.write and report.better:
        write_settings(config, {("documents", key): value for key, value in report.better.items()})
        if not arguments.json:
            say(f"Written to {config.user_file}.")
    elif report.better and not arguments.json:
        say("--write puts this into your config.toml.")
    return 0


async def rebuild(arguments: argparse.Namespace, config: Config) -> int:
    """Make the passages anew where their settings changed; Ctrl-C stops, and the same command goes on."""
    last: Rebuilt | None = None
    async with opened_core(config) as core:
        if core.generations.behind:
            async with contextlib.aclosing(core.generations.rebuild()) as items:
                async for item in items:
                    if isinstance(item, Rebuilt):
                        last = item
                    else:
                        show_progress(item)
        end_progress()
    if arguments.json:
        emit(asdict(last) if last else {"complete": True, "total": 0, "staged": 0, "kept": 0, "seconds": 0.0})
    else:
        say(rebuilt_line(last) if last else "All passages are made with the settings as they are.")
    return 0


def _show(progress: CheckProgress) -> None:
    end = "\n" if progress.done == progress.total else ""
    print(f"\r{progress.done} of {progress.total} searches", end=end, file=sys.stderr, flush=True)
