"""Is the local judge worth hearing? Its agreement with the user's own scores and preferences, and its bias of place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.proof.intervals import share_by_group
from assistant.scoring.agreement import ENOUGH, Agreement, compared
from assistant.scoring.judge import Judge, PairVerdict, judging, weighted
from assistant.scoring.preferences import Pair, pairs
from assistant.scoring.score import ASPECTS, Score, Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core

NEWEST = 100  # scored answers, and pairs, that are judged at most
OVERALL = "overall"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, over `count` pairs of `questions` questions."""

    share: float
    low: float
    high: float
    count: int
    questions: int


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """How far the judge agrees with the user.

    `points`: Spearman's correlation of its points with the user's, by aspect and overall. `won`: how often it prefers
    what the user prefers, of the pairs on which its two orders agree; a tie counts half. `first`: how often it picked
    the answer shown first, of its picks in either order, one half where the place does not matter. `unscored` pairs
    got two answers that contradict each other. Of `missing` of the `total` answers and pairs there is no judgement:
    too long for it, or not asked yet.
    """

    model: str
    points: tuple[Agreement, ...]
    won: Share
    first: Share
    unscored: int
    missing: int
    total: int

    @property
    def useful(self) -> bool:
        """Whether it prefers what the user prefers beyond chance, over enough questions."""
        return self.won.questions >= ENOUGH and self.won.low > 0.5

    @property
    def says(self) -> str:
        """Whether to hear it, and why not."""
        won = self.won
        if won.questions < ENOUGH:
            return (
                f"Not to be relied on: it has a verdict on pairs of {won.questions:,} of your questions; {ENOUGH} are "
                "needed to know how far it agrees with you."
            )
        interval = f"95 % interval {100 * won.low:.0f} to {100 * won.high:.0f}"
        share = f"{100 * won.share:.0f} % of {won.count:,} pairs ({interval})"
        if self.useful:
            return f"It prefers what you prefer in {share}."
        return f"Not to be relied on: it prefers what you prefer in {share}, no better than the toss of a coin."

    @property
    def bias(self) -> str:
        """In words: how much the place decides."""
        first = self.first
        if not first.count:
            return "No pair has been judged yet."
        told = f"It picked the answer shown first in {100 * first.share:.0f} % of {first.count:,} picks"
        interval = f"95 % interval {100 * first.low:.0f} to {100 * first.high:.0f}; 50 is no bias"
        return f"{told} ({interval}). {self.unscored:,} pairs are unscored, because its two orders disagree."

    @property
    def left(self) -> str:
        """In words: what was not judged."""
        return f"{self.missing:,} of {self.total:,} answers and pairs are not judged, or too long for it."


async def judge_report(core: Core, progress: Progress = lambda done, total: None, *, ask: bool = True) -> JudgeReport:
    """Let the judge judge the newest scored answers and pairs, and compare; what it said before is not asked again.

    Without `ask` only that counts, and the model is not started.

    Raises:
        ModelError, WorkerError: the model cannot be run beside the chat's.
    """
    scored = [each for each in await core.scores.all() if each.score.overall is not None][:NEWEST]
    found = (await pairs(core))[-NEWEST:]
    total = len(scored) + len(found)
    async with judging(core) as judge:
        figures, own, missing = await _points(judge, scored, lambda done: progress(done, total), ask)
        verdicts: list[tuple[int, PairVerdict]] = []
        for done, pair in enumerate(found, len(scored)):
            progress(done, total)
            verdict = await judge.prefers(pair, ask=ask)
            missing += verdict is None
            if verdict is not None:
                verdicts.append((await _question(core, pair), verdict))
    return _report(core.model.name, figures, own, verdicts, (missing, total))


async def _points(
    judge: Judge, scored: Sequence[Scored], progress: Callable[[int], None], ask: bool
) -> tuple[list[dict[str, float]], list[Score], int]:
    """The judge's points for answers, the user's beside them, and of how many there are none."""
    figures, own, missing = [], [], 0
    for done, each in enumerate(scored):
        progress(done)
        said = await judge.points(each.score.message, ask=ask)
        if said is None:
            missing += 1
            continue
        figures.append({**said, OVERALL: weighted(said)})
        own.append(each.score)
    return figures, own, missing


async def _question(core: Core, pair: Pair) -> int:
    return (await core.conversations.message(pair.message)).parent_id or 0


def _report(
    model: str,
    figures: Sequence[dict[str, float]],
    own: Sequence[Score],
    verdicts: Sequence[tuple[int, PairVerdict]],
    missing: tuple[int, int],
) -> JudgeReport:
    points = []
    for name in (*ASPECTS, OVERALL):
        theirs = [score.overall if name == OVERALL else score.points(name) for score in own]
        both = [(each[name], points) for each, points in zip(figures, theirs, strict=True) if points is not None]
        agreed = compared([float(mine) for _, mine in both], [{name: said} for said, _ in both])
        points.append(agreed[0] if agreed else Agreement(name, 0))
    decided = [(question, verdict.won) for question, verdict in verdicts if verdict.won is not None]
    places = [(question, place) for question, verdict in verdicts for place in verdict.places]
    return JudgeReport(model, tuple(points), _share(decided), _share(places), len(verdicts) - len(decided), *missing)


def _share(values: Sequence[tuple[int, float]]) -> Share:
    questions = [question for question, _ in values]
    share, low, high = share_by_group([value for _, value in values], questions)
    return Share(share, low, high, len(values), len(set(questions)))


def report_lines(report: JudgeReport) -> list[str]:
    """The report for a person: a line for each aspect, then what the pairs say, and the bias of place."""
    lines = []
    for each in report.points:
        shown = f"{each.rho:+.2f} ({each.low:+.2f} to {each.high:+.2f})" if each.rho is not None else ""
        lines.append(f"{each.metric:<10} {shown:<24} {each.count:>4} answers  {each.says}")
    return [*lines, report.says, report.bias, *([report.left] if report.missing else [])]
