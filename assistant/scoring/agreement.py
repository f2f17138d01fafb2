"""Which automatic figure agrees with the user? The rank correlation of each with the user's own points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.proof.rank_correlation import spearman, spearman_interval
from assistant.scoring.automatic import PERPLEXITY, own_values
from assistant.scoring.format_rules import parse_rule
from assistant.scoring.judge import Judge, judging, weighted
from assistant.scoring.score import Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core

ENOUGH = 10  # scored answers that have a figure; fewer say nothing
JUDGE = "judge's points"
NEWEST = 300  # answers measured at most

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Spearman's correlation of one figure with the user's points over `count` answers, and its 95 % interval.

    `rho` is None where there are fewer than 10 answers, or one side is always the same.
    """

    metric: str
    count: int
    rho: float | None = None
    low: float = 0.0
    high: float = 0.0

    @property
    def says(self) -> str:
        """In words."""
        if self.count < ENOUGH:
            return f"not enough answers: {self.count} of {ENOUGH}"
        if self.rho is None:
            return "always the same"
        if self.low > 0:
            return "agrees with you"
        return "goes against you" if self.high < 0 else "not beyond chance"


async def agreement(core: Core, progress: Progress = lambda done, total: None, *, ask: bool = False) -> list[Agreement]:
    """Measure the newest scored answers and compare; the best agreement first, then what cannot be told.

    With `ask` the model is asked for the perplexity of those of which it is not known yet; the judge's points count
    where it has judged before.

    Raises:
        UsageError: a rule of the settings is none; LibraryError, WorkerError: a child died; ModelError: with `ask`,
        the chat's model is not there, or cannot be run a second time.
    """
    scored = [each for each in await core.scores.all() if each.score.overall is not None][:NEWEST]
    rules = [parse_rule(text) for text in core.config.scoring.rules]
    figures: list[dict[str, float]] = []
    async with judging(core) as judge:
        for done, each in enumerate(scored):
            progress(done, len(scored))
            message = await core.conversations.message(each.score.message)
            figures.append(await own_values(core, message, rules) | await _by_model(judge, each.score.message, ask))
    answers, right = [each.answer for each in scored], references(scored)
    if any(right):
        reply = await core.measuring.call("measure", answers=answers, references=right)
        figures = [own | found for own, found in zip(figures, reply.data, strict=True)]
    return compared([each.score.overall or 0.0 for each in scored], figures)


async def _by_model(judge: Judge, message_id: int, ask: bool) -> dict[str, float]:
    perplexity = await judge.perplexity(message_id, ask=ask)
    points = await judge.points(message_id, ask=False)
    found = {} if perplexity is None else {PERPLEXITY: perplexity}
    return found if points is None else found | {JUDGE: weighted(points)}


def references(scored: Sequence[Scored]) -> list[list[str]]:
    """For each answer what it can be held against: better answers to its question, else other ones scored well."""
    found = []
    for each in scored:
        siblings = [other for other in scored if other.question_id == each.question_id]
        better = [other.score.better for other in siblings if other.score.better]
        others = [other.answer for other in siblings if other is not each and other.score.well]
        found.append(better or others)
    return found


def compared(points: Sequence[float], figures: Sequence[Mapping[str, float]]) -> list[Agreement]:
    """The agreement of each figure with the points; an answer without the figure does not count for it."""
    names = dict.fromkeys(name for values in figures for name in values)
    found = [_one(name, [(values[name], own) for values, own in zip(figures, points, strict=True) if name in values])
             for name in names]  # fmt: skip
    return sorted(found, key=lambda each: (each.rho is None, -(each.rho or 0.0), each.metric))


def _one(name: str, pairs: Sequence[tuple[float, float]]) -> Agreement:
    rho = spearman([figure for figure, _ in pairs], [own for _, own in pairs]) if len(pairs) >= ENOUGH else None
    if rho is None:
        return Agreement(name, len(pairs))
    return Agreement(name, len(pairs), rho, *spearman_interval(rho, len(pairs)))
