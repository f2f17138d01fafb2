"""Question-answer pairs drafted by the loaded model from documents, in a file that the user reviews before use."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.data.dataset import check_name, plain
from adapters.data.messages import clean
from adapters.data.near_duplicates import words
from adapters.errors import DatasetError
from adapters.rows import Origin, Row, Turn
from assistant.backends.base import ChatMessage, Done
from assistant.conversation import Sampling
from assistant.document_rows import chosen_documents, document_rows
from assistant.errors import UsageError
from assistant.prompting import marker_for
from ingest.atomic_file import replace_file

if TYPE_CHECKING:
    from assistant.bootstrap import Core

PASSAGE = 1_200  # characters the model reads at once
SAMPLING = Sampling(temperature=0.3, max_tokens=400)
PROMPT = (
    "Between the marks stands a passage of a document. Write {count} questions that it answers, each with its answer "
    "in one sentence, taken from the passage. A question must be clear without the passage. "
    "Write nothing else, in this form:\nQ: question\nA: answer\n\n<<<{marker}\n{passage}\n{marker}>>>"
)
PAIR = re.compile(
    r"(?:^|\n)\W{0,4}(?:\d{1,2}[.)]\s{0,3})?\W{0,4}(?:Q|Question)\s?\d{0,2}\s?[:.]\W{0,4}(?P<question>[^\n]{3,500})\n{1,2}"
    r"\W{0,6}(?:A|Answer)\s?\d{0,2}\s?[:.]\W{0,3}(?P<answer>[^\n]{1,1000})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """One pair. `keep` is None until the user says true or false; `grounded` is the share of the answer's words
    that stand in the passage."""

    question: str
    answer: str
    keep: bool | None = None
    document: str = ""
    start: int = 0  # character offset of the passage in the document's text
    passage: str = ""
    grounded: float = 0.0
    writer: str = ""  # the model and adapter that drafted it


@dataclass(frozen=True, slots=True)
class DraftProgress:
    """How far drafting is: passages done, of how many, and the pairs found so far."""

    done: int
    total: int
    drafts: tuple[Draft, ...]


def drafts_file(home: Path, name: str) -> Path:
    """The file of a draft's name (HOME/training/drafts/NAME.jsonl), or `name` itself where it is a file's path.

    Raises:
        DatasetError: it is neither.
    """
    path = Path(name).expanduser()
    if path.suffix == ".jsonl" or path.is_file():
        return path
    check_name(name)
    return home / "training" / "drafts" / f"{name}.jsonl"


def read_drafts(path: Path) -> list[Draft]:
    """The pairs in a file, as the user left them.

    Raises:
        DatasetError: there is no such file, or a line in it is no draft.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read.", "`assistant dataset draft NAME` makes one.") from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [_parsed(line, f"{path.name}:{number}") for number, line in lines]


def save_drafts(path: Path, drafts: Iterable[Draft]) -> None:
    """Write the pairs, one a line, with what decides them first.

    Raises:
        OSError: the disk is full; the file before is untouched.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [json.dumps({"keep": draft.keep, **asdict(draft)}, ensure_ascii=False) for draft in drafts]
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())


def reviewed(
    drafts: Sequence[Draft], place: int, keep: bool | None, question: str = "", answer: str = ""
) -> list[Draft]:
    """The pairs with the one at `place` decided, and edited where texts are given."""
    before = drafts[place]
    after = replace(before, keep=keep, question=question or before.question, answer=answer or before.answer)
    return [*drafts[:place], after, *drafts[place + 1 :]]


def draft_rows(drafts: Sequence[Draft], name: str) -> list[Row]:
    """The pairs the user wants to keep, as rows; `name` is the file's.

    Raises:
        DatasetError: none was kept, or none was reviewed.
    """
    kept = [(number, draft) for number, draft in enumerate(drafts, 1) if draft.keep]
    if not kept:
        waiting = sum(draft.keep is None for draft in drafts)
        what = f"none of its {waiting:,} pairs is reviewed" if waiting else "no pair in it is to be kept"
        raise DatasetError(
            f"{name} cannot be used: {what}.",
            "Set “keep” to true or false in each line, or use `assistant dataset review`.",
        )
    return [_row(number, draft, name) for number, draft in kept]


async def draft_pairs(
    core: Core, path: Path, documents: Sequence[str], collections: Sequence[str] = (), *, each: int = 2, limit: int = 50
) -> AsyncGenerator[DraftProgress, None]:
    """Draft `each` pairs from up to `limit` passages, spread over the documents, and add them to `path`.

    The file is written after every passage, so leaving the loop keeps what was drafted. Passages that
    are in the file already are not asked about again.

    Raises:
        AssistantError: nothing to draft from, or the model failed; DatasetError: `path` holds something else.
    """
    chosen = await chosen_documents(core, documents, collections)
    if not chosen:
        raise UsageError("There is no document to draft from.", "Name some with --document or --collection.")
    await core.leaving.check_documents(await core.model.ready(), [each.id for each in chosen])
    drafts = await asyncio.to_thread(read_drafts, path) if path.exists() else []
    known = {(draft.document, draft.start) for draft in drafts}
    rows = [row for document in chosen for row in await document_rows(core, document, PASSAGE)]
    rows = [row for row in rows if (row.origin.name, int(row.origin.id)) not in known]
    rows = [rows[place * len(rows) // min(limit, len(rows))] for place in range(min(limit, len(rows)))]
    asked = {plain(draft.question) for draft in drafts}
    yield DraftProgress(0, len(rows), tuple(drafts))
    for done, row in enumerate(rows, 1):
        new = [draft for draft in await _drafted(core, row, each) if plain(draft.question) not in asked]
        asked |= {plain(draft.question) for draft in new}
        drafts += new
        await asyncio.to_thread(save_drafts, path, drafts)
        yield DraftProgress(done, len(rows), tuple(drafts))


async def _drafted(core: Core, row: Row, each: int) -> list[Draft]:
    prompt = PROMPT.format(count=each, marker=marker_for("", row.text), passage=row.text)
    parts: list[str] = []
    async for piece in core.model.complete([ChatMessage("user", prompt)], SAMPLING):
        if not isinstance(piece, Done):
            parts.append(piece)
    info = core.model.info
    writer = " + ".join(filter(None, (info.name if info else "", core.model.adapter)))
    pairs = parse_pairs("".join(parts))[:each]
    return [
        Draft(
            question, answer, None, row.origin.name, int(row.origin.id), row.text, grounding(answer, row.text), writer
        )
        for question, answer in pairs
    ]


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """The pairs in what a model wrote, whatever it wrote around them."""
    found = [(match["question"].strip(" *_"), match["answer"].strip(" *_")) for match in PAIR.finditer(text)]
    return [(question, answer) for question, answer in dict(found).items() if question and answer]


def grounding(answer: str, passage: str) -> float:
    """The share of the answer's words that stand in the passage, 0 to 1."""
    said, given = words(answer), set(words(passage))
    return round(sum(word in given for word in said) / len(said), 2) if said else 0.0


def _parsed(line: str, place: str) -> Draft:
    known = {entry.name for entry in fields(Draft)}
    try:
        value: dict[str, Any] = json.loads(line)
        told: dict[str, Any] = {key: entry for key, entry in value.items() if key in known}
        draft = Draft(**told)
        draft = replace(draft, question=clean(draft.question), answer=clean(draft.answer), start=int(draft.start))
        if not (isinstance(draft.keep, bool | None) and draft.question.strip() and draft.answer.strip()):
            raise ValueError(place)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        hint = "Each line needs “question”, “answer” and “keep”: true, false or null."
        raise DatasetError(f"{place} is no draft.", hint) from error
    return draft


def _row(number: int, draft: Draft, name: str) -> Row:
    turns = (Turn("user", draft.question.strip()), Turn("assistant", draft.answer.strip()))
    place = draft.document or name
    group = f"document:{place}:{draft.start}" if draft.document else f"{name}:{number}"
    return Row(turns, origin=Origin("document", place, str(number), group, "reviewed", draft.writer))
