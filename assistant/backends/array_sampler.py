"""How is the next token chosen from an array of scores? The settings mean what they mean in llama.cpp. [H] numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assistant.backends.form_filter import FormFilter
from assistant.backends.knobs import PENALTY_WINDOW
from assistant.backends.token_scores import Scores
from assistant.conversation import Sampling


class ArraySampler:
    """The chain of llama.cpp for one answer: form, penalty, top-k, top-p, min-p, temperature, draw.

    The same seed draws the same answer again on this engine; llama.cpp draws other numbers from it.
    """

    def __init__(
        self,
        scores: Callable[[], Scores],
        sampling: Sampling,
        seed: int,
        form: FormFilter | None = None,
        end: int = -1,
    ) -> None:
        """`scores` gives those of every token after the last evaluated one; `end` closes an answer that has a form."""
        self._scores = scores
        self._sampling = sampling
        self._draw = np.random.default_rng(seed)
        self._form = form
        self._end = end
        self._said: list[int] = []

    def next(self) -> int:
        """The token chosen after the last evaluated one."""
        token = self._end if self._form is not None and self._form.complete else self._chosen()
        self._said.append(token)
        if self._form is not None and not self._form.complete:
            self._form.add(token)
        return token

    def close(self) -> None:
        """There is nothing to free."""

    def _chosen(self) -> int:
        scores = self._scores()
        tokens = np.asarray(self._form.allowed(), dtype=np.int64) if self._form else np.arange(len(scores))
        self._penalise(scores)
        exact = scores[tokens].astype(np.float64)
        if self._sampling.temperature <= 0:
            return int(tokens[exact.argmax()])
        ranked = _left(exact, self._sampling)
        hot = (exact[ranked] - exact[ranked[0]]) / self._sampling.temperature
        weights = np.exp(hot)
        place = np.searchsorted(np.cumsum(weights), self._draw.random() * weights.sum(), side="right")
        return int(tokens[ranked[min(int(place), len(ranked) - 1)]])

    def _penalise(self, scores: Scores) -> None:
        """Lower the scores of what the answer said last: divided above zero, multiplied below it."""
        penalty = self._sampling.repeat_penalty
        if penalty != 1.0 and self._said:
            said = np.unique(self._said[-PENALTY_WINDOW:])
            scores[said] = np.where(scores[said] > 0, scores[said] / penalty, scores[said] * penalty)


def _left(scores: NDArray[np.float64], sampling: Sampling) -> NDArray[np.int64]:
    """The places of the tokens that can be drawn, likeliest first."""
    count = min(sampling.top_k, len(scores)) if sampling.top_k > 0 else len(scores)
    top = np.argpartition(-scores, count - 1)[:count] if count < len(scores) else np.arange(len(scores))
    ranked = top[np.argsort(-scores[top], kind="stable")]
    weights = np.exp(scores[ranked] - scores[ranked[0]])
    if sampling.top_p < 1:
        sums = np.cumsum(weights)
        kept = int(np.searchsorted(sums, sampling.top_p * sums[-1])) + 1
        ranked, weights = ranked[:kept], weights[:kept]
    likely: NDArray[np.int64] = ranked[weights >= sampling.min_p]
    return likely
