"""A question of an evaluation set: what is asked, what is right, and where in the documents that stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapters.rows import Turn


@dataclass(frozen=True, slots=True)
class Gold:
    """Where an answer stands.

    `document` is a file's name, the end of its path, or its title; `page` counts from 1, None where the format has
    none or any page will do; `quote` are the words that prove the answer, "" where the place is all that is known.
    """

    document: str
    page: int | None = None
    quote: str = ""

    @property
    def label(self) -> str:
        """In words: `lease.pdf, p. 2`."""
        return f"{self.document}, p. {self.page}" if self.page else self.document


@dataclass(frozen=True, slots=True)
class Question:
    """One row of a set. Any one of `answers` is right; `unanswerable` says that declining is.

    `follows` is the id of an earlier question: it is asked behind that one and the answer that was given to it.
    `history` are turns to be read before it as they stand. Questions of one `group` are no independent evidence.
    `source` says where the row comes from.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    unanswerable: bool = False
    tags: tuple[str, ...] = ()
    follows: str = ""
    history: tuple[Turn, ...] = ()
    group: str = ""
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """As a line of the set's file; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def sha256(self) -> str:
        """Names what is asked and what is right, so that answers to it can be compared over runs."""
        told = [self.question, self.answers, self.unanswerable, self.follows, [asdict(turn) for turn in self.history]]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a set, in their order, under its name."""

    name: str
    questions: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        """Names this very content: questions, answers, places and tags."""
        return hashlib.sha256(set_bytes(self.questions)).hexdigest()

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, in the order in which they come."""
        return tuple(dict.fromkeys(tag for question in self.questions for tag in question.tags))

    def groups(self) -> list[str]:
        """For each question what it must be drawn together with: its group, else the question that began its thread."""
        by_id = {question.id: question for question in self.questions}
        found = []
        for question in self.questions:
            first = question
            while first.follows:
                first = by_id[first.follows]
            found.append(first.group or first.id)
        return found


def set_bytes(questions: Sequence[Question]) -> bytes:
    """The content of a set's file: one question a line."""
    return "".join(f"{json.dumps(each.as_json(), ensure_ascii=False)}\n" for each in questions).encode()
