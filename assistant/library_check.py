"""Does the search find what is in one's own documents, and would other settings find more?

Questions are made from the library's own passages: a sentence, without its rarest word and with half of its other
content words, is to find the passage it stands in (a cloze, so words that are the same help more than they would in
a real question: figures are for comparing settings, not for praise). Questions that have nothing to do with the
library are those of the general probe. Other settings are chosen on one half of the questions and offered only if
the other half is better with them beyond chance.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from adapters.proof import probe
from adapters.proof.sign_test import sign_test
from assistant.errors import NotFoundError
from ingest.document import Section
from ingest.fulltext import query_words, word_counts
from ingest.retrieval import Retriever
from ingest.splitting import split_section

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.bootstrap import Core

QUESTIONS, GENERAL = 80, 40
DEPTH = 10  # passages looked at for each question
RANKS = (1, 4, 10)
WORD_WEIGHTS = (0.35, 0.5, 0.65, 0.8)
FLOORS = tuple(step / 100 for step in range(8, 41))
SENTENCE_WORDS = (6, 60)  # content words that a sentence must have, at least and at most
CHANCE = 0.05
KEY_WORDS = "word_weight"


@dataclass(frozen=True, slots=True)
class Cloze:
    """A question made from a sentence that stands in the library."""

    question: str
    sentence: str
    document: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one setting does: recall by number of passages, mean reciprocal rank, and how the floor errs.

    `refused` is the share of the questions with an answer that get nothing, `admitted` the share of questions
    about other things that get something.
    """

    word_weight: float
    floor: float
    recall: dict[int, float]
    mrr: float
    refused: float
    admitted: float


@dataclass(frozen=True, slots=True)
class CheckProgress:
    """Searches done, of how many."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """The check's result: the settings as they are, the others, and the better ones if there are any.

    `better` holds settings of [documents] to be changed, empty where none is better beyond chance. `missed` are
    questions whose passage is not among the first DEPTH.
    """

    questions: int
    general: int
    now: Figures
    others: tuple[Figures, ...]
    better: dict[str, float]
    reason: str
    missed: tuple[Cloze, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Run:
    """One weight over all questions: the rank of the right passage (0: not found), and both sides' best scores."""

    word_weight: float
    ranks: tuple[int, ...]
    own: tuple[float, ...]
    general: tuple[float, ...]

    def figures(self, floor: float) -> Figures:
        recall = {k: fmean(0 < rank <= k for rank in self.ranks) for k in RANKS}
        return Figures(
            self.word_weight, floor, recall, fmean(_reciprocal(rank) for rank in self.ranks),
            fmean(best < floor for best in self.own), fmean(best >= floor for best in self.general),
        )  # fmt: skip


async def check_library(
    core: Core, count: int = QUESTIONS, seed: int = 0
) -> AsyncGenerator[CheckProgress | LibraryReport, None]:
    """Ask the library about itself; reports progress, and last the report. It changes nothing.

    Raises:
        NotFoundError: there is no passage with a whole sentence.
    """
    asked = await core.database.read(lambda db: made_questions(db, count, seed))
    if not asked:
        raise NotFoundError("The library has no sentence to ask about.", "`assistant ingest PATH` adds documents.")
    general = [item.question for item in probe.load() if item.category == "knowledge" and not item.context][:GENERAL]
    present = core.retriever.weights.words
    weights = [present, *(weight for weight in WORD_WEIGHTS if weight != present)]
    total, done = len(weights) * (len(asked) + len(general)), 0
    runs = []
    for weight in weights:
        retriever = core.retriever.weighing(replace(core.retriever.weights, words=weight))
        ranks, own, other = [], [], []
        for cloze in asked:
            rank, best = await _rank(retriever, cloze)
            ranks.append(rank)
            own.append(best)
            done += 1
            yield CheckProgress(done, total)
        for question in general:
            result = await retriever.search(question, 1, floor=0.0)
            other.append(result.trace.best if result.trace else 0.0)
            done += 1
            yield CheckProgress(done, total)
        runs.append(_Run(weight, tuple(ranks), tuple(own), tuple(other)))
    yield _report(asked, runs, core.retriever.floor)


def made_questions(db: sqlite_utils.Database, count: int, seed: int = 0) -> list[Cloze]:
    """Questions from up to `count` passages, spread over the library; the same seed gives the same ones."""
    numbers = [row[0] for row in db.conn.execute("SELECT id FROM chunks ORDER BY id")]
    chance = random.Random(seed)
    chance.shuffle(numbers)
    made: list[Cloze] = []
    for number in numbers:
        text, title = db.conn.execute(
            "SELECT k.text, d.title FROM chunks k JOIN documents d ON d.id = k.document_id WHERE k.id = ?", (number,)
        ).fetchone()
        cloze = _cloze(db, text, title, chance)
        if cloze is not None:
            made.append(cloze)
        if len(made) >= count:
            break
    return made


def _cloze(db: sqlite_utils.Database, text: str, title: str, chance: random.Random) -> Cloze | None:
    sentences = [text[span.start : span.end] for span in split_section(text, Section(0, len(text)))]
    low, high = SENTENCE_WORDS
    sentences = [sentence for sentence in sentences if low <= len(query_words(sentence)) <= high]
    if not sentences:
        return None
    sentence = chance.choice(sentences)
    words = query_words(sentence)
    hidden = next(iter(word_counts(db, words)))  # the rarest comes first
    left = [word for word in words if word != hidden]
    kept = set(chance.sample(left, max(3, len(left) // 2)))
    return Cloze(" ".join(word for word in left if word in kept), sentence, title)


async def _rank(retriever: Retriever, cloze: Cloze) -> tuple[int, float]:
    """The place of the first passage that holds the sentence, 0 for none, and the best score."""
    result = await retriever.search(cloze.question, DEPTH, floor=0.0)
    places = (place for place, passage in enumerate(result.passages, 1) if cloze.sentence in passage.text)
    return next(places, 0), result.trace.best if result.trace else 0.0


def _report(asked: Sequence[Cloze], runs: Sequence[_Run], floor: float) -> LibraryReport:
    now = runs[0]
    best = max(runs, key=lambda run: (fmean(_reciprocal(rank) for rank in run.ranks[::2]), run is now))
    better: dict[str, float] = {}
    told = []
    pairs = [(_reciprocal(new), _reciprocal(old)) for new, old in zip(best.ranks, now.ranks, strict=True)][1::2]
    wins, losses = sum(new > old for new, old in pairs), sum(new < old for new, old in pairs)
    if best is not now and wins > losses and sign_test(wins, losses) < CHANCE:
        better[KEY_WORDS] = best.word_weight
        told.append(f"weight of words {best.word_weight:g}: {wins} of the other half rank higher, {losses} lower")
    else:
        best = now
    wanted = min(FLOORS, key=lambda each: (_floor_errors(best, each, 0), abs(each - floor)))
    wins = _floor_errors(best, floor, 1) - _floor_errors(best, wanted, 1)
    changed = _changed(best, floor, wanted)
    if wins > 0 and sign_test((changed + wins) // 2, (changed - wins) // 2) < CHANCE:
        better["relevance_floor"] = wanted
        told.append(f"floor {wanted:g}: {wins} fewer errors in the other half")
    missed = tuple(cloze for cloze, rank in zip(asked, now.ranks, strict=True) if rank == 0)
    others = (*(run.figures(floor) for run in runs[1:]), *([best.figures(wanted)] if wanted != floor else []))
    reason = "; ".join(told) or "no other setting is better beyond chance"
    return LibraryReport(len(asked), len(now.general), now.figures(floor), others, better, reason, missed)


def _floor_errors(run: _Run, floor: float, half: int) -> int:
    """Questions of one half that a floor gets wrong: an answerable one refused, another one let through."""
    return sum(best < floor for best in run.own[half::2]) + sum(best >= floor for best in run.general[half::2])


def _changed(run: _Run, old: float, new: float) -> int:
    """Questions of the second half that the two floors judge differently."""
    low, high = sorted((old, new))
    return sum(low <= best < high for best in (*run.own[1::2], *run.general[1::2]))


def _reciprocal(rank: int) -> float:
    return 1 / rank if rank else 0.0
