"""Where evaluation sets are kept: HOME/evaluation/sets/NAME.jsonl, one question a line, for any editor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.data.formats import BadRow
from assistant.errors import NotFoundError, UsageError
from assistant.evaluation.question import Question, QuestionSet, set_bytes
from assistant.evaluation.reading import read_questions
from ingest.atomic_file import replace_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = ("run", "sets", "build", "review", "show", "remove", "runs", "report", "retrieval", "candidates")


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A set as its file holds it, with the rows of the file that are no questions."""

    questions: QuestionSet
    bad: tuple[BadRow, ...] = ()


def set_file(home: Path, name: str) -> Path:
    """Where the set called `name` is kept, or would be.

    Raises:
        UsageError: `name` cannot be a set's.
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{name[:80]!r} cannot be the name of an evaluation set.",
            "Use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
        )
    if name in RESERVED:
        raise UsageError(f"An evaluation set cannot be called {name}: that is an action.", "Choose another name.")
    return home / "evaluation" / "sets" / f"{name}.jsonl"


def list_sets(home: Path) -> list[str]:
    """The names of all sets."""
    return sorted(path.stem for path in (home / "evaluation" / "sets").glob("*.jsonl"))


def load_set(home: Path, name: str) -> StoredSet:
    """A set, checked row by row.

    Raises:
        NotFoundError: there is none of this name; UsageError: no row of its file is a question.
    """
    path = set_file(home, name)
    if not path.is_file():
        known = ", ".join(list_sets(home)) or "none yet"
        raise NotFoundError(
            f"There is no evaluation set {name}.", f"There are: {known}. `assistant eval build` makes one."
        )
    found = read_questions(path)
    return StoredSet(QuestionSet(name, found.questions), found.bad)


def save_set(home: Path, name: str, questions: Sequence[Question]) -> QuestionSet:
    """Write a set over the one of its name.

    Raises:
        OSError: the disk is full or read-only; the set before is untouched.
    """
    path = set_file(home, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, set_bytes(questions))
    return QuestionSet(name, tuple(questions))


def remove_set(home: Path, name: str) -> None:
    """Delete a set's file; what was answered to it stays.

    Raises:
        NotFoundError: there is none.
    """
    path = set_file(home, name)
    if not path.is_file():
        raise NotFoundError(f"There is no evaluation set {name}.", "`assistant eval sets` lists them.")
    path.unlink()
