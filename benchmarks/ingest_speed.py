"""How fast do documents become searchable, beside LangChain's loaders, splitter and FAISS.from_documents?

    python benchmarks/ingest_speed.py --data DIR [--megabytes 1 2 …] [--forms one mixed] [--sides ours langchain]

The same text, encyclopedia articles from DIR/text (or the variable ASSISTANT_DATA), lies in two forms: one file, and a
folder of files of about 4 kB, by turns .txt, .md, .html and .csv. Where more is asked for than there is, it goes on
with the words of each line in reverse order. Ours runs through the product with its defaults: read
and cut in a child process, embedded by MiniLM as int8 in another, stored in SQLite, the full-text index and FAISS.
LangChain has TextLoader, BSHTMLLoader and CSVLoader by DirectoryLoader, its splitter (1,000 characters, overlap 200)
and the same MiniLM in sentence-transformers. Each run is a process of its own. Memory is the largest resident size of
the process that was started, and of it and its children together, each at its own peak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import lzma
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # has no stubs; comes with accelerate

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

SOURCE = "text/encyclopedia-60MB.txt.xz"
MOST_TEXT = 1_000  # megabytes that a file may hold; the default would refuse the largest
PIECE = 4_000  # characters of a file of the mixed folder
OURS, LANGCHAIN = "ours", "langchain"
FORMS = ["one", "mixed"]


def write_files(folder: Path, text: str, forms: list[str]) -> None:
    """The text as one file, and as a folder of small files of four formats."""
    if "one" in forms:
        (folder / "one").mkdir()
        (folder / "one" / "all.txt").write_text(text, "utf-8")
    if "mixed" not in forms:
        return
    mixed = folder / "mixed"
    mixed.mkdir()
    for number, start in enumerate(range(0, len(text), PIECE)):
        part, name = text[start : start + PIECE], mixed / f"{number:05}"
        if number % 4 == 0:
            name.with_suffix(".txt").write_text(part, "utf-8")
        elif number % 4 == 1:
            name.with_suffix(".md").write_text(f"# Part {number}\n\n{part}\n", "utf-8")
        elif number % 4 == 2:
            told = part.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "</p>\n<p>")
            page = f"<html><head><title>Part {number}</title></head><body><p>{told}</p></body></html>"
            name.with_suffix(".html").write_text(page, "utf-8")
        else:
            rows = [f'{row},"{line.replace(chr(34), chr(39))}"' for row, line in enumerate(part.splitlines()) if line]
            name.with_suffix(".csv").write_text("\n".join(["row,text", *rows]) + "\n", "utf-8")


async def ours(folder: Path) -> None:
    """By the product; its children start with it."""
    from assistant import offline
    from assistant.bootstrap import opened
    from assistant.config import load_config
    from ingest.progress import Summary

    offline.enforce()
    with tempfile.TemporaryDirectory() as home:
        async with opened(load_config(Path(home)).with_value("documents", "max_text_mb", MOST_TEXT)) as core:
            began = time.perf_counter()
            summary = [item async for item in core.pipeline.ingest([folder]) if isinstance(item, Summary)][-1]
            told(time.perf_counter() - began, summary.passages, memory())


def langchain(folder: Path) -> None:
    """The same by LangChain; its model is loaded beforehand."""
    from langchain_community.document_loaders import BSHTMLLoader, CSVLoader, DirectoryLoader, TextLoader
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from retrieval_peers import CHARACTERS, OVERLAP
    from sentence_transformers import SentenceTransformer

    from ingest.embedding.minilm import model_folder

    class MiniLM(Embeddings):
        """As HuggingFaceEmbeddings calls it."""

        model = SentenceTransformer(str(model_folder()), device="cpu")

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = self.model.encode(texts, show_progress_bar=False).tolist()
            return vectors

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    loaders = {"txt": TextLoader, "md": TextLoader, "html": BSHTMLLoader, "csv": CSVLoader}
    began = time.perf_counter()
    documents = [
        document
        for suffix, loader in loaders.items()
        for document in DirectoryLoader(str(folder), glob=f"*.{suffix}", loader_cls=loader).load()  # type: ignore[arg-type]
    ]
    pieces = RecursiveCharacterTextSplitter(chunk_size=CHARACTERS, chunk_overlap=OVERLAP).split_documents(documents)
    FAISS.from_documents(pieces, MiniLM())
    told(time.perf_counter() - began, len(pieces), memory())


def told(seconds: float, passages: int, memory: list[float]) -> None:
    """The result of a run, for the process that began it."""
    print(json.dumps({"seconds": seconds, "passages": passages, "own": memory[0], "all": sum(memory)}))


def memory() -> list[float]:
    """Megabytes that this process, and each of its children, has had at most."""
    own = psutil.Process()
    pages = [Path(f"/proc/{each.pid}/status").read_text() for each in (own, *own.children(recursive=True))]
    return [int(page.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6 for page in pages]


def text_of(source: Path, characters: int) -> str:
    """So much text; where the source has less, it goes on with its words in another order."""
    with lzma.open(source, "rt", encoding="utf-8") as file:
        text = file.read(characters)
    lines = text[: characters - len(text)].splitlines()
    return text + "\n".join(" ".join(reversed(line.split())) for line in lines)


def measured(side: str, folder: Path) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--one", side, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    """All as a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", default=os.environ.get("ASSISTANT_DATA", ""), help="folder of benchmark data")
    options.add_argument("--megabytes", nargs="+", type=float, default=[1.0, 2.0], help="of text, once each")
    options.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    options.add_argument("--sides", nargs="+", choices=(OURS, LANGCHAIN), default=[OURS, LANGCHAIN])
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.one:
        side, folder = arguments.one[0], Path(arguments.one[1])
        if side == OURS:
            asyncio.run(ours(folder))
        else:
            langchain(folder)
        return
    source = Path(arguments.data) / SOURCE
    if not arguments.data or not source.exists():
        sys.exit(f"Name the data folder with --data or ASSISTANT_DATA; it holds {SOURCE}.")
    print("| text | side | MB | passages | seconds | kB of text a second | memory, MB | with its children |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as temporary:
            text = text_of(source, int(megabytes * 1e6))
            write_files(Path(temporary), text, arguments.forms)
            size = len(text.encode()) / 1e6
            del text
            for form, side in product(arguments.forms, arguments.sides):
                run = measured(side, Path(temporary) / form)
                pace = f"{run['passages']:,.0f} | {run['seconds']:.1f} | {1000 * size / run['seconds']:.0f}"
                print(f"| {form} | {side} | {size:.1f} | {pace} | {run['own']:,.0f} | {run['all']:,.0f} |", flush=True)
    print(f"\nLoad averages {', '.join(f'{each:.1f}' for each in os.getloadavg())} on {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
