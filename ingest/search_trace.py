"""How a search came to its result: the wordings, both rankings, the fusion, the floor, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

GIVEN, WEAK, REPEATED, BEYOND = "given", "below the floor", "repeats a better one", "beyond the number asked for"


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as it was searched for, and for each of its words how many passages have it."""

    text: str
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Considered:
    """A passage that was considered: its place in both rankings (from 1, None: not found there) and all scores.

    `near` is the share of the question's neighbouring words that stand near each other in it; `order` what it
    was ranked by in the end; `outcome` one of GIVEN, WEAK, REPEATED, BEYOND; `reranked` what a reranker says, if one
    was asked.
    """

    chunk_id: int
    document: str
    label: str
    text: str
    by_words: int | None
    bm25: float | None
    by_meaning: int | None
    similarity: float | None
    near: float
    score: float
    order: float
    outcome: str
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """A search, step by step. `best` was held against `floor`; `considered` are the best, in their final order."""

    wordings: tuple[Wording, ...]
    scope: tuple[str, ...] | None
    searched: int
    found_by_words: int
    found_by_meaning: int
    best: float
    floor: float
    considered: tuple[Considered, ...]

    @property
    def passed(self) -> bool:
        """Whether the best score reached the floor."""
        return self.found_by_words + self.found_by_meaning > 0 and self.best >= self.floor

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {**asdict(self), "scope": None if self.scope is None else list(self.scope), "passed": self.passed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SearchTrace:
        """What `as_json` gave."""
        values = {key: value for key, value in data.items() if key != "passed"}
        scope = values["scope"]
        return cls(**{
            **values,
            "wordings": tuple(Wording(**entry) for entry in values["wordings"]),
            "scope": None if scope is None else tuple(scope),
            "considered": tuple(Considered(**entry) for entry in values["considered"]),
        })  # fmt: skip
