"""Who answers better, by votes? Strengths with intervals, and an order only where it is beyond chance. [H] numpy

Bradley and Terry 1952, for votes among more than two as Luce 1959: an answer is picked from a set with the
probability of its share of the set's strengths. Fitted by the MM algorithm of Hunter (Annals of Statistics 32,
2004). A tie gives each of the best a share of the win. Every contender also has half a win and half a defeat
against an average one, which keeps the strength of who never lost finite.

Intervals come from a bootstrap of whole questions: votes on the same question are no independent evidence. It draws
also from half a question that each of two who met has won, and half a one that the other has: else thirty wins of
thirty would have no spread. Two contenders are called different where their difference leaves the simultaneous 95 %
band over all pairs (the largest standardised deviation, "max-t"; Westfall and Young 1993), so that of many boards
without any difference one in twenty shows one, however many contenders there are. Those whom no chain of votes
connects are never compared.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.proof.votes import FEWEST, Standing, Vote, choices_of

RESAMPLES, LEVEL = 1_000, 0.95
PRIOR = 0.5  # wins, and as many defeats, against an average contender
AVERAGE, PER_DECADE = 1_000.0, 400.0  # points as chess counts them: 400 more are ten times the strength
ROUNDS, CLOSE = 300, 1e-7

Floats = NDArray[np.float64]


def leaderboard(votes: Sequence[Vote], resamples: int = RESAMPLES, seed: int = 0) -> tuple[Standing, ...]:
    """All contenders, the strongest first; nobody beats anybody where there are not enough votes."""
    votes = [vote for vote in votes if len(set(vote.contenders)) > 1]
    names = sorted({name for vote in votes for name in vote.contenders})
    if not names:
        return ()
    choices = _Choices(votes, names)
    drawn = np.random.default_rng(seed).multinomial(choices.questions, choices.shares, size=resamples)
    fitted = choices.strengths(choices.counts[None, :].astype(float))[0]
    spread = choices.strengths(drawn.astype(float))
    enough = [sum(name in vote.contenders for vote in votes) >= FEWEST for name in names]
    beats = _beyond_chance(fitted, spread) & np.outer(enough, enough) & choices.connected()
    low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = [
        Standing(
            name, _points(fitted[at]), _points(low[at]), _points(high[at]),
            sum(name in vote.contenders for vote in votes), choices.win_share(at), 1 + int(beats[:, at].sum()),
            tuple(other for place, other in enumerate(names) if beats[at, place]),
        )
        for at, name in enumerate(names)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.points, each.name)))


class _Choices:
    """Votes as arrays. Q kinds of questions (the same votes on them), E choices, K contenders."""

    def __init__(self, votes: Sequence[Vote], names: Sequence[str]) -> None:
        place = {name: at for at, name in enumerate(names)}
        by_question: dict[str, list[Vote]] = {}
        for vote in votes:
            by_question.setdefault(vote.question, []).append(vote)
        kinds = Counter(tuple(sorted((vote.contenders, vote.ranks) for vote in same)) for same in by_question.values())
        met = {tuple(sorted(pair)) for vote in votes for pair in itertools.combinations(set(vote.contenders), 2)}
        unseen = {((pair, ranks),) for pair in met for ranks in ((1, 2), (2, 1))}
        drawn = Counter({kind: float(count) for kind, count in kinds.items()}) + Counter(dict.fromkeys(unseen, PRIOR))
        self.questions = len(by_question)
        self.counts = np.array([kinds[kind] for kind in drawn])  # (Q,)
        self.shares = np.array(list(drawn.values())) / sum(drawn.values())
        wins, there, kind_of = [], [], []
        for at, kind in enumerate(drawn):
            for contenders, ranks in kind:
                for won, present in choices_of(Vote("", contenders, ranks)):
                    wins.append(_row(won, place))
                    there.append(_row(present, place))
                    kind_of.append(at)
        self._wins, self._there, self._kind_of = (
            np.array(wins),
            np.array(there),
            np.array(kind_of),
        )  # (E, K) twice, (E,)

    def strengths(self, counts: Floats) -> Floats:
        """Log strengths with mean 0, (B, K), of B weightings of the kinds of questions, (B, Q)."""
        weights = counts[:, self._kind_of]  # (B, E)
        won = weights @ self._wins + PRIOR
        strength = np.ones_like(won)
        for _ in range(ROUNDS):
            met = (weights / (strength @ self._there.T)) @ self._there + 2 * PRIOR / (strength + 1)
            new = won / met
            moved = float(np.abs(np.log(new / strength)).max())
            strength = new
            if moved < CLOSE:
                break
        logs: Floats = np.log(strength)
        centred: Floats = logs - logs.mean(axis=1, keepdims=True)
        return centred

    def connected(self) -> NDArray[np.bool_]:
        """(K, K): whether votes lead from one contender to the other, over others or directly."""
        met = (self._there.T @ self._there) > 0
        for _ in range(len(met)):
            met = (met.astype(float) @ met.astype(float)) > 0
        found: NDArray[np.bool_] = met
        return found

    def win_share(self, at: int) -> float:
        """Wins of a contender over the choices it stood in."""
        weights = self.counts[self._kind_of]
        there = weights[self._there[:, at] > 0].sum()
        return float((weights * self._wins[:, at]).sum() / there)


def _row(values: Any, place: dict[str, int]) -> list[float]:
    row = [0.0] * len(place)
    for name, value in values.items():
        row[place[name]] = float(value)
    return row


def _beyond_chance(fitted: Floats, spread: Floats) -> NDArray[np.bool_]:
    """(K, K): whether the one of the row is stronger than the one of the column, all pairs at once at 95 %."""
    differences = fitted[:, None] - fitted[None, :]
    deviations = spread[:, :, None] - spread[:, None, :] - differences  # (B, K, K)
    errors = deviations.std(axis=0)
    np.fill_diagonal(errors, 1.0)  # of one with itself, which is 0 everywhere
    widest = np.quantile(np.abs(deviations / errors).max(axis=(1, 2)), LEVEL)
    found: NDArray[np.bool_] = differences > widest * errors
    return found


def _points(log_strength: float) -> float:
    return AVERAGE + PER_DECADE * float(log_strength) / math.log(10)
