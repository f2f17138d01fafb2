"""Which rows are learned, which are held out? By group and near-duplicate cluster, never through one of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.data.near_duplicates import Clusters, near_clusters, normalised
from adapters.data.row_formats import Given
from adapters.errors import DatasetError
from adapters.rows import Row, Split

SAME_QUESTION = 0.7  # questions this similar (Jaccard of word pairs) stay on one side of the split
PART = 8  # neighbouring passages that stay together where a document must be divided
FEW = 4  # rows wanted in validation and in test, where there are enough


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the rows each held-out split gets, 0 to 0.5."""

    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing to learn.

        Raises:
            DatasetError: a share outside 0 to 0.5.
        """
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise DatasetError(f"The share of {name} must be from 0 to 0.5, not {getattr(self, name)}.")


def split_rows(given: Sequence[Given], shares: Shares, seed: int) -> list[Row]:
    """The rows with their split. Rows that name one keep it; the others are dealt out in whole units.

    A unit is what hangs together by group or by nearly equal questions. The order in which units are
    held out depends on their content and `seed` only, so rows added later move few of them. A split
    that was given by hand gets no more rows, and what hangs together with placed rows is learned.
    """
    rows = [entry.row for entry in given]
    by_hand = {entry.row.split for entry in given if entry.placed}
    loose = [unit for unit in units(rows) if not any(given[number].placed for number in unit)]
    loose.sort(key=lambda unit: _rank([rows[number] for number in unit], seed))
    total = sum(map(len, loose))
    wanted: dict[Split, int] = {"test": _wanted(shares.test, total), "validation": _wanted(shares.validation, total)}
    held = _held_out(loose, {name: count for name, count in wanted.items() if count and name not in by_hand})
    return [
        row if entry.placed else replace(row, split=held.get(number, "train"))
        for number, (row, entry) in enumerate(zip(rows, given, strict=True))
    ]


def units(rows: Sequence[Row]) -> list[list[int]]:
    """Numbers of the rows that must stay together, each unit in order."""
    near = near_clusters([key_text(row) for row in rows], SAME_QUESTION)
    if rows and max(Counter(near).values()) > max(3, len(rows) // 2):
        near = _equal([key_text(row) for row in rows])  # one pattern of question: only equal ones are the same
    clusters = Clusters(len(rows))
    groups = _groups(rows)
    first: dict[str, int] = {}
    for number in range(len(rows)):
        clusters.join(number, near[number])
        if groups[number]:
            clusters.join(number, first.setdefault(groups[number], number))
    found: dict[int, list[int]] = {}
    for number in range(len(rows)):
        found.setdefault(clusters.find(number), []).append(number)
    return list(found.values())


def _groups(rows: Sequence[Row]) -> list[str]:
    """What each row belongs to. Text of one or two documents alone is split between its parts, or not at all."""
    groups = [row.origin.group for row in rows]
    if any(row.turns for row in rows) or len(set(groups)) > 2:
        return groups
    return [f"{group}/{number // PART}" for number, group in enumerate(groups)]


def key_text(row: Row) -> str:
    """What would give a held-out row away if it were learned: its questions, or its text."""
    return "\n".join(turn.content for turn in row.turns if turn.role == "user") or row.text


def _held_out(units: list[list[int]], wanted: dict[Split, int]) -> dict[int, Split]:
    """Row numbers that are held out: whole units, while they fit; for an empty split the smallest one left."""
    held: dict[int, Split] = {}
    left = list(units)
    room = sum(map(len, units)) // 2  # at least half is learned
    for name, count in wanted.items():
        taken: list[list[int]] = []
        free = count
        for unit in left:
            if len(unit) <= free:
                taken.append(unit)
                free -= len(unit)
        if not taken and len(left) > 1 and len(smallest := min(left, key=len)) <= room:
            taken = [smallest]
        first = {unit[0] for unit in taken}
        left = [unit for unit in left if unit[0] not in first]
        room -= sum(map(len, taken))
        held |= {number: name for unit in taken for number in unit}
    return held


def _wanted(share: float, rows: int) -> int:
    return max(round(share * rows), min(FEW, rows // 5)) if share else 0


def _rank(unit: list[Row], seed: int) -> str:
    """Where a unit stands in the order of holding out: a hash of its smallest text."""
    text = min(normalised(key_text(row)) for row in unit)
    return hashlib.sha256(f"{seed}\n{text}".encode()).hexdigest()


def _equal(texts: Sequence[str]) -> list[int]:
    first: dict[str, int] = {}
    return [first.setdefault(normalised(text), number) for number, text in enumerate(texts)]
