"""How close is an answer to the expected one? Exact match, token F1, ROUGE-L, and runs copied from training."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from adapters.proof import rouge

ARTICLES = {"a", "an", "the"}
COPIED_WORDS = 8  # a run of so many words is no coincidence
WHOLE_ANSWER = 3  # words; shorter training answers occur by chance


def words(text: str) -> list[str]:
    """Words as SQuAD compares them: lower case, without punctuation and English articles.

    Follows normalize_answer of the SQuAD 1.1 script (arXiv 1606.05250), with the punctuation of all
    scripts, and with each character of scripts that are written without spaces as a word.
    """
    kept = "".join(character for character in unicodedata.normalize("NFKC", text).lower() if not _mark(character))
    return [word for word in rouge.UNSPACED.sub(r" \g<0> ", kept).split() if word not in ARTICLES]


def exact_match(answer: str, expected: str) -> float:
    """1.0 where both are the same words, else 0.0."""
    return float(words(answer) == words(expected))


def token_f1(answer: str, expected: str) -> float:
    """Harmonic mean of precision and recall of the words, 0 to 1 (SQuAD 2.0); two empty answers are the same."""
    given, wanted = words(answer), words(expected)
    if not given or not wanted:
        return float(given == wanted)
    return rouge.overlap(sum((Counter(given) & Counter(wanted)).values()), len(given), len(wanted)).f1


def rouge_l(answer: str, expected: str) -> float:
    """F-measure of ROUGE-L, 0 to 1; two texts without a word are the same."""
    if not rouge.tokens(answer) and not rouge.tokens(expected):
        return 1.0
    return rouge.rouge_l(answer, expected).f1


def best(metric: Callable[[str, str], float], answer: str, references: Sequence[str]) -> float:
    """The score against the reference that fits best, as SQuAD takes several; 0 without one."""
    return max((metric(answer, reference) for reference in references), default=0.0)


def copied(answers: Sequence[str], training: Iterable[str]) -> list[bool]:
    """Whether each answer repeats text of training: a run of 8 words, or a whole answer of at least 3."""
    runs: set[tuple[str, ...]] = set()
    for text in training:
        learned = tuple(words(text))
        if WHOLE_ANSWER <= len(learned) < COPIED_WORDS:
            runs.add(learned)
        runs |= {learned[at : at + COPIED_WORDS] for at in range(len(learned) - COPIED_WORDS + 1)}
    lengths = {len(run) for run in runs}
    return [_holds(tuple(words(answer)), runs, lengths) for answer in answers]


def _holds(said: tuple[str, ...], runs: set[tuple[str, ...]], lengths: set[int]) -> bool:
    return any(said[at : at + length] in runs for length in lengths for at in range(len(said) - length + 1))


def _mark(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
