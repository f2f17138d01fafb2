"""The nouns of ingest: a document as read, its chunks, and a passage as found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Section:
    """A run of a document's text under one heading path and on one page.

    `start` and `end` are character offsets into `Document.text`; `page` counts from 1 and is None
    where the format has no pages; `headings` runs from the outermost heading inwards.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    kind: str = "text"  # "text", "code" or "table": code and tables are split by line, not by sentence


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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages above the relevance floor, best first, and what the search looked through."""

    passages: tuple[Passage, ...]
    searched_chunks: int
    best_similarity: float | None = None
    notes: tuple[str, ...] = field(default=())
