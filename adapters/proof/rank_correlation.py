"""Do two orders agree? Spearman's rank correlation, with an interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

NORMAL_95 = 1.959964  # standard errors on either side of a 95 % interval


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    found = [0.0] * len(values)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[start]]:
            for place in order[start:end]:
                found[place] = (start + 1 + end) / 2
            start = end
    return found


def spearman(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Correlation of the ranks, -1 to 1; None where one side is all equal or there are fewer than two values."""
    if len(set(left)) < 2 or len(set(right)) < 2:
        return None
    return statistics.correlation(ranks(left), ranks(right))


def spearman_interval(rho: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a rank correlation over `count` pairs, at least 4.

    By Fisher's transform with the standard error of Bonett and Wright (Psychometrika 65, 2000).
    """
    if abs(rho) >= 1:
        return rho, rho
    reach = NORMAL_95 * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return math.tanh(math.atanh(rho) - reach), math.tanh(math.atanh(rho) + reach)
