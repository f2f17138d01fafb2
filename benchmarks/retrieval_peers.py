"""How do the peers of the retrieval benchmark search? bm25s, and LangChain's FAISS store with its defaults."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bm25s  # type: ignore[import-untyped]  # has no stubs
import numpy as np
import Stemmer  # type: ignore[import-not-found]  # has no stubs
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter
from retrieval_sets import Query

from ingest.embedding.minilm import model_folder

CHARACTERS, OVERLAP = 1_000, 200  # as in LangChain's own tutorials


@dataclass(frozen=True, slots=True)
class Span:
    """A passage: characters of a document."""

    document: str
    start: int
    end: int


def pieces(documents: dict[str, str]) -> list[Document]:
    """The documents as LangChain's splitter cuts them."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHARACTERS, chunk_overlap=OVERLAP, add_start_index=True)
    return splitter.create_documents(list(documents.values()), [{"document": name} for name in documents])


def span(piece: Document) -> Span:
    """Where a piece stands."""
    start = piece.metadata["start_index"]
    return Span(piece.metadata["document"], start, start + len(piece.page_content))


class Bm25s:
    """BM25 as Lucene scores it, English stop words, Snowball's English stemmer (Porter 2)."""

    def __init__(self, documents: dict[str, str], depth: int) -> None:
        self._pieces = pieces(documents)
        self._depth = min(depth, len(self._pieces))
        self._stemmer = Stemmer.Stemmer("english")
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        self._index.index(self._tokens([piece.page_content for piece in self._pieces]), show_progress=False)

    async def search(self, query: Query) -> list[Span]:
        """The best pieces that share a word with the question."""
        numbers, scores = self._index.retrieve(self._tokens([query.joined]), k=self._depth, show_progress=False)
        return [span(self._pieces[number]) for number, score in zip(numbers[0], scores[0], strict=True) if score > 0]

    def _tokens(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)


class CachedMiniLM(Embeddings):
    """all-MiniLM-L6-v2 as LangChain's HuggingFaceEmbeddings calls it; vectors of documents are kept on disk."""

    def __init__(self, cache: Path, questions: list[str]) -> None:
        self._cache = cache
        self._questions = dict(zip(questions, self.embed_documents(questions), strict=True))

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(model_folder()), device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of many texts; the whole list is one file of the cache."""
        name = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:24]
        path = self._cache / f"minilm-{name}.npy"
        if not path.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            np.save(path, self._model.encode(texts, show_progress_bar=False))
        vectors: list[list[float]] = np.load(path).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of one of the questions."""
        return self._questions[text]


class LangChainFaiss:
    """`FAISS.from_documents` and `similarity_search`, nothing set."""

    def __init__(self, documents: dict[str, str], questions: list[str], depth: int, cache: Path) -> None:
        self._depth = depth
        self._store = FAISS.from_documents(pieces(documents), CachedMiniLM(cache, questions))

    async def search(self, query: Query) -> list[Span]:
        """The nearest pieces."""
        return [span(piece) for piece in self._store.similarity_search(query.joined, k=self._depth)]
