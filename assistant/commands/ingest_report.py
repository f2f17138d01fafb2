"""How the shell tells of files coming into the library: a line while it runs, the counts, what would happen."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.output import emit, say
from assistant.safe_text import safe_line
from ingest.planning import Plan
from ingest.progress import Progress, Summary


def show_progress(progress: Progress) -> None:
    """One line that overwrites itself on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        return
    left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
    name = safe_line(Path(progress.path).name)[:40]
    line = f"{progress.stage} {progress.done}/{progress.total} files, {progress.passages} passages{left}  {name}"
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def report(summary: Summary, as_json: bool, option: str) -> None:
    """The counts, the failures, and what waits for `option`."""
    if as_json:
        emit(asdict(summary))
        return
    end_progress()
    moved = f"{summary.moved} moved, " if summary.moved else ""
    say(
        f"{summary.added} added, {summary.changed} changed, {moved}{summary.unchanged} unchanged, "
        f"{summary.removed} removed, {len(summary.failed)} failed; "
        f"{summary.passages:,} passages in {summary.seconds:.1f} s"
    )
    for failure in summary.failed:
        say(f"  {safe_line(failure.path)}: {failure.reason}")
    if summary.later:
        say(f"{summary.later} changed meanwhile and were left as they were; the next run takes them.")
    tell_withheld(summary.withheld, option)


def end_progress() -> None:
    """Wipe the line of show_progress."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def tell_withheld(withheld: Any, option: str) -> None:
    """Which removals were not made, and how to make them."""
    for each in withheld:
        say(
            f"{each.gone:,} of {each.held:,} documents of {safe_line(each.folder)} are not on the disk any more. They "
            f"were kept; if that is meant and no drive is missing, {option} removes them."
        )


def plan_json(collection: str, plan: Plan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "collection": collection,
        "add": [file.path for file in plan.new],
        "change": [file.path for file in plan.changed],
        "move": [{"from": move.source, "to": move.file.path} for move in plan.moved],
        "remove": [*plan.gone, *plan.replaced],
        "unchanged": plan.unchanged,
        "failed": [asdict(failure) for failure in plan.failed],
        "withheld": [asdict(each) for each in plan.withheld],
    }


def show_plan(collection: str, plan: Plan) -> None:
    """What a sync would do, one line a file."""
    removed = [*plan.gone, *plan.replaced]
    say(
        f"{collection}: {len(plan.new)} to add, {len(plan.changed)} to read again, {len(plan.moved)} moved, "
        f"{len(removed)} to remove, {plan.unchanged} unchanged, {len(plan.failed)} not read"
    )
    for file in plan.new:
        say(f"  + {safe_line(file.path)}")
    for file in plan.changed:
        say(f"  ~ {safe_line(file.path)}")
    for move in plan.moved:
        say(f"  > {safe_line(move.source)} → {safe_line(move.file.path)}")
    for path in removed:
        say(f"  - {safe_line(path)}")
    for failure in plan.failed:
        say(f"  ! {safe_line(failure.path)}: {failure.reason}")
