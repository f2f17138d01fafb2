"""A head learned from the user's scores: how good it is on answers it has not seen, and whether it may be used."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.proof.intervals import interval, share_by_group

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


async def fitted(
    core: Core,
    rows: Sequence[Sequence[float]],
    targets: Sequence[float],
    groups: Sequence[int],
    lengths: Sequence[float],
    *,
    intercept: bool,
) -> FittedHead:
    """Learn a head and hold it against cases of groups it has not seen; see `adapters.proof.reward_head`.

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
    right = [_right(odds, target) for odds, target in zip(reply.data["held_out"], targets, strict=True)]
    simple = [_right(odds, target) for odds, target in zip(reply.data["by_length"], targets, strict=True)]
    gains = [mine - theirs for mine, theirs in zip(right, simple, strict=True)]
    gain_low, gain_high = interval(gains, [str(group) for group in groups])
    share, low, high = share_by_group(right, groups)
    report = HeadReport(
        len(rows), len(set(groups)), share, low, high, sum(simple) / len(simple), sum(gains) / len(gains), gain_low,
        gain_high,
    )  # fmt: skip
    return FittedHead(report, tuple(reply.data["weights"]), reply.data["intercept"])


def _right(odds: float, target: float) -> float:
    return 0.5 if odds == 0 else float((odds > 0) == (target > 0.5))
