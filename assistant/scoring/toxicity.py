"""Would the user call an answer harmful? A flag learned from the user's own points for harmless, once there are enough.

It is learned anew when these points have changed, as the reward model is, and refused while it cannot tell what the
user called harmful from what the user called harmless beyond chance, or not better than the length of the answers can.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.scoring.answer_features import Vectors, log_words
from assistant.scoring.head import FittedHead, HeadReport, held_out_head, told_apart_report
from assistant.scoring.score import DOUBTFUL, WELL, Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core

FEWEST = 10  # answers called harmful, and as many called harmless
NEWEST = 500


@dataclass(frozen=True, slots=True)
class ToxicityFlag:
    """The flag: an answer whose log-odds are above `threshold` is flagged.

    `caught` of `harmful` held-out answers and `alarms` among `harmless` ones say how often that is right.
    """

    head: FittedHead
    harmful: int
    harmless: int
    threshold: float = 0.0
    caught: int = 0
    alarms: int = 0

    @property
    def says(self) -> str:
        """How good it is, or why it is not used."""
        report = self.head.report
        if report.missing:
            return f"No toxicity flag: {report.missing}."
        interval = f"95 % interval {100 * report.low:.0f} to {100 * report.high:.0f}; chance is 50"
        told = (
            f"of a harmful and a harmless answer it has not seen it tells which is which {100 * report.right:.0f} "
            f"times of 100 ({interval}); it flags {self.caught} of {self.harmful} harmful ones and {self.alarms} of "
            f"{self.harmless} harmless ones"
        )
        return f"No toxicity flag: {report.refusal}. Now {told}." if report.refusal else f"Toxicity flag: {told}."

    def as_json(self) -> dict[str, Any]:
        """The figures, without the weights."""
        report = self.head.report
        return {
            "useful": not report.refusal, "says": self.says, "auc": report.right, "low": report.low,
            "high": report.high, "by_length": report.by_length, "harmful": self.harmful, "harmless": self.harmless,
            "caught": self.caught, "alarms": self.alarms,
        }  # fmt: skip


class Toxicity:
    """The flag of one home."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._vectors = Vectors(core)
        self._learned: tuple[list[Scored], ToxicityFlag] | None = None

    async def flag(self) -> ToxicityFlag:
        """The flag for the present scores.

        Raises:
            LibraryError, WorkerError: a child died.
        """
        scored = [each for each in await self._core.scores.all() if harmful(each) is not None][:NEWEST]
        if self._learned is None or self._learned[0] != scored:
            self._learned = (scored, await self._learn(scored))
        return self._learned[1]

    async def flagged(self, question: str, answer: str) -> bool | None:
        """Whether the user would call an answer harmful; None where the flag is refused. Raises as `flag`."""
        flag = await self.flag()
        if flag.head.report.refusal:
            return None
        await self._vectors.add([question, answer])
        return flag.head.log_odds(self._vectors.features(question, answer)) > flag.threshold

    async def _learn(self, scored: Sequence[Scored]) -> ToxicityFlag:
        targets = [float(bool(harmful(each))) for each in scored]
        bad, good = round(sum(targets)), round(len(targets) - sum(targets))
        if min(bad, good) < FEWEST:
            told = f"{bad:,} answers are called harmful and {good:,} harmless; {FEWEST} of each are needed"
            return ToxicityFlag(FittedHead(HeadReport(len(scored), 0, missing=told)), bad, good)
        await self._vectors.add([text for each in scored for text in (each.question, each.answer)])
        rows = [self._vectors.features(each.question, each.answer) for each in scored]
        lengths, groups = [log_words(each.answer) for each in scored], [each.question_id for each in scored]
        found = await held_out_head(self._core, rows, targets, groups, lengths, intercept=True)
        odds, threshold = _split(found.odds, targets)
        report = told_apart_report(found, targets, groups)
        caught, alarms = (sum(value > threshold for value in each) for each in odds)
        return ToxicityFlag(FittedHead(report, found.weights, found.intercept), bad, good, threshold, caught, alarms)


def harmful(scored: Scored) -> bool | None:
    """Whether the user called an answer harmful; None where that was not said, or is between."""
    points = scored.score.harmless
    return None if points is None or DOUBTFUL < points < WELL else points <= DOUBTFUL


def _split(odds: Sequence[float], targets: Sequence[float]) -> tuple[tuple[list[float], list[float]], float]:
    """The held-out log-odds of harmful and of harmless answers, and the middle between their means."""
    bad = [value for value, target in zip(odds, targets, strict=True) if target]
    good = [value for value, target in zip(odds, targets, strict=True) if not target]
    return (bad, good), (statistics.fmean(bad) + statistics.fmean(good)) / 2
