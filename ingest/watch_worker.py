"""The watching child: says which linked folders changed, as soon as they have been quiet for a moment.

It tells of folders, not of files: what changed in them is found by walking, so that a change the kernel
lost is found with the next one. A folder that cannot be watched is walked from time to time instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import PurePath
from typing import Any

import watchfiles

from ingest.ignore import RULE_FILES, IgnoreRules
from ingest.network_drives import why_not_told
from ingest.scan import BINARY_SUFFIXES, PICTURES, SKIPPED_FOLDERS, scan

QUIET_MS, LONGEST_MS = 300, 2000  # a burst ends when nothing happens for so long, or after so long
POLL_SECONDS = 20.0  # between two walks of a folder that is not watched
RECHECK_SECONDS = 600.0  # the same for one that is: for what the kernel did not tell
POLL_SHARE = 20  # a walk that takes long is repeated only after this many times its own time


class WatchWorker:
    """The service of the watching child."""

    def __init__(
        self, exclude: list[str], poll_seconds: float = POLL_SECONDS, recheck_seconds: float = RECHECK_SECONDS
    ) -> None:
        """Changes below a path in `exclude` are none."""
        self._exclude = exclude
        self._poll_seconds, self._recheck_seconds = poll_seconds, recheck_seconds

    def watch(self, folders: list[str], cancelled: Callable[[], bool] = lambda: False) -> Iterator[dict[str, Any]]:
        """Until cancelled: `{"polled": {folder: reason}}` when the watch begins or begins anew, and
        `{"changed": [folder, …]}` after each burst of changes."""
        refused = ""
        while not cancelled():
            polled = {folder: reason for folder in folders if (reason := refused or why_not_told(folder))}
            try:
                first, bursts = _begun([folder for folder in folders if folder not in polled])
            except OSError as error:  # the kernel's limit of watches, most likely
                refused = str(error).lower() or "the system refuses to watch"
                continue
            with contextlib.closing(bursts):
                polls = [_Poll(folder, self._exclude, self._poll_seconds) for folder in polled]
                yield {"polled": polled}
                yield from self._follow(folders, polls, itertools.chain([first], bursts), cancelled)

    def _follow(
        self, folders: list[str], polls: list[_Poll], bursts: Iterable[set[str]], cancelled: Callable[[], bool]
    ) -> Iterator[dict[str, Any]]:
        """Report changes until cancelled, or until a folder is another one than it was: then watch anew."""
        places = {folder: _identity(folder) for folder in folders}
        recheck = time.monotonic() + self._recheck_seconds
        for paths in bursts:
            if cancelled():
                return
            noted = _Noted(self._exclude)
            changed = {folder for folder in folders if any(noted.is_news(path, folder) for path in paths)}
            changed |= {poll.folder for poll in polls if poll.found_change()}
            other = {folder for folder in folders if _identity(folder) != places[folder]}
            if time.monotonic() > recheck:
                changed, recheck = {*folders}, time.monotonic() + self._recheck_seconds
            if changed or other:
                yield {"changed": sorted(changed | other)}
            if other:
                return


def _begun(folders: list[str]) -> tuple[set[str], Generator[set[str], None, None]]:
    """The first burst and those that follow; folders below that may not be read are left out.

    Raises:
        OSError: the folders cannot be watched.
    """
    try:
        bursts = _bursts(folders, lenient=False)
        return next(bursts), bursts
    except PermissionError:
        bursts = _bursts(folders, lenient=True)  # it would not tell of the limit either
        return next(bursts), bursts


def _bursts(folders: list[str], lenient: bool) -> Generator[set[str], None, None]:
    """The paths that changed, burst by burst; the empty set when nothing happened for a moment."""
    if not folders:
        while True:
            time.sleep(QUIET_MS / 1000)
            yield set()
    changes = watchfiles.watch(
        *folders,
        watch_filter=None,
        debounce=LONGEST_MS,
        step=QUIET_MS,
        rust_timeout=QUIET_MS,
        yield_on_timeout=True,
        force_polling=False,
        ignore_permission_denied=lenient,
    )
    for burst in changes:
        yield {path for _, path in burst}


class _Noted:
    """Judges paths of one burst; each folder's rules are read once."""

    def __init__(self, exclude: list[str]) -> None:
        self._exclude = exclude
        self._rules: dict[str, IgnoreRules] = {}

    def is_news(self, path: str, folder: str) -> bool:
        """Whether a walk of the folder could come to this path, or read its rules."""
        if path == folder:
            return True
        start = folder.rstrip(os.sep) + os.sep
        if not path.startswith(start) or any(path == own or path.startswith(own + os.sep) for own in self._exclude):
            return False
        *above, name = PurePath(path[len(start) :]).parts
        if any(part.startswith(".") or part in SKIPPED_FOLDERS for part in above):
            return False
        hidden = (name.startswith(".") and name not in RULE_FILES) or name in SKIPPED_FOLDERS
        if hidden or PurePath(name).suffix.lower() in BINARY_SUFFIXES - PICTURES:
            return False
        return not self._left_out(str(PurePath(path).parent) if name in RULE_FILES else path, folder)

    def _left_out(self, path: str, folder: str) -> bool:
        """By the rules of the folders from `folder` down; what is gone is judged as a file."""
        if path == folder:
            return False
        rules, here = self._inside(folder, IgnoreRules()), folder
        for part in PurePath(path[len(folder.rstrip(os.sep)) + 1 :]).parts:
            here = os.path.join(here, part)  # noqa: PTH118  # as the walk spells its paths
            is_folder = here != path or os.path.isdir(here)  # noqa: PTH112  # the path need not be UTF-8
            if rules.leave_out(here, is_folder):
                return True
            if here != path:
                rules = self._inside(here, rules)
        return False

    def _inside(self, folder: str, above: IgnoreRules) -> IgnoreRules:
        if folder not in self._rules:
            self._rules[folder] = above.inside(folder)[0]
        return self._rules[folder]


class _Poll:
    """Walks a folder, now and from time to time, and compares names, sizes and times."""

    def __init__(self, folder: str, exclude: list[str], seconds: float) -> None:
        self.folder = folder
        self._exclude, self._seconds = exclude, seconds
        self._next = 0.0
        self._seen = self._look()

    def found_change(self) -> bool:
        """Look, if it is time to; whether anything differs from the last look."""
        if time.monotonic() < self._next:
            return False
        before, self._seen = self._seen, self._look()
        return before != self._seen

    def _look(self) -> str:
        started, digest = time.monotonic(), hashlib.sha256()
        for found in scan([self.folder], self._exclude, pictures=True):
            digest.update(repr(sorted(found.items())).encode("utf-8", "surrogatepass"))
        took = time.monotonic() - started
        self._next = time.monotonic() + max(self._seconds, POLL_SHARE * took)
        return digest.hexdigest()


def _identity(folder: str) -> tuple[int, int]:
    try:
        status = os.stat(folder)  # noqa: PTH116  # the path need not be UTF-8
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
