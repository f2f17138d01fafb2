"""A figure of base and adapter, and the interval of their difference: a paired bootstrap (Efron 1979, percentiles)."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from adapters.proof.rank_correlation import NORMAL_95

RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """Means of base and adapter, their mean difference (adapter - base) and its 95 % interval."""

    name: str
    base: float
    adapter: float
    difference: float
    low: float
    high: float
    count: int


def paired(
    name: str, base: Sequence[float], adapter: Sequence[float], groups: Sequence[str] = (), seed: int = 0
) -> Figure:
    """Means of both, and the mean difference with its bootstrap interval; without values all zeros."""
    differences = [after - before for before, after in zip(base, adapter, strict=True)]
    if not differences:
        return Figure(name, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    low, high = interval(differences, groups, seed)
    return Figure(
        name,
        statistics.fmean(base),
        statistics.fmean(adapter),
        statistics.fmean(differences),
        low,
        high,
        len(differences),
    )


def interval(differences: Sequence[float], groups: Sequence[str] = (), seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean difference: 2,000 resamples, each group drawn as a whole."""
    sums: dict[str, tuple[float, int]] = {}
    for place, difference in enumerate(differences):
        group = groups[place] if groups else str(place)
        total, count = sums.get(group, (0.0, 0))
        sums[group] = (total + difference, count + 1)
    parts, draw = list(sums.values()), random.Random(seed)
    means = []
    for _ in range(RESAMPLES):
        drawn = draw.choices(parts, k=len(parts))
        means.append(sum(total for total, _ in drawn) / sum(count for _, count in drawn))
    means.sort()
    edge = int(RESAMPLES * (1 - LEVEL) / 2)
    return means[edge], means[-1 - edge]


def told_apart(name: str, good: Sequence[float], bad: Sequence[float], seed: int = 0) -> Figure:
    """In what share of all pairs of a good and a bad value the good one is higher, beside one half.

    Equal ones count half: the area under the ROC curve (Mann and Whitney 1947). For the interval good and bad values
    are drawn apart, as many as there are.
    """
    share, (low, high) = _mean_and_interval(_wins(good, bad), seed)
    return Figure(name, 0.5, share, share - 0.5, low - 0.5, high - 0.5, len(good) + len(bad))


def told_better(
    good: Sequence[float], bad: Sequence[float], base_good: Sequence[float], base_bad: Sequence[float], seed: int = 0
) -> Figure:
    """By how much more often one measure tells the same good from the same bad ones than another does."""
    mine, theirs = _wins(good, bad), _wins(base_good, base_bad)
    gains = [[one - other for one, other in zip(*rows, strict=True)] for rows in zip(mine, theirs, strict=True)]
    gain, (low, high) = _mean_and_interval(gains, seed)
    own = sum(map(sum, mine)) / (len(good) * len(bad))
    return Figure("told apart", own - gain, own, gain, low, high, len(good) + len(bad))


def _wins(good: Sequence[float], bad: Sequence[float]) -> list[list[float]]:
    return [[1.0 if one > other else 0.5 if one == other else 0.0 for other in bad] for one in good]


def _mean_and_interval(table: Sequence[Sequence[float]], seed: int) -> tuple[float, tuple[float, float]]:
    """The mean of a table, and its interval where rows and columns are drawn apart."""
    height, width = len(table), len(table[0])
    draw, means = random.Random(seed), []
    for _ in range(RESAMPLES):
        columns = draw.choices(range(width), k=width)
        rows = draw.choices(table, k=height)
        means.append(sum(row[column] for row in rows for column in columns) / (height * width))
    means.sort()
    edge = int(RESAMPLES * (1 - LEVEL) / 2)
    return sum(map(sum, table)) / (height * width), (means[edge], means[-1 - edge])


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share over `count` independent trials (Wilson, JASA 22, 1927); 0 to 1 without any.

    It keeps its width where all trials went one way, which a bootstrap does not.
    """
    if not count:
        return 0.0, 1.0
    square = NORMAL_95**2 / count
    middle = (share + square / 2) / (1 + square)
    reach = NORMAL_95 * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def share_by_group(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[float, float, float]:
    """The mean over groups of each group's mean share, with Wilson's interval over as many trials as there are groups.

    Values of one group, such as pairs of answers to one question, are no independent evidence.
    """
    sums: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        sums.setdefault(group, []).append(value)
    share = statistics.fmean(statistics.fmean(each) for each in sums.values()) if sums else 0.0
    return share, *wilson(share, len(sums))
