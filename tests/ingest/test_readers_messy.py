"""Real files of many makers: each ends as text in the right places or as a failure with its true reason.

The files lie in the folder that ASSISTANT_DATA names; without it the test is skipped.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from made_files import tokenizer_path

from ingest.readers import reader_of

CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from ingest.errors import PasswordError, UnreadableError
from ingest.reader_worker import ReaderWorker
reader = ReaderWorker(sys.argv[1], 200, 40, 200 * 2**20, 50 * 2**20)
for path in sys.stdin.read().split("\\0"):
    started, answer = time.monotonic(), {"text": "", "chunks": [], "password": False, "reason": ""}
    try:
        answer |= reader.read(path)
    except UnreadableError as error:
        answer |= {"reason": str(error), "password": isinstance(error, PasswordError)}
    answer |= {"seconds": time.monotonic() - started, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    print(json.dumps(answer), flush=True)
"""
RECALL = {"pdf": 0.95, "docx": 0.95, "pptx": 0.90, "xlsx": 0.90, "html": 0.90, "csv": 0.95, "epub": 0.95, "odt": 0.95}
OPEN = {  # these say nothing to a stranger, but are not closed to him: the password is empty, or only for changes
    "tika__testPDF_protected.pdf", "tika__testPDF_no_extract_no_accessibility_owner_empty.pdf",
    "tika__testMicrosoftIRMServices.pdf", "pypdf__enc-r6-empty-password.pdf", "pypdf__enc-r6-owner-password.pdf",
}  # fmt: skip
IMAGES = {
    "unstructured__table-multi-row-column-cells.pdf",
    "unstructured__single_table.pdf",
}  # "ok", for those who do OCR
MARKUP = re.compile(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->|&(?:amp|lt|gt);", re.DOTALL)


def answers(paths: list[Path]) -> list[dict[str, Any]]:
    """What the reader says of each file, in a process with the limits that its host sets."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, tokenizer_path()],
        input="\0".join(map(str, paths)), capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", MARKUP.sub(" ", text).lower()))


def check(row: dict[str, str], answer: dict[str, Any]) -> str:
    """What is wrong with the answer for a file, "" if nothing is."""
    text, expect = bool(answer["text"]), row["expect"].partition(":")[0]
    if answer["seconds"] > 30 or answer["mb"] > 1024:
        return f"took {answer['seconds']:.0f} s and {answer['mb']} MB"
    if text == bool(answer["reason"]):
        return "neither text nor a reason"
    if not all(answer["text"][c["start"] : c["end"]].strip() for c in answer["chunks"]):
        return "an empty passage"
    known = reader_of(f".{row['ext']}") != ""
    if expect in {"ok", "odd_encoding", "big"} and known and row["file"] not in IMAGES and not text:
        return answer["reason"]
    if expect == "password" and row["file"] not in OPEN and not answer["password"]:
        return f"not said to need a password: {answer['reason']}"
    if (
        expect == "image_only"
        and row["ext"] == "pdf"
        and "text layer" not in answer["reason"]
        and len(answer["text"]) > 50
    ):
        return "text of a picture"
    return ""


def test_every_file(data_folder: Path) -> None:
    """Supported files give text, closed ones ask for a password, no file hangs; words are found as they should be."""
    messy = data_folder / "messy"
    with open(messy / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    found = answers([messy / "files" / row["file"] for row in rows])
    assert len(found) == len(rows)
    wrong = {row["file"]: said for row, answer in zip(rows, found, strict=True) if (said := check(row, answer))}
    assert wrong == {}
    recalls: defaultdict[str, list[float]] = defaultdict(list)
    for row, answer in zip(rows, found, strict=True):
        if row["groundtruth"] and answer["text"]:
            expected = words((messy / row["groundtruth"]).read_text())
            recalls[row["ext"]].append((expected & words(answer["text"])).total() / max(1, expected.total()))
    means = {ext: sum(values) / len(values) for ext, values in recalls.items()}
    print({ext: round(mean, 3) for ext, mean in sorted(means.items())})
    assert all(means[ext] >= floor for ext, floor in RECALL.items()), means
