"""Marks [n] in an answer <-> the very characters of the passages they stand for.

A mark that points nowhere, or at a passage that shares no word with its sentence, is dropped; a sentence such as
“Yes [1].” has no word that a passage could share, and keeps its mark. A small model often copies from one passage and
counts another: where a single passage has all of a sentence's words and the marked one has not, the mark moves there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.conversation import Citation
from ingest.document import Passage

MARK = re.compile(r"\s?(?<!\w)\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()")
LINE_BREAK = r"\n\s*\n\s*|\n(?=[ \t]*(?:[-*•#|>]|\d{1,3}[.)]\s))"  # single breaks are mostly wrapped lines
SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)*_]*(?:\s*\[\d[\d, ]*\])*(?=\s|$)|" + LINE_BREAK)
ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[Mm]rs?|[Dd]r|[Ss]t|[Nn]o|[Pp]p?|[Vv]s|etc|e\.g|i\.e|[Aa]pprox|[Ff]ig|[Cc]a)\.$"
)
WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
NUMBER = re.compile(r"\d")
_COMMON_WORDS = """
    a about after all also an and any are as at be because been before being but by can could did do does for
    from had has have he her his how i if in into is it its may me more most must my no nor not of on one only
    or other our out over own same shall she should so some such than that the their them then there these
    they this those to too under until up very was we were what when where which while who whom why will with
    would you your yes answer passage passages document documents according question
"""
COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, by character offsets."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """The sentences of a text; marks behind a full stop belong to the sentence before it."""
    spans: list[Span] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if match.group().startswith(".") and ABBREVIATION.search(
            text[max(start, match.start() - 12) : match.start() + 1]
        ):
            continue
        spans.append(Span(start, match.end()))
        start = match.end()
    spans.append(Span(start, len(text)))
    return [trimmed for span in spans if (trimmed := _trim(text, span)).end > trimmed.start]


def content_words(text: str) -> list[str]:
    """Lower-case words that carry meaning, plural and verb endings cut off; numbers without separators."""
    words = (word.lower() for word in WORD.findall(text))
    return [_stem(word) for word in words if word not in COMMON]


def bind(text: str, passages: Sequence[Passage]) -> list[Citation]:
    """A citation for each mark whose passage shares a content word with its sentence, if the sentence has any."""
    found: list[Citation] = []
    for span in sentences(text):
        sentence = text[span.start : span.end]
        plain = MARK.sub("", sentence)
        words = set(content_words(plain))
        if not WORD.search(plain):
            continue  # a mark that follows nothing
        for number in _numbers(sentence):
            passage = passages[number - 1] if 1 <= number <= len(passages) else None
            if passage and (not words or words & set(content_words(with_place(passage)))):
                quote = _best_sentence(passage.text, words)
                found.append(citation(number, passage, quote, span))
    return found


def bound(text: str, passages: Sequence[Passage]) -> tuple[str, list[Citation]]:
    """The text with marks moved to where they belong, or dropped, and a citation for each that is left."""
    text = moved(text, passages)
    text = drop_unbound(text, bind(text, passages))
    return text, bind(text, passages)


def moved(text: str, passages: Sequence[Passage]) -> str:
    """The text with the only mark of a sentence on the only passage that has all content words of that sentence."""
    known = [set(content_words(with_place(passage))) for passage in passages]
    for span in reversed(sentences(text)):
        sentence = text[span.start : span.end]
        words = set(content_words(MARK.sub("", sentence)))
        holders = [number for number, words_there in enumerate(known, 1) if words <= words_there]
        marks = _numbers(sentence)
        if words and len(marks) == len(holders) == 1 and marks != holders and 1 <= marks[0] <= len(passages):
            text = text[: span.start] + MARK.sub(f" [{holders[0]}]", sentence).lstrip() + text[span.end :]
    return text


def drop_unbound(text: str, citations: Sequence[Citation]) -> str:
    """The text without the marks that `bind` refused."""
    bound = {(citation.answer_start, citation.mark) for citation in citations}
    pieces, end = [], 0
    for span in sentences(text):
        numbers = {number for number in _numbers(text[span.start : span.end]) if (span.start, number) in bound}
        pieces += [text[end : span.start], _only(text[span.start : span.end], numbers)]
        end = span.end
    return "".join(pieces) + text[end:]


def with_marks(text: str, citations: Sequence[Citation]) -> str:
    """The answer as shown: attributed sentences get their mark as [~n]."""
    for citation in sorted(citations, key=lambda each: each.answer_end, reverse=True):
        if citation.attributed:
            text = f"{text[: citation.answer_end]} [~{citation.mark}]{text[citation.answer_end :]}"
    return text


def citation(mark: int, passage: Passage, quote: Span, answer: Span, *, attributed: bool = False) -> Citation:
    """The citation of `quote`, a span of the passage's text, for the span `answer` of the answer."""
    return Citation(
        mark=mark, document_id=passage.document_id, document=passage.document, path=passage.path,
        page=passage.page, start=passage.start + quote.start, end=passage.start + quote.end,
        quote=passage.text[quote.start : quote.end], score=passage.score, attributed=attributed,
        answer_start=answer.start, answer_end=answer.end, place=passage.place,
    )  # fmt: skip


def _best_sentence(text: str, words: set[str]) -> Span:
    """The sentence that shares the most content words (numbers count double), or the whole text."""
    best, most = Span(0, len(text)), 0
    for span in sentences(text):
        shared = words & set(content_words(text[span.start : span.end]))
        score = sum(2 if NUMBER.search(word) else 1 for word in shared)
        if score > most:
            best, most = span, score
    return best


def with_place(passage: Passage) -> str:
    """The passage's words with those of its title and headings."""
    return f"{passage.document} {' '.join(passage.headings)} {passage.text}"


def _numbers(sentence: str) -> list[int]:
    return list(dict.fromkeys(int(n) for match in MARK.finditer(sentence) for n in re.findall(r"\d+", match.group())))


def _only(sentence: str, numbers: set[int]) -> str:
    def kept(match: re.Match[str]) -> str:
        good = [number for number in map(int, re.findall(r"\d+", match.group())) if number in numbers]
        space = " " if match.group().startswith(" ") and good else ""
        return f"{space}[{', '.join(map(str, good))}]" if good else ""

    return MARK.sub(kept, sentence)


def _stem(word: str) -> str:
    if NUMBER.search(word):
        return re.sub(r"[,.](?=\d{3}\b)", "", word)
    for ending in ("ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def _trim(text: str, span: Span) -> Span:
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)
