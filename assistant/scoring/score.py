"""What does the user think of an answer? Good or bad, three aspects on five points, a note, a better answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

POINTS = (1, 2, 3, 4, 5)
ASPECTS = {"helpful": 1.0, "truthful": 1.5, "harmless": 1.5}  # with their weights; see guide.py for why they differ
WELL = 4.0  # points from which an answer is worth learning
DOUBTFUL = 2  # points of truthful or harmless up to which it is not, whatever the rest says


@dataclass(frozen=True, slots=True)
class Score:
    """One user's judgement of one answer; None and "" are what was not judged.

    The answer's message is never changed, so it keeps for the score which model, adapter, sampling,
    prompt and passages it was made with. `better` is what should have been said: it is the chosen
    answer, the original the rejected one.
    """

    message: int
    good: bool | None = None
    helpful: int | None = None  # points, 1 to 5
    truthful: int | None = None
    harmless: int | None = None
    nonsense: bool = False
    note: str = ""
    better: str = ""
    created_at: str = ""  # ISO 8601, UTC
    updated_at: str = ""

    def points(self, aspect: str) -> int | None:
        """The points of one of ASPECTS."""
        found: int | None = getattr(self, aspect)
        return found

    @property
    def overall(self) -> float | None:
        """Points from 1 to 5: the weighted mean of the aspects that have some, else 5 for good and 1 for bad.

        Nonsense is 1. None where neither was judged.
        """
        if self.nonsense:
            return 1.0
        given = [(weight, points) for name, weight in ASPECTS.items() if (points := self.points(name)) is not None]
        if given:
            return sum(weight * points for weight, points in given) / sum(weight for weight, _ in given)
        return None if self.good is None else 5.0 if self.good else 1.0

    @property
    def well(self) -> bool:
        """Whether the answer as it stands is worth learning.

        Called good, or 4 points overall where neither good nor bad was said; never nonsense, nor
        what has at most 2 points for being true or harmless.
        """
        doubtful = any(points is not None and points <= DOUBTFUL for points in (self.truthful, self.harmless))
        if self.nonsense or doubtful or self.good is False:
            return False
        overall = self.overall
        return bool(self.good) or (overall is not None and overall >= WELL)

    @property
    def empty(self) -> bool:
        """Whether nothing was judged, so that there is nothing to keep."""
        judged = any(value is not None for value in (self.good, self.helpful, self.truthful, self.harmless))
        return not (judged or self.nonsense or self.note or self.better)

    @property
    def line(self) -> str:
        """The judgement in one line: `good · helpful 4 · truthful 5 · better answer given · a note`."""
        parts = [] if self.good is None else ["good" if self.good else "bad"]
        parts += ["nonsense"] if self.nonsense else []
        parts += [f"{name} {self.points(name)}" for name in ASPECTS if self.points(name) is not None]
        parts += ["better answer given"] if self.better else []
        return " · ".join([*parts, *([self.note] if self.note else [])])

    def as_json(self) -> dict[str, Any]:
        """All fields, with what follows from them."""
        return {**asdict(self), "overall": self.overall, "well": self.well}


@dataclass(frozen=True, slots=True)
class Scored:
    """A score beside its answer, as lists show it."""

    score: Score
    chat: int
    title: str
    question_id: int  # the message that was answered, 0 where there is none
    question: str
    answer: str
    model: str
    adapter: str

    @property
    def writer(self) -> str:
        """The model, and the adapters that were on."""
        return " + ".join(filter(None, (self.model, self.adapter)))
