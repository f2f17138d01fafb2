"""What is one example before it becomes a row: a question, its passages, and what should be answered?"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.rows import Origin, Row, Turn
from assistant.prompting import NOT_FOUND, question_with_passages
from ingest.document import Passage

DECLINE = NOT_FOUND
MARK = re.compile(r"\[#(\d)\]")  # in an item's answer: the passage `gold[n]`, numbered when the prompt is built


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage before it has a place in a prompt."""

    document: str
    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()

    def holds(self, phrase: str) -> bool:
        """Whether the phrase stands here as whole words, whatever the case."""
        plain = " ".join(f"{self.document} {' '.join(self.headings)} {self.text}".lower().split())
        return bool(re.search(rf"(?<!\w){re.escape(' '.join(phrase.lower().split()))}(?!\w)", plain))


@dataclass(frozen=True, slots=True)
class Item:
    """An example. `kind` is what it teaches; `group` must not be torn apart by a split.

    `gold` are the passages that the answer cites as [#0], [#1]…; `others` are beside the point.
    """

    kind: str
    source: str
    licence: str
    group: str
    question: str
    answer: str
    gold: tuple[Piece, ...] = ()
    others: tuple[Piece, ...] = ()
    history: tuple[tuple[str, str], ...] = ()

    @property
    def declines(self) -> bool:
        """Whether the right answer is that the documents do not say."""
        return self.answer == DECLINE


def cited(answer: str, *marks: int) -> str:
    """A short answer with its marks before the full stop, the first letter large."""
    text = answer.strip().rstrip(".").rstrip()
    if len(text) > 1 and text[0].islower() and not any(letter.isupper() for letter in text[1:3]):
        text = text[0].upper() + text[1:]
    end = "" if text.endswith(("!", "?")) else "."
    return f"{text} {''.join(f'[#{mark}]' for mark in marks or (0,))}{end}"


def declined(item: Item, kind: str, others: Sequence[Piece], question: str = "") -> Item:
    """The item with passages that do not hold its answer."""
    return replace(item, kind=kind, question=question or item.question, answer=DECLINE, gold=(), others=tuple(others))


def as_row(item: Item, number: int, chance: random.Random) -> Row:
    """The row with the very prompt that the chat would build; the passages stand in any order."""
    pieces = [(piece, place) for place, piece in enumerate(item.gold)] + [(piece, None) for piece in item.others]
    chance.shuffle(pieces)
    marks = {place: mark for mark, (_, place) in enumerate(pieces, 1) if place is not None}
    passages = [_passage(piece, mark) for mark, (piece, _) in enumerate(pieces, 1)]
    last = question_with_passages(item.question, passages) if passages else item.question
    answer = MARK.sub(lambda match: f"[{marks[int(match[1])]}]", item.answer)
    before = [turn for asked, said in item.history for turn in (Turn("user", asked), Turn("assistant", said))]
    origin = Origin("document", name=item.source, id=f"{item.kind}-{number}", group=item.group)
    return Row((*before, Turn("user", last), Turn("assistant", answer)), origin=origin, only_last=bool(before))


def _passage(piece: Piece, number: int) -> Passage:
    return Passage(
        chunk_id=number, document_id=number, document=piece.document, path=piece.document, text=piece.text,
        start=0, end=len(piece.text), page=piece.page, headings=piece.headings,
    )  # fmt: skip
