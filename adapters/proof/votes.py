"""What is a vote between answers, and what is known of a contender after many of them?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

FEWEST = 10  # votes of a contender before it is put into an order


@dataclass(frozen=True, slots=True)
class Vote:
    """One comparison: contenders with ranks, 1 the best; equal ranks at the top are a tie, at the bottom not told.

    The same contender may stand in it twice, with two answers.
    """

    question: str
    contenders: tuple[str, ...]
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A contender: points with their 95 % interval, its votes and its share of the wins in them (a tie is shared).

    `better_than` are those that it beats beyond chance; `place` is 1 plus the number of those that beat it.
    """

    name: str
    points: float
    low: float
    high: float
    votes: int
    wins: float
    place: int
    better_than: tuple[str, ...] = ()


def choices_of(vote: Vote) -> list[tuple[dict[str, float], Counter[str]]]:
    """The choices that a ranking stands for: each with the shares of its win, and who was there to choose from."""
    left = list(zip(vote.ranks, vote.contenders, strict=True))
    found: list[tuple[dict[str, float], Counter[str]]] = []
    while len(left) > 1:
        best = min(rank for rank, _ in left)
        winners = [name for rank, name in left if rank == best]
        if len(winners) == len(left) and found:
            break  # those at the bottom were not told apart
        shares = Counter(winners)
        found.append(({name: count / len(winners) for name, count in shares.items()}, Counter(n for _, n in left)))
        left = [entry for entry in left if entry[0] != best]
    return found
