"""What was said of answers to one question beside each other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.errors import UsageError

FEWEST_ANSWERS, MOST_ANSWERS = 2, 4


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """An answer in a comparison. `rank` 1 is the best; equal ranks were not told apart."""

    message: int
    rank: int
    text: str
    model: str
    adapter: str

    @property
    def writer(self) -> str:
        """The model, and the adapters that were on."""
        return " + ".join(filter(None, (self.model, self.adapter)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two to four answers to one question, in the order in which they were shown.

    `all_bad` says that none of them will do, which is a tie that nothing is to be learned from.
    """

    id: int
    question_id: int
    question: str
    answers: tuple[ComparedAnswer, ...]
    all_bad: bool = False
    note: str = ""
    created_at: str = ""  # ISO 8601, UTC

    @property
    def picked(self) -> ComparedAnswer | None:
        """The one that was best alone."""
        best = [answer for answer in self.answers if answer.rank == 1]
        return best[0] if len(best) == 1 else None


def ranks_of_pick(count: int, picked: int | None) -> tuple[int, ...]:
    """Ranks of `count` answers of which the one at place `picked` is the best; of a tie where it is None."""
    return tuple(1 if picked in (None, place) else 2 for place in range(count))


def check_count(messages: Sequence[int]) -> None:
    """Whether so many answers can be compared.

    Raises:
        UsageError: too few, too many, or one of them twice.
    """
    if not FEWEST_ANSWERS <= len(messages) <= MOST_ANSWERS:
        raise UsageError(f"Two to four answers can be compared, not {len(messages)}.", "Choose as many.")
    if len(set(messages)) < len(messages):
        raise UsageError("An answer cannot be compared with itself.", "Choose different ones.")
