"""How fast is the embedded embedder, beside sentence-transformers with its defaults on the same weights and texts?

    python benchmarks/embedding.py [--data DIR] [--texts 200] [--rounds 3] [--quality]

Each measurement is a process of its own, the two sides in turn, and the best of the rounds counts. DIR (or the variable
ASSISTANT_DATA) holds dev/squad_v2/passages.jsonl; without it the texts are pieces of Python's own documentation.
Prints a Markdown table: time from start to the first vector, texts a second by the clock and by CPU time, time of a
short query, and the mean cosine between the vectors of both. With --quality instead what int8 costs the search: nDCG@10
of ranking whole documents of DIR/dev by their vectors alone, of both sides and of ours in fp32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from assistant import offline  # noqa: E402 - the repository has to be importable first

QUERY = "When is the rent due, and to whom is it paid?"
QUERIES = 30
PIECE = 800  # characters of a generated text, about as long as a passage
WHOLE = ("cranfield", "squad_v2", "mtrag_un")  # sets whose documents are ranked as a whole
SIDES = {"ours": "MiniLM int8, ONNX Runtime (ours)", "torch": "sentence-transformers, fp32"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One process: seconds from its first line to the first vector, texts a second, and seconds a query."""

    ready: float
    by_clock: float
    by_cpu: float
    query: float


def main() -> None:
    """Measure both sides and print the table, or be one of the measured processes."""
    arguments = parsed()
    if arguments.measure:
        print(json.dumps(asdict(measured(arguments.measure, arguments.threads, arguments.folder))))
        return
    if arguments.quality:
        print_quality(Path(arguments.data))
        return
    texts, source = load_texts(arguments.data, arguments.texts)
    print(f"{len(texts)} texts from {source}, mean {sum(map(len, texts)) // len(texts)} characters\n")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        print_table(Path(folder), arguments.rounds)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ASSISTANT_DATA", ""), help="folder of benchmark data")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", action="store_true", help="nDCG@10 of the vectors alone")
    for hidden in ("--measure", "--folder"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def load_texts(data: str, count: int) -> tuple[list[str], str]:
    """The texts and where they come from."""
    path = Path(data) / "dev" / "squad_v2" / "passages.jsonl"
    if data and path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()[:count]
        return [json.loads(line)["text"] for line in lines], "SQuAD 2.0"
    print(f"There is no {path}; name the data folder with --data.", file=sys.stderr)
    whole = "\n".join(text for _, text in sorted(topics.items()))
    return [whole[start : start + PIECE] for start in range(0, count * PIECE, PIECE)], "Python's documentation"


def measured(side: str, threads: int, folder: str) -> Measurement:
    """Measure one side in this process, and leave its vectors in the folder."""
    offline.enforce()
    start = time.perf_counter()
    embed = ours(threads) if side == "ours" else torch_default(threads)
    embed([QUERY])
    ready = time.perf_counter() - start
    texts = json.loads((Path(folder) / "texts.json").read_text(encoding="utf-8"))
    clock, cpu = time.perf_counter(), time.process_time()
    vectors = embed(texts)
    by_clock, by_cpu = len(texts) / (time.perf_counter() - clock), len(texts) / (time.process_time() - cpu)
    vectors.tofile(Path(folder) / f"{side}.vectors")
    return Measurement(ready, by_clock, by_cpu, median(seconds(lambda: embed([QUERY])) for _ in range(QUERIES)))


def ours(threads: int) -> Callable[[list[str]], Any]:
    """The embedded default."""
    from ingest.embedding import open_embedder

    return open_embedder("minilm", threads).embed


def torch_default(threads: int) -> Callable[[list[str]], Any]:
    """sentence-transformers as its documentation starts, but for the number of threads."""
    import torch
    from sentence_transformers import SentenceTransformer

    from ingest.embedding.minilm import model_folder

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, show_progress_bar=False)


def print_quality(data: Path) -> None:
    """A row for each way to embed; the documents and questions are those of benchmarks/retrieval.py."""
    import numpy as np
    from retrieval import measured as judged
    from retrieval_peers import Span
    from retrieval_sets import load_sets

    from ingest.embedding.minilm import MiniLMEmbedder

    cores = os.cpu_count() or 1
    sides = {
        SIDES["ours"]: ours(cores),
        "MiniLM fp32, ONNX Runtime (ours)": MiniLMEmbedder(cores, quantised=False).embed,
        SIDES["torch"]: torch_default(cores),
    }
    sets = [each for each in load_sets(data) if each.name in WHOLE]
    print(f"| embedder | {' | '.join(each.name for each in sets)} | mean |\n|---{'|---' * (len(sets) + 1)}|")
    for name, embed in sides.items():
        figures = []
        for each in sets:
            names, texts = list(each.documents), list(each.documents.values())
            cosines = embed([query.joined for query in each.queries]) @ embed(texts).T
            found = [[Span(names[place], 0, len(texts[place])) for place in np.argsort(-row)[:10]] for row in cosines]
            pairs = zip(each.queries, found, strict=True)
            figures.append(float(np.mean([judged(each, query, spans)[0] for query, spans in pairs])))
        shown = " | ".join(f"{figure:.4f}" for figure in (*figures, sum(figures) / len(figures)))
        print(f"| {name} | {shown} |", flush=True)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def print_table(folder: Path, rounds: int) -> None:
    """A row for each side and number of threads, and a row with their ratio."""
    print("| embedder | threads | ready s | texts/s by clock | texts/s by CPU | query ms |\n|---|---|---|---|---|---|")
    for threads in sorted({1, os.cpu_count() or 1}):
        runs = [{side: run(side, threads, folder) for side in SIDES} for _ in range(rounds)]
        best = {side: best_of([each[side] for each in runs]) for side in SIDES}
        for side, name in SIDES.items():
            got = best[side]
            rates = f"{got.by_clock:.1f} | {got.by_cpu:.1f} | {got.query * 1000:.1f}"
            print(f"| {name} | {threads} | {got.ready:.2f} | {rates} |")
        a, b = best["ours"], best["torch"]
        ratios = f"{a.by_clock / b.by_clock:.1f}x | {a.by_cpu / b.by_cpu:.1f}x | {b.query / a.query:.1f}x"
        print(f"| **ours is faster by** | {threads} | {b.ready / a.ready:.1f}x | {ratios} |", flush=True)
    print(f"\nMean cosine between the vectors of both: {mean_cosine(folder):.4f}")


def run(side: str, threads: int, folder: Path) -> Measurement:
    """One measurement in a new process."""
    command = [sys.executable, __file__, "--measure", side, "--threads", str(threads), "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def best_of(runs: list[Measurement]) -> Measurement:
    """The best of each figure: what disturbs a run only makes it slower."""
    return Measurement(
        min(run.ready for run in runs),
        max(run.by_clock for run in runs),
        max(run.by_cpu for run in runs),
        min(run.query for run in runs),
    )


def mean_cosine(folder: Path) -> float:
    """How near the vectors of the two sides are, text by text."""
    import numpy as np

    left, right = (np.fromfile(folder / f"{side}.vectors", np.float32).reshape(-1, 384) for side in SIDES)
    return float((left * right).sum(axis=1).mean())


if __name__ == "__main__":
    main()
