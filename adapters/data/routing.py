"""What kind of rows are these, is an adapter the right tool for them, and what is to be expected?

Facts that stand in documents belong into retrieval: in Ovadia et al. 2023 (arXiv 2312.05934, current
events, Mistral 7B) retrieval answered 0.875 of the questions right, fine-tuning on the same texts 0.504
to 0.511. What an adapter is good at: style, format, vocabulary, short personal facts, preferences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from adapters.data.dataset import plain
from adapters.rows import Row

Kind = Literal["style", "facts", "vocabulary", "passages", "text", "preferences", "ratings"]
KINDS: dict[Kind, str] = {
    "style": "examples of a style or format", "facts": "short facts", "vocabulary": "words and their meaning",
    "passages": "long answers full of facts", "text": "passages of plain text",
    "preferences": "pairs of a chosen and a rejected answer", "ratings": "answers rated good or bad",
}  # fmt: skip
RECALLED = frozenset[Kind](("facts", "vocabulary"))  # learned as they are, not as examples of something
QUESTION = re.compile(
    r"(?i)(?:what|who|whose|whom|where|when|which|how (?:old|many|much|long|tall|far|often)|is|are|was|were|do|does|did"
    r"|wer|was|wo|wann|wie (?:viel|alt|lang|heißt)|welche[rsn]?|qui|quand|où|combien|quién|cuándo|dónde|cuánto)\b"
)
MEANING = re.compile(
    r"(?i)\b(?:mean|means|meaning of|define|definition of|stands? for|abbreviation|acronym|synonym|translate the word"
    r"|bedeutet|abkürzung|steht für|signifie|significa)\b"
)
PARTICULAR = re.compile(r"\d|(?<=[a-z,;] )[A-ZÄÖÜ]\w+")  # a number, or a capital inside a sentence
SHORT_FACT, LONG_ANSWER = 25, 80  # words
RETRIEVAL = (
    "Facts that stand in documents are found better by retrieval: with `assistant ingest PATH` every answer"
    " quotes the very passage, it stays right when the document changes, and in published tests answers far more"
    " questions than training on the same text (0.875 against 0.51: Ovadia et al. 2023)."
)
ADVICE: dict[Kind, tuple[str, ...]] = {
    "style": (
        "An adapter is the right tool: it learns how to answer, and keeps to a format without being told.",
        "Expect the format to hold on new questions; what the answers say still comes from the base model.",
    ),
    "facts": (
        "An adapter can learn short facts that stand nowhere else, such as those of a household or a person.",
        "Expect most of them back, also in other wordings; similar names may be mixed up, and nothing is cited.",
        "All facts are learned; what is held out for the proof are other wordings of them.",
        "The adapter will be on for questions near these only: elsewhere, what it has learned would do harm.",
        "Leave replay on (it is by default): learned alone, such facts drive out general knowledge.",
    ),
    "vocabulary": (
        "An adapter is the right tool: it learns words and how they are used.",
        "All of them are learned; what is held out for the proof are other wordings of the questions.",
    ),
    "passages": (RETRIEVAL, "An adapter can still learn the tone of these answers, or how to answer from a passage."),
    "text": (
        "Continued training learns how a text sounds and which words it uses, and little of what it says.",
        "To ask about the text, use retrieval: `assistant ingest PATH` answers with the very passage.",
    ),
    "preferences": (
        "An adapter is the right tool: it learns what the chosen answers have in common (DPO: Rafailov et al. 2023).",
        "The proof asks held-out pairs whether the chosen answer has gained on the rejected one: a taste that cannot be"
        " told from chance is rejected.",
    ),
    "ratings": (
        "An adapter is the right tool: it learns what the good answers have in common and the bad ones have not (KTO:"
        " Ethayarajh et al. 2024). Pairs of answers to one question teach more than as many ratings.",
        "The proof asks of held-out answers whether the good ones have gained on the bad ones: a taste that cannot be"
        " told from chance is rejected.",
    ),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What the rows are for. `kind` is the most frequent one, `tool` what serves them best."""

    kind: Kind
    tool: Literal["adapter", "retrieval"]
    counts: dict[str, int]  # rows of each kind
    sentences: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def advise(rows: Sequence[Row], in_documents: int = 0) -> Advice:
    """The right tool for these rows; `in_documents` counts the facts whose answer stands in the library."""
    counts = kinds(rows)
    kind = counts.most_common(1)[0][0] if counts else "style"
    in_library = in_documents and in_documents * 2 >= counts["facts"] and kind == "facts"
    sentences = [_summary(counts), *ADVICE[kind]]
    for other, count in counts.items():
        if other == "passages" != kind and count * 10 >= len(rows):
            sentences.append(f"{count:,} answers are long and full of facts. {RETRIEVAL}")
    if in_documents:
        what = "fact stands" if in_documents == 1 else "facts stand"
        sentences.append(f"{in_documents:,} {what} in your documents already. {RETRIEVAL}")
    tool: Literal["adapter", "retrieval"] = "retrieval" if kind == "passages" or in_library else "adapter"
    return Advice(kind, tool, {name: counts[name] for name in KINDS if counts[name]}, tuple(sentences))


def kinds(rows: Sequence[Row]) -> Counter[Kind]:
    """How many rows there are of each kind.

    Answers of one visible format are examples of it, whatever they say; short answers of which most
    repeat others are examples of a task, such as sorting into a few classes.
    """
    told = [kind_of(row) for row in rows]
    spoken = [
        row for row, kind in zip(rows, told, strict=True) if kind not in ("text", "passages", "preferences", "ratings")
    ]
    facts = [row for row, kind in zip(rows, told, strict=True) if kind == "facts"]
    different = {plain(row.answer) for row in facts}
    asked = {row.origin.group or plain(row.question) for row in facts}
    formatted, classes = has_format([row.answer for row in spoken]), len(different) * 2 < len(asked)
    return Counter(
        "style" if (formatted and kind in ("facts", "vocabulary")) or (classes and kind == "facts") else kind
        for kind in told
    )


def kind_of(row: Row) -> Kind:
    """The kind of one row, told by its source, question and answer."""
    if row.is_pair:
        return "preferences"
    if row.desirable is not None:
        return "ratings"
    if not row.turns:
        return "text"
    if row.origin.source == "document":
        return "passages"
    question, answer = row.question, row.answer.split()
    asks = bool(QUESTION.match(question.strip())) or question.strip().endswith(("?", "？"))
    if MEANING.search(question) and len(answer) <= LONG_ANSWER:
        return "vocabulary"
    if row.origin.source == "teach" and len(answer) <= SHORT_FACT:
        return "facts"
    if asks and len(answer) <= SHORT_FACT and len(question.split()) <= 40:
        return "facts"
    if asks and len(answer) > LONG_ANSWER and len(PARTICULAR.findall(row.answer)) * 12 >= len(answer):
        return "passages"
    return "style"


def has_format(answers: Sequence[str]) -> bool:
    """Whether most answers share an outward form: a layout of lines, or a mark at their beginning or end."""
    if len(answers) < 3:
        return False
    return any(
        value and count * 10 >= len(answers) * 6
        for form in (_layout, _opening, _closing)
        for value, count in Counter(map(form, answers)).most_common(1)
    )


def _layout(answer: str) -> str:
    """The marks at which the lines of an answer begin, "" for a single line."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    return "\n".join(_opening(line) or "words" for line in lines) if len(lines) > 1 else ""


def _opening(answer: str) -> str:
    """A heading, label, bullet or bracket at the beginning, "" for plain words."""
    found = re.match(r"\s*(?:[#>*•\-–{\[(<|✓✗]+|\d+[.)]|[\w ]{1,24}:(?= |\n|$))", answer)
    return re.sub(r"\d+", "0", found.group().strip()) if found else ""


def _closing(answer: str) -> str:
    """The last word where it is no sentence's end, such as a signature or a tag."""
    last = answer.rsplit(None, 1)[-1] if answer.strip() else ""
    return last if last and not last[-1].isalnum() and last[-1] not in ".!?\"'”’,)" else ""


def _summary(counts: Counter[Kind]) -> str:
    parts = [f"{count:,} {KINDS[kind]}" for kind, count in counts.most_common()]
    return f"Rows: {', '.join(parts)}." if parts else "There are no rows."
