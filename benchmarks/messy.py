"""Do real files of many makers end as text in the right places, or as a failure with its true reason?

    python benchmarks/messy.py [--data DIR] [--worst 5]

DIR (or the variable ASSISTANT_DATA) holds messy/: manifest.csv, files, and the expected Markdown of some. All are read
in one process with the limits of the product's reader. Word recall is the share of the words of the expected Markdown,
each as often as it stands there, that are in the text; without markup. `tests/ingest/test_readers_messy.py` holds each
file against what the manifest expects of it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from ingest.errors import UnreadableError
from ingest.reader_worker import ReaderWorker
reader = ReaderWorker("", 200, 40, 200 * 2**20, 24 * 10**6)
for path in sys.stdin.read().split("\\0"):
    began, answer = time.process_time(), {"text": "", "chunks": [], "reason": ""}
    try:
        answer |= reader.read(path)
    except UnreadableError as error:
        answer["reason"] = str(error)
    placed = sum(bool(c["page"] or c["place"] or c["headings"]) for c in answer["chunks"])
    print(json.dumps({"text": answer["text"], "reason": answer["reason"], "chunks": len(answer["chunks"]),
        "placed": placed, "seconds": time.process_time() - began,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}), flush=True)
"""
WANTED = {"pdf": 0.95, "docx": 0.95, "pptx": 0.90, "xlsx": 0.90, "html": 0.90}
MARKUP = re.compile(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->|&(?:amp|lt|gt);", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Read:
    """A file, what the reader said of it, and the share of the expected words that it found (None: none expected)."""

    row: dict[str, str]
    answer: dict[str, Any]
    recall: float | None


def main() -> None:
    """Read all files and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASSISTANT_DATA", "data")))
    parser.add_argument("--worst", type=int, default=5, help="files with the lowest recall to name")
    arguments = parser.parse_args()
    folder = arguments.data / "messy"
    if not (folder / "manifest.csv").is_file():
        sys.exit(f"{folder} holds no manifest.csv: give the folder of the data with --data.")
    with (folder / "manifest.csv").open(newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    done = read_all(folder, rows)
    print_kinds(done)
    print_reasons(done)
    worst = sorted((each for each in done if each.recall is not None), key=lambda each: each.recall or 0.0)
    named = (f"{each.row['file']} {each.recall:.2f}" for each in worst[: arguments.worst])
    print(f"\nLowest recall: {', '.join(named)}")


def read_all(folder: Path, rows: list[dict[str, str]]) -> list[Read]:
    """All files through one reader process, in the order of the manifest."""
    paths = "\0".join(str(folder / "files" / row["file"]) for row in rows)
    child = subprocess.run([sys.executable, "-c", CHILD], input=paths, capture_output=True, text=True, cwd=ROOT)
    answers = [json.loads(line) for line in child.stdout.splitlines()]
    if child.returncode or len(answers) != len(rows):
        sys.exit(f"The reader ended at {rows[len(answers)]['file']}: {child.stderr[-1000:]}")
    return [Read(row, answer, recall(folder, row, answer["text"])) for row, answer in zip(rows, answers, strict=True)]


def recall(folder: Path, row: dict[str, str], text: str) -> float | None:
    """The share of the expected words that stand in the text; None where nothing is expected, or no text came."""
    if not row["groundtruth"] or not text:
        return None
    expected = words((folder / row["groundtruth"]).read_text())
    return (expected & words(text)).total() / max(1, expected.total())


def words(text: str) -> Counter[str]:
    """The words of a text without markup, in lower case, with their counts."""
    return Counter(re.findall(r"\w+", MARKUP.sub(" ", text).lower()))


def print_kinds(done: list[Read]) -> None:
    """A row for each kind of file."""
    kinds: defaultdict[str, list[Read]] = defaultdict(list)
    for each in done:
        kinds[each.row["ext"]].append(each)
    print(
        "| kind | files | text | with a reason | placed passages | recall (files) | lowest | wanted | slowest, CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, files in sorted(kinds.items(), key=lambda entry: -len(entry[1])):
        recalls = [each.recall for each in files if each.recall is not None]
        chunks, placed = (sum(each.answer[name] for each in files) for name in ("chunks", "placed"))
        cells = (
            kind, len(files), sum(bool(each.answer["text"]) for each in files),
            sum(bool(each.answer["reason"]) for each in files), f"{placed / chunks:.0%}" if chunks else "–",
            f"{fmean(recalls):.3f} ({len(recalls)})" if recalls else "–", f"{min(recalls):.3f}" if recalls else "–",
            WANTED.get(kind, "–"), f"{max(each.answer['seconds'] for each in files):.1f}",
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")
    neither = [each.row["file"] for each in done if bool(each.answer["text"]) == bool(each.answer["reason"])]
    print(f"\n{len(done)} files; neither text nor a reason: {', '.join(neither) or 'none'}; "
          f"most memory {max(each.answer['mb'] for each in done)} MB.")  # fmt: skip


def print_reasons(done: list[Read]) -> None:
    """How what the manifest says of a file, and what the reader said, go together."""
    print("\n| the manifest says | text | what the reader said of the others |\n|---|---|---|")
    groups: defaultdict[str, list[Read]] = defaultdict(list)
    for each in done:
        groups[each.row["expect"].partition(":")[0]].append(each)
    for expect, files in sorted(groups.items()):
        said = Counter(re.sub(r"\d+", "n", each.answer["reason"])[:60] for each in files if each.answer["reason"])
        told = "; ".join(f"{count} × {reason}" for reason, count in said.most_common())
        print(f"| {expect} | {sum(bool(each.answer['text']) for each in files)} of {len(files)} | {told} |")


if __name__ == "__main__":
    main()
