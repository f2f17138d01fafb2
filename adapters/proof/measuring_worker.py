"""The child that holds answers against references, counts votes and fits heads: all of it takes its time."""

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

    def fit_head(
        self, targets: list[float], groups: list[int], intercept: bool, lengths: list[float], blob: bytes
    ) -> dict[str, Any]:
        """A head for rows of features (the blob: float32, a row for each target), see `reward_head`.

        Returns its weights and intercept, and for each row the log-odds by a head that has not seen its group; so
        also for a head that sees nothing but `lengths`.
        """
        import numpy as np

        from adapters.proof.reward_head import fit, held_out_log_odds

        rows = np.frombuffer(blob, np.float32).reshape(len(targets), -1).astype(np.float64)
        wanted, length = np.array(targets), np.array(lengths)[:, None]
        head = fit(rows, wanted, intercept=intercept)
        return {
            "weights": head.weights.tolist(), "intercept": head.intercept,
            "held_out": held_out_log_odds(rows, wanted, groups, intercept=intercept).tolist(),
            "by_length": held_out_log_odds(length, wanted, groups, intercept=intercept).tolist(),
        }  # fmt: skip

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
