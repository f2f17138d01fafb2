"""Fetches a file so that it is there whole and right or not at all; what has come is kept, and gone on from.

Bytes go to NAME.part; beside it NAME.part.json says which file they are of. Both outlive a crash. The file gets its
name only when its size and its SHA-256 are right and it is a model that can be loaded.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adapters.durable import sha256_of, sync
from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import check_model
from assistant.errors import AssistantError, ModelError, StorageError
from assistant.models.https import Answer, PassingError, opened
from ingest.atomic_file import TEMPORARY_PREFIX, replace_file

CHUNK = 256 * 1024  # bytes
RESERVE = 200 * 2**20  # bytes that stay free on the disk
SYNC_EVERY = 64 * 2**20  # bytes after which what has come is made durable
TIMEOUT = 30.0  # seconds that a step of the network may take
WAITS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds before each attempt after one that brought nothing
TOLD_EVERY = 0.1  # seconds between two items of progress
PART, RECORD = ".part", ".json"

Stage = Literal["checking", "fetching", "waiting", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` bytes are here; `told` says why it waits, and at the end the SHA-256."""

    stage: Stage
    done: int
    total: int
    told: str = ""


def part_of(target: Path) -> Path:
    """Where the bytes of an unfinished file are."""
    return target.with_name(target.name + PART)


def record_of(path: Path) -> Path:
    """Where it is written what a file is."""
    return path.with_name(path.name + RECORD)


def recorded(path: Path) -> dict[str, Any]:
    """What is written of a file: url, etag, size, sha256; {} where nothing is."""
    with contextlib.suppress(OSError, ValueError):
        value = json.loads(record_of(path).read_bytes())
        return value if isinstance(value, dict) else {}
    return {}


class Download:
    """One file to fetch: `size` 0 and `sha256` "" mean that the host says what they are, if it does."""

    def __init__(
        self,
        url: str,
        target: Path,
        size: int = 0,
        sha256: str = "",
        *,
        timeout: float = TIMEOUT,
        waits: Sequence[float] = WAITS,
    ) -> None:
        self._url, self._target, self._size, self._sha256 = url, target, size, sha256
        self._timeout, self._waits = timeout, waits
        self._part = part_of(target)
        self._etag = ""
        self._done = 0
        self._hash = hashlib.sha256()
        self._file = -1

    def run(self, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        """Fetch it, or go on; the last item is `done`. When it is cancelled, what has come stays.

        Raises:
            ModelError: the host refuses, cannot be reached, or sends something else; the disk cannot take it.
        """
        if self._target.exists():
            yield self._there_already()
            return
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._lock()
            yield from self._taken_up(cancelled)
            yield from self._fetched(cancelled)
            if not cancelled():
                yield self._finished()
        except OSError as error:
            raise self._disk(error) from error
        finally:
            if self._file >= 0:
                os.close(self._file)

    # -- what is here ------------------------------------------------------------------

    def _there_already(self) -> Progress:
        """The file has its name already: it is the wanted one, or another that is left alone."""
        size, known = self._target.stat().st_size, recorded(self._target)
        same = known.get("url") == self._url and known.get("size") == size
        if self._sha256:
            same = size in (self._size, size if not self._size else -1) and sha256_of(self._target) == self._sha256
        if not same:
            raise ModelError(
                f"{self._target} is there already, and is another file.", "Remove it, or choose a name with --as NAME."
            )
        self._write_record(self._target, known.get("sha256") or self._sha256)
        return Progress("done", size, size, known.get("sha256") or self._sha256)

    def _lock(self) -> None:
        """One process at a time; the kernel opens the lock again when that one dies."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelError(f"{self._target.name} is being fetched by another process.", "Wait for it.") from error
        for left in self._target.parent.glob(f"{TEMPORARY_PREFIX}*-{glob.escape(self._target.name)}*"):
            left.unlink(missing_ok=True)  # of a record that was being written when a process was killed

    def _taken_up(self, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        """Read what came earlier into the hash, if it is of the wanted file; else begin anew."""
        known, size = recorded(self._part), os.fstat(self._file).st_size
        total = known.get("size", 0)
        same = known.get("url") == self._url or (self._sha256 and known.get("sha256") == self._sha256)
        if not same or not isinstance(total, int) or size > total or (self._size and total != self._size):
            self._begin()
            return
        self._etag, self._size = str(known.get("etag", "")), total
        self._sha256 = self._sha256 or str(known.get("sha256", ""))
        told = 0.0
        while (chunk := os.pread(self._file, 4 * CHUNK, self._done)) and not cancelled():
            self._hash.update(chunk)
            self._done += len(chunk)
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                yield Progress("checking", self._done, total)

    def _begin(self) -> None:
        """Forget what is here. It goes before its record is replaced, so that no record is ever of other bytes."""
        os.ftruncate(self._file, 0)
        os.fsync(self._file)
        self._done, self._hash = 0, hashlib.sha256()

    # -- what comes --------------------------------------------------------------------

    def _fetched(self, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        failures = 0
        while not (self._size and self._done >= self._size) and not cancelled():
            before = self._done
            try:
                with opened(self._url, self._done, self._etag, self._timeout) as answer:
                    self._accept(answer)
                    yield from self._read(answer, cancelled)
                if self._done < self._size and not cancelled():
                    raise PassingError("the connection ended early")
            except PassingError as error:
                failures = 0 if self._done > before else failures + 1
                if failures > len(self._waits):
                    kept = f"{self._done:,} of {self._size:,} bytes are kept" if self._done else "Nothing has come"
                    raise ModelError(
                        f"The file could not be fetched: {error}.", f"{kept}; the same command goes on."
                    ) from error
                yield from self._wait(self._waits[max(0, failures - 1)] if self._waits else 0.0, str(error), cancelled)

    def _accept(self, answer: Answer) -> None:
        """Hold what the host says against what is wanted, then make room for it."""
        if not answer.total:
            raise ModelError("The host does not say how large the file is.", "Try another address of it.")
        if self._size and answer.total != self._size:
            raise ModelError(
                f"The host offers a file of {answer.total:,} bytes; {self._size:,} were expected.",
                "It was replaced there by another. Nothing was changed here.",
            )
        if self._sha256 and answer.sha256 and answer.sha256 != self._sha256:
            raise ModelError(
                f"The host offers a file with the SHA-256 {answer.sha256}; {self._sha256} was expected.",
                "It was replaced there by another. Nothing was changed here.",
            )
        if answer.start != self._done:  # the host sends from the beginning: it has another version, or no ranges
            self._begin()
        free = shutil.disk_usage(self._part.parent).free
        if answer.total - self._done + RESERVE > free:
            raise StorageError(
                f"The file needs {answer.total - self._done:,} more bytes; {free:,} are free on this disk.",
                "Make room, or keep models on another disk (a link at HOME/models).",
            )
        self._size, self._sha256, self._etag = answer.total, self._sha256 or answer.sha256, answer.etag
        self._write_record(self._part, self._sha256)

    def _read(self, answer: Answer, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        told, unsynced = 0.0, 0
        while self._done < self._size and not cancelled():
            chunk = answer.read(min(CHUNK, self._size - self._done))
            if not chunk:
                return
            written = 0
            while written < len(chunk):
                written += os.pwrite(self._file, chunk[written:], self._done + written)
            self._hash.update(chunk)
            self._done += len(chunk)
            unsynced += len(chunk)
            if unsynced >= SYNC_EVERY:
                os.fsync(self._file)
                unsynced = 0
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                yield Progress("fetching", self._done, self._size)

    def _wait(self, seconds: float, why: str, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        until = time.monotonic() + seconds
        yield Progress("waiting", self._done, self._size, why)
        while time.monotonic() < until and not cancelled():
            time.sleep(0.05)

    # -- the end -----------------------------------------------------------------------

    def _finished(self) -> Progress:
        """Check, sync, and give the file its name."""
        found = self._hash.hexdigest()
        if self._sha256 and found != self._sha256:
            self._discard()
            raise ModelError(
                f"What came has the SHA-256 {found}; {self._sha256} was expected. It was not used, and is deleted.",
                "Fetch it again; if that happens twice, do not trust the host.",
            )
        try:
            check_model(read_gguf(self._part))
        except GGUFError as error:
            self._discard()
            raise ModelError(f"What came cannot be used, and is deleted: {error}", error.hint) from error
        os.fsync(self._file)
        if self._target.exists():
            raise ModelError(f"{self._target} has appeared meanwhile.", "Choose a name with --as NAME.")
        self._write_record(self._target, found)
        self._part.replace(self._target)
        record_of(self._part).unlink(missing_ok=True)
        sync(self._target.parent)
        return Progress("done", self._done, self._size, found)

    def _write_record(self, path: Path, sha256: str) -> None:
        value = {"url": self._url, "etag": self._etag, "size": self._size, "sha256": sha256}
        if path == self._target:
            value |= {"size": self._size or path.stat().st_size, "verified": bool(self._sha256)}
        replace_file(record_of(path), json.dumps(value, indent=1).encode())

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        record_of(self._part).unlink(missing_ok=True)

    def _disk(self, error: OSError) -> AssistantError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageError("The disk is full.", f"{self._done:,} bytes are kept; make room and fetch it again.")
        return StorageError(f"{self._part} cannot be written: {error.strerror}.", "Check the disk and its permissions.")
