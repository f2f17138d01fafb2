"""What a run has to do: files on disk held against the rows, before anything is changed.

Size and time say which files may have changed, hashes which of those were only moved. A folder that
cannot be reached loses nothing; one that lost much at once keeps it until somebody says so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingest import moves
from ingest.moves import Move
from ingest.progress import Failure, Withheld
from ingest.reading import Reading
from ingest.records import FoundFile, KnownFile

FEW = 20  # as many documents may leave a folder without a question, although they are more than half of it
ALL = sys.maxsize


@dataclass(slots=True)
class Plan:
    """What a run will do. Paths are absolute; `known` are the rows of the collection by path."""

    known: dict[str, KnownFile]
    files: list[FoundFile] = field(default_factory=list)  # to read, in the order of the walk
    moved: list[Move] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # to remove: the file is not there any more
    replaced: list[str] = field(default_factory=list)  # to remove: another document was moved onto its file
    withheld: list[Withheld] = field(default_factory=list)
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)  # not to be read, with the reason

    @property
    def new(self) -> list[FoundFile]:
        """The files to read that have no document yet."""
        return [file for file in self.files if file.path not in self.known]

    @property
    def changed(self) -> list[FoundFile]:
        """The files to read that have one."""
        return [file for file in self.files if file.path in self.known]


class Planner:
    """Compares folders with the library."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def plan(
        self,
        known: dict[str, KnownFile],
        roots: list[str],
        *,
        retry: bool = False,
        removable: Mapping[str, int] | None = None,
        hash_changed: bool = False,
        pictures: bool = False,
    ) -> Plan:
        """What brings the rows in `known` in step with the files and folders in `roots`.

        `retry` reads files again that failed before and did not change. `removable` says for a root how
        many documents may leave it without a question (FEW where it is not named). `hash_changed` also
        looks into files that have another time, so that those with the same bytes count as unchanged.
        `pictures` are looked for where their text is recognized.
        """
        found, unreachable = await self._reading.scan(roots, pictures)
        folders = [root for root in roots if await asyncio.to_thread(os.path.isdir, root)]
        gone = [
            path for path in known
            if path not in found and inside(path, folders) and not inside(path, unreachable)
        ]  # fmt: skip
        if gone:  # a file moved during a walk may be seen at neither place: what two walks miss is gone or moved
            found, unreachable = await self._reading.scan(roots, pictures)
            gone = [path for path in gone if path not in found and not inside(path, unreachable)]
        plan = Plan(known, failed=[Failure(path, reason) for path, reason in unreachable.items()])
        named = set(roots)
        for path, file in found.items():
            _sort(plan, file, known.get(path), retry or path in named)
        await self._find_moves(plan, gone, hash_changed)
        moved = {move.source for move in plan.moved}
        _hold_back(plan, list(known), [path for path in gone if path not in moved], folders, removable or {})
        return plan

    async def _find_moves(self, plan: Plan, gone: list[str], hash_changed: bool) -> None:
        changed = [file.path for file in plan.changed]
        wanted = moves.worth_hashing(plan.known, gone + changed, plan.files)
        also = (
            [file for file in plan.changed if _only_time_differs(plan.known[file.path], file)] if hash_changed else []
        )
        files = {file.path: file for file in (*wanted, *also)}
        prints = await self._reading.fingerprints(files)
        hashed = {path: (files[path], fingerprint) for path, fingerprint in prints.items()}
        plan.moved = moves.match(plan.known, gone + changed, hashed)
        taken, left = {move.file.path for move in plan.moved}, {move.source for move in plan.moved}
        plan.replaced = [path for path in taken if path in plan.known and path not in left]
        plan.known = {path: row for path, row in plan.known.items() if path not in left and path not in plan.replaced}
        same = {
            path for path in (file.path for file in also)
            if path in prints and path in plan.known and prints[path].sha256 == plan.known[path].sha256
        }  # fmt: skip
        plan.unchanged += len(same)
        plan.files = [file for file in plan.files if file.path not in taken and file.path not in same]


def _sort(plan: Plan, file: FoundFile, before: KnownFile | None, named: bool) -> None:
    if before is None or not before.same_as(file) or not _settled(before, named):
        plan.files.append(file)
    elif before.state == "ready":
        plan.unchanged += 1
    else:
        plan.failed.append(Failure(file.path, before.reason))


def _hold_back(plan: Plan, known: list[str], gone: list[str], folders: list[str], removable: Mapping[str, int]) -> None:
    """Of each root, remove what is gone, or nothing if that is more than half and more than may be."""
    rest = gone
    for root in folders:
        here = [path for path in rest if inside(path, [root])]
        rest = [path for path in rest if not inside(path, [root])]
        held = sum(inside(path, [root]) for path in known)
        if len(here) > removable.get(root, FEW) and len(here) > held / 2:
            plan.withheld.append(Withheld(root, len(here), held))
        else:
            plan.gone += here


def inside(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders, or lies below one."""
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _settled(known: KnownFile, named: bool) -> bool:
    """Whether a file whose bytes did not change needs no reading; one that failed is tried again when named."""
    if known.state == "ready":
        return known.embedded
    return not named and (known.state == "quarantined" or known.crashes == 0)


def _only_time_differs(known: KnownFile, file: FoundFile) -> bool:
    return known.state == "ready" and known.embedded and known.size == file.size
