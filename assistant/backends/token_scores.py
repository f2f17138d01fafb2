"""What do a model's scores of all tokens say of one of them? [H] numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.backends.base import Step
from assistant.backends.next_token import Candidate, Distribution
from assistant.conversation import Sampling

PENALTY_WINDOW = 64  # tokens of the answer that the repeat penalty looks at, llama.cpp's default

Scores = NDArray[np.float32]  # of every token before softmax, shape (vocabulary_size,)


def log_probability(scores: Scores, token: int) -> float:
    """The natural log of a token's probability: its score less the log of the sum of all exponentials."""
    exact = scores.astype(np.float64)
    highest = exact.max()
    return float(exact[token] - highest - np.log(np.exp(exact - highest).sum()))


def probabilities(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Softmax: all probabilities, in double precision; a score of -inf has none."""
    exact = np.exp(scores.astype(np.float64) - scores.max())
    return np.asarray(exact / exact.sum())


def next_tokens(
    scores: Scores, sampling: Sampling, said: Sequence[int], count: int, data: Callable[[int], bytes]
) -> Distribution:
    """The `count` likeliest tokens before and after each knob of `sampling`, in the order of llama.cpp's chain.

    `said` are the answer's tokens so far, `data` gives a token's bytes. Each knob works on what the one before left:
    top-p keeps the likeliest until they reach it together (nucleus sampling, Holtzman et al. 2020), min-p those that
    have that share of the likeliest (Nguyen et al. 2024).
    """
    now = scores.astype(np.float64)
    stages, greedy = [], sampling.temperature <= 0
    if sampling.repeat_penalty != 1:
        seen = np.array(sorted(set(said[-PENALTY_WINDOW:])), dtype=np.int64)
        now[seen] = np.where(now[seen] > 0, now[seen] / sampling.repeat_penalty, now[seen] * sampling.repeat_penalty)
    stages.append(probabilities(now))
    order = np.argsort(-now, kind="stable")
    if not greedy and 0 < sampling.top_k < len(order):
        now[order[sampling.top_k :]] = -np.inf
    stages.append(probabilities(now))
    if not greedy and sampling.top_p < 1:
        enough = int(np.searchsorted(np.cumsum(stages[-1][order]), sampling.top_p)) + 1
        now[order[enough:]] = -np.inf
    stages.append(probabilities(now))
    if not greedy and sampling.min_p > 0:
        now[now < now.max() + np.log(sampling.min_p)] = -np.inf
    stages.append(probabilities(now))
    if greedy:
        now[order[1:]] = -np.inf
    stages.append(probabilities(now if greedy else now / sampling.temperature))
    own = probabilities(scores)
    likeliest = np.argsort(-scores, kind="stable")[:count]
    found = [
        Candidate(
            int(each), data(int(each)), float(scores[each]), float(own[each]),
            tuple(float(stage[each]) for stage in stages),
        )
        for each in likeliest
    ]  # fmt: skip
    return Distribution(tuple(found), len(scores), tuple(int((stage > 0).sum()) for stage in stages))


def as_scores(values: Sequence[float]) -> Scores:
    """Scores from plain numbers."""
    return np.array(values, dtype=np.float32)


def step_of(scores: Scores, candidates: list[int]) -> Step:
    """The best token and the scores of the candidates."""
    best = int(scores.argmax())
    return Step(best, float(scores[best]), [float(scores[token]) for token in candidates])
