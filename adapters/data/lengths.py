"""How long are the rows in tokens, and what of them is cut away?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from adapters.rows import Row

SMALLEST_BUCKET = 16


@dataclass(frozen=True, slots=True)
class Measured:
    """A row's length, a pair's with its longer answer: all its tokens, those cut away, and at which side ("start",
    "end" or "").
    """

    tokens: int
    cut: int = 0
    side: str = ""


Measure = Callable[[Sequence[Row]], Sequence[Measured]]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of all rows; `histogram` counts rows up to each length (a power of two), `cut` those that are cut."""

    total: int
    shortest: int
    median: int
    longest: int
    limit: int  # tokens of the longest row that is learned whole
    histogram: tuple[tuple[int, int], ...]
    cut_start: int = 0  # rows that lose their beginning: early turns
    cut_end: int = 0  # rows that lose their end
    cut_tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self), "histogram": [list(bucket) for bucket in self.histogram]}


def lengths(measured: Sequence[Measured], limit: int) -> Lengths:
    """The lengths of rows as a histogram, and what `limit` cuts away."""
    counts = sorted(entry.tokens for entry in measured) or [0]
    buckets: dict[int, int] = {}
    for entry in measured:
        bucket = SMALLEST_BUCKET
        while bucket < entry.tokens:
            bucket *= 2
        buckets[bucket] = buckets.get(bucket, 0) + 1
    return Lengths(
        sum(entry.tokens for entry in measured), counts[0], int(median(counts)), counts[-1], limit,
        tuple(sorted(buckets.items())),
        sum(entry.side == "start" for entry in measured), sum(entry.side == "end" for entry in measured),
        sum(entry.cut for entry in measured),
    )  # fmt: skip


def by_words(limit: int) -> Measure:
    """Lengths without a tokenizer: four tokens for three words, and four for each turn's control tokens."""

    def measure(rows: Sequence[Row]) -> list[Measured]:
        return [_estimated(row, limit) for row in rows]

    return measure


def _estimated(row: Row, limit: int) -> Measured:
    said = [turn.content for turn in row.longest.turns] or [row.text]
    tokens = sum(len(text.split()) * 4 // 3 + 4 for text in said)
    return Measured(tokens, max(0, tokens - limit), "" if tokens <= limit else "start" if row.turns else "end")


def cut_warning(found: Lengths) -> str:
    """What is cut away, in a sentence; "" for nothing."""
    parts = []
    if found.cut_start:
        parts.append(f"{found.cut_start:,} {_rows(found.cut_start)} the beginning (early turns)")
    if found.cut_end:
        parts.append(f"{found.cut_end:,} {_rows(found.cut_end)} the end")
    if not parts:
        return ""
    return f"Longer than {found.limit:,} tokens: {' and '.join(parts)}, {found.cut_tokens:,} tokens in all."


def _rows(count: int) -> str:
    return "row loses" if count == 1 else "rows lose"
