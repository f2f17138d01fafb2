"""Which chunks hold most of the evidence at the same number of tokens read: ours of several sizes, or others'?

    python benchmarks/chunking.py [--data DIR] [--cache DIR] [--budget 400 1000] [--threads 1] [--only ours]

DIR (or the variable ASSISTANT_DATA) holds dev/chunking: documents, and questions with the character spans of their
evidence. Each question takes the best chunks, over all documents, up to `budget` tokens (the last one in part). Then,
as in Chroma's "Evaluating Chunking Strategies for Retrieval" (2024), counted in characters as its code does: recall is
the share of the evidence that was read, precision the share of what was read that is evidence (text read twice counts
twice), IoU their intersection over all read and all evidence missed; `whole` is the share of questions whose evidence
was read whole. A last table reads the best K passages of the product's default alone and with what stands around them
(`answer.read_around`). Both sides get the same embedder (MiniLM int8), the same BM25 and the same fusion, the
product's without what it adds for nearness and like passages; ours also embeds what the product puts before a chunk.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from chunking_splitters import Count, Embed, Spans, clustered, fixed, recursive
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assistant import offline  # noqa: E402 - the repository has to be importable first
from ingest.chunking import chunk_document, embedding_text  # noqa: E402
from ingest.document import Document  # noqa: E402
from ingest.embedding import open_embedder  # noqa: E402
from ingest.embedding.minilm import model_folder  # noqa: E402
from ingest.fusion import DEFAULT_WEIGHTS, trust  # noqa: E402
from ingest.readers import read_document  # noqa: E402
from ingest.readers.limits import Limits  # noqa: E402
from ingest.surroundings import Stretch, reach  # noqa: E402
from ingest.token_counter import TokenCounter  # noqa: E402

OURS = ((100, 0), (100, 20), (150, 0), (150, 30), (200, 0), (200, 40), (240, 0))
PEERS = ((200, 0), (200, 40))
CLUSTERS = (200,)  # longer ones are longer than what this embedder reads
DEFAULT = (200, 40)
AROUND, COUNTS = (0, 100, 200, 400), (2, 4, 8)
MEASURES = "recall", "whole", "precision", "IoU"


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of any side: where it stands, its tokens, and what is embedded and indexed of it."""

    document: str
    start: int
    end: int
    tokens: int
    text: str
    place: tuple[object, ...] = ()  # a passage is read wide within one place


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the character spans of its evidence in one document."""

    text: str
    document: str
    evidence: tuple[tuple[int, int], ...]


def main() -> None:
    """Chunk with all, search with the same means, print the table."""
    arguments = parsed()
    folder = arguments.data / "dev" / "chunking"
    if not (folder / "questions_df.csv").is_file():
        sys.exit(f"{folder} holds no questions_df.csv: give the folder of the data with --data.")
    documents = {path.stem: read(path) for path in sorted((folder / "corpora").iterdir())}
    questions = list(load_questions(folder / "questions_df.csv"))
    count = TokenCounter(str(model_folder() / "tokenizer.json"))
    embed = kept(open_embedder("minilm", arguments.threads).embed, arguments.cache)
    heads = [f"{budget} tokens: {', '.join(MEASURES)}" for budget in arguments.budget]
    print(f"{len(questions)} questions\n\n| chunker | chunks | mean tokens | {' | '.join(heads)} |")
    print("|---|---|---|" + "---|" * len(heads))
    for name, chunk in sides(count, embed):
        if arguments.only in name:
            pieces = chunk(documents)
            order = ranked(pieces, questions, embed)
            cells = (
                " / ".join(f"{value:.3f}" for value in measured(pieces, questions, order, budget))
                for budget in arguments.budget
            )
            mean = sum(piece.tokens for piece in pieces) / len(pieces)
            print(f"| {name} | {len(pieces)} | {mean:.0f} | {' | '.join(cells)} |", flush=True)
    read_wide(ours(documents, count, *DEFAULT), questions, embed)


def read_wide(pieces: list[Piece], questions: list[Question], embed: Embed) -> None:
    """Print what the best passages hold alone, and with their surroundings."""
    order = ranked(pieces, questions, embed)
    print(f"\n| tokens around | {' | '.join(f'{count} passages: tokens, recall, whole' for count in COUNTS)} |")
    print("|---|" + "---|" * len(COUNTS))
    for around in AROUND:
        cells = []
        for count in COUNTS:
            rows = []
            for question, best in zip(questions, order, strict=True):
                taken = widened(pieces, best[:count].tolist(), around)
                inside = covered([piece for piece in taken if piece.document == question.document], question.evidence)
                total = sum(end - start for start, end in question.evidence)
                rows.append((sum(piece.tokens for piece in taken), inside / total, inside == total))
            tokens, recall, whole = np.mean(rows, axis=0).tolist()
            cells.append(f"{tokens:.0f} / {recall:.3f} / {whole:.3f}")
        print(f"| {around} | {' | '.join(cells)} |", flush=True)


def widened(pieces: list[Piece], best: list[int], around: int) -> list[Piece]:
    """All pieces that are read for the best ones, as the product widens them."""
    taken = set(best)
    for number in best:
        low, high = max(0, number - around), min(len(pieces), number + around + 1)
        near = [at for at in range(low, high) if pieces[at].place == pieces[number].place]
        stretches = [Stretch(at, pieces[at].start, pieces[at].end, pieces[at].tokens) for at in near]
        first, last = reach(stretches, near.index(number), taken, around)
        taken.update(near[first : last + 1])
    return [pieces[number] for number in taken]


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASSISTANT_DATA", "data")))
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors for the next run")
    parser.add_argument("--budget", type=int, nargs="+", default=[400, 1000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="only chunkers with this in their name")
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


def kept(embed: Embed, cache: Path | None) -> Embed:
    """The same embedder, whose vectors are kept in the folder."""

    def embedded(texts: list[str]) -> NDArray[np.float32]:
        if cache is None:
            return embed(texts)
        name = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
        path = cache / f"{name}.npy"
        if not path.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            np.save(path, embed(texts))
        return np.asarray(np.load(path), np.float32)

    return embedded


def sides(count: Count, embed: Embed) -> Iterator[tuple[str, Callable[[dict[str, Document]], list[Piece]]]]:
    """All chunkers by name."""
    for size, overlap in OURS:
        yield f"ours {size}/{overlap}", partial(ours, count=count, size=size, overlap=overlap)
    for size, overlap in PEERS:
        split = partial(recursive, count=count, size=size, overlap=overlap)
        yield f"recursive {size}/{overlap} (LangChain)", partial(theirs, split=split, count=count)
    yield "fixed 200/0", partial(theirs, split=partial(fixed, count=count, size=200, overlap=0), count=count)
    for size in CLUSTERS:
        split = partial(clustered, count=count, size=size, embed=embed)
        yield f"cluster semantic {size} (Chroma)", partial(theirs, split=split, count=count)


def ours(documents: dict[str, Document], count: Count, size: int, overlap: int) -> list[Piece]:
    """The product's chunks."""
    return [
        Piece(
            name,
            chunk.start,
            chunk.end,
            chunk.tokens,
            embedding_text(document.title, chunk),
            (name, chunk.page, chunk.place, chunk.headings),
        )
        for name, document in documents.items()
        for chunk in chunk_document(document, count, size, overlap)
    ]


def theirs(documents: dict[str, Document], split: Callable[[str], Spans], count: Count) -> list[Piece]:
    """The chunks of another splitter."""
    pieces = []
    for name, document in documents.items():
        spans = split(document.text)
        tokens = count([document.text[start:end] for start, end in spans])
        pieces += [
            Piece(name, start, end, number, document.text[start:end])
            for (start, end), number in zip(spans, tokens, strict=True)
        ]
    return pieces


def ranked(pieces: list[Piece], questions: list[Question], embed: Embed) -> NDArray[np.intp]:
    """The pieces for each question, best first: words and meaning, weighed as in ingest/fusion.py."""
    texts, asked = [piece.text for piece in pieces], [question.text for question in questions]
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=1.5, b=0.75)
    corpus = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
    index.index(corpus, show_progress=False)
    frequency: dict[str, int] = {}
    for words in corpus:
        for word in set(words):
            frequency[word] = frequency.get(word, 0) + 1
    meaning = np.maximum(embed(asked) @ embed(texts).T, 0.0)
    weight, rows = DEFAULT_WEIGHTS.words, []
    for row, words in enumerate(
        bm25s.tokenize(asked, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
    ):
        best = sum(
            np.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for n in (frequency.get(word, 0) for word in words) if n
        )
        lexical = index.get_scores(words) / max(float(best), 1e-9) * trust(len(set(words)))
        rows.append(weight * lexical + (1 - weight) * meaning[row])
    return np.argsort(-np.stack(rows), axis=1, kind="stable")


def measured(
    pieces: list[Piece], questions: list[Question], orders: NDArray[np.intp], budget: int
) -> tuple[float, float, float, float]:
    """The means of MEASURES over all questions."""
    rows = []
    for question, order in zip(questions, orders, strict=True):
        taken = list(within(pieces, order, budget))
        inside = covered([piece for piece in taken if piece.document == question.document], question.evidence)
        total = sum(end - start for start, end in question.evidence)
        seen = sum(piece.end - piece.start for piece in taken)
        rows.append((inside / total, float(inside == total), inside / max(seen, 1), inside / (seen + total - inside)))
    recall, whole, precision, iou = np.mean(rows, axis=0).tolist()
    return recall, whole, precision, iou


def covered(taken: Sequence[Piece], evidence: Sequence[tuple[int, int]]) -> int:
    """How many characters of the evidence stand in the pieces."""
    inside = 0
    for start, end in evidence:
        mask = np.zeros(end - start, dtype=bool)
        for piece in taken:
            mask[max(0, piece.start - start) : max(0, piece.end - start)] = True
        inside += int(mask.sum())
    return inside


def within(pieces: list[Piece], order: NDArray[np.intp], budget: int) -> Iterator[Piece]:
    """The best pieces, the last one as far as the budget of tokens reaches."""
    for number in order:
        piece = pieces[number]
        if piece.tokens > budget:
            length = (piece.end - piece.start) * budget // piece.tokens
            yield replace(piece, end=piece.start + length, tokens=budget)
            return
        budget -= piece.tokens
        yield piece


if __name__ == "__main__":
    offline.enforce()
    main()
