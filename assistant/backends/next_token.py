"""The nouns of decoding: the token that was chosen at a place, and all that could have been."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Knob = Literal["repeat_penalty", "top_k", "top_p", "min_p", "temperature"]
KNOBS: tuple[Knob, ...] = ("repeat_penalty", "top_k", "top_p", "min_p", "temperature")  # in the order they are applied


@dataclass(frozen=True, slots=True)
class Chosen:
    """A generated token: its bytes, and its probability before any setting. `end`: it ends the answer."""

    token: int
    data: bytes
    probability: float
    end: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that could come next. `logit` is the model's score, `probability` its softmax, before any setting.

    `after` is the probability once each knob was applied, in the order of KNOBS; 0 once the token was cut off.
    """

    token: int
    data: bytes
    logit: float
    probability: float
    after: tuple[float, ...]

    @property
    def cut_by(self) -> str:
        """The knob that cut it off (`greedy` where only the likeliest is taken), "" where it can be drawn."""
        knob = next((knob for knob, left in zip(KNOBS, self.after, strict=True) if left == 0), "")
        return "greedy" if knob == "temperature" else knob

    @property
    def final(self) -> float:
        """The probability with which it is drawn."""
        return self.after[-1]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The likeliest next tokens at one place, and how many tokens are left after each knob, in the order of KNOBS."""

    candidates: tuple[Candidate, ...]
    vocabulary: int
    left: tuple[int, ...]

    @property
    def line(self) -> str:
        """`49,152 tokens could come · top_k leaves 40 · top_p leaves 12`: only the knobs that cut."""
        told, before = [f"{self.vocabulary:,} tokens could come"], self.vocabulary
        for knob, left in zip(KNOBS, self.left, strict=True):
            if left < before:
                told.append(f"{'greedy' if knob == 'temperature' else knob} leaves {left:,}")
            before = left
        return " · ".join(told)


def chosen_as_json(chosen: Chosen) -> dict[str, Any]:
    """For the pipe; bytes in hexadecimal."""
    return {**asdict(chosen), "data": chosen.data.hex()}


def chosen_from_json(value: dict[str, Any]) -> Chosen:
    """The token of `chosen_as_json`."""
    return Chosen(**{**value, "data": bytes.fromhex(value["data"])})


def distribution_as_json(found: Distribution) -> dict[str, Any]:
    """For the pipe; bytes in hexadecimal."""
    candidates = [{**asdict(each), "data": each.data.hex()} for each in found.candidates]
    return {"candidates": candidates, "vocabulary": found.vocabulary, "left": found.left}


def distribution_from_json(value: dict[str, Any]) -> Distribution:
    """The distribution of `distribution_as_json`."""
    candidates = tuple(
        Candidate(**{**each, "data": bytes.fromhex(each["data"]), "after": tuple(each["after"])})
        for each in value["candidates"]
    )
    return Distribution(candidates, value["vocabulary"], tuple(value["left"]))
