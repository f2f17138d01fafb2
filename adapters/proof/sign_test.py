"""Is one of two better more often than a coin would have it? The exact sign test (Dixon and Mood 1946)."""

from __future__ import annotations

import math


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p-value of so many wins and losses, ties left out, where both are as likely; 1.0 for none."""
    count = wins + losses
    tail = sum(math.comb(count, number) for number in range(min(wins, losses) + 1))
    share: float = 2 * tail / 2**count
    return min(1.0, share)
