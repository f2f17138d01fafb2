"""Is what would be on at least as good as what is on? The same questions to both, and a verdict by rule.

The rule. *Task*: on held-out rows that neither has learned, the mean of what would be on is not lower. Of pairs and
ratings the figure is how often a judgement is followed: the chosen answer has gained more on the base than the rejected
one, a good answer has gained, a bad one has lost. *General probe*: its mean falls by at most the tolerance. Both hold:
proven. Fewer rows than a proof needs: not enough to tell, and what is on stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.proof.answer_metrics import rouge_l, token_f1
from adapters.proof.evaluation import (
    MIN_GROUPS,
    MIN_ROWS,
    TOLERANCE,
    Answered,
    Evaluation,
    Probed,
    Verdict,
    primary_metric,
    probe_figure,
    worst,
)
from adapters.proof.intervals import Figure, paired
from adapters.proof.taste import followed

FOLLOWED = "followed"
METRICS = {"token_f1": token_f1, "rouge_l": rouge_l}
NAMES = {"token_f1": "Token F1", "rouge_l": "ROUGE-L", FOLLOWED: "The share of judgements that are followed"}


def succeed(
    rows: Sequence[Answered],
    kept: Sequence[float | None],
    probed: Sequence[Probed],
    *,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    **about: Any,
) -> Evaluation:
    """Compare what is on (`base` in rows and items) with what would be on (`adapter`).

    The gaps of the rows are those of the base model and of what would be on; `kept` are the margins of what is on, as
    Answered.margin has them. `about` are the other fields of Evaluation.
    """
    task = _task(rows, kept, seed)
    probe = probe_figure("probe", probed, seed)
    kinds = dict.fromkeys(item.category for item in probed)
    groups = len({row.group or f"row {place}" for place, row in enumerate(rows)})
    return Evaluation(
        verdict=_verdict(task, probe, len(rows), groups, tolerance), primary=task.name, figures=(task,), probe=probe,
        categories=tuple(probe_figure(kind, [i for i in probed if i.category == kind], seed) for kind in kinds),
        worst=worst(rows, probed, task.name), rows=len(rows), groups=groups, **about,
    )  # fmt: skip


def _task(rows: Sequence[Answered], kept: Sequence[float | None], seed: int) -> Figure:
    judged = [
        (followed(before), followed(row.margin), row.group or f"row {place}")
        for place, (row, before) in enumerate(zip(rows, kept, strict=True))
        if before is not None and row.margin is not None
    ]
    if judged:
        old, new = [before for before, *_ in judged], [after for _, after, _ in judged]
        return paired(FOLLOWED, old, new, [group for *_, group in judged], seed)
    name = primary_metric([row.expected for row in rows])
    metric, groups = METRICS[name], [row.group or f"row {place}" for place, row in enumerate(rows)]
    before, after = ([metric(text, row.expected) for row, text in zip(rows, texts, strict=True)]
                     for texts in ([row.base for row in rows], [row.adapter for row in rows]))  # fmt: skip
    return paired(name, before, after, groups, seed)


def _verdict(task: Figure, probe: Figure, rows: int, groups: int, tolerance: float) -> Verdict:
    if rows < MIN_ROWS or groups < MIN_GROUPS:
        few = f"{rows} held-out rows of {groups} questions are new to both"
        return Verdict("undecided", f"Not enough to tell from what is on: {few}; {MIN_ROWS} are needed.")
    fall = -100 * probe.difference
    good, whole = task.difference >= 0, fall <= tolerance + 1e-9
    moves = f"{NAMES[task.name]} is {100 * task.adapter:.1f}, with what is on {100 * task.base:.1f}"
    bounds = f"95 % interval of the difference {100 * task.low:+.1f} to {100 * task.high:+.1f}"
    change = f"falls by {fall:.1f}" if fall > 0 else f"rises by {-fall:.1f}"
    reason = (
        f"{moves} ({bounds}): {'as good or better' if good else 'not as good'}."
        f" The general probe {change} points against it; {tolerance:g} are tolerated."
    )
    return Verdict("proven" if good and whole else "rejected", reason)
