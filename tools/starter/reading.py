"""Which questions about texts do the licensed sets hold, cleaned?"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """A question about a text. `span`: the answer stands word for word in the text."""

    source: str
    licence: str
    family: str  # of texts that may stand beside it
    article: str  # texts of one story or article
    context: str
    question: str
    answer: str

    @property
    def span(self) -> bool:
        """Whether the answer stands in the text."""
        return bool(self.answer) and self.answer.lower() in self.context.lower()


FAMILIES = {
    "adversarialqa_train_part": "encyclopedia", "boolq_train_part": "encyclopedia", "quoref_train_part": "encyclopedia",
    "wiki_derived_fact": "encyclopedia", "wiki_derived_definition": "encyclopedia",
    "wiki_derived_unanswerable": "encyclopedia", "factbook_derived": "encyclopedia", "covidqa": "science",
    "fairytaleqa_train": "stories", "openstax_summary_glossary": "textbook", "wikinews_headline_derived": "news",
    "scitldr_a_train": "science", "pubmedqa_l_train": "science",
}  # fmt: skip
ODD_QUESTION = re.compile(
    r"mentioned|\bNOT\b|following|\bis not\b|\bisn't\b|__|in the (?:text|passage|paragraph)"
    r"|\b(?:first|last|second|third) (?:word|name|person|place|thing)\b"
)
NOISE = re.compile(r"https?://|doi|\[citation needed\]|\S{40,}|¶|�", re.I)
MARKS = re.compile(r"\[(?:\d{1,3}|citation needed|note \d+)(?:[,–-]\s?\d+)*\]")


def load(folder: Path, name: str) -> list[Reading]:
    """The rows of a set that are clean enough to learn from."""
    return list(_clean(name, _rows(folder / f"{name}.jsonl.xz")))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _clean(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[Reading]:
    seen: set[str] = set()
    story, last = 0, ""
    for row in rows:
        context = _spaced(MARKS.sub("", row["context"]))
        if name == "fairytaleqa_train" and context != last and not _goes_on(last, context):
            story += 1
        last = context
        question = _question(row["question"])
        if question.lower() + context[:80] in seen or NOISE.search(context) or not context or not question:
            continue
        seen.add(question.lower() + context[:80])
        article = f"{name}-{story // 4 if story else context[:60]}"
        yield Reading(name, row["licence"], FAMILIES[name], article, context, question, row["answer"].strip())


def _goes_on(before: str, now: str) -> bool:
    """Whether a section belongs to the story of the one before: they share several names."""
    names = [set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", text)) for text in (before, now)]
    return len(names[0] & names[1]) >= 1


def _spaced(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.replace("``", '"').replace("''", '"').splitlines())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    text = re.sub(r"\(\s*[,;]\s*", "(", text).replace("( ", "(").replace(" )", ")").replace("()", "")
    return re.sub(r"\s+([,.;])(?=\s|$)", r"\1", text)


def _question(text: str) -> str:
    text = " ".join(text.split()).strip()
    text = re.sub(r"\s+\?", "?", text)
    if not text.endswith(("?", ".")) or len(text) > 220:
        return ""
    return text[0].upper() + text[1:]


def good_reading(reading: Reading) -> bool:
    """Whether question and answer are short, plain, and about one thing."""
    words = len(reading.answer.split())
    if not reading.question.endswith("?"):
        return False
    if reading.question.startswith(("In which place", "Where is")) and words > 7:
        return False
    if ODD_QUESTION.search(reading.question) or not 1 <= words <= 14 or len(reading.question.split()) < 4:
        return False
    return len(reading.answer) > 1 and not reading.answer.lower().startswith(("because of the", "yes", "no "))
