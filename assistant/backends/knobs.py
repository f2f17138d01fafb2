"""What does each knob of sampling do to the next token? Its probabilities after one knob after the other."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

from assistant.backends.next_token import Candidate, Distribution
from assistant.conversation import Sampling

PENALTY_WINDOW = 64  # tokens of the answer that the repeat penalty looks at, llama.cpp's default


def next_tokens(
    scores: Sequence[float], sampling: Sampling, said: Sequence[int], count: int, data: Callable[[int], bytes]
) -> Distribution:
    """The `count` likeliest tokens before and after each knob of `sampling`, in the order of llama.cpp's chain.

    `scores` are of every token before softmax, `said` are the answer's tokens so far, `data` gives a token's bytes.
    Once the repeat penalty was applied, each knob keeps the first so many of what the one before left: top-k the k
    likeliest, top-p those that reach p together (nucleus sampling, Holtzman et al. 2020), min-p those with that share
    of the likeliest (Nguyen et al. 2024). Temperature cuts nothing, unless it is 0: then the likeliest alone is left.
    """
    now = _penalised(scores, said, sampling.repeat_penalty)
    ranked = sorted(range(len(now)), key=now.__getitem__, reverse=True)
    weights = [math.exp(now[token] - now[ranked[0]]) for token in ranked]
    sums = list(accumulate(weights))
    left = _left(weights, sums, sampling)
    hot = _flattened(weights[: left[-1]], sampling.temperature)
    rank = {token: place for place, token in enumerate(ranked)}

    def after(token: int) -> tuple[float, ...]:
        place = rank[token]
        cold = [weights[place] / sums[kept - 1] if place < kept else -1.0 for kept in left[:-1]]
        drawn = hot[place] if place < left[-1] else -1.0
        return tuple(0.0 if value < 0 else max(value, sys.float_info.min) for value in (*cold, drawn))

    highest = max(scores)
    total = math.fsum(math.exp(score - highest) for score in scores)
    likeliest = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:count]
    found = [
        Candidate(token, data(token), scores[token], math.exp(scores[token] - highest) / total, after(token))
        for token in likeliest
    ]
    return Distribution(tuple(found), len(scores), left)


def _penalised(scores: Sequence[float], said: Sequence[int], penalty: float) -> list[float]:
    """The scores with those of tokens that were said lowered: divided above zero, multiplied below it."""
    now = list(scores)
    for token in set(said[-PENALTY_WINDOW:]):
        now[token] = now[token] / penalty if now[token] > 0 else now[token] * penalty
    return now


def _left(weights: Sequence[float], sums: Sequence[float], sampling: Sampling) -> tuple[int, ...]:
    """How many of the ranked tokens are left after each knob. `weights` are shares of the likeliest, falling."""
    everything = len(weights)
    if sampling.temperature <= 0:
        return (everything, everything, everything, everything, 1)
    top_k = min(sampling.top_k, everything) if sampling.top_k > 0 else everything
    top_p = top_k
    if sampling.top_p < 1:
        top_p = min(top_k, bisect_left(sums, sampling.top_p * sums[top_k - 1]) + 1)
    min_p = sum(weight >= sampling.min_p for weight in weights[:top_p])
    return (everything, top_k, top_p, min_p, min_p)


def _flattened(weights: Sequence[float], temperature: float) -> list[float]:
    """Probabilities at a temperature: each weight to the power of its inverse, then shared out."""
    if temperature <= 0:
        return [1.0]
    hot = [weight ** (1 / temperature) for weight in weights]
    total = math.fsum(hot)
    return [weight / total for weight in hot]
