"""Has an adapter learned what is preferred? Held-out pairs and ratings by what their answers have gained on the base.

What an answer has gained in log-probability is its implicit reward (Rafailov et al. 2023, arXiv 2305.18290), up to a
factor; the base itself gains nothing, and stands at one half, as does a taste that is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.proof.intervals import Figure, paired, told_apart

if TYPE_CHECKING:
    from adapters.proof.evaluation import Answered

PAIRS_WON, RATINGS_TOLD = "pairs_won", "ratings_told"
TASTE = (PAIRS_WON, RATINGS_TOLD)


def taste_figures(rows: Sequence[Answered], groups: Sequence[str], seed: int) -> list[Figure]:
    """In how many pairs the chosen answer is the likelier one, and in how many it has gained, or how often good answers
    have gained more than bad ones; the last one decides. Ties count half. Nothing where nothing was judged.
    """
    good, bad = (
        [row.margin for row in rows if row.margin is not None and row.desirable is kind] for kind in (True, False)
    )
    if good and bad:
        return [told_apart(RATINGS_TOLD, good, [-lost for lost in bad], seed)]
    gaps = [
        (row.base_gap, row.adapter_gap, group)
        for row, group in zip(rows, groups, strict=True)
        if row.base_gap is not None and row.adapter_gap is not None and row.desirable is None
    ]
    if not gaps:
        return []
    drawn = [group for *_, group in gaps]
    before, after = [followed(base) for base, *_ in gaps], [followed(adapter) for _, adapter, _ in gaps]
    won = [followed(adapter - base) for base, adapter, _ in gaps]
    return [paired("likelier", before, after, drawn, seed), paired(PAIRS_WON, [0.5] * len(won), won, drawn, seed)]


def followed(gap: float) -> float:
    """1 for a gain, 0 for a loss, one half where nothing has moved."""
    return 1.0 if gap > 0 else 0.5 if gap == 0 else 0.0


def on_taste(won: Figure) -> tuple[bool, str]:
    """Whether one of TASTE is beyond chance, and the sentence that says so."""
    interval = f"95 % interval {100 * (0.5 + won.low):.0f} to {100 * (0.5 + won.high):.0f}"
    share = f"The chosen answer gains on the rejected one in {100 * won.adapter:.0f} % of {won.count:,} held-out pairs"
    if won.name == RATINGS_TOLD:
        share = f"A good answer gains more than a bad one {100 * won.adapter:.0f} times of 100 ({won.count:,} held out)"
    if won.low > 0:
        return True, f"{share} ({interval}; chance is 50): preferred beyond chance."
    return False, f"{share} ({interval}): {'worse than' if won.high < 0 else 'no better than'} chance."
