"""What is an answer to a question with a known answer worth, and where was it lost: index, prompt or model?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.proof.answer_metrics import rouge_l, token_f1, words
from adapters.proof.evaluation import RIGHT, SHORT_ANSWER
from assistant.attribution import SUPPORTING_SHARE, word_share
from assistant.citations import MARK, NUMBER, content_words, with_place
from assistant.evaluation.question import Question
from assistant.evaluation.retrieval_metrics import holds, retrieval_score
from assistant.evaluation.run import Answer, Graded, Why
from assistant.scoring.grounding import grounding
from assistant.scoring.refusal import declines
from ingest.document import Passage

if TYPE_CHECKING:
    from assistant.worker_process import WorkerProcess

CLOSE = 0.5  # ROUGE-L from which an answer says what a right one of more than 12 words says; of a short one it is RIGHT
PRIMARY = "right"  # the figure that decides


async def grade(measuring: WorkerProcess, question: Question, answer: Answer, k: int) -> Graded:
    """The figures of one answer, and why it is wrong where it is.

    `k` is how many passages an answer is given, 0 where the documents were not searched.

    Raises:
        WorkerError: the child that measures died.
    """
    said = MARK.sub("", answer.text).strip()
    declined = bool(answer.text) and declines(answer.text)
    right = bool(answer.text) and is_right(question, said, declined=declined)
    values = {PRIMARY: float(right), "declines": float(declined)}
    if question.answers:
        reply = await measuring.call("measure", answers=[said], references=[list(question.answers)])
        values |= {name: float(value) for name, value in reply.data[0].items()}
    if answer.passages:
        found = grounding(answer.text, answer.passages, answer.citations)
        values |= {} if found.by_words is None else {"grounding": found.by_words}
    if question.gold and k:
        score = retrieval_score(answer.passages, question.gold, k)
        values |= {f"recall@{k}": score.recall, "MRR": score.reciprocal_rank, f"nDCG@{k}": score.ndcg}
        values["cites its place"] = float(_cites_place(question, answer))
    values |= {"words": float(len(said.split())), "seconds": answer.seconds}
    return Graded(answer, values, "" if right else reason(question, answer, declined=declined, searched=k > 0))


def is_right(question: Question, said: str, *, declined: bool) -> bool:
    """Whether an answer says what is right: it holds a right answer in one piece, or is close to one in its words
    and has all of its numbers.

    One that declines is right where nothing answers the question, and only there. A question of which only the place
    is known cannot be told: it counts as right where the answer holds most words of its quote.
    """
    if declined or question.unanswerable:
        return declined and question.unanswerable
    if question.answers:
        return any(_says(said, answer) for answer in question.answers)
    quotes = [place.quote for place in question.gold if place.quote]
    return any(word_share(content_words(said), content_words(quote)) >= SUPPORTING_SHARE for quote in quotes)


def reason(question: Question, answer: Answer, *, declined: bool, searched: bool) -> Why:
    """Where a wrong answer was lost."""
    if question.unanswerable:
        return "should have declined"
    if not (question.gold and searched):
        return "wrong"
    given = [number for number, passage in enumerate(answer.passages, 1) if _holds_place(passage, question)]
    if not given:
        return "not retrieved"
    if declined or not (_cites(answer, given) or _says_from(answer, given)):
        return "not used"
    return "used but wrong"


def _says(said: str, answer: str) -> bool:
    there, wanted = words(said), words(answer)
    if not wanted:
        return False
    length = len(wanted)
    if any(there[at : at + length] == wanted for at in range(len(there) - length + 1)):
        return True
    if not {word for word in wanted if NUMBER.search(word)} <= set(there):
        return False  # 60 months are not 24 months
    return token_f1(said, answer) >= RIGHT if length <= SHORT_ANSWER else rouge_l(said, answer) >= CLOSE


def _holds_place(passage: Passage, question: Question) -> bool:
    return any(holds(passage, place) for place in question.gold)


def _cites_place(question: Question, answer: Answer) -> bool:
    """Whether a passage that it cites, by its own mark or by attribution, holds a place of the question."""
    given = [number for number, passage in enumerate(answer.passages, 1) if _holds_place(passage, question)]
    return _cites(answer, given)


def _cites(answer: Answer, given: Sequence[int]) -> bool:
    return any(citation.mark in given for citation in answer.citations)


def _says_from(answer: Answer, given: Sequence[int]) -> bool:
    """Whether most of what it says stands in one of these passages."""
    said = content_words(MARK.sub("", answer.text))
    return any(
        word_share(said, content_words(with_place(answer.passages[number - 1]))) >= SUPPORTING_SHARE for number in given
    )
