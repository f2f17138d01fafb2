"""Do our chunks hold more of the evidence than LangChain's recursive splitter, at the same number of tokens read?

    python benchmarks/chunking.py [--data DIR] [--budget 1000] [--threads 1]

DIR (or the variable ASSISTANT_DATA) holds dev/chunking: documents, and questions with the character spans of their
evidence. Each question takes the best chunks, over all documents, up to `budget` tokens; a cell is the share of the
evidence they cover / the share of questions whose evidence they cover whole. Both sides get the same embedder
(MiniLM int8), the same BM25 and the same fusion; ours also embeds what the product puts before a chunk.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from langchain_text_splitters import RecursiveCharacterTextSplitter
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assistant import offline  # noqa: E402 - the repository has to be importable first
from ingest.chunking import chunk_document, embedding_text  # noqa: E402
from ingest.document import Document  # noqa: E402
from ingest.embedding import open_embedder  # noqa: E402
from ingest.embedding.minilm import model_folder  # noqa: E402
from ingest.readers import read_document  # noqa: E402
from ingest.readers.limits import Limits  # noqa: E402
from ingest.token_counter import TokenCounter  # noqa: E402

SIZE, OVERLAP = 200, 40
DEPTH, RRF_CONSTANT = 100, 60


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of either side: where it stands, its tokens, and what is embedded and indexed of it."""

    document: str
    start: int
    end: int
    tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the character spans of its evidence in one document."""

    text: str
    document: str
    evidence: tuple[tuple[int, int], ...]


def main() -> None:
    """Chunk with both sides, search with the same means, print the table."""
    arguments = parsed()
    folder = arguments.data / "dev" / "chunking"
    if not (folder / "questions_df.csv").is_file():
        sys.exit(f"{folder} holds no questions_df.csv: give the folder of the data with --data.")
    documents = {path.stem: read(path) for path in sorted((folder / "corpora").iterdir())}
    questions = list(load_questions(folder / "questions_df.csv"))
    count_tokens = TokenCounter(str(model_folder() / "tokenizer.json"))
    sides = {
        f"recursive {SIZE}/{OVERLAP} (LangChain)": list(recursive(documents, count_tokens)),
        f"structure {SIZE}/{OVERLAP} (ours)": list(ours(documents, count_tokens)),
    }
    embed = open_embedder("minilm", arguments.threads).embed
    print(f"{len(questions)} questions, {arguments.budget} tokens each\n")
    print("| chunker | chunks | mean tokens | dense | BM25 | RRF |\n|---|---|---|---|---|---|")
    for name, pieces in sides.items():
        dense, lexical = scores(pieces, questions, embed)
        cells = (
            "{:.3f} / {:.3f}".format(*covered(pieces, questions, order, arguments.budget))
            for order in (ranked(dense), ranked(lexical), fused(dense, lexical))
        )
        mean = sum(piece.tokens for piece in pieces) / len(pieces)
        print(f"| {name} | {len(pieces)} | {mean:.0f} | {' | '.join(cells)} |", flush=True)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASSISTANT_DATA", "data")))
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def read(path: Path) -> Document:
    """A document through the product's reader, which must leave the offsets of the evidence alone."""
    document = read_document(path.read_bytes(), path.stem, path.suffix, Limits())
    if document.text != path.read_text(encoding="utf-8"):
        sys.exit(f"{path.name} is changed by its reader: the offsets of the evidence would not fit.")
    return document


def load_questions(path: Path) -> Iterator[Question]:
    """The questions of the CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            spans = tuple((part["start_index"], part["end_index"]) for part in json.loads(row["references"]))
            yield Question(row["question"], row["corpus_id"], spans)


def ours(documents: dict[str, Document], count_tokens: TokenCounter) -> Iterator[Piece]:
    """The product's chunks."""
    for name, document in documents.items():
        for chunk in chunk_document(document, count_tokens, SIZE, OVERLAP):
            yield Piece(name, chunk.start, chunk.end, chunk.tokens, embedding_text(document.title, chunk))


def recursive(documents: dict[str, Document], count_tokens: TokenCounter) -> Iterator[Piece]:
    """LangChain's recursive chunks, sized by the same count of tokens."""
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=SIZE,
        chunk_overlap=OVERLAP,
        length_function=lambda text: count_tokens([text])[0],
        separators=["\n\n", "\n", ". ", " ", ""],
    )
    for name, document in documents.items():
        position = 0
        for text in splitter.split_text(document.text):
            start = document.text.index(text, max(0, position - 4 * len(text)))
            position = start + len(text)
            yield Piece(name, start, position, count_tokens([text])[0], text)


def scores(
    pieces: list[Piece], questions: list[Question], embed: Callable[[list[str]], NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine and BM25 of every question with every piece, both of shape (questions, pieces)."""
    texts, asked = [piece.text for piece in pieces], [question.text for question in questions]
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=1.5, b=0.75)
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    words = bm25s.tokenize(asked, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
    return embed(asked) @ embed(texts).T, np.stack([index.get_scores(one) for one in words])


def ranked(matrix: NDArray[np.float32]) -> NDArray[np.intp]:
    """The pieces of each row, best first."""
    return np.argsort(-matrix, axis=1, kind="stable")


def fused(*matrices: NDArray[np.float32]) -> NDArray[np.intp]:
    """Reciprocal rank fusion (Cormack et al. 2009) of the first DEPTH pieces of each ranking."""
    total = np.zeros_like(matrices[0])
    gains = (1 / (RRF_CONSTANT + np.arange(1, DEPTH + 1))).astype(np.float32)
    for matrix in matrices:
        for row, order in enumerate(ranked(matrix)):
            total[row, order[:DEPTH]] += gains[: len(order)]
    return ranked(total)


def covered(
    pieces: list[Piece], questions: list[Question], orders: NDArray[np.intp], budget: int
) -> tuple[float, float]:
    """Mean share of evidence characters inside the pieces read, and share of questions covered whole."""
    shares = []
    for question, order in zip(questions, orders, strict=True):
        taken = [piece for piece in within(pieces, order, budget) if piece.document == question.document]
        inside = total = 0
        for start, end in question.evidence:
            mask = np.zeros(end - start, dtype=bool)
            for piece in taken:
                mask[max(0, piece.start - start) : max(0, piece.end - start)] = True
            inside, total = inside + int(mask.sum()), total + end - start
        shares.append(inside / total)
    return float(np.mean(shares)), float(np.mean([share == 1 for share in shares]))


def within(pieces: list[Piece], order: NDArray[np.intp], budget: int) -> Iterator[Piece]:
    """The best pieces, until the next would go over the budget of tokens."""
    for number in order:
        budget -= pieces[number].tokens
        if budget < 0:
            return
        yield pieces[number]


if __name__ == "__main__":
    offline.enforce()
    main()
