"""BLEU and chrF by sacrebleu, each with the signature that says how it was counted. [H] sacrebleu, where it is used.

Papineni et al. 2002; Popović 2015; signatures: Post 2018, "A call for clarity in reporting BLEU scores".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.proof.rouge import UNSPACED

UNSPACED_SHARE = 0.2  # of the letters, from which words are counted as characters


@dataclass(frozen=True, slots=True)
class Signed:
    """A score from 0 to 100, and how it was counted: tokens, case, smoothing, references, version."""

    score: float
    signature: str


def bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> Signed:
    """Corpus BLEU of up to four-word runs; `references` holds one or more texts for each answer.

    Words are sacrebleu's `13a`, characters where a fifth of the letters belong to a script without spaces.
    A single answer is scored as a sentence: runs longer than it are left out instead of making it 0.
    """
    from sacrebleu.metrics import BLEU

    words = "char" if unspaced([*answers, *(text for texts in references for text in texts)]) else "13a"
    return _signed(BLEU(tokenize=words, effective_order=len(answers) == 1), answers, references)


def chrf(answers: Sequence[str], references: Sequence[Sequence[str]]) -> Signed:
    """Corpus chrF2: runs of one to six characters, recall weighing twice as much as precision."""
    from sacrebleu.metrics import CHRF

    return _signed(CHRF(), answers, references)


def unspaced(texts: Sequence[str]) -> bool:
    """Whether texts are written without spaces between words."""
    letters = [character for text in texts for character in text if character.isalpha()]
    return bool(letters) and sum(UNSPACED.match(each) is not None for each in letters) >= UNSPACED_SHARE * len(letters)


def _signed(metric: Any, answers: Sequence[str], references: Sequence[Sequence[str]]) -> Signed:
    if len(answers) == 1:
        found = metric.sentence_score(answers[0], list(references[0]))
    else:
        most = max((len(texts) for texts in references), default=0)
        streams = [[texts[at] if at < len(texts) else None for texts in references] for at in range(most)]
        found = metric.corpus_score(list(answers), streams)
    return Signed(float(found.score), str(metric.get_signature()))
