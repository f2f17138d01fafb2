"""Is an adapter better at its task than its base, and did it forget anything? Figures, intervals, a verdict by rule.

Base and adapter answer the same questions; only differences of pairs count. The interval of a mean
difference comes from a paired bootstrap (Efron 1979, percentile form): rows of one conversation,
document or fact are drawn together, because they are no independent evidence.

The rule. *Task*: on answers of a median of at most 12 words the metric is token F1, on longer ones ROUGE-L.
Better is a 95 % interval wholly above zero; where the interval holds zero and the mean is not lower, a loss on
the expected answers that is lower beyond noise decides. Of pairs the metric is the share that is won: the chosen
answer has gained more on the base than the rejected one (the implicit reward of DPO, Rafailov et al. 2023), where the
base itself stands at one half, as does a taste that is chance; of ratings, how often a good one has gained more than a
bad one. What the adapter itself says must not go round in circles more often than what the base says, and must not be
what the user would like less (see own_answers). *General probe*: the mean may fall by at most the
tolerance (2 points of 100); its interval is told, not asked, because 150 items cannot bound so small
a loss. Both hold: proven. Either does not: rejected. Fewer than 8 rows, or 5 groups: not enough to tell.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from adapters.proof.answer_metrics import exact_match, rouge_l, token_f1, words
from adapters.proof.intervals import Figure, paired
from adapters.proof.own_answers import on_own_answers, own_figures
from adapters.proof.taste import TASTE, on_taste, taste_figures

MIN_ROWS, MIN_GROUPS = 8, 5
SHORT_ANSWER = 12  # words, the median
TOLERANCE = 2.0  # points of 100 that the general probe may fall
EXAMPLES = 8
RIGHT = 0.8  # a token F1 from which an answer counts as right, where examples are chosen

Decision = Literal["proven", "rejected", "undecided"]


@dataclass(frozen=True, slots=True)
class Answered:
    """One held-out row, answered by both. Losses are nats for each token of the expected answer; gaps, of a pair,
    by how many nats the expected answer, which is the chosen one, is likelier than the rejected; of an answer that was
    rated (`desirable` or not) its log-probability in nats.
    """

    question: str
    expected: str
    base: str
    adapter: str
    group: str = ""
    base_loss: float | None = None
    adapter_loss: float | None = None
    base_gap: float | None = None
    adapter_gap: float | None = None
    desirable: bool | None = None

    @property
    def margin(self) -> float | None:
        """What the chosen answer has gained on the rejected one, a good one on the base, or a bad one lost, in nats;
        None where nothing was preferred or rated.
        """
        if self.base_gap is None or self.adapter_gap is None:
            return None
        gained = self.adapter_gap - self.base_gap
        return -gained if self.desirable is False else gained


@dataclass(frozen=True, slots=True)
class Probed:
    """One item of the general probe, answered and graded for both."""

    id: str
    category: str
    question: str
    base: str
    adapter: str
    base_right: bool
    adapter_right: bool
    base_copied: bool = False  # repeats text of the training data
    adapter_copied: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says, with the reason in words."""

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Example:
    """An answer that got worse, side by side. `loss` is how much of the score was lost, 0 to 1."""

    question: str
    expected: str
    base: str
    adapter: str
    loss: float
    source: Literal["task", "probe"] = "task"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One comparison of an adapter with its base."""

    adapter: str
    base: str
    dataset: str
    verdict: Verdict
    primary: str  # name of the figure that decides
    figures: tuple[Figure, ...]
    probe: Figure
    categories: tuple[Figure, ...]
    worst: tuple[Example, ...]
    rows: int
    groups: int
    parity: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, Any] = field(default_factory=dict)  # of "rows" and "probe": [questions in its scope, all]
    seconds: float = 0.0
    created: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the registry stores it; `evaluation_from_json` reads it back."""
        return asdict(self)

    @property
    def scope(self) -> str:
        """How much the adapter is for, in words; "" where that is everything."""
        counts = [tuple(self.inside.get(name, (0, 0))) for name in ("rows", "probe")]
        if all(part == whole for part, whole in counts):
            return ""
        (rows, all_rows), (general, all_general) = counts
        return f"It is on for {rows} of {all_rows} held-out and {general} of {all_general} general questions."

    @property
    def scores(self) -> dict[str, Any]:
        """The figures that a list shows."""
        shown = {figure.name: [round(figure.base, 4), round(figure.adapter, 4)] for figure in self.figures}
        return {
            **shown, "probe": [round(self.probe.base, 4), round(self.probe.adapter, 4)], "primary": self.primary,
            "rows": self.rows, "verdict": self.verdict.decision,
        }  # fmt: skip


def evaluation_from_json(value: dict[str, Any]) -> Evaluation:
    """An evaluation that the registry stored."""
    return Evaluation(
        **{
            **value,
            "verdict": Verdict(**value["verdict"]),
            "figures": tuple(Figure(**entry) for entry in value["figures"]),
            "probe": Figure(**value["probe"]),
            "categories": tuple(Figure(**entry) for entry in value["categories"]),
            "worst": tuple(Example(**entry) for entry in value["worst"]),
        }
    )


def evaluate(
    rows: Sequence[Answered],
    probed: Sequence[Probed],
    *,
    preferred: Sequence[float] = (),
    tolerance: float = TOLERANCE,
    seed: int = 0,
    **about: Any,
) -> Evaluation:
    """Compare the answers of base and adapter; `about` are the other fields of Evaluation.

    `preferred` says of each row whether the user would prefer the adapter's own answer (1) to the base's (0), as far as
    a reward model can tell; nothing where there is none.
    """
    groups = [row.group or f"row {place}" for place, row in enumerate(rows)]
    wanted = [(row, group) for row, group in zip(rows, groups, strict=True) if row.desirable is not False]
    figures = [
        paired(name, [metric(row.base, row.expected) for row, _ in wanted],
               [metric(row.adapter, row.expected) for row, _ in wanted], [group for _, group in wanted], seed)
        for name, metric in (("exact_match", exact_match), ("token_f1", token_f1), ("rouge_l", rouge_l))
    ]  # fmt: skip
    known = [
        (row.base_loss, row.adapter_loss, group)
        for row, group in wanted
        if row.base_loss is not None and row.adapter_loss is not None
    ]
    if known:
        figures.append(
            paired("loss", [b for b, _, _ in known], [a for _, a, _ in known], [g for _, _, g in known], seed)
        )
    own, taste = own_figures(rows, preferred, groups, seed), taste_figures(rows, groups, seed)
    figures += [*own, *taste]
    primary = taste[-1].name if taste else primary_metric([row.expected for row in rows])
    probe = probe_figure("probe", probed, seed)
    kinds = dict.fromkeys(item.category for item in probed)
    before, after = [float(item.base_copied) for item in probed], [float(item.adapter_copied) for item in probed]
    copies = paired("copied", before, after, (), seed)
    by_name = {figure.name: figure for figure in figures}
    return Evaluation(
        verdict=on_own_answers(verdict(
            by_name[primary], by_name.get("loss"), probe, rows=len(rows), groups=len(set(groups)), tolerance=tolerance
        ), own),
        primary=primary, figures=(*figures, copies), probe=probe,
        categories=tuple(probe_figure(kind, [i for i in probed if i.category == kind], seed) for kind in kinds),
        worst=worst(rows, probed, primary), rows=len(rows), groups=len(set(groups)), **about,
    )  # fmt: skip


def primary_metric(expected: Sequence[str]) -> str:
    """The metric that decides: token F1 for short answers, ROUGE-L for long ones."""
    lengths = [len(words(text)) for text in expected]
    return "token_f1" if not lengths or statistics.median(lengths) <= SHORT_ANSWER else "rouge_l"


def verdict(
    task: Figure, loss: Figure | None, probe: Figure, *, rows: int, groups: int, tolerance: float = TOLERANCE
) -> Verdict:
    """What the rule says (see the top of this file)."""
    if rows < MIN_ROWS or groups < MIN_GROUPS:
        few = f"{rows} test rows" if rows < MIN_ROWS else f"test rows from {groups} conversations, documents or facts"
        return Verdict("undecided", f"Not enough to tell: {few}; at least {MIN_ROWS} from {MIN_GROUPS} are needed.")
    if not probe.count:
        return Verdict("undecided", "Not enough to tell: the general probe was not asked.")
    better, on_task = _task(task, loss)
    fall = -100 * probe.difference
    kept = fall <= tolerance + 1e-9
    change = f"falls by {fall:.1f}" if fall > 0 else f"rises by {-fall:.1f}"
    bounds = f"95 % interval {100 * probe.low:+.1f} to {100 * probe.high:+.1f}"
    general = f"The general probe {change} points ({bounds}); {tolerance:g} are tolerated."
    return Verdict("proven" if better and kept else "rejected", f"{on_task} {general}")


def worst(rows: Sequence[Answered], probed: Sequence[Probed], primary: str) -> tuple[Example, ...]:
    """Where the adapter lost most: right answers that became wrong first, then the largest loss of score; of pairs,
    those that went to the rejected answer, the surest first, and of ratings likewise.
    """
    metric = rouge_l if primary == "rouge_l" else token_f1
    found = []
    for row in rows:
        if row.margin is not None:
            if row.margin < 0:
                sure = 1 / (1 + math.exp(max(row.margin, -500.0)))
                expected = "" if row.desirable is False else row.expected
                found.append((True, sure, Example(row.question, expected, row.base, row.adapter, sure)))
            continue
        before, after = metric(row.base, row.expected), metric(row.adapter, row.expected)
        if after < before:
            broken = before >= RIGHT > after
            found.append(
                (broken, before - after, Example(row.question, row.expected, row.base, row.adapter, before - after))
            )
    found.sort(key=lambda entry: entry[:2], reverse=True)
    lost = [
        Example(item.question, "", item.base, item.adapter, 1.0, "probe")
        for item in probed
        if item.base_right and not item.adapter_right
    ]
    return (*(example for _, _, example in found[:EXAMPLES]), *lost[:EXAMPLES])


def _task(task: Figure, loss: Figure | None) -> tuple[bool, str]:
    name = {"token_f1": "Token F1", "rouge_l": "ROUGE-L", "exact_match": "Exact match"}.get(task.name, task.name)
    moves = f"{name} goes from {100 * task.base:.1f} to {100 * task.adapter:.1f}"
    bounds = f"(95 % interval of the difference {100 * task.low:+.1f} to {100 * task.high:+.1f})"
    if task.name in TASTE:
        return on_taste(task)
    if task.low > 0:
        return True, f"{moves} {bounds}: better."
    if task.high < 0:
        return False, f"{moves} {bounds}: worse."
    if task.difference >= 0 and loss is not None and loss.count and loss.high < 0:
        return (
            True,
            f"{moves}, which may be chance, but the loss falls from {loss.base:.2f} to {loss.adapter:.2f}: better.",
        )
    return False, f"{moves} {bounds}: not better beyond chance."


def probe_figure(name: str, probed: Sequence[Probed], seed: int) -> Figure:
    """How many items both answer right."""
    base, adapter = [float(item.base_right) for item in probed], [float(item.adapter_right) for item in probed]
    return paired(name, base, adapter, (), seed)
