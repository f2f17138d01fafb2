"""Which rows are evaluated together? Rows are laid end to end behind the prefix they share: no padding.

Most rows of a chat begin with the same system prompt. Its tokens are evaluated once for a pack, and
every row of the pack looks back at them; the result is the same as evaluating each row alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.training.encoding import Encoded


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows evaluated together. Token ids are `prefix` and then each row's rest; `rows` are their indices."""

    rows: tuple[int, ...]
    prefix: int  # tokens all rows share at their start
    ids: tuple[int, ...]
    lengths: tuple[int, ...]  # of the rests
    predictors: tuple[int, ...]  # the place in `ids` whose output predicts a learned token…
    targets: tuple[int, ...]  # …and that token
    counts: tuple[int, ...]  # learned tokens of each row


@dataclass(frozen=True, slots=True)
class Step:
    """Rows for one step of the optimizer, by index: of the data, and general ones."""

    rows: tuple[int, ...]
    replay: tuple[int, ...]


def pack(rows: Sequence[Encoded], indices: Sequence[int], limit: int) -> list[Pack]:
    """Put rows into packs of at most `limit` tokens (a longer row gets its own), similar lengths together."""
    return _packs(rows, [(index,) for index in indices], limit)


def pack_pairs(rows: Sequence[Encoded], pairs: Sequence[int], limit: int) -> list[Pack]:
    """The same for pairs: rows 2p and 2p + 1 are pair p, and stand beside each other. Alone they share their prompt."""
    return _packs(rows, [(2 * pair, 2 * pair + 1) for pair in pairs], limit)


def _packs(rows: Sequence[Encoded], units: Sequence[tuple[int, ...]], limit: int) -> list[Pack]:
    packs: list[Pack] = []
    open_rows: list[int] = []
    for unit in sorted(units, key=lambda unit: (-sum(len(rows[index].ids) for index in unit), unit)):
        if open_rows and _tokens(rows, [*open_rows, *unit]) > limit:
            packs.append(_packed(rows, open_rows))
            open_rows = []
        open_rows += unit
    if open_rows:
        packs.append(_packed(rows, open_rows))
    return packs


def steps(
    sizes: Sequence[int], replay: int, share: float, *, batch_tokens: int, epochs: float, seed: int
) -> list[Step]:
    """All steps of a run, in order: rows are shuffled anew for each epoch, general rows taken in turn.

    `sizes` are the tokens of each row, `replay` how many general rows there are, `share` how many of them
    accompany a row.
    """
    per_epoch = [_epoch(sizes, batch_tokens, random.Random(f"{seed}/{number}")) for number in range(math.ceil(epochs))]
    wanted = max(1, round(sum(map(len, per_epoch)) * epochs / len(per_epoch))) if per_epoch else 0
    general = _in_turn(replay, random.Random(f"{seed}/replay"))
    chosen, owed = [], 0.0
    for rows in [rows for epoch in per_epoch for rows in epoch][:wanted]:
        owed += share * len(rows) if replay else 0
        taken = min(int(owed), replay)
        owed -= int(owed)
        chosen.append(Step(tuple(rows), tuple(next(general) for _ in range(taken))))
    return chosen


def _epoch(sizes: Sequence[int], batch_tokens: int, chance: random.Random) -> list[list[int]]:
    order = list(range(len(sizes)))
    chance.shuffle(order)
    batches: list[list[int]] = []
    used = batch_tokens
    for index in order:
        if used >= batch_tokens:
            batches.append([])
            used = 0
        batches[-1].append(index)
        used += sizes[index]
    return batches


def _in_turn(count: int, chance: random.Random) -> Iterator[int]:
    while True:
        order = list(range(count))
        chance.shuffle(order)
        yield from order


def _shared(rows: Sequence[Encoded], indices: Sequence[int]) -> int:
    """How many tokens all the rows begin with, none of them learned, and at least one left in each row."""
    first = rows[indices[0]]
    length = min(len(rows[index].ids) for index in indices) - 1
    length = min(length, next((place for place, learned in enumerate(first.learned) if learned), length))
    for index in indices[1:]:
        other = rows[index]
        same = 0
        while same < length and other.ids[same] == first.ids[same] and not other.learned[same]:
            same += 1
        length = same
    return length if len(indices) > 1 else 0


def _tokens(rows: Sequence[Encoded], indices: Sequence[int]) -> int:
    prefix = _shared(rows, indices)
    return prefix + sum(len(rows[index].ids) - prefix for index in indices)


def _packed(rows: Sequence[Encoded], indices: Sequence[int]) -> Pack:
    prefix = _shared(rows, indices)
    ids = list(rows[indices[0]].ids[:prefix])
    lengths, predictors, counts = [], [], []
    targets: list[int] = []
    for index in indices:
        row, start, before = rows[index], len(ids), len(targets)
        for place in range(max(prefix, 1), len(row.ids)):
            if row.learned[place]:
                predictors.append(prefix - 1 if place == prefix else start + place - prefix - 1)
                targets.append(row.ids[place])
        ids += row.ids[prefix:]
        lengths.append(len(row.ids) - prefix)
        counts.append(len(targets) - before)
    return Pack(
        tuple(indices), prefix, tuple(ids), tuple(lengths), tuple(predictors), tuple(targets), tuple(counts)
    )  # fmt: skip
