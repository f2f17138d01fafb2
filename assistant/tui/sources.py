"""What an answer stands on, as the sources panel lists it, and the page around a passage."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.conversation import Citation
from ingest.document import Passage
from ingest.library import DocumentText

WINDOW = 3000  # characters around a passage where a document has no pages, or very long ones


@dataclass(frozen=True, slots=True)
class Source:
    """A passage and why it is listed. `start` and `end` bound the characters to highlight."""

    mark: int
    document_id: int
    document: str
    path: str
    page: int | None
    start: int
    end: int
    quote: str
    cited: bool
    attributed: bool = False
    passage: Passage | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a document's text; `start` and `end` bound the quote in it, equal where it is not found."""

    text: str
    start: int
    end: int
    notice: str = ""


def sources_of(citations: Sequence[Citation], passages: Sequence[Passage]) -> list[Source]:
    """First what is cited, in the order of the answer, then what was retrieved beside it."""
    listed: dict[tuple[int, int, int], Source] = {}
    for citation in citations:
        passage = passages[citation.mark - 1] if citation.mark <= len(passages) else None
        listed.setdefault((citation.document_id, citation.start, citation.end), _cited(citation, passage))
    marks = {citation.mark for citation in citations}
    beside = [_retrieved(number, passage) for number, passage in enumerate(passages, 1) if number not in marks]
    return [*listed.values(), *beside]


def page_around(document: DocumentText | None, source: Source) -> Page:
    """The page (or the surroundings) in which a source's quote stands."""
    if document is None:
        gone = "The document is no longer in the library." if source.document_id else "Worked out by the calculator."
        return Page(source.quote, 0, len(source.quote), gone)
    start = source.start
    if document.text[start : source.end] != source.quote:
        start = document.text.find(source.quote)
        if start < 0:
            return Page(source.quote, 0, len(source.quote), "The document has changed since this answer.")
    first, last = _bounds(document, start, start + len(source.quote))
    return Page(document.text[first:last], start - first, start - first + len(source.quote))


def scores(passage: Passage) -> str:
    """The three scores of a passage in one line."""
    similarity = "–" if passage.similarity is None else f"{passage.similarity:.2f}"
    words = "–" if passage.bm25 is None else f"{passage.bm25:.1f}"
    return f"score {passage.score:.2f}, meaning {similarity}, words {words}"


def _bounds(document: DocumentText, start: int, end: int) -> tuple[int, int]:
    """The page that holds `start`, cut down around the quote if it is long."""
    first, last = 0, len(document.text)
    if document.page_starts:
        index = bisect_right(document.page_starts, start) - 1
        first = document.page_starts[max(index, 0)]
        following = document.page_starts[index + 1 : index + 2]
        last = max(end, following[0]) if following else last
    if last - first > 2 * WINDOW:
        first, last = max(first, _line_before(document.text, start - WINDOW)), min(last, end + WINDOW)
    return first, last


def _line_before(text: str, position: int) -> int:
    return text.rfind("\n", 0, max(position, 0)) + 1 if position > 0 else 0


def _cited(citation: Citation, passage: Passage | None) -> Source:
    return Source(
        citation.mark, citation.document_id, citation.document, citation.path, citation.page, citation.start,
        citation.end, citation.quote, True, citation.attributed, passage, citation.place,
    )  # fmt: skip


def _retrieved(number: int, passage: Passage) -> Source:
    return Source(
        number, passage.document_id, passage.document, passage.path, passage.page, passage.start, passage.end,
        passage.text, False, False, passage, passage.place,
    )  # fmt: skip
