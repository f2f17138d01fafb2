"""The child that holds answers against references and counts votes: sacrebleu brings a parser, both take their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from adapters.proof.answer_metrics import best, exact_match, token_f1
from adapters.proof.bleu import bleu, chrf
from adapters.proof.rouge import Overlap, rouge_l, rouge_n
from adapters.proof.votes import Vote

ROUGE: dict[str, Callable[[str, str], Overlap]] = {
    "ROUGE-1": partial(rouge_n, n=1),
    "ROUGE-2": partial(rouge_n, n=2),
    "ROUGE-L": rouge_l,
}
SQUAD = {"exact match": exact_match, "token F1": token_f1}


class MeasuringWorker:
    """Scores texts against texts; see `rouge`, `bleu` and `answer_metrics` for how."""

    def measure(self, answers: list[str], references: list[list[str]]) -> list[dict[str, float]]:
        """For each answer its score by every metric, 0 to 1, against its best reference; {} without one."""
        return [_scores(answer, texts) if texts else {} for answer, texts in zip(answers, references, strict=True)]

    def leaderboard(self, votes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Standings by votes, each a `votes.Vote`, the strongest first; see `bradley_terry`."""
        from adapters.proof.bradley_terry import leaderboard

        cast = [Vote(vote["question"], tuple(vote["contenders"]), tuple(vote["ranks"])) for vote in votes]
        return [asdict(standing) for standing in leaderboard(cast)]

    def details(self, answer: str, references: list[str]) -> dict[str, dict[str, Any]]:
        """What stands behind the scores of one answer: precision and recall of ROUGE, the signatures of sacrebleu."""
        behind: dict[str, dict[str, Any]] = {}
        for name, found in ROUGE.items():
            each = max((found(answer, reference) for reference in references), key=lambda overlap: overlap.f1)
            behind[name] = {"precision": each.precision, "recall": each.recall}
        for name, signed in (("BLEU", bleu([answer], [references])), ("chrF", chrf([answer], [references]))):
            behind[name] = {"signature": signed.signature}
        return behind


def _scores(answer: str, references: list[str]) -> dict[str, float]:
    return {
        **{name: max(found(answer, each).f1 for each in references) for name, found in ROUGE.items()},
        **{name: best(metric, answer, references) for name, metric in SQUAD.items()},
        "BLEU": bleu([answer], [references]).score / 100,
        "chrF": chrf([answer], [references]).score / 100,
    }
