"""Search small, read wide: a passage is found by its own words, and read with what stands around it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.collaborators import Database
from ingest.document import Passage

if TYPE_CHECKING:
    import sqlite_utils

SMALLEST = 8  # tokens of the smallest neighbour worth counting on: it bounds how many rows are looked at
_AROUND = """
SELECT id, start, "end", tokens FROM chunks WHERE document_id = :document AND id BETWEEN :first AND :last
AND (page, place, headings) IS (SELECT page, place, headings FROM chunks WHERE id = :id) ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chunk as a stretch of its document: its number, character offsets, and length in tokens."""

    id: int
    start: int
    end: int
    tokens: int


async def with_surroundings(database: Database, passages: Sequence[Passage], tokens: int) -> tuple[Passage, ...]:
    """The passages, each with up to `tokens` tokens (of the embedder) of the chunks before and behind it.

    A passage is widened within its page, place and headings only, so that they stay true of all of it; what a better
    passage holds already is not read twice. `start`, `end` and `text` are then those of the whole.
    """
    if tokens <= 0 or not passages:
        return tuple(passages)
    return await database.read(lambda db: _widened(db, passages, tokens))


def reach(stretches: Sequence[Stretch], middle: int, taken: Collection[int], tokens: int) -> tuple[int, int]:
    """First and last place of the neighbours that are read with the stretch at place `middle`, taken by turns.

    `stretches` are in reading order, without a gap in their numbers where nothing lies between them; a number in
    `taken` ends a side, and so does a neighbour that would go over `tokens`.
    """
    first = last = middle
    sides = [1, -1]
    while sides:
        side = sides.pop(0)
        at = (last if side > 0 else first) + side
        near = stretches[at] if 0 <= at < len(stretches) else None
        if near is None or abs(near.id - stretches[at - side].id) != 1 or near.id in taken or near.tokens > tokens:
            continue
        tokens -= near.tokens
        first, last = min(first, at), max(last, at)
        sides.append(side)
    return first, last


def _widened(db: sqlite_utils.Database, passages: Sequence[Passage], tokens: int) -> tuple[Passage, ...]:
    taken = {passage.chunk_id for passage in passages}
    most = 1 + tokens // SMALLEST
    result = []
    for passage in passages:
        number = passage.chunk_id
        values = {"document": passage.document_id, "id": number, "first": number - most, "last": number + most}
        stretches = [Stretch(*row) for row in db.conn.execute(_AROUND, values)]
        middle = next((at for at, each in enumerate(stretches) if each.id == number), None)
        if middle is None:  # it was replaced since it was found
            result.append(passage)
            continue
        first, last = reach(stretches, middle, taken, tokens)
        taken.update(each.id for each in stretches[first : last + 1])
        start, end = stretches[first].start, max(each.end for each in stretches[first : last + 1])
        result.append(passage if first == last else _read(db, passage, start, end))
    return tuple(result)


def _read(db: sqlite_utils.Database, passage: Passage, start: int, end: int) -> Passage:
    row = db.conn.execute(
        "SELECT substr(text, ?, ?) FROM document_texts WHERE document_id = ?",
        (start + 1, end - start, passage.document_id),
    ).fetchone()
    return replace(passage, text=row[0], start=start, end=end) if row else passage
