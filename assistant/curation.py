"""How do chats, teachings, documents and files become a dataset? Chosen by the user, each row with its origin."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.data.building import Material, Options, build
from adapters.data.dataset import Dataset
from adapters.data.formats import BadRow, read_file
from adapters.data.lengths import Measure, Measured, by_words
from adapters.data.near_duplicates import words
from adapters.data.preview import Preview, spread
from adapters.data.routing import kind_of
from adapters.data.row_formats import Given
from adapters.rows import Row
from assistant.chat_rows import ChosenAnswer, answer_row, chat_rows
from assistant.document_rows import chosen_documents, document_rows
from assistant.drafting import draft_rows, drafts_file, read_drafts
from assistant.errors import AssistantError, ModelError, UsageError, WorkerError
from assistant.prompting import system_prompt
from assistant.scoring.learning import scored_well
from assistant.scoring.preferences import pair_row, pairs, rated_rows
from assistant.storage.datasets import dataset_folder, load_dataset, save_dataset
from assistant.storage.teachings import Teaching

if TYPE_CHECKING:
    from assistant.bootstrap import Core

BATCH = 512  # texts counted, or rows shown, in one call of a child
FACTS_LOOKED_UP = 40  # questions asked of the library before a training
SOURCES = {"edited": "better answers", "comparison": "comparisons", "scores": "answers scored apart"}
FOUND_IN = 3  # passages in which an answer is looked for


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """What a dataset is to be built from, all of it named by the user."""

    name: str
    files: tuple[Path, ...] = ()
    chats: tuple[int, ...] = ()  # whole chats, with every answer in them
    answers: tuple[ChosenAnswer, ...] = ()  # single answers, edited or not
    teachings: bool = False
    scores: bool = False  # the better answers that were typed, and the answers scored well
    pairs: bool = False  # what was preferred to what: comparisons, better answers, answers scored apart
    ratings: bool = False  # answers scored well, and answers scored badly
    documents: tuple[str, ...] = ()  # number, path or title: their text, for continued training
    collections: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()  # reviewed question-answer pairs: a draft's name or a file
    options: Options = field(default_factory=Options)


@dataclass(slots=True)
class _Gathered:
    """Material as it grows."""

    rows: list[Given] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def build_dataset(core: Core, request: DatasetRequest) -> Dataset:
    """Build a dataset and write it over the one of its name.

    Raises:
        DatasetError, AssistantError: something named is not there, or what there is cannot be learned
            from; OSError: the disk is full. The dataset before is untouched.
    """
    dataset = await plan_dataset(core, request)
    return await asyncio.to_thread(save_dataset, core.config.home, dataset)


async def plan_dataset(core: Core, request: DatasetRequest) -> Dataset:
    """The dataset as `build_dataset` would write it: counts, kind, warnings, advice; nothing is written.

    Raises:
        DatasetError, AssistantError: as above.
    """
    dataset_folder(core.config.home, request.name)
    material = await gather(core, request)
    measure = await _measure(core, request.options.max_tokens)
    return await asyncio.to_thread(build, request.name, material, request.options, measure)


async def gather(core: Core, request: DatasetRequest) -> Material:
    """All rows that were asked for, with what could not be used and what to say of them.

    Raises:
        DatasetError, AssistantError: as above.
    """
    found = _Gathered()
    for path in request.files:
        read = await asyncio.to_thread(read_file, path.expanduser())
        found.rows += read.rows
        found.bad += read.bad
        found.sources.append(f"{read.name} ({len(read.rows):,} rows, {read.format})")
    await _gather_chats(core, request, found)
    if request.teachings:
        taught = [teaching_row(entry) for entry in await core.teachings.all()]
        found.rows += taught
        found.sources.append(f"teachings ({len(taught):,})")
    if request.pairs:
        await _gather_pairs(core, found)
    if request.ratings:
        await _gather_ratings(core, found)
    for document in await chosen_documents(core, request.documents, request.collections):
        rows = await document_rows(core, document)
        found.rows += [Given(row) for row in rows]
        found.sources.append(f"{document.title} ({len(rows):,} passages)")
    for name in request.drafts:
        await _gather_drafts(core, name, found)
    in_documents = await facts_in_documents(core, [given.row for given in found.rows])
    return Material(tuple(found.rows), tuple(found.bad), tuple(found.sources), tuple(found.notes), in_documents)


async def preview_dataset(core: Core, name: str, count: int = 3, max_tokens: int = 0) -> list[Preview]:
    """`count` rows of a dataset, training rows first, as the very tokens the chat's model would learn.

    `max_tokens` 0 is what the dataset was built for. The tokenizer is loaded in a child of its own.

    Raises:
        DatasetError: no such dataset; ModelError, TrainingError: no model whose tokenizer can be read.
    """
    dataset = await asyncio.to_thread(load_dataset, core.config.home, name)
    rows = spread(dataset.split("train") or dataset.rows, count)
    limit = max_tokens or int(dataset.card.options.get("max_tokens", 0)) or Options().max_tokens
    return await preview_rows(core, rows, limit)


async def preview_rows(core: Core, rows: Sequence[Row], max_tokens: int) -> list[Preview]:
    """The tokens of any rows; see preview_dataset."""
    worker = core.encoding_worker()
    try:
        reply = await worker.call("preview", rows=[row.as_json() for row in rows], max_tokens=max_tokens)
    finally:
        await worker.stop()
    return [
        Preview(**{**entry, "tokens": tuple((text, bool(learned)) for text, learned in entry["tokens"])})
        for entry in reply.data
    ]


def teaching_row(taught: Teaching) -> Given:
    """A teaching as a row; it is a group of its own, so that its wordings stay together."""
    from adapters.rows import Origin, Turn

    turns = (Turn("user", taught.question), Turn("assistant", taught.answer))
    return Given(Row(turns, origin=Origin("teach", "teachings", str(taught.id), f"teach:{taught.id}")))


async def facts_in_documents(core: Core, rows: Sequence[Row]) -> int:
    """How many of the rows are short facts that the library can answer already; looks at some of them.

    A fact stands in the library when the words of its answer stand in the passages found for its question.
    """
    facts = [row for row in rows if kind_of(row) == "facts"]
    if not facts or not (await core.library.counts()).passages:
        return 0
    try:
        return sum([await _is_answered(core, row) for row in spread(facts, FACTS_LOOKED_UP)])
    except AssistantError:
        return 0  # advice only: a library that cannot be searched says so where it is used


async def _is_answered(core: Core, row: Row) -> bool:
    wanted = {word for word in words(row.answer) if len(word) > 2 or word.isdigit()} - set(words(row.question))
    found = await core.retriever.search(row.question, FOUND_IN, None)
    said = {word for passage in found.passages for word in words(passage.text)}
    return bool(wanted) and wanted <= said


async def _gather_chats(core: Core, request: DatasetRequest, found: _Gathered) -> None:
    rows: list[Row] = []
    for chat in dict.fromkeys(request.chats):
        rows += await chat_rows(core, chat)
    for chosen in (*request.answers, *(await scored_well(core) if request.scores else ())):
        rows.append(await answer_row(core, chosen))
    if not rows:
        return
    found.rows += [Given(row) for row in rows]
    found.sources += [f"chat “{name}” ({count:,} rows)" for name, count in Counter(r.origin.name for r in rows).items()]
    own = sum(bool(row.origin.adapter) for row in rows)
    if own:
        models = ", ".join(sorted({row.origin.adapter for row in rows if row.origin.adapter}))
        what = "1 row holds answers" if own == 1 else f"{own:,} rows hold answers"
        found.notes.append(f"{what} that a model wrote ({models}): learned are its mistakes too. Edit what is wrong.")


async def _gather_pairs(core: Core, found: _Gathered) -> None:
    """The user's own preferences.

    Raises:
        UsageError: there are none.
    """
    known = await pairs(core)
    if not known:
        raise UsageError(
            "No answer was preferred to another yet.",
            "Compare answers (Alt+V, /compare, `assistant compare`), or type better ones (Alt+S).",
        )
    found.rows += [Given(await pair_row(core, pair)) for pair in known]
    told = Counter(SOURCES[pair.source] for pair in known)
    found.sources += [f"{name} ({count:,} {'pair' if count == 1 else 'pairs'})" for name, count in told.items()]


async def _gather_ratings(core: Core, found: _Gathered) -> None:
    """The answers that were scored.

    Raises:
        UsageError: there are none.
    """
    rows = await rated_rows(core)
    if not rows:
        raise UsageError("No answer was scored good or bad yet.", "Score some in the chat: Alt+Y, Alt+N, Alt+S.")
    found.rows += [Given(row) for row in rows]
    good = sum(row.desirable is True for row in rows)
    found.sources.append(f"scores ({good:,} good, {len(rows) - good:,} bad)")


async def _gather_drafts(core: Core, name: str, found: _Gathered) -> None:
    path = drafts_file(core.config.home, name)
    drafts = await asyncio.to_thread(read_drafts, path)
    rows = draft_rows(drafts, path.name)
    found.rows += [Given(row) for row in rows]
    found.sources.append(f"{path.name} ({len(rows):,} reviewed pairs)")
    waiting = sum(draft.keep is None for draft in drafts)
    if waiting:
        found.notes.append(f"{waiting:,} pairs of {path.name} were not reviewed, so they are not used.")


async def _measure(core: Core, limit: int) -> Measure:
    """Counts tokens with the chat's own model; by words where it cannot be loaded."""
    try:
        info = await core.model.ready()
    except (ModelError, WorkerError):
        return by_words(limit)
    loop, overhead = asyncio.get_running_loop(), info.message_overhead
    system = (await core.model.count([system_prompt(core.config.answer.system_prompt)]))[0] + overhead

    def count(texts: list[str]) -> list[int]:
        return asyncio.run_coroutine_threadsafe(core.model.count(texts), loop).result()

    def measure(rows: Sequence[Row]) -> list[Measured]:
        return _measured(rows, count, overhead, system, limit)

    return measure


def _measured(
    rows: Sequence[Row], count: Callable[[list[str]], list[int]], overhead: int, system: int, limit: int
) -> list[Measured]:
    rows = [row.longest for row in rows]
    texts = [text for row in rows for text in ([turn.content for turn in row.turns] or [row.text])]
    counts = iter([number for at in range(0, len(texts), BATCH) for number in count(texts[at : at + BATCH])])
    measured = []
    for row in rows:
        tokens = sum(next(counts) + overhead for _ in row.turns) if row.turns else next(counts)
        tokens += system if row.turns and row.turns[0].role != "system" else 0
        cut = max(0, tokens - limit)
        measured.append(Measured(tokens, cut, "" if not cut else "start" if row.turns else "end"))
    return measured
