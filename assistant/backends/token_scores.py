"""What do a model's scores of all tokens say of one of them? [H] numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assistant.backends.base import Step

Scores = NDArray[np.float32]  # of every token before softmax, shape (vocabulary_size,)


def log_probability(scores: Scores, token: int) -> float:
    """The natural log of a token's probability: its score less the log of the sum of all exponentials."""
    exact = scores.astype(np.float64)
    highest = exact.max()
    return float(exact[token] - highest - np.log(np.exp(exact - highest).sum()))


def step_of(scores: Scores, candidates: list[int]) -> Step:
    """The best token and the scores of the candidates."""
    best = int(scores.argmax())
    return Step(best, float(scores[best]), [float(scores[token]) for token in candidates])
