"""The nouns of ingest: a document as read, its chunks, and a passage as found."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.search_trace import SearchTrace


@dataclass(frozen=True, slots=True)
class Section:
    """A run of a document's text under one heading path and in one place.

    `start` and `end` are character offsets into `Document.text`; `page` counts pages or slides from 1
    and is None where the format has none; `headings` runs from the outermost heading inwards; `place`
    says where this stands in words of the format ("slide 3", "sheet Rent, rows 2–40", "0:12–0:40"), and is
    empty where page and headings say enough.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    kind: str = "text"  # "text", "code" or "table": code and tables are split by line, not by sentence
    place: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as text. The sections are in order, do not overlap, and cover all text worth indexing."""

    title: str
    text: str
    sections: tuple[Section, ...]
    pages: int | None = None
    notes: tuple[str, ...] = ()  # what the user should know: "3 pages have no text layer", …


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document small enough to embed; `text` is `Document.text[start:end]`."""

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    tokens: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as found by a search, with where it stands and why it was found.

    `score` is the fused score that ranks it (0 to 1, higher is better), `similarity` the cosine of
    the embeddings (-1 to 1, None if the vector search did not return it), `bm25` the full-text score
    (higher is better, None if no word matched).
    """

    chunk_id: int
    document_id: int
    document: str  # the file's name
    path: str
    text: str
    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    score: float = 0.0
    similarity: float | None = None
    bm25: float | None = None
    place: str = ""


def place_label(page: int | None, place: str, page_word: str = "p.") -> str:
    """Where a passage stands, for people: its place in the words of the format, else its page, else ""."""
    return place or (f"{page_word} {page}" if page else "")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages above the relevance floor, best first, what the search looked through, and how it came to them."""

    passages: tuple[Passage, ...]
    searched_chunks: int
    best_similarity: float | None = None
    notes: tuple[str, ...] = field(default=())
    trace: SearchTrace | None = None
