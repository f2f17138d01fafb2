"""Does the search find what answers? A set's places, looked for as the chat would look, without asking a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.evaluation.question import Question, QuestionSet
from assistant.evaluation.report import Estimate, Line, estimated
from assistant.evaluation.retrieval_metrics import RetrievalScore, retrieval_score
from assistant.prompting import passages_for
from ingest.document import Passage

if TYPE_CHECKING:
    from assistant.bootstrap import Core

DEPTH = 10  # passages looked at
MOST = 100


@dataclass(frozen=True, slots=True)
class Searched:
    """One question, what was found for it, and how far that is what should have been."""

    question: Question
    passages: tuple[Passage, ...]
    score: RetrievalScore


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """How well a set's places are found among the first `k` passages; each line has one estimate.

    `given` is how many of them an answer gets. `misses` are the questions of which none of these holds a place, the
    order as in the set. `unanswerable` questions are those for which nothing should be found, `silent` of them found
    nothing.
    """

    name: str
    k: int
    given: int
    figures: tuple[Line, ...]
    by_tag: tuple[Line, ...]  # recall among the passages that an answer gets
    misses: tuple[Searched, ...]
    unanswerable: int
    silent: int

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        misses = [
            {
                "question": each.question.as_json(), "found_at": each.score.found,
                "instead": [{"document": p.document, "page": p.page, "score": p.score} for p in each.passages],
            }
            for each in self.misses
        ]  # fmt: skip
        return {**asdict(self), "misses": misses}


async def score_retrieval(
    core: Core, questions: QuestionSet, k: int = DEPTH, progress: Callable[[int, int], None] = lambda done, total: None
) -> RetrievalReport:
    """Search for every question whose place is known, and for those that nothing answers.

    Raises:
        UsageError: no question has a place, or `k` is out of range; LibraryError, WorkerError: a child died.
    """
    if not 1 <= k <= MOST:
        raise UsageError(f"{k} passages cannot be looked at.", f"Choose 1 to {MOST}.")
    placed = [each for each in questions.questions if each.gold]
    if not placed:
        raise UsageError(
            f"No question of {questions.name} says where its answer stands.",
            'Give them "gold": [{"document": …, "quote": …}].',
        )
    none = [each for each in questions.questions if each.unanswerable]
    by_id = {each.id: each for each in questions.questions}
    found: dict[str, Searched] = {}
    for done, question in enumerate([*placed, *none]):
        progress(done, len(placed) + len(none))
        passages = (await core.retriever.search(question.question, k, None, before=_before(question, by_id))).passages
        found[question.id] = Searched(question, passages, retrieval_score(passages, question.gold, k))
    groups = dict(zip(by_id, questions.groups(), strict=True))
    searched = [found[each.id] for each in placed]
    given = min(k, passages_for(core.model.name, core.config.answer.passages))
    tags = [("all", searched), *((tag, [s for s in searched if tag in s.question.tags]) for tag in questions.tags)]
    return RetrievalReport(
        questions.name, k, given, tuple(_figures(searched, groups, k, given)),
        tuple(Line(tag, (_mean([_recall(each, given) for each in part], part, groups),)) for tag, part in tags if part),
        tuple(each for each in searched if not _recall(each, given)),
        len(none), sum(not found[each.id].passages for each in none),
    )  # fmt: skip


def _before(question: Question, by_id: dict[str, Question]) -> str:
    """The question that was asked before it, as the chat's search reads it."""
    if question.follows:
        return by_id[question.follows].question
    return question.history[-2].content if question.history else ""


def _figures(searched: Sequence[Searched], groups: dict[str, str], k: int, given: int) -> list[Line]:
    """Recall at 1, at what an answer gets, and at k; the reciprocal rank and the gain at k."""
    values = {
        **{f"recall@{depth}": [_recall(each, depth) for each in searched] for depth in sorted({1, given, k})},
        f"MRR@{k}": [each.score.reciprocal_rank for each in searched],
        f"nDCG@{k}": [each.score.ndcg for each in searched],
    }
    return [Line(name, (_mean(told, searched, groups),)) for name, told in values.items()]


def _recall(searched: Searched, depth: int) -> float:
    return retrieval_score(searched.passages, searched.question.gold, depth).recall


def _mean(values: Sequence[float], searched: Sequence[Searched], groups: dict[str, str]) -> Estimate:
    return estimated(values, [groups[each.question.id] for each in searched])
