"""The very tokens of a row and which of them are learned, as plain data that any front end can draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from adapters.rows import Row


@dataclass(frozen=True, slots=True)
class Preview:
    """A row as the model will read it: (text of a token, whether it is learned), and what was cut away."""

    label: str
    split: str
    tokens: tuple[tuple[str, bool], ...]
    cut: int = 0
    side: str = ""

    @property
    def learned(self) -> int:
        """How many tokens are learned."""
        return sum(learned for _, learned in self.tokens)


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """`count` rows from all over, the first one first."""
    count = min(count, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def runs(tokens: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Neighbouring tokens of one kind as one text: what is drawn in one style."""
    return [("".join(text for text, _ in run), learned) for learned, run in groupby(tokens, key=lambda token: token[1])]
