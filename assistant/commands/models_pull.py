"""`assistant models pull` and `catalogue`: fetching a model, after a yes that knows host, size and free space."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.config import Config
from assistant.errors import ModelError, NotFoundError, UsageError
from assistant.home import prepare_home
from assistant.local_models import LocalModels
from assistant.models.catalogue import catalogue
from assistant.models.download import Progress, recorded
from assistant.models.found import gigabytes
from assistant.models.source import ENDING
from assistant.output import emit, say, warn
from assistant.pulling import PullPlan, Pulls, Rate
from assistant.safe_text import safe_line
from assistant.worker_process import WorkerProcess

DECLINED = "Nothing was fetched."


def add_parsers(actions: Any) -> None:
    """Add `pull`, `catalogue` and `check` to the actions of `models`."""
    pull = actions.add_parser(
        "pull",
        help="fetch a model from the internet, after asking; what was cut short goes on where it was",
        description="Says the host, the file, its size and the free space, and asks. Only https, with a certificate "
        "that can be trusted; what comes is held against its SHA-256 and read before it gets its name.",
    )
    pull.add_argument(
        "source", metavar="NAME", help="a name of `models catalogue`, ORGANISATION/REPOSITORY/FILE.gguf, or an address"
    )
    pull.add_argument("--as", dest="name", default="", metavar="NAME", help="what the model is called here")
    pull.add_argument("--sha256", default="", metavar="HEX", help="what the file's SHA-256 must be")
    pull.add_argument("--yes", action="store_true", help="do not ask")
    pull.set_defaults(run=run_pull)
    listing = actions.add_parser("catalogue", help="models that can be fetched by name: size, licence, what for")
    listing.set_defaults(run=run_catalogue)
    check = actions.add_parser("check", help="read fetched models again and hold them against their SHA-256")
    check.add_argument("names", nargs="*", metavar="NAME", help="(default: all)")
    check.set_defaults(run=run_check)
    for parser in (pull, listing, check):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_catalogue(arguments: argparse.Namespace, config: Config) -> int:
    """Two lines a model."""
    if arguments.json:
        emit([asdict(entry) for entry in catalogue()])
        return 0
    for entry in catalogue():
        say(f"{entry.name:<17} {gigabytes(entry.size):>8}  {entry.title}, {entry.quantization}, {entry.licence}")
        say(f"{'':<17} {entry.group:>8}  {entry.good_for}; reads {entry.context:,} tokens")
    say("`assistant models pull NAME` fetches one; `assistant models fit` says what this machine can carry.")
    return 0


async def run_pull(arguments: argparse.Namespace, config: Config) -> int:
    """Ask, fetch, tell."""
    prepare_home(config.home)
    models = LocalModels(config)
    pulls = Pulls(models, WorkerProcess("download", {}, config.home / "logs"))
    try:
        plan = pulls.plan(arguments.source, arguments.name, arguments.sha256)
        if not plan.size and _agreed(arguments, [f"Ask {plan.source.host} for the size of {plan.source.path}?"]):
            plan = await pulls.ask(plan)
        if not plan.size or not _agreed(arguments, [*plan.lines, "Fetch it?"]):
            _tell(arguments, plan, None)
            return 0
        last = await _followed(pulls, plan)
        _tell(arguments, plan, last)
        return 0
    finally:
        await pulls.worker.stop()
        await models.worker.stop()


def _agreed(arguments: argparse.Namespace, lines: list[str]) -> bool:
    """Print what it is about; whether the user says yes."""
    *facts, question = lines
    for line in facts:
        print(safe_line(line), file=sys.stderr, flush=True)
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("Fetching needs a yes.", "Add --yes, or run it in a terminal.")
    print(f"{safe_line(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _followed(pulls: Pulls, plan: PullPlan) -> Progress:
    """The last item; where it is stands on stderr, on a terminal as one line that is written over."""
    rate, last, waited = Rate(), None, ""
    async with contextlib.aclosing(pulls.fetch(plan)) as items:
        async for last in items:
            if last.stage == "waiting" and last.told != waited:
                waited = last.told
                warn(f"{last.told}; it is tried again.")
            elif last.stage in ("checking", "fetching") and sys.stderr.isatty():
                doing = "reading what is here: " if last.stage == "checking" else ""
                line = f"{doing}{rate.told(last.done, last.total)}"
                print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if last is None or last.stage != "done":
        raise ModelError("The model did not come.", "The same command goes on.")
    return last


def _tell(arguments: argparse.Namespace, plan: PullPlan, last: Progress | None) -> None:
    if arguments.json:
        facts = {
            "name": plan.source.name,
            "path": str(plan.target),
            "url": plan.source.url,
            "fetched": last is not None,
        }
        emit(facts | {"size": last.total if last else plan.size, "sha256": last.told if last else plan.sha256})
    elif last is None:
        say(DECLINED)
    else:
        say(f"{plan.target.name} is here, {gigabytes(last.total)}, SHA-256 {last.told}{_verdict(plan)}.")
        say(
            f"`assistant --model {plan.source.name}` answers with it; `assistant models use {plan.source.name}` always."
        )


def _verdict(plan: PullPlan) -> str:
    return ", as expected" if plan.sha256 else " (nobody said what it should be)"


async def run_check(arguments: argparse.Namespace, config: Config) -> int:
    """One line a fetched model; exit code 1 when one is not as it was."""
    folder = LocalModels(config).folder
    known = sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else []
    unknown = [name for name in arguments.names if not any(path.stem == name for path in known)]
    if unknown:
        raise NotFoundError(f"No model {unknown[0]!r} was fetched.", f"Fetched models are in {folder}.")
    verdicts = []
    for path in known:
        if not arguments.names or path.stem in arguments.names:
            verdicts.append({"name": path.stem, **await asyncio.to_thread(_checked, path)})
    if arguments.json:
        emit(verdicts)
    for verdict in () if arguments.json else verdicts:
        say(f"{'ok ' if verdict['ok'] else 'BAD'} {verdict['name']}  {verdict['told']}")
    return 0 if all(verdict["ok"] for verdict in verdicts) else 1


def _checked(path: Path) -> dict[str, Any]:
    from adapters.durable import sha256_of

    known = recorded(path)
    found = sha256_of(path)
    if not known.get("sha256"):
        return {"ok": True, "sha256": found, "told": f"SHA-256 {found}, nothing to hold it against"}
    ok = found == known["sha256"]
    told = f"SHA-256 {found}" if ok else f"SHA-256 {found} instead of {known['sha256']}: remove it and fetch it again"
    return {"ok": ok, "sha256": found, "told": told}
