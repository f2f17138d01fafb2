"""What does an adapter itself say: does it go round in circles, and would the user have its answers or the base's?

A preference can be followed by an adapter that says nothing of use any more: the likelihood of the chosen answer gains,
and what is generated falls apart. So the generated answers are looked at, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.proof import rouge
from adapters.proof.intervals import Figure, paired

if TYPE_CHECKING:
    from adapters.proof.evaluation import Answered, Verdict

LOOPING, PREFERRED = "looping", "answers_preferred"
RUN = 4  # words
FEWEST_RUNS = 8  # a shorter answer cannot go round in circles
REPEATED = 0.5  # share of runs that were there before


def loops(answer: str) -> bool:
    """Whether more than half of its runs of four words were there before (seq-rep-4 of Welleck et al. 2020, arXiv
    1908.04319).
    """
    said = rouge.tokens(answer)
    runs = [tuple(said[at : at + RUN]) for at in range(len(said) - RUN + 1)]
    return len(runs) >= FEWEST_RUNS and 1 - len(set(runs)) / len(runs) > REPEATED


def own_figures(rows: Sequence[Answered], preferred: Sequence[float], groups: Sequence[str], seed: int) -> list[Figure]:
    """How many of the answers loop; and where `preferred` says so, how often the adapter's own would be preferred (1)
    to the base's (0).
    """
    before, after = [float(loops(row.base)) for row in rows], [float(loops(row.adapter)) for row in rows]
    found = [paired(LOOPING, before, after, groups, seed)]
    return [*found, paired(PREFERRED, [0.5] * len(preferred), preferred, groups, seed)] if preferred else found


def on_own_answers(said: Verdict, figures: Sequence[Figure]) -> Verdict:
    """The verdict with what its own answers say: where more of them loop beyond chance, or the user would rather have
    the base's, nothing is proven.
    """
    reasons, worse = [said.reason], False
    for figure in figures:
        bounds = f"95 % interval of the difference {100 * figure.low:+.0f} to {100 * figure.high:+.0f}"
        if figure.name == PREFERRED:
            worse = worse or figure.high < 0
            reasons.append(
                f"Of its own answers {100 * figure.adapter:.0f} % would be preferred to the base's ({bounds})."
            )
        elif figure.low > 0:
            worse = True
            moves = f"{100 * figure.adapter:.0f} % of its answers go round in circles"
            reasons.append(f"{moves}, of the base's {100 * figure.base:.0f} % ({bounds}).")
    decision = "rejected" if worse and said.decision == "proven" else said.decision
    return replace(said, decision=decision, reason=" ".join(reasons))
