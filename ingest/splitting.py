"""Where a section may be cut: at the ends of paragraphs, list items, lines and sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingest.document import Section

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*|\n(?=[ \t]*(?:[-*+•‣▪◦·–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+\S)")
_LINE_END = re.compile(r"\n\s*")
_LONG_LINE = 150  # characters: a text mostly of longer lines is not wrapped, so each line is a paragraph
_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]]*(?=\s)\s+(?=[^\s\da-zß-öø-ÿ]|\d)|[。！？]+[”』」）]*\s*|[؟۔।]\s+)")
_LOWERCASE_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+")  # of a text without any capital letter
_LAST_WORD = re.compile(r"([^\W\d_](?:[\w'’]|\.(?=\w))*)\.[\"'”’)\]]*\s*$")
_LINE = re.compile(r"\n+")
_WORD = re.compile(r"\S+")
_ABBREVIATED = (
    "mr mrs ms dr prof rev hon gen col capt lt sgt sen rep gov st mt ft sr jr fr sra srta dipl ing mag "
    "vs v cf al approx ca circa est resp incl excl etc viz inter "
    "fig figs eq eqs sec secs ch chap art arts para p pp vol vols no nos nr ref refs tab app ed eds trans "
    "inc ltd co corp dept univ assn bros ave blvd rd tel ext "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun "
    "e.g i.e a.m p.m u.s u.k u.n d.c ph.d m.d b.a m.a a.k.a z.b d.h u.a bzw ggf usw evtl abs vgl str"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text that is not cut further; `tokens` is 0 until it was counted."""

    start: int
    end: int
    ends_paragraph: bool = False
    tokens: int = 0

    def counted(self, tokens: int) -> Span:
        """The same span with its tokens."""
        return Span(self.start, self.end, self.ends_paragraph, tokens)


def split_section(text: str, section: Section) -> list[Span]:
    """The sentences of a text section, or the lines of a table or of code, without space around them."""
    bounds = section.start, section.end
    pieces = _prose(text, *bounds) if section.kind == "text" else _lines(text, *bounds)
    return [Span(start, end, ends) for start, end, ends in pieces if end > start]


def split_lines(text: str, span: Span, count_tokens: Callable[[Sequence[str]], list[int]]) -> list[Span]:
    """The lines of a span, counted."""
    bounds = [(start, end) for start, end, _ in _lines(text, span.start, span.end)]
    counts = count_tokens([text[start:end] for start, end in bounds])
    last = len(bounds) - 1
    return [
        Span(start, end, span.ends_paragraph and number == last, tokens)
        for number, ((start, end), tokens) in enumerate(zip(bounds, counts, strict=True))
    ]


def split_words(text: str, span: Span, count_tokens: Callable[[Sequence[str]], list[int]], room: int) -> Iterator[Span]:
    """A span that is over `room` tokens, cut between words; a word over it is cut by its length."""
    ends = [found.end() for found in _WORD.finditer(text, span.start, span.end)]
    starts = [span.start, *ends[:-1]]
    counts = count_tokens([text[start:end] for start, end in zip(starts, ends, strict=True)])
    start, end, tokens = span.start, span.start, 0
    for word_end, count in zip(ends, counts, strict=True):
        if tokens and tokens + count > room:
            yield _stripped(text, start, end, tokens)
            start, tokens = end, 0
        if count > room:
            step = max(1, (word_end - start) * room // (count + room))
            while word_end - start > step:
                yield _stripped(text, start, start + step, room)
                start += step
            count = room
        tokens, end = tokens + count, word_end
    yield Span(*_strip(text, start, span.end), span.ends_paragraph, tokens)


def _stripped(text: str, start: int, end: int, tokens: int) -> Span:
    return Span(*_strip(text, start, end), False, tokens)


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The bounds without white space at either end."""
    body = text[start:end]
    return start + len(body) - len(body.lstrip()), start + len(body.rstrip())


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The bounds of the pieces between separators."""
    for found in separator.finditer(text, start, end):
        yield start, found.start()
        start = found.end()
    yield start, end


def _prose(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """The sentences of each paragraph between the bounds."""
    separator = _LINE_END if _is_unwrapped(text[start:end]) else _PARAGRAPH_END
    for bounds in _between(separator, text, start, end):
        yield from _sentences(text, *bounds)


def _is_unwrapped(text: str) -> bool:
    """Whether most of the text stands in lines too long for a page."""
    lengths = [len(line) for line in text.split("\n")]
    return sum(length for length in lengths if length > _LONG_LINE) * 2 > sum(lengths)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, last of the paragraph) of each sentence between the bounds."""
    start, end = _strip(text, start, end)
    pattern = _LOWERCASE_SENTENCE_END if text[start:end].islower() else _SENTENCE_END
    for found in pattern.finditer(text, start, end):
        if found.end() < end and not _is_abbreviation(text, max(start, found.start() - 20), found):
            yield start, found.start() + len(found[0].rstrip()), False
            start = found.end()
    yield start, end, True


def _is_abbreviation(text: str, start: int, found: re.Match[str]) -> bool:
    if not found[0].startswith(".") or found[0].startswith(".."):
        return False
    word = _LAST_WORD.search(text, start, found.end())
    if word is None:
        return False
    name = word[1]
    return (len(name) == 1 and name.isupper()) or name.lower() in _ABBREVIATIONS


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, before an empty line) of each line that is not empty; indentation is kept."""
    for found in _LINE.finditer(text, start, end):
        if text[start : found.start()].strip():
            yield start, found.start(), len(found[0]) > 1
        start = found.end()
    if text[start:end].strip():
        yield start, end, True
