"""Where does a thing live on that was learned from, or is tested? In datasets, drafts, evaluations… Taking it out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.data.building import with_rows
from adapters.data.dataset import Card, Dataset, holding, parse_rows, plain
from adapters.errors import DatasetError
from adapters.rows import Row
from adapters.versions.continuing import learned_from
from assistant.drafting import Draft, read_drafts, save_drafts
from assistant.errors import UsageError
from assistant.evaluation.forgetting import forget_in_evaluations, sets_holding
from assistant.storage.datasets import list_datasets, load_dataset, remove_dataset, save_dataset
from assistant.storage.teachings import Teaching

if TYPE_CHECKING:
    from assistant.bootstrap import Core

SHORTEST = 3  # characters: less would be in nearly every row


@dataclass(frozen=True, slots=True)
class FoundIn:
    """A dataset, or the rows a run learned from, that holds the thing; `adapters` were trained on it."""

    name: str
    rows: tuple[Row, ...]
    adapters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Everywhere a text stands. `unreadable` names what could not be searched."""

    text: str
    datasets: tuple[FoundIn, ...] = ()
    runs: tuple[FoundIn, ...] = ()
    teachings: tuple[Teaching, ...] = ()
    drafts: Mapping[str, int] = field(default_factory=dict)  # path -> pairs
    sets: Mapping[str, int] = field(default_factory=dict)  # name of an evaluation set -> questions
    evaluations: Mapping[int, int] = field(default_factory=dict)  # number of an evaluation run -> answers
    unreadable: tuple[str, ...] = ()

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters that were trained on rows with the text, by name."""
        return tuple(sorted({name for place in (*self.datasets, *self.runs) for name in place.adapters}))

    @property
    def anywhere(self) -> bool:
        """Whether it was found at all."""
        return bool(self.runs) or self.removable

    @property
    def removable(self) -> bool:
        """Whether `forget` can take it out of something."""
        return bool(self.datasets or self.teachings or self.drafts or self.sets or self.evaluations)


async def find_everywhere(core: Core, text: str, trained: Mapping[str, Sequence[str]] | None = None) -> Found:
    """Every dataset, teaching, draft and run in which `text` stands, and the adapters trained on them.

    `trained` gives the adapters of a dataset's hash; without it the registry is asked.

    Raises:
        UsageError: `text` is too short to be looked for.
    """
    if len(plain(text)) < SHORTEST:
        raise UsageError(f"{text!r} is too short to look for.", f"Give at least {SHORTEST} characters.")
    known = await adapters_by_dataset(core) if trained is None else trained
    home = core.config.home
    datasets, unreadable = await asyncio.to_thread(_in_datasets, home, text, known)
    runs = await asyncio.to_thread(_in_runs, home, text, known)
    drafts = await asyncio.to_thread(_in_drafts, home, text)
    sets, evaluations = await asyncio.to_thread(sets_holding, home, text), await core.evaluations.holding(text)
    teachings = tuple(await core.teachings.holding(text))
    return Found(text, datasets, runs, teachings, drafts, sets, evaluations, unreadable)


async def adapters_by_dataset(core: Core) -> dict[str, list[str]]:
    """The names of the adapters trained on each dataset, by its hash; also of those that began from such a one."""
    found: dict[str, list[str]] = {}
    for adapter in await core.registry.all():
        for sha256 in learned_from(adapter.facts) if adapter.facts else ():
            found.setdefault(sha256, []).append(adapter.label)
    return found


async def forget(core: Core, found: Found) -> None:
    """Take what was found out of datasets, drafts, teachings and evaluations. Runs of training and adapters stay.

    A dataset without rows disappears; one that keeps some remembers its old hash, so that the adapters
    trained on it are still known.

    Raises:
        OSError: the disk is full; StorageError: another assistant holds the database.
    """
    await core.teachings.remove([entry.id for entry in found.teachings])
    for place in found.datasets:
        await asyncio.to_thread(_forget_rows, core.config.home, place.name, found.text)
    for path in found.drafts:
        kept = [draft for draft in read_drafts(Path(path)) if not _holds(draft, found.text)]
        await asyncio.to_thread(save_drafts, Path(path), kept)
    await forget_in_evaluations(core, found.text, found.sets, found.evaluations)


def _forget_rows(home: Path, name: str, text: str) -> None:
    dataset = load_dataset(home, name)
    gone = set(map(id, holding(dataset.rows, text)))
    kept = [row for row in dataset.rows if id(row) not in gone]
    if not kept:
        remove_dataset(home, name)
        return
    shorter = with_rows(dataset, kept)
    save_dataset(home, Dataset(_without(shorter.card, text), shorter.rows))


def _without(card: Card, text: str) -> Card:
    """The card without the lines that quote `text`."""
    warnings, sources, bad = (
        tuple(line for line in lines if not _stands_in(text, line)) for lines in (card.warnings, card.sources, card.bad)
    )
    return replace(card, warnings=warnings, sources=sources, bad=bad)


def _in_datasets(
    home: Path, text: str, trained: Mapping[str, Sequence[str]]
) -> tuple[tuple[FoundIn, ...], tuple[str, ...]]:
    found, unreadable = [], []
    for card in list_datasets(home):
        try:
            rows = holding(load_dataset(home, card.name).rows, text)
        except DatasetError as error:
            unreadable.append(f"dataset {card.name}: {error}")
            continue
        if rows:
            hashes = (card.sha256, *card.earlier)
            found.append(FoundIn(card.name, rows, _named(trained, hashes)))
    return tuple(found), tuple(unreadable)


def _in_runs(home: Path, text: str, trained: Mapping[str, Sequence[str]]) -> tuple[FoundIn, ...]:
    """Runs whose own copy of the rows holds the text, also where the dataset has forgotten it."""
    found = []
    for path in sorted((home / "training" / "runs").glob("*/rows.jsonl")):
        try:
            rows = holding(parse_rows(path.read_bytes(), path.parent.name), text)
            sha256 = str(json.loads((path.parent / "run.json").read_bytes()).get("dataset_sha256", ""))
        except (OSError, ValueError, AttributeError, DatasetError):
            continue  # a run without its facts cannot be resumed, and no adapter came of it
        if rows:
            found.append(FoundIn(path.parent.name, rows, _named(trained, (sha256,))))
    return tuple(found)


def _in_drafts(home: Path, text: str) -> dict[str, int]:
    counts = {}
    for path in sorted((home / "training" / "drafts").glob("*.jsonl")):
        try:
            drafts = read_drafts(path)
        except DatasetError:
            continue  # half edited by hand: it says so when it is used
        count = sum(_holds(draft, text) for draft in drafts)
        if count:
            counts[str(path)] = count
    return counts


def _named(trained: Mapping[str, Sequence[str]], hashes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for sha256 in hashes if sha256 for name in trained.get(sha256, ())))


def _holds(draft: Draft, text: str) -> bool:
    return _stands_in(text, f"{draft.question}\n{draft.answer}\n{draft.passage}")


def _stands_in(text: str, place: str) -> bool:
    return plain(text) in plain(place)
