"""`assistant eval SET`, `runs`, `report`: ask a set, and say what came of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.commands.evaluation_sets import tell_bad
from assistant.commands.opening import LAST, opened_core
from assistant.config import Config
from assistant.errors import NotFoundError, UsageError
from assistant.evaluation.files import check_report_file, save_report
from assistant.evaluation.report import Report, report
from assistant.evaluation.report_text import right_text, summary, unescaped, verdict_text
from assistant.evaluation.running import RunProgress, RunRequest, begin, evaluate
from assistant.output import emit, emit_line, say
from assistant.safe_text import safe_line
from assistant.storage.evaluation_sets import load_set

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.evaluation.run import Run

WORSE = 1  # exit code
WORST_TOLD, SHOWN = 3, 300  # cases below the report, characters of an answer in them


def add_actions(actions: Any) -> None:
    """Add the actions to `eval`."""
    run = actions.add_parser("run", help="ask a set; `run` may be left out")
    run.add_argument("name", metavar="SET")
    run.add_argument("--base", action="store_true", help="the model without adapters")
    run.add_argument(
        "--adapter", dest="mixes", action="append", metavar="MIX", help="adapters, as in style:0.7 (repeatable)"
    )
    run.add_argument("--model", dest="models", action="append", metavar="M", help="a model to ask (repeatable)")
    run.add_argument("--no-retrieval", action="store_true", help="without documents")
    run.add_argument("--limit", type=int, default=0, metavar="N", help="about N questions, spread over the set")
    run.add_argument("--progress", action="store_true", help="one JSON object a line on stdout while it runs")
    run.set_defaults(run=run_eval)
    runs = actions.add_parser("runs", help="all runs, the newest first")
    runs.add_argument("name", nargs="?", default="", metavar="SET")
    runs.add_argument("--remove", type=int, metavar="RUN", help="delete a run with its answers")
    runs.set_defaults(run=run_runs)
    report = actions.add_parser("report", help="what a run says: figures, comparisons, regressions, worst cases")
    report.add_argument("number", metavar="RUN", help="its number, or `last`")
    report.set_defaults(run=run_report)
    for parser in (run, report):
        parser.add_argument(
            "--save", action="append", type=Path, metavar="FILE", help="write the report to a new .html, .md or .json"
        )
        parser.add_argument(
            "--strict", action="store_true", help=f"exit code {WORSE} where it is worse than in the run before"
        )
        parser.add_argument("--against", type=int, metavar="RUN", help="hold it against this run, not the last one")


async def run_eval(arguments: argparse.Namespace, config: Config) -> int:
    """Ask what was not asked yet, then report. Ctrl-C loses nothing: the same command goes on."""
    _check_files(arguments)
    if arguments.limit < 0:
        raise UsageError("--limit must be at least 1.", "Leave it out for all questions.")
    request = RunRequest(
        arguments.name, tuple(arguments.mixes or ()), arguments.base, tuple(arguments.models or ()),
        not arguments.no_retrieval, arguments.limit,
    )  # fmt: skip
    tell_bad(load_set(config.home, arguments.name))
    async with opened_core(config) as core:
        run = await begin(core, request)
        heard = emit_line if arguments.progress else None
        show = _shower()
        async for progress in evaluate(core, run):
            heard({"progress": asdict(progress)}) if heard else show(progress)
        found = await _report(core, await core.evaluations.get(run.id), arguments.against)
    _hand_out(found, arguments)
    return WORSE if arguments.strict and worse(found) else 0


async def run_runs(arguments: argparse.Namespace, config: Config) -> int:
    """One line a run, or delete one."""
    if arguments.remove is not None:
        async with opened_core(config) as core:
            await core.evaluations.remove(arguments.remove)
        if arguments.json:
            emit({"removed": arguments.remove})
        else:
            say(f"Run {arguments.remove} is gone; its answers would be asked for again.")
        return 0
    async with opened_core(config, shared=True, stored_chats=True) as core:
        runs = await core.evaluations.all(arguments.name)
    if arguments.name and not runs:
        load_set(config.home, arguments.name)  # which says so where there is no such set
    if arguments.json:
        emit([run_json(run) for run in runs])
        return 0
    for run in runs:
        say(safe_line(f"{run.id:>4}  {run.line}"))
    if not runs:
        say("Nothing was evaluated yet: assistant eval SET")
    return 0


async def run_report(arguments: argparse.Namespace, config: Config) -> int:
    """The report of a run, however far it has come."""
    _check_files(arguments)
    async with opened_core(config, shared=True, stored_chats=True) as core:
        number = await run_number(core, arguments.number)
        found = await _report(core, await core.evaluations.get(number), arguments.against)
    _hand_out(found, arguments)
    return WORSE if arguments.strict and worse(found) else 0


async def run_number(core: Core, text: str) -> int:
    """The run that a command line names.

    Raises:
        UsageError: it is neither a number nor `last`; NotFoundError: there is no run yet.
    """
    if text == LAST:
        runs = await core.evaluations.all()
        if not runs:
            raise NotFoundError("Nothing was evaluated yet.", "assistant eval SET")
        return runs[0].id
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise UsageError(f"{text[:40]!r} is no run.", "Give its number (see `assistant eval runs`), or `last`.")
    return int(text)


def run_json(run: Run) -> dict[str, Any]:
    """A run without its questions and answers."""
    return {
        "run": run.id, "set": run.questions.name, "set_sha256": run.set_sha256, "state": run.state,
        "created": run.created, "seconds": round(run.seconds, 1), "arms": [asdict(arm) for arm in run.arms],
        "options": run.options, "done": run.done, "total": run.total,
    }  # fmt: skip


def worse(found: Report) -> bool:
    """Whether an arm is worse, beyond chance, than in the run that it is held against."""
    return any(each.contrast.says == "worse" for each in found.regressions)


async def _report(core: Core, run: Run, against: int | None) -> Report:
    before = await core.evaluations.get(against) if against is not None else await core.evaluations.before(run)
    return await asyncio.to_thread(report, run, before)


def _check_files(arguments: argparse.Namespace) -> None:
    for path in arguments.save or ():
        check_report_file(path.expanduser())


def _hand_out(found: Report, arguments: argparse.Namespace) -> None:
    files = [path.expanduser() for path in arguments.save or ()]
    for path in files:
        save_report(path, found)
    if arguments.json:
        emit({**found.as_json(), "files": list(map(str, files))})
        return
    say(unescaped("\n\n".join(summary(found))))
    for case in found.worst[:WORST_TOLD]:
        say(f"\n{safe_line(case.question.question)}\n  right: {safe_line(right_text(case.question))}")
        for arm, graded in zip(found.run.arms, case.answers, strict=True):
            said = safe_line(graded.answer.text or graded.answer.error)
            say(f"  {safe_line(arm.label)}, {verdict_text(graded)}: {said[:SHOWN]}")
    say(f"\nRun {found.run.id}. All of it: assistant eval report {found.run.id} --save FILE.html")
    for path in files:
        say(f"Written: {path}")


def _shower() -> Callable[[RunProgress], None]:
    """Draws progress on a terminal's stderr, a few times a second; elsewhere nothing."""
    last = 0.0

    def show(progress: RunProgress) -> None:
        nonlocal last
        over = progress.done == progress.total
        if not sys.stderr.isatty() or (time.monotonic() - last < 0.2 and not over):
            return
        last = time.monotonic()
        text = safe_line(progress.line)[:100]
        print(f"\r\033[K{text}", end="\n" if over else "", file=sys.stderr, flush=True)

    return show
