"""Which rows say the same, which contradict each other, and are there enough of them?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.data.dataset import label, plain
from adapters.data.near_duplicates import jaccard, shingles, similar_pairs
from adapters.data.row_formats import Given
from adapters.data.splitting_rows import key_text
from adapters.errors import DatasetError
from adapters.rows import Row

NEARLY_EQUAL = 0.85  # Jaccard of word pairs; Lee et al. 2022 (arXiv 2107.06499) remove from 0.8 on
SHORT_ANSWER = 200  # characters: two short answers are the same only if they are equal, word for word
CONTRADICTED = 0.05  # share of the questions that may have two short answers
NUMBERS = re.compile(r"\d+")
# Distinct rows needed (facts: facts, in whatever wordings), and how many work well. OpenAI's fine-tuning guide asks
# for at least 10 examples and sees clear gains from 50 to 100; LIMA (arXiv 2305.11206) teaches style with 1,000.
ENOUGH = {
    "facts": (5, 20), "style": (10, 50), "vocabulary": (10, 50), "passages": (10, 100), "text": (10, 100),
    "preferences": (10, 100), "ratings": (20, 200),
}  # fmt: skip
NOUNS = {"facts": "fact", "text": "passage of text", "preferences": "pair", "ratings": "rated answer"}
LEAST_OF_EACH = 5  # good and bad answers: below, what is held out cannot have both


@dataclass(frozen=True, slots=True)
class Distinct:
    """The rows that are left, and how many were left out as equal and as nearly equal."""

    rows: tuple[Given, ...]
    exact: int
    near: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One question with more than one short answer, or two answers preferred both ways: where the first two stand."""

    question: str
    first: str
    second: str
    what: str = "answered differently"

    def __str__(self) -> str:
        return f"“{self.question[:60]}” is {self.what} in {self.first} and {self.second}"


def distinct(rows: Sequence[Given]) -> Distinct:
    """One of each. Of equal rows the held-out one stays, else the first.

    Rows are nearly equal when their questions (or texts) are, their numbers are the same, and so are
    their answers. Questions of one group are wordings of one thing and stay.
    """
    order = sorted(range(len(rows)), key=lambda number: not (rows[number].placed and rows[number].row.split != "train"))
    seen: set[tuple[str, ...]] = set()
    different = [number for number in order if not _seen(_content(rows[number].row), seen)]
    ordered = [rows[number].row for number in different]
    gone: set[int] = set()
    for left, right in similar_pairs([key_text(row) for row in ordered], NEARLY_EQUAL):
        if left not in gone and _same(ordered[left], ordered[right]):
            gone.add(right)
    kept = sorted(number for place, number in enumerate(different) if place not in gone)
    return Distinct(tuple(rows[number] for number in kept), len(rows) - len(different), len(gone))


def contradictions(rows: Sequence[Row]) -> list[Contradiction]:
    """Questions (with all that was said before them) that have more than one short answer; of pairs and ratings,
    those that stand both ways.
    """
    if any(row.is_pair or row.desirable is not None for row in rows):
        return _reversed(rows)
    first: dict[tuple[str, ...], Row] = {}
    found: dict[tuple[str, ...], Contradiction] = {}
    for row in rows:
        if not row.turns or len(row.answer) > SHORT_ANSWER:
            continue
        asked = tuple(plain(turn.content).rstrip(" ?!.:") for turn in row.turns[:-1])
        other = first.setdefault(asked, row)
        if plain(other.answer).rstrip(" .!") != plain(row.answer).rstrip(" .!") and asked not in found:
            found[asked] = Contradiction(row.question, label(other), label(row))
    return list(found.values())


def _reversed(rows: Sequence[Row]) -> list[Contradiction]:
    """Pairs whose chosen answer is the rejected one of another pair, and the other way round; answers that are rated
    both good and bad.
    """
    first: dict[tuple[object, ...], Row] = {}
    found = []
    for row in rows:
        asked = tuple(plain(turn.content) for turn in row.turns[:-1])
        first[(*asked, plain(row.answer), plain(row.rejected), row.desirable)] = row
        back = (row.rejected, row.answer, None) if row.is_pair else (row.answer, "", not row.desirable)
        if other := first.get((*asked, plain(back[0]), plain(back[1]), back[2])):
            found.append(Contradiction(row.question, label(other), label(row), "judged both ways"))
    return found


def require_consistent(found: Sequence[Contradiction], rows: Sequence[Row]) -> None:
    """Refuse data that cannot be learned because it says two things.

    Raises:
        DatasetError: more questions have two answers than a training could get over.
    """
    questions = len({key_text(row) for row in rows if row.turns})
    if len(found) > CONTRADICTED * questions:
        allowed = int(CONTRADICTED * questions)
        those = "question is" if len(found) == 1 else "questions are"
        raise DatasetError(
            f"{len(found):,} {those} {found[0].what}, of at most {allowed} in {questions:,}: {found[0]}.",
            "Remove the wrong answers, or build with --anyway.",
        )


def require_both(rows: Sequence[Row]) -> None:
    """Refuse ratings that are all of one kind.

    Raises:
        DatasetError: there are too few good or too few bad answers.
    """
    good, bad = (sum(row.desirable is wanted for row in rows) for wanted in (True, False))
    if good + bad and min(good, bad) < LEAST_OF_EACH:
        raise DatasetError(
            f"There are {good:,} good and {bad:,} bad answers: at least {LEAST_OF_EACH} of each are needed.",
            "Score more in the chat (Alt+Y, Alt+N); good ones alone are learned with --scores.",
        )


def require_enough(rows: Sequence[Row], kind: str) -> str:
    """What to say of the number of rows, "" when there are plenty. Rows of one group count once in facts.

    Raises:
        DatasetError: too few to learn anything from; the message has the number needed.
    """
    noun = NOUNS.get(kind, "example")
    have = len({row.origin.group or plain(key_text(row)) for row in rows}) if kind == "facts" else len(rows)
    least, well = ENOUGH.get(kind, ENOUGH["style"])
    shown = f"{have} {noun if have == 1 else _plural(noun)}"
    if have < least:
        raise DatasetError(
            f"{shown} {'is' if have == 1 else 'are'} too few to learn from: at least {least} are needed.",
            f"Add {least - have} more ({well} work well), or build with --anyway.",
        )
    return f"{shown} can be learned from, but {well} or more work better." if have < well else ""


def _plural(noun: str) -> str:
    return "passages of text" if noun.startswith("passage") else f"{noun}s"


def _seen(content: tuple[str, ...], seen: set[tuple[str, ...]]) -> bool:
    known = content in seen
    seen.add(content)
    return known


def _content(row: Row) -> tuple[str, ...]:
    """What makes two rows equal: who says which words, whatever the white space."""
    return (
        *(f"{turn.role} {' '.join(turn.content.split())}" for turn in row.turns),
        *(" ".join(text.split()) for text in (row.text, row.rejected)),
        str(row.desirable),
    )


def _same(left: Row, right: Row) -> bool:
    if left.desirable is not right.desirable:
        return False
    if NUMBERS.findall(key_text(left)) != NUMBERS.findall(key_text(right)):
        return False
    if not (left.turns and right.turns):
        return not left.turns and not right.turns
    if left.origin.group and left.origin.group == right.origin.group:
        return False
    if [turn.role for turn in left.turns] != [turn.role for turn in right.turns]:
        return False
    if [t.content for t in left.turns if t.role == "system"] != [t.content for t in right.turns if t.role == "system"]:
        return False
    return _alike(_answers(left), _answers(right)) and _alike(left.rejected, right.rejected)


def _alike(one: str, other: str) -> bool:
    if plain(one) == plain(other):
        return True
    long = min(len(one), len(other)) > SHORT_ANSWER
    return long and NUMBERS.findall(one) == NUMBERS.findall(other) and jaccard(shingles(one), shingles(other)) >= 0.9


def _answers(row: Row) -> str:
    return "\n".join(turn.content for turn in row.turns if turn.role == "assistant")
