"""How linked folders and what a sync would do read on the screen."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from ingest.folders import LinkedFolder
    from ingest.planning import Plan

MOST_LINES = 500  # of a plan
NAME_WIDTH = 28
STATES = {
    "new": ("not synced yet", "yellow"),
    "syncing": ("broken off", "yellow"),
    "in step": ("in step", "green"),
    "asks": ("asks you", "yellow"),
    "unreachable": ("not there", "red"),
}


def folder_name(path: str) -> str:
    """A short name: `~` for the home, the end of what is too long."""
    home = str(Path.home())
    name = f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}/") else path
    name = safe_line(name)
    return name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"


def state_line(folder: LinkedFolder, polled: str, running: bool) -> str:
    """How a folder stands, and what can be done about it."""
    told = {
        "new": "It was not synced yet:  s  does it.",
        "syncing": "It is being synced." if running else "Its sync was broken off:  s  goes on where it stopped.",
        "in step": "The library holds what the folder holds.",
        "asks": f"{folder.withheld:,} documents are not on the disk any more. They are kept:  y  removes them.",
        "unreachable": f"It {folder.reason}. Its documents are kept; nothing of it is removed.",
    }[folder.state]
    looked = f" Changes are found every 20 seconds only: {polled}." if polled and folder.state != "unreachable" else ""
    return f"{told}{looked}"


def strip_line(folders: list[LinkedFolder]) -> str:
    """All linked folders in one line: `~/papers in step · ~/drive not there`."""
    return " · ".join(f"{folder_name(folder.path)} {STATES[folder.state][0]}" for folder in folders)


def plan_line(plan: Plan) -> str:
    """`312 files to add, 4 to read again, 2 moved`."""
    counts = (
        (len(plan.new), "to add"), (len(plan.changed), "to read again"), (len(plan.moved), "moved"),
        (len(plan.gone) + len(plan.replaced), "to remove"), (plan.unchanged, "unchanged"),
        (len(plan.failed), "that cannot be read"),
    )  # fmt: skip
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "no files in it"


def plan_lines(plan: Plan) -> str:
    """The counts, then a line a file."""
    lines = [f"{plan_line(plan)}.", ""]
    lines += [f"{each.gone:,} of {each.held:,} are gone; they stay until you say so." for each in plan.withheld]
    lines += [f"+ {file.path}" for file in plan.new]
    lines += [f"~ {file.path}" for file in plan.changed]
    lines += [f"> {PurePath(move.source).name} → {move.file.path}" for move in plan.moved]
    lines += [f"- {path}" for path in (*plan.gone, *plan.replaced)]
    lines += [f"! {failure.path}: {failure.reason}" for failure in plan.failed]
    more = len(lines) - MOST_LINES
    return "\n".join(safe_line(line) for line in lines[:MOST_LINES]) + (f"\nand {more:,} more" if more > 0 else "")
