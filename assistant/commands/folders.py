"""`assistant folders`: folders that stay in step with the library; `watch` prints a JSON object a sync."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.commands.ingest_report import (
    end_progress,
    plan_json,
    report,
    show_plan,
    show_progress,
    tell_withheld,
)
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import LibraryError, NotFoundError
from assistant.output import emit, emit_line, say, warn
from assistant.safe_text import safe_line
from ingest.library import DEFAULT_COLLECTION
from ingest.network_drives import NOT_THERE
from ingest.progress import Summary, combined

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from ingest.folders import LinkedFolder

CONFIRM = "`assistant folders sync --yes`"


def add_parsers(commands: Any) -> None:
    """Add `folders` with its actions."""
    parser = commands.add_parser("folders", help="folders that stay in step: link, list, sync, unlink")
    parser.add_argument("--json", action="store_true", help="print JSON")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parser.set_defaults(run=run_list)
    link = _action(actions, "link", run_link, "keep a folder in step from now on, and bring it in")
    link.add_argument("path", metavar="PATH")
    link.add_argument("--collection", metavar="C", default=DEFAULT_COLLECTION, help="default: %(default)s")
    link.add_argument("--dry-run", action="store_true", help="only say what would happen")
    _action(actions, "list", run_list, "all linked folders, and how they stand")
    sync = _action(actions, "sync", run_sync, "bring folders in step now")
    sync.add_argument("paths", nargs="*", metavar="PATH", help="which of the linked folders (default: all)")
    sync.add_argument("--dry-run", action="store_true", help="only say what would happen")
    sync.add_argument("--retry", action="store_true", help="read files again that failed and did not change since")
    sync.add_argument("--yes", action="store_true", help="remove what vanished, even if it is most of a folder")
    _action(actions, "watch", run_watch, "sync now and after every change, until Ctrl-C")
    failures = _action(actions, "failures", run_failures, "files that could not be read, with the reason")
    failures.add_argument("paths", nargs="*", metavar="PATH", help="which of the linked folders (default: all)")
    unlink = _action(actions, "unlink", run_unlink, "keep a folder in step no longer")
    unlink.add_argument("path", metavar="PATH")
    unlink.add_argument("--remove", action="store_true", help="take its documents out of the library too")


def _action(actions: Any, name: str, run: Any, told: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=told, description=told)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


async def run_link(arguments: argparse.Namespace, config: Config) -> int:
    """Link and sync; with --dry-run neither."""
    path = Path(arguments.path)
    async with opened_core(config, shared=arguments.dry_run) as core:
        if arguments.dry_run:
            await core.folders.check(path, arguments.collection)
            plan = await core.pipeline.preview([path], arguments.collection)
            return _told_plans([(arguments.collection, plan)], arguments.json)
        folder = await core.folders.link(path, arguments.collection)
        if not arguments.json:
            say(f"Linked {safe_line(folder.path)} into {folder.collection}. Its files stay where they are.")
        return await _sync(core, [folder], arguments)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a folder."""
    async with opened_core(config, shared=True) as core:
        folders = await core.folders.all()
    if arguments.json:
        emit([_folder_json(folder) for folder in folders])
        return 0
    for folder in folders:
        say(f"{safe_line(folder.path)}  ({folder.collection}, {folder.documents:,} documents, {_state(folder)})")
    if not folders:
        say("No folder is linked. `assistant folders link PATH` links one.")
    return 0


async def run_sync(arguments: argparse.Namespace, config: Config) -> int:
    """Sync; exit code 5 when a folder cannot be reached, or removals wait for --yes."""
    async with opened_core(config, shared=arguments.dry_run) as core:
        folders = await _chosen(core, arguments.paths)
        if arguments.dry_run:
            return _told_plans(await core.folders.preview(folders, retry=arguments.retry), arguments.json)
        return await _sync(core, folders, arguments)


async def run_watch(arguments: argparse.Namespace, config: Config) -> int:
    """Print a line for each sync that did something; with --json a JSON object a line."""
    async with opened_core(config) as core:
        folders = await core.folders.all()
        if not folders:
            raise NotFoundError("No folder is linked.", "`assistant folders link PATH` links one.")
        if not arguments.json:
            say(f"Watching {len(folders)} folder{'s' * (len(folders) != 1)}. Ctrl-C ends it.")
        keeper, told = core.folder_keeper(), dict[str, str]()
        async for due in keeper.due():
            told = _tell_polled(keeper.polled, told)
            async for item in keeper.sync(due):
                if isinstance(item, Summary):
                    _tell_sync(item, arguments.json)
                elif not arguments.json:
                    show_progress(item)
    return 0


def _tell_sync(summary: Summary, as_json: bool) -> None:
    """What one sync did; nothing where nothing was to do."""
    if as_json:
        emit_line(asdict(summary))
    elif summary.added or summary.changed or summary.moved or summary.removed or summary.withheld:
        report(summary, False, CONFIRM)
    else:
        end_progress()


def _tell_polled(polled: dict[str, str], told: dict[str, str]) -> dict[str, str]:
    """Warn, once, of folders whose changes are found late; gives what was told."""
    for path, reason in polled.items():
        if told.get(path) != reason != NOT_THERE:  # that one is told by its sync
            warn(f"{path} is not watched but looked through from time to time: {reason}.")
    return dict(polled)


async def run_failures(arguments: argparse.Namespace, config: Config) -> int:
    """Each file with its reason."""
    async with opened_core(config, shared=True) as core:
        failures = await core.folders.failures(await _chosen(core, arguments.paths))
    if arguments.json:
        emit([asdict(failure) for failure in failures])
        return 0
    for failure in failures:
        say(f"{safe_line(failure.path)}: {failure.reason}")
    say("`assistant folders sync --retry` reads them again." if failures else "Every file could be read.")
    return 0


async def run_unlink(arguments: argparse.Namespace, config: Config) -> int:
    """Forget the link, and with --remove the documents."""
    async with opened_core(config) as core:
        [folder] = await _chosen(core, [arguments.path])
        removed = await core.folders.unlink(folder, remove=arguments.remove)
    if arguments.json:
        emit({"unlinked": folder.path, "removed": removed, "kept": folder.documents - removed})
        return 0
    kept = "" if arguments.remove else f" Its {folder.documents:,} documents stay; they are not brought up to date."
    removed_too = f" {removed:,} documents left the library; the files stay." if arguments.remove else ""
    say(f"Unlinked {safe_line(folder.path)}.{kept}{removed_too}")
    return 0


async def _sync(core: Core, folders: list[LinkedFolder], arguments: argparse.Namespace) -> int:
    summaries: list[Summary] = []
    retry, confirmed = getattr(arguments, "retry", False), getattr(arguments, "yes", False)
    async for item in core.folders.sync(folders, retry=retry, confirmed=confirmed):
        if isinstance(item, Summary):
            summaries.append(item)
        elif not arguments.json:
            show_progress(item)
    paths = {folder.path for folder in folders}
    after = [folder for folder in await core.folders.all() if folder.path in paths]
    summary = combined(summaries)
    if arguments.json:
        emit({**asdict(summary), "folders": [_folder_json(folder) for folder in after]})
    elif folders:
        report(summary, False, CONFIRM)
    else:
        say("No folder is linked. `assistant folders link PATH` links one.")
    return LibraryError.exit_code if any(folder.state != "in step" for folder in after) else 0


def _told_plans(plans: list[Any], as_json: bool) -> int:
    if as_json:
        emit([plan_json(collection, plan) for collection, plan in plans])
        return 0
    end_progress()
    for collection, plan in plans:
        show_plan(collection, plan)
        tell_withheld(plan.withheld, CONFIRM)
    say("Nothing was changed.")
    return 0


async def _chosen(core: Core, paths: list[str]) -> list[LinkedFolder]:
    if not paths:
        return await core.folders.all()
    chosen = []
    for path in paths:
        folder = await core.folders.find(Path(path))
        if folder is None:
            raise NotFoundError(f"{path} is not linked.", "`assistant folders list` shows what is.")
        chosen.append(folder)
    return chosen


def _folder_json(folder: LinkedFolder) -> dict[str, Any]:
    return {key: value for key, value in asdict(folder).items() if key not in ("id", "identity")}


def _state(folder: LinkedFolder) -> str:
    """How a folder stands, in words."""
    failed = f", {folder.failed:,} could not be read" if folder.failed else ""
    when = f", synced {_local(folder.synced_at)}" if folder.synced_at else ""
    told = {
        "new": "not synced yet",
        "syncing": "a sync was broken off; the next one goes on",
        "asks": f"{folder.withheld:,} vanished documents wait for {CONFIRM}",
        "unreachable": f"cannot be reached: {folder.reason}; its documents are kept",
    }.get(folder.state, folder.state)
    return f"{told}{failed}{when}"


def _local(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
