"""How far an ingest run is, and what it did in the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from ingest.collection_settings import AS_EVERYWHERE, CollectionSettings
from ingest.records import FoundFile

Stage = Literal["scan", "read", "index", "rebuild"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: `done` of `total` files are on disk, `passages` are embedded so far."""

    stage: Stage
    path: str
    done: int
    total: int
    passages: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """Documents that were not removed although their files are gone: `gone` of the `held` below a folder."""

    folder: str
    gone: int
    held: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, counted as it was committed. `passages` are those written by this run.

    `moved` files lie elsewhere now and were not embedded again; they do not count as unchanged. `later` ones
    went or changed during the run, which left them as they were.
    """

    added: int
    changed: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    passages: int
    seconds: float
    moved: int = 0
    withheld: tuple[Withheld, ...] = ()
    later: int = 0


@dataclass(slots=True)
class Run:
    """The running counts of one call of `ingest`."""

    collection: int
    embedder: int
    started: float
    files: list[FoundFile] = field(default_factory=list)  # those to read
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    moved: int = 0
    later: int = 0
    withheld: list[Withheld] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passages: int = 0
    embedded: int = 0
    done: int = 0
    bytes_total: int = 0  # each file counts one byte more than it has, so that empty ones count
    bytes_done: float = 0.0
    index_is_stale: bool = False
    settings: CollectionSettings = AS_EVERYWHERE

    def progress(self, stage: Stage, path: str, under_way: float = 0.0) -> Progress:
        """`under_way` bytes of files not yet committed count for the time left."""
        done = self.bytes_done + under_way
        left = self.bytes_total - done
        seconds = (time.monotonic() - self.started) / done * left if done > 0 else None
        return Progress(stage, path, self.done, len(self.files), self.embedded, seconds)

    def summary(self) -> Summary:
        """The counts as they stand."""
        seconds = round(time.monotonic() - self.started, 3)
        return Summary(
            self.added,
            self.changed,
            self.unchanged,
            self.removed,
            tuple(self.failed),
            self.passages,
            seconds,
            self.moved,
            tuple(self.withheld),
            self.later,
        )


def combined(summaries: list[Summary]) -> Summary:
    """Several runs told as one."""
    return Summary(
        sum(each.added for each in summaries),
        sum(each.changed for each in summaries),
        sum(each.unchanged for each in summaries),
        sum(each.removed for each in summaries),
        tuple(failure for each in summaries for failure in each.failed),
        sum(each.passages for each in summaries),
        round(sum(each.seconds for each in summaries), 3),
        sum(each.moved for each in summaries),
        tuple(withheld for each in summaries for withheld in each.withheld),
        sum(each.later for each in summaries),
    )
