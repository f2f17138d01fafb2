"""ROUGE: how much of a reference stands in an answer, and how much of the answer in the reference? In any script.

Lin 2004, "ROUGE: a package for automatic evaluation of summaries". Counts are clipped: a word counts as often
as it stands in both. Nothing is stemmed. For texts in ASCII the figures are those of the package `rouge-score`
without its stemmer, which knows no other letters and gives two identical Chinese texts 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ASCII_WORD = re.compile(r"[a-z0-9]+")
UNSPACED = re.compile(  # scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han
    "[\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u1000-\u102a\u103f\u1050-\u1055"
    "\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003347f]"
)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Shares from 0 to 1: of the answer that stands in the reference, of the reference that stands in the answer,
    and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def tokens(text: str) -> list[str]:
    """Lower-case words of letters, digits and their marks; in scripts without spaces each character is a word."""
    text = unicodedata.normalize("NFKC", text).lower()
    if text.isascii():
        return ASCII_WORD.findall(text)
    found: list[str] = []
    in_word = after_letter = False  # whether a letter goes on the last word, and whether a mark does
    for character in text:
        category = unicodedata.category(character)
        alone = UNSPACED.match(character) is not None
        if category[0] in "LN":
            if in_word and not alone:
                found[-1] += character
            else:
                found.append(character)
            in_word, after_letter = not alone, True
        elif category[0] == "M" and after_letter:
            found[-1] += character
        elif category != "Cf":  # joiners and soft hyphens stand within words
            in_word = after_letter = False
    return found


def rouge_n(answer: str, reference: str, n: int) -> Overlap:
    """Overlap of runs of `n` words; all zeros where one of the texts is shorter."""
    given, wanted = (Counter(zip(*(words[at:] for at in range(n)), strict=False)) for words in _both(answer, reference))
    shared = sum((given & wanted).values())
    return overlap(shared, sum(given.values()), sum(wanted.values()))


def rouge_l(answer: str, reference: str) -> Overlap:
    """Overlap by the longest common subsequence of words, over the whole texts."""
    given, wanted = _both(answer, reference)
    return overlap(common_subsequence(given, wanted), len(given), len(wanted))


def overlap(shared: int, given: int, wanted: int) -> Overlap:
    """From counts: of what stands in both, in the answer, and in the reference."""
    if not shared:
        return Overlap(0.0, 0.0, 0.0)
    precision, recall = shared / given, shared / wanted
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall))


def common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence, one row of the table as the bits of one number.

    Allison and Dix, "A bit-string longest-common-subsequence algorithm", Information Processing Letters 23, 1986.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << place
    row = 0
    for word in right:
        joined = row | places.get(word, 0)
        row = joined & ((joined - (row << 1 | 1)) ^ joined)
    return row.bit_count()


def _both(answer: str, reference: str) -> tuple[list[str], list[str]]:
    return tokens(answer), tokens(reference)
