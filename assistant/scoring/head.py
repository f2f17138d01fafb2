"""A head learned from the user's scores: how good it is on answers it has not seen, and whether it may be used."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from adapters.proof.intervals import interval, share_by_group, told_apart, told_better, wilson
from adapters.proof.taste import followed

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(frozen=True, slots=True)
class HeadReport:
    """How often a head is right about held-out cases, of `count` in `groups` groups, with its 95 % interval.

    `gain` is by how much that is more often than a head that sees the length of answers alone, which is right in
    `by_length` of the cases; a case on which it cannot tell counts half.
    """

    count: int
    groups: int
    right: float = 0.5
    low: float = 0.0
    high: float = 1.0
    by_length: float = 0.5
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    missing: str = ""  # why none was learned

    @property
    def useful(self) -> bool:
        """Whether it is better than chance and than length alone, beyond chance."""
        return self.low > 0.5 and self.gain_low > 0

    @property
    def told(self) -> str:
        """The share with its interval and count."""
        interval_told = f"95 % interval {100 * self.low:.0f} to {100 * self.high:.0f}; chance is 50"
        return f"right about {100 * self.right:.0f} % of {self.count:,} held-out ones ({interval_told})"

    @property
    def refusal(self) -> str:
        """Why it may not be used, "" where it may."""
        if self.missing:
            return self.missing
        if self.low <= 0.5:
            return "no better than chance"
        if self.gain_low <= 0:
            return f"no better than the length of answers alone, which is right about {100 * self.by_length:.0f} %"
        return ""


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head and its report; `weights` are one a feature."""

    report: HeadReport
    weights: tuple[float, ...] = field(repr=False, default=())
    intercept: float = 0.0

    def log_odds(self, features: Sequence[float]) -> float:
        """Of an answer: of being preferred up to a constant, or of being what the head was taught to know."""
        return sum(weight * value for weight, value in zip(self.weights, features, strict=True)) + self.intercept


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A head for all rows, and for each row the log-odds by heads that have not seen its group, one of which sees
    nothing but the length."""

    weights: tuple[float, ...] = field(repr=False)
    intercept: float
    odds: tuple[float, ...]
    by_length: tuple[float, ...]


async def held_out_head(
    core: Core,
    rows: Sequence[Sequence[float]],
    targets: Sequence[float],
    groups: Sequence[int],
    lengths: Sequence[float],
    *,
    intercept: bool,
) -> HeldOut:
    """Learn a head, and others that are held against the groups they have not seen; see `adapters.proof.reward_head`.

    Raises:
        WorkerError: the child that fits died.
    """
    flat = array("f")
    for row in rows:
        flat.extend(row)
    reply = await core.measuring.call(
        "fit_head", targets=list(targets), groups=list(groups), intercept=intercept, lengths=list(lengths),
        blob=flat.tobytes(),
    )  # fmt: skip
    found = reply.data
    return HeldOut(tuple(found["weights"]), found["intercept"], tuple(found["held_out"]), tuple(found["by_length"]))


def right_report(found: HeldOut, groups: Sequence[int]) -> HeadReport:
    """How often it prefers the chosen one of a pair, all rows being differences that should be above zero."""
    right, simple = ([followed(value) for value in odds] for odds in (found.odds, found.by_length))
    gains = [mine - theirs for mine, theirs in zip(right, simple, strict=True)]
    share, low, high = share_by_group(right, groups)
    edges = interval(gains, [str(group) for group in groups])
    return HeadReport(len(right), len(set(groups)), share, low, high, fmean(simple), fmean(gains), *edges)


def told_apart_report(found: HeldOut, targets: Sequence[float], groups: Sequence[int]) -> HeadReport:
    """How often the higher log-odds of two rows with targets of 1 and 0 are those of the 1."""
    (high_ones, low_ones), (long_ones, short_ones) = (
        [[value for value, target in zip(odds, targets, strict=True) if bool(target) is kind] for kind in (True, False)]
        for odds in (found.odds, found.by_length)
    )
    figure, gain = told_apart("harmful", high_ones, low_ones), told_better(high_ones, low_ones, long_ones, short_ones)
    low, high = wilson(figure.adapter, min(len(high_ones), len(low_ones)))  # a bootstrap of nothing but hits is a point
    low, high = min(low, 0.5 + figure.low), max(high, 0.5 + figure.high)
    return HeadReport(
        len(targets), len(set(groups)), figure.adapter, low, high,
        figure.adapter - gain.difference, gain.difference, gain.low, gain.high,
    )  # fmt: skip
