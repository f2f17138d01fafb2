"""How a document becomes chunks: by its structure first, then paragraphs, then sentences, words last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ingest.document import Chunk, Document, Section
from ingest.splitting import Span, split_lines, split_section, split_words

_WORD = re.compile(r"\w+")
CountTokens = Callable[[Sequence[str]], list[int]]
PREFIX_CHARACTERS = 120  # of title and headings before a chunk's text in its embedding
FILLED_SHARE = 4  # a chunk may end with a paragraph when it is 1/4 full
SECTION_CHARACTERS = 500_000  # a longer section is cut as several
TINY_SHARE = 4  # a section of less than 1/4 of the size joins its neighbour where it may


@dataclass(frozen=True, slots=True)
class _Group:
    """Neighbouring sections that are chunked as one, and the headings that all of them share."""

    sections: tuple[Section, ...]
    headings: tuple[str, ...]
    spans: tuple[Span, ...]
    tokens: int


def chunk_document(document: Document, count_tokens: CountTokens, size: int = 200, overlap: int = 40) -> list[Chunk]:
    """Chunks in reading order, each with `text == document.text[start:end]`.

    A chunk stays within one page and one heading path (very small sections under one parent share a
    chunk) and ends at a sentence or line unless one alone is over the size. `size` and `overlap` are
    tokens; what `embedding_text` puts before a chunk counts into the size.
    """
    return list(chain.from_iterable(chunk_groups(document, count_tokens, size, overlap)))


def chunk_groups(
    document: Document, count_tokens: CountTokens, size: int = 200, overlap: int = 40
) -> Iterator[list[Chunk]]:
    """The same chunks, group by group: those of sections that are cut as one. Only chunks of one group overlap."""
    for group in _groups(document, count_tokens, size):
        (prefix,) = count_tokens([_prefix(document.title, group.headings)])
        room = max(size - prefix, size // 4, 1)
        first, packed = group.sections[0], _packed(group, document.text, count_tokens, room, min(overlap, room // 2))
        yield [
            Chunk(document.text[start:end], start, end, group.headings, first.page, tokens, first.place)
            for start, end, tokens in packed
        ]


def embedding_text(title: str, chunk: Chunk) -> str:
    """What is embedded for a chunk: where it stands, then its text."""
    prefix = _prefix(title, chunk.headings)
    return f"{prefix}\n{chunk.text}" if prefix else chunk.text


def _prefix(title: str, headings: tuple[str, ...]) -> str:
    """Title and innermost headings in at most PREFIX_CHARACTERS, outer headings dropped first."""
    names = list(dict.fromkeys(name for name in (title, *headings) if name))
    while len(names) > 2 and len(" > ".join(names)) > PREFIX_CHARACTERS:
        del names[1]
    share = (PREFIX_CHARACTERS - 3) // max(1, len(names))
    if len(" > ".join(names)) > PREFIX_CHARACTERS:
        names = [name[:share] for name in names]
    return " > ".join(names)


def _groups(document: Document, count_tokens: CountTokens, size: int) -> Iterator[_Group]:
    """The sections with their spans counted, tiny neighbours joined."""
    held: _Group | None = None
    for sections in _batches(_short_enough(document)):
        split = [split_section(document.text, section) for section in sections]
        counts = iter(count_tokens([document.text[span.start : span.end] for spans in split for span in spans]))
        for section, spans in zip(sections, split, strict=True):
            counted = tuple(span.counted(next(counts)) for span in spans)
            group = _Group((section,), section.headings, counted, sum(span.tokens for span in counted))
            joined = _joined(held, group, document.text, size) if held else None
            if held and not joined:
                yield held
            held = joined or group
    if held:
        yield held


def _short_enough(document: Document) -> Iterator[Section]:
    """The sections, those over SECTION_CHARACTERS cut where a paragraph ends, or a line where none does."""
    for section in document.sections:
        start = section.start
        while section.end - start > SECTION_CHARACTERS:
            limit = start + SECTION_CHARACTERS
            ends = (document.text.rfind(gap, limit - SECTION_CHARACTERS // 10, limit) for gap in ("\n\n", "\n", " "))
            end = next((end for end in ends if end > 0), limit)
            yield replace(section, start=start, end=end)
            start = end
        yield replace(section, start=start)


def _batches(sections: Iterable[Section]) -> Iterator[list[Section]]:
    """Sections of about SECTION_CHARACTERS together: few calls to count them, and never all in memory."""
    batch: list[Section] = []
    length = 0
    for section in sections:
        batch.append(section)
        length += section.end - section.start
        if length >= SECTION_CHARACTERS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _joined(left: _Group, right: _Group, text: str, size: int) -> _Group | None:
    """Both as one group where that is allowed and one of them is tiny, else None."""
    before, after = left.sections[-1], right.sections[0]
    a, b = left.headings, right.headings
    shared = _common(a, b)
    bare = shared == a and _is_bare_heading(left, text)  # it belongs to what follows, however long that is
    related = len(shared) >= max(len(a), len(b)) - 1
    tiny = min(left.tokens, right.tokens) < size // TINY_SHARE and left.tokens + right.tokens <= size - size // 8
    if (before.page, before.place) != (after.page, after.place) or not (bare or (related and tiny)):
        return None
    headings = b if bare else shared
    return _Group(left.sections + right.sections, headings, left.spans + right.spans, left.tokens + right.tokens)


def _is_bare_heading(group: _Group, text: str) -> bool:
    """Whether nothing stands below the group's heading."""
    section = group.sections[0]
    words = _WORD.findall(text[section.start : section.end]) if len(group.sections) == 1 and group.headings else []
    return bool(words) and words == _WORD.findall(group.headings[-1])


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    length = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]


def _packed(group: _Group, text: str, count_tokens: CountTokens, room: int, overlap: int) -> list[tuple[int, int, int]]:
    """(start, end, tokens) of each chunk of a group: as many spans as fit, some repeated in the next."""
    spans = _small_enough(group.spans, text, count_tokens, room)
    chunks: list[tuple[int, int, int]] = []
    first = fresh = 0  # the first span of the next chunk, and the first that no chunk has yet
    while fresh < len(spans):
        last, tokens = _filled(spans, first, fresh, room)
        chunks.append((spans[first].start, spans[last].end, tokens))
        fresh = last + 1
        if fresh < len(spans):
            first = _overlap_start(spans, first, last, min(overlap, room - spans[fresh].tokens))
    return chunks


def _small_enough(spans: Sequence[Span], text: str, count_tokens: CountTokens, room: int) -> list[Span]:
    """The spans, those over `room` cut at line ends, and lines over it between words."""
    if all(span.tokens <= room for span in spans):
        return list(spans)
    result: list[Span] = []
    for span in spans:
        lines = [span] if span.tokens <= room else split_lines(text, span, count_tokens)
        for line in lines:
            result.extend([line] if line.tokens <= room else split_words(text, line, count_tokens, room))
    return result


def _filled(spans: Sequence[Span], first: int, fresh: int, room: int) -> tuple[int, int]:
    """The last span of a chunk that starts at `first` and reaches `fresh` at least, and the chunk's tokens.

    A chunk that cannot take all the rest ends at the end of a paragraph if that leaves it at least
    1 / FILLED_SHARE full.
    """
    tokens, last = spans[first].tokens, first
    paragraph, paragraph_tokens = -1, 0
    while last + 1 < len(spans) and tokens + spans[last + 1].tokens <= room:
        if last >= fresh and spans[last].ends_paragraph and tokens * FILLED_SHARE >= room:
            paragraph, paragraph_tokens = last, tokens
        last += 1
        tokens += spans[last].tokens
    if last + 1 < len(spans) and not spans[last].ends_paragraph and paragraph >= 0:
        return paragraph, paragraph_tokens
    return last, tokens


def _overlap_start(spans: Sequence[Span], first: int, last: int, allowed: int) -> int:
    """The first span of the next chunk: whole spans of this one are repeated up to `allowed` tokens."""
    start, tokens = last + 1, 0
    while start - 1 > first and tokens + spans[start - 1].tokens <= allowed:
        start -= 1
        tokens += spans[start].tokens
    return start
