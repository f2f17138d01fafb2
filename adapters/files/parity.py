"""Does llama.cpp with the exported adapter say what transformers with the trained one says?

The trainer leaves greedy continuations of some prompts with the likeliest logits at each place (parity.json).
llama.cpp follows the same tokens, so every place is compared by itself. Both engines differ a little without any
adapter too (16-bit cache, 8-bit activations over quantised weights): that noise, measured with the adapter off, is
the measure for what is seen with it on. A wrong export (rows of q and k in the other order, a lost scale) can read
fluently; it is the distance of the logits that gives it away.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.errors import TrainingError

NOISE_FACTOR = 2.0  # differences up to this many times the base's largest are noise
SMALLEST_NOISE = 1e-3  # of logits: what 16-bit weights of the adapter cost where the base is exact
DRIFT_FACTOR = 3.0  # the typical difference with the adapter on may be this many times the base's


class Step(Protocol):
    """What llama.cpp says at one place (see assistant.backends.base.Step)."""

    @property
    def token(self) -> int:
        """Its best token."""

    @property
    def chosen(self) -> list[float]:
        """Its logits of the candidates."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """A greedy continuation by the reference, and its likeliest tokens with their logits at each place."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    top: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def candidates(self) -> list[list[int]]:
        """The tokens to ask about, for each place."""
        return [[token for token, _ in place] for place in self.top]


@dataclass(frozen=True, slots=True)
class ParityReport:
    """How far the engines are apart, in logits. `first_divergence` is the earliest place (0 = first token) at which
    another token was chosen beyond noise, over all prompts; -1 for none."""

    max_base: float
    max_adapter: float
    typical_base: float  # median
    typical_adapter: float
    first_divergence: int
    same: int  # prompts without a divergence
    prompts: int

    @property
    def tolerance(self) -> float:
        """Differences up to this are noise."""
        return max(NOISE_FACTOR * self.max_base, SMALLEST_NOISE)

    @property
    def agreed(self) -> bool:
        """Whether the exported adapter may be used."""
        drift = max(DRIFT_FACTOR * self.typical_base, SMALLEST_NOISE)
        return self.same == self.prompts > 0 and self.typical_adapter <= drift

    def as_json(self) -> dict[str, Any]:
        """For a file or `--json`."""
        return {
            "agreed": self.agreed, "prompts": self.prompts, "same": self.same,
            "first_divergence": self.first_divergence, "tolerance": self.tolerance, "max_base": self.max_base,
            "max_adapter": self.max_adapter, "typical_base": self.typical_base,
            "typical_adapter": self.typical_adapter,
        }  # fmt: skip

    @property
    def text(self) -> str:
        """One line for people."""
        if self.agreed:
            return (
                f"Both engines agree on {self.same} of {self.prompts} prompts; logits differ by at most "
                f"{self.max_adapter:.2g} with the adapter, {self.max_base:.2g} without."
            )
        if self.same < self.prompts:
            return (
                f"The engines agree on {self.same} of {self.prompts} prompts only, and part at token "
                f"{self.first_divergence + 1} at the earliest."
            )
        return (
            f"The logits of the engines differ by {self.typical_adapter:.2g} with the adapter, by "
            f"{self.typical_base:.2g} without: the exported file is not what was trained."
        )


def read_references(value: Any) -> list[tuple[Continuation, Continuation]]:
    """The content of parity.json: each prompt's continuation by the base and with the adapter.

    Raises:
        TrainingError: it is damaged, or holds no prompts.
    """
    try:
        pairs = [
            (_continuation(entry["prompt"], entry["base"]), _continuation(entry["prompt"], entry["adapter"]))
            for entry in value["prompts"]
        ]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise TrainingError("The run's parity.json is damaged.", "Train again.") from error
    if not pairs:
        raise TrainingError("The run has no reference to compare with.", "Only LoRA adapters can be compared.")
    return pairs


def compare(
    references: Sequence[tuple[Continuation, Continuation]],
    base: Sequence[Sequence[Step]],
    adapter: Sequence[Sequence[Step]],
) -> ParityReport:
    """Hold what llama.cpp said along the references, adapter off and on, against them."""
    without = [pair[0] for pair in references]
    within = [pair[1] for pair in references]
    noise, drift = _differences(without, base), _differences(within, adapter)
    tolerance = max(NOISE_FACTOR * max(noise), SMALLEST_NOISE)
    divergences = [_divergence(one, steps, tolerance) for one, steps in zip(within, adapter, strict=True)]
    found = [place for place in divergences if place >= 0]
    return ParityReport(
        max(noise), max(drift), statistics.median(noise), statistics.median(drift), min(found, default=-1),
        len(divergences) - len(found), len(divergences),
    )  # fmt: skip


def _continuation(prompt: Any, value: Any) -> Continuation:
    tokens = tuple(int(token) for token in value["tokens"])
    top = tuple(tuple((int(token), float(logit)) for token, logit in place) for place in value["top"])
    numbers = [logit for place in top for _, logit in place]
    if len(top) != len(tokens) or not tokens or not prompt or not all(top) or not all(map(math.isfinite, numbers)):
        raise ValueError
    return Continuation(tuple(int(token) for token in prompt), tokens, top)


def _differences(references: Sequence[Continuation], followed: Sequence[Sequence[Step]]) -> list[float]:
    """|logit here - logit there| of all candidates at all places."""
    return [
        abs(mine - logit) if math.isfinite(mine) else math.inf
        for reference, steps in zip(references, followed, strict=True)
        for place, step in zip(reference.top, steps, strict=True)
        for (_, logit), mine in zip(place, step.chosen, strict=True)
    ]


def _divergence(reference: Continuation, steps: Sequence[Step], tolerance: float) -> int:
    """The first place where llama.cpp prefers another token although the reference is sure of its own, -1 for none."""
    return next(_divergences(reference, steps, tolerance), -1)


def _divergences(reference: Continuation, steps: Sequence[Step], tolerance: float) -> Iterator[int]:
    for place, (token, top, step) in enumerate(zip(reference.tokens, reference.top, steps, strict=True)):
        logits = dict(top)
        lowest = min(logits.values())  # what is not among the likeliest lies below them
        own = logits.get(token, lowest)
        other = logits.get(step.token)
        if step.token != token and (other is None or own - other > tolerance):
            yield place
