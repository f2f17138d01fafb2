"""How do others cut documents? Each splitter gives (start, end) spans of characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from langchain_text_splitters import RecursiveCharacterTextSplitter
from numpy.typing import NDArray

Count = Callable[[Sequence[str]], list[int]]
Embed = Callable[[list[str]], NDArray[np.float32]]
Spans = list[tuple[int, int]]
SEPARATORS = ["\n\n", "\n", ".", "?", "!", " ", ""]  # those of the report named below
PIECE = 50  # tokens of the pieces that `clustered` joins


def recursive(text: str, count: Count, size: int, overlap: int) -> Spans:
    """LangChain's recursive splitter, sized in tokens of the embedder."""
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=size,
        chunk_overlap=overlap,
        length_function=lambda part: count([part])[0],
        separators=SEPARATORS,
        keep_separator=True,
    )
    return list(_placed(text, splitter.split_text(text)))


def fixed(text: str, count: Count, size: int, overlap: int) -> Spans:
    """Windows of `size` tokens that begin `size - overlap` tokens apart, cut between words."""
    ends = [at + 1 for at, character in enumerate(text) if character.isspace()] + [len(text)]
    starts = [0, *ends[:-1]]
    reached = np.cumsum([0, *count([text[a:b] for a, b in zip(starts, ends, strict=True)])])
    spans, first = [], 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(reached, reached[first] + size, "right")) - 1)
        spans.append((starts[first], ends[last - 1]))
        if last >= len(starts):
            break
        first = max(first + 1, int(np.searchsorted(reached, reached[last] - overlap)))
    return [(a, b) for a, b in spans if text[a:b].strip()]


def clustered(text: str, count: Count, size: int, embed: Embed) -> Spans:
    """Pieces of PIECE tokens, joined to clusters of up to `size` so that what is in a cluster is most alike.

    The cluster semantic chunker of Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval" (Chroma,
    2024), rebuilt from its description: a dynamic programme maximises the sum, over all pairs in one cluster, of
    their cosine above the mean cosine of the document.
    """
    pieces = recursive(text, count, PIECE, 0)
    vectors = embed([text[a:b] for a, b in pieces])
    number, longest = len(pieces), max(1, size // PIECE)
    mean = (float(np.square(vectors.sum(axis=0)).sum()) - number) / max(1, number * (number - 1))
    best, cut = [0.0] * (number + 1), [0] * (number + 1)
    for end in range(1, number + 1):
        reward, best[end] = 0.0, -np.inf
        for start in range(end - 1, max(-1, end - 1 - longest), -1):
            reward += float((vectors[start] @ vectors[start + 1 : end].T - mean).sum())
            if best[start] + reward > best[end]:
                best[end], cut[end] = best[start] + reward, start
    spans, end = [], number
    while end:
        spans.append((pieces[cut[end]][0], pieces[end - 1][1]))
        end = cut[end]
    return spans[::-1]


def _placed(text: str, parts: list[str]) -> Iterator[tuple[int, int]]:
    """Where the parts stand, in order; neighbours may overlap."""
    start = 0
    for part in parts:
        start = text.index(part, start)
        yield start, start + len(part)
        start += 1
