"""What does a run say? Figures by tag with intervals, arms against each other and against the run before, the worst.

Intervals are 95 % bootstrap intervals (`adapters.proof.intervals`), questions of one group drawn together, and Wilson's
where all are right or all wrong; arms are compared in pairs, question by question, with an exact sign test on which of
them is right. Questions tagged `learned` were sent to a dataset, so that they tell nothing any more: they stand apart
and count nowhere else.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapters.proof.intervals import Figure, interval, paired
from adapters.proof.sign_test import sign_test
from assistant.evaluation.grading import PRIMARY
from assistant.evaluation.question import Question
from assistant.evaluation.run import Graded, Run

LEARNED = "learned"  # the tag of questions that became training data
SHOWN = 12  # worst cases
SIGNIFICANT = 0.05
FEWEST = 5  # questions of a tag from which arms are compared in it
Z = statistics.NormalDist().inv_cdf(0.975)
WHY_TOLD = {
    "used but wrong": "its place was given and used, the answer is wrong: a candidate for training",
    "should have declined": "nothing answers it, and it was answered: a candidate for training",
    "not used": "its place was given, and neither cited nor said: the prompt, or too many passages",
    "not retrieved": "its place was not among the passages: the index",
    "wrong": "wrong; its place is not known, or documents were not searched",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `count` questions with its 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: a figure or a tag, and the estimate of each arm; None where the arm has none."""

    name: str
    estimates: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One arm, `after`, against another one or its own earlier run, `before`: the paired difference of what is right,
    in how many questions only one of them is right, and the two-sided p-value of the sign test."""

    name: str  # "all", or a tag
    before: str
    after: str
    figure: Figure
    wins: int
    losses: int
    p: float

    @property
    def says(self) -> str:
        """In words."""
        if not self.figure.count:
            return "no question in common"
        if self.p >= SIGNIFICANT or self.figure.low <= 0 <= self.figure.high:
            return "not beyond chance"
        return "better" if self.figure.difference > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Regression:
    """An arm against itself in an earlier run: the contrast, and the questions that became wrong or right."""

    contrast: Contrast
    broken: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A question that an arm got wrong, with the answers of all of them."""

    question: Question
    answers: tuple[Graded, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run says. Lines and outcomes have one entry for each arm, in their order."""

    run: Run
    by_tag: tuple[Line, ...]  # of what is right; "all" first
    figures: tuple[Line, ...]
    contrasts: tuple[Contrast, ...]  # each later arm against the first, over all and in tags of at least 5 questions
    outcomes: tuple[dict[str, int], ...]  # how many answers are "right", or wrong for each reason
    regressions: tuple[Regression, ...]
    before: int | None  # the number of the run that the regressions are from
    worst: tuple[Case, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain values; of answers only those of the worst cases."""
        run = self.run
        about = {
            "run": run.id, "set": run.questions.name, "set_sha256": run.set_sha256, "state": run.state,
            "created": run.created, "seconds": round(run.seconds, 1), "questions": len(run.questions.questions),
            "done": run.done, "total": run.total, "options": run.options, "arms": [asdict(arm) for arm in run.arms],
            "before": self.before,
        }  # fmt: skip
        contrasts = [{**asdict(each), "says": each.says} for each in self.contrasts]
        regressions = [{**asdict(each), "says": each.contrast.says} for each in self.regressions]
        return {
            **about, "by_tag": [asdict(line) for line in self.by_tag], "contrasts": contrasts,
            "figures": [asdict(line) for line in self.figures], "outcomes": list(self.outcomes),
            "regressions": regressions,
            "worst": [
                {"question": case.question.as_json(), "answers": [asdict(graded) for graded in case.answers]}
                for case in self.worst
            ],
        }  # fmt: skip


def report(run: Run, before: Run | None = None) -> Report:
    """The report of a run as far as it has come; `before` is the run to hold it against.

    Takes about a second for 500 questions: call it off the event loop.
    """
    questions, groups = run.questions.questions, dict(zip(_ids(run), run.questions.groups(), strict=True))
    counted = [each for each in questions if LEARNED not in each.tags]
    tags = [tag for tag in run.questions.tags if tag != LEARNED]
    parts = [("all", counted), *((tag, [each for each in counted if tag in each.tags]) for tag in tags)]
    learned = [each for each in questions if LEARNED in each.tags]
    parts += [(LEARNED, learned)] if learned else []
    by_tag = [
        Line(name, tuple(_estimate(answers, part, PRIMARY, groups) for answers in run.answers)) for name, part in parts
    ]
    names = dict.fromkeys(name for answers in run.answers for each in answers.values() for name in each.values)
    figures = [
        Line(name, tuple(_estimate(answers, counted, name, groups) for answers in run.answers)) for name in names
    ]
    contrasts = [
        _contrast(name, part, (run.arms[0].label, run.answers[0]), (arm.label, answers), groups)
        for arm, answers in zip(run.arms[1:], run.answers[1:], strict=True)
        for name, part in parts
        if name == "all" or len(part) >= FEWEST
    ]
    return Report(
        run, tuple(by_tag), tuple(figures), tuple(contrasts),
        tuple(dict(Counter(answers[each.id].why or "right" for each in counted if each.id in answers))
              for answers in run.answers),
        _regressions(run, before, counted, groups) if before else (), before.id if before else None,
        worst_cases(run, counted),
    )  # fmt: skip


def worst_cases(run: Run, questions: Sequence[Question], limit: int = SHOWN) -> tuple[Case, ...]:
    """What was answered wrongly: first what one arm has right and another wrong, then what can be learned from, then
    what is farthest from a right answer."""
    cases = [
        Case(question, tuple(answers[question.id] for answers in run.answers))
        for question in questions
        if all(question.id in answers for answers in run.answers)
    ]
    wrong = [case for case in cases if any(each.why for each in case.answers)]
    return tuple(sorted(wrong, key=_badness)[:limit])


def _badness(case: Case) -> tuple[bool, int, float]:
    reasons = list(WHY_TOLD)
    differ = len({bool(each.why) for each in case.answers}) > 1
    first = min(reasons.index(each.why) for each in case.answers if each.why)
    return (not differ, first, min(each.values.get("token F1", 0.0) for each in case.answers))


def _estimate(
    answers: dict[str, Graded], questions: Sequence[Question], name: str, groups: dict[str, str]
) -> Estimate | None:
    told = [(answers[each.id].values[name], groups[each.id]) for each in questions
            if each.id in answers and name in answers[each.id].values]  # fmt: skip
    if not told:
        return None
    return estimated([value for value, _ in told], [group for _, group in told])


def estimated(values: Sequence[float], groups: Sequence[str]) -> Estimate:
    """The mean of at least one value, with its interval; values of one group are drawn together."""
    low, high = interval(values, groups)
    if set(values) in ({0.0}, {1.0}):
        low, high = _unanimous(values[0], len(set(groups)))
    return Estimate(statistics.fmean(values), low, high, len(values))


def _unanimous(value: float, count: int) -> tuple[float, float]:
    """Wilson's score interval (1927) where all are 0 or all are 1: every resample of those is the same."""
    width = Z**2 / (count + Z**2)
    return (1 - width, 1.0) if value else (0.0, width)


def _contrast(
    name: str, questions: Sequence[Question], before: tuple[str, dict[str, Graded]],
    after: tuple[str, dict[str, Graded]], groups: dict[str, str],
) -> Contrast:  # fmt: skip
    shared = [each.id for each in questions if each.id in before[1] and each.id in after[1]]
    old, new = ([arm[1][identifier].values[PRIMARY] for identifier in shared] for arm in (before, after))
    figure = paired(PRIMARY, old, new, [groups[identifier] for identifier in shared])
    wins = sum(one > other for one, other in zip(new, old, strict=True))
    losses = sum(one < other for one, other in zip(new, old, strict=True))
    return Contrast(name, before[0], after[0], figure, wins, losses, sign_test(wins, losses))


def _regressions(
    run: Run, before: Run, questions: Sequence[Question], groups: dict[str, str]
) -> tuple[Regression, ...]:
    """Each arm that is in both runs, over the questions that are the same in both."""
    old = {question.id: question.sha256 for question in before.questions.questions}
    same = [question for question in questions if old.get(question.id) == question.sha256]
    found = []
    for arm, answers in zip(run.arms, run.answers, strict=True):
        matches = [place for place, other in enumerate(before.arms) if (other.model, other.mix) == (arm.model, arm.mix)]
        matches += [place for place, other in enumerate(before.arms) if arm.as_chat and other.as_chat]
        if not matches:
            continue
        earlier, other = before.answers[matches[0]], before.arms[matches[0]]
        contrast = _contrast("all", same, (f"{other.label}, run {before.id}", earlier), (arm.label, answers), groups)
        changed = [each.id for each in same if each.id in earlier and each.id in answers]
        broken = tuple(each for each in changed if answers[each].why and not earlier[each].why)
        mended = tuple(each for each in changed if earlier[each].why and not answers[each].why)
        found.append(Regression(contrast, broken, mended))
    return tuple(found)


def _ids(run: Run) -> list[str]:
    return [question.id for question in run.questions.questions]
