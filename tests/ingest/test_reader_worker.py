"""The reader's calls: scan in batches, read with hash, offsets and pages, every refusal with a reason."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from made_files import pdf, tokenizer_path, word

from ingest import chunking, reader_worker
from ingest.document import Document, Section
from ingest.errors import IngestError, PasswordError, UnreadableError
from ingest.reader_worker import BATCH, ReaderWorker, page_starts
from ingest.readers import long_text

MIB = 2**20


def reader(tokenizer: str = "", **changed: Any) -> ReaderWorker:
    settings = {"chunk_tokens": 200, "chunk_overlap": 40, "max_file_bytes": 200 * MIB, "max_text_bytes": 50 * MIB}
    return ReaderWorker(tokenizer=tokenizer, **{**settings, **changed})


def read(path: Path, content: bytes | str, **changed: Any) -> dict[str, Any]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return reader(**changed).read(str(path))


def test_read_a_pdf(tmp_path: Path) -> None:
    """A file comes back as text, pages, hash and chunks whose offsets and pages fit the text."""
    data = pdf([["The rent is 640 euros."], [], ["It is due on the third."]], title="My lease")
    result = read(tmp_path / "lease.pdf", data, tokenizer=tokenizer_path())
    text = result["text"]
    assert (result["title"], result["pages"], result["unchanged"], result["size"]) == ("My lease", 3, False, len(data))
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["mtime_ns"] == (tmp_path / "lease.pdf").stat().st_mtime_ns
    assert [text[start:].split("\n")[0] for start in result["page_starts"]] == [
        "The rent is 640 euros.", "It is due on the third.", "It is due on the third."
    ]  # fmt: skip
    assert [(text[c["start"] : c["end"]], c["page"]) for c in result["chunks"]] == [
        ("The rent is 640 euros.", 1), ("It is due on the third.", 3)
    ]  # fmt: skip
    assert result["chunks"][0]["embedding_text"] == "My lease\nThe rent is 640 euros."
    assert json.loads(json.dumps(result)) == result


def test_unchanged_content_is_not_read_again(tmp_path: Path) -> None:
    """A file whose hash is known is not parsed again, whatever its time of change says."""
    first = read(tmp_path / "a.docx", word())
    os.utime(tmp_path / "a.docx", (1, 1))
    again = reader().read(str(tmp_path / "a.docx"), known_sha256=first["sha256"])
    assert again == {"unchanged": True, "sha256": first["sha256"], "size": first["size"], "mtime_ns": 1_000_000_000}


def test_scan_in_batches(tmp_path: Path) -> None:
    """A long list of files comes in batches."""
    for number in range(BATCH + 3):
        (tmp_path / f"{number:04}.txt").touch()
    batches = list(reader().scan([str(tmp_path)], [], lambda: False))
    assert [len(batch) for batch in batches] == [BATCH, 3]


def test_refusals(tmp_path: Path) -> None:
    """Everything that cannot be read is refused in words: no file, folder, pipe, link, empty, locked, encrypted."""
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "target.txt").write_text("words")
    (tmp_path / "link.txt").symlink_to(tmp_path / "target.txt")
    for name, reason in (
        ("gone.txt", "does not exist"),
        ("", "regular file"),
        ("pipe.txt", "regular file"),
        ("link.txt", "link"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            reader().read(str(tmp_path / name))
    with pytest.raises(UnreadableError, match="the file is empty"):
        read(tmp_path / "empty.pdf", b"")
    with pytest.raises(PasswordError, match="needs a password"):
        read(tmp_path / "locked.pdf", pdf([["x"]], encrypted=True))
    with pytest.raises(UnreadableError, match="is no possible path"):
        reader().read("/tmp/a\0b")


def test_file_limit(tmp_path: Path) -> None:
    """A file over the limit is refused by its size, before it is read."""
    with open(tmp_path / "big.txt", "wb") as file:
        file.truncate(300 * MIB)
    with pytest.raises(UnreadableError, match="is 300 MB long; the limit is 200 MB"):
        reader().read(str(tmp_path / "big.txt"))


def test_strange_names(tmp_path: Path) -> None:
    """Names that are no UTF-8, or hold control characters or markup, are read; titles are valid text."""
    for name in (b"caf\xe9 [b].txt", b"a\nb.txt", b"\x1b[31mred.txt", "\u202egnp.txt".encode()):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        with open(path, "w") as file:
            file.write("words")
        result = reader().read(path)
        assert result["text"] == "words"
        assert result["title"].isprintable()
        result["title"].encode()


@pytest.mark.parametrize("clock", ["CPU_SECONDS", "WALL_SECONDS"])
def test_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    """A document that takes too long, of work or of waiting, is given up with that reason."""
    monkeypatch.setattr(reader_worker, clock, 0.05)
    with pytest.raises(UnreadableError, match=r"took longer than 0.05 s"):
        read(tmp_path / "long.txt", " ".join(f"word{n}." for n in range(1_000_000)))
    time.sleep(0.1)  # the clock is off again: nothing is raised here


def test_a_long_text_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are the whole text and the same passages; each can be had alone, in any order, from another process."""
    monkeypatch.setattr(chunking, "SECTION_CHARACTERS", 3_000)
    path = tmp_path / "long.txt"
    text = "\n\n".join(f"Paragraph {n} tells of wind. It ends here." for n in range(600))
    path.write_text(text, "utf-8")
    whole = reader().read(str(path))
    assert not whole["more"] and whole["share"] == 1 and whole["begins"] == 0
    monkeypatch.setattr(reader_worker, "PART_CHARACTERS", 5_000)
    worker, parts = reader(), list[dict[str, Any]]()
    while not parts or parts[-1]["more"]:
        parts.append(worker.read(str(path), part=len(parts)))
    assert len(parts) > 3 and "".join(part["text"] for part in parts) == text
    assert [chunk for part in parts for chunk in part["chunks"]] == whole["chunks"]
    assert [part["begins"] for part in parts[1:]] == list(accumulate(len(part["text"]) for part in parts[:-1]))
    assert abs(sum(part["share"] for part in parts) - 1) < 1e-9
    assert worker.read(str(path), part=2) == parts[2] == reader().read(str(path), part=2)
    assert worker.read(str(path), parts[0]["sha256"])["unchanged"]
    with pytest.raises(UnreadableError, match="changed while it was read"):
        worker.read(str(path), part=len(parts))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_very_long_text_is_read_by_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """The windows are the same text as the file read at once, cleaned, with places that fit; a blank one is no end."""
    path = tmp_path / "long.txt"
    lines = [f"Line {n} tells of Müller\u2019s d\xe9j\xe0 vu.\x1b[31m It ends." for n in range(4_000)]
    text = "\r\n".join([*lines[:2_000], *[" " * 50] * 2_000, *lines[2_000:]])
    path.write_bytes(text.encode(encoding))
    whole = reader().read(str(path))
    monkeypatch.setattr(long_text, "LONG", 1_000)
    monkeypatch.setattr(long_text, "WINDOW", 20_001)
    worker, parts = reader(), list[dict[str, Any]]()
    while not parts or parts[-1]["more"]:
        parts.append(worker.read(str(path), part=len(parts)))
    found = "".join(part["text"] for part in parts)
    assert len(parts) > 8 and found == whole["text"] and any(not part["chunks"] for part in parts)
    assert abs(sum(part["share"] for part in parts) - 1) < 1e-9
    assert parts[-1]["notes"] == whole["notes"] and parts[-1]["title"] == whole["title"]
    chunks = [chunk for part in parts for chunk in part["chunks"]]
    assert "".join(found.split()) == "".join(covered(found, chunks).split())
    assert all(found[each["start"] : each["end"]] == each["embedding_text"].partition("\n")[2] for each in chunks)
    path.write_bytes(b" \n" * 30_000)
    with pytest.raises(UnreadableError, match="no text"):
        for part in range(100):
            worker.read(str(path), part=part)
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UnreadableError, match="more than"):
        for part in range(100):
            reader(max_text_bytes=60_000).read(str(path), part=part)


def test_what_is_no_plain_text_is_never_read_by_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long: a format without a reader is refused by name, RTF under another name is read as RTF."""
    monkeypatch.setattr(long_text, "LONG", 1_000)
    with pytest.raises(UnreadableError, match=r"no reader for \.mobi files"):
        read(tmp_path / "book.mobi", "words of a book\n" * 1_000)
    rtf = "{\\rtf1\\ansi " + "The rent is due.\\par " * 200 + "}"
    assert read(tmp_path / "letter.txt", rtf)["text"].startswith("The rent is due.\n")


def covered(text: str, chunks: list[dict[str, Any]]) -> str:
    """What of a text lies in any chunk."""
    kept, reached = list[str](), 0
    for chunk in chunks:
        kept.append(text[max(chunk["start"], reached) : chunk["end"]])
        reached = max(reached, chunk["end"])
    return "".join(kept)


def test_page_starts_of_pages_without_text() -> None:
    """A page without text starts where the next text does, at the end if there is none."""
    document = Document("", "ab", (Section(0, 1, (), 2), Section(1, 2, (), 3)), 4)
    assert page_starts(document) == [0, 0, 1, 2]


CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from ingest.reader_worker import ReaderWorker
from ingest.errors import IngestError
worker = ReaderWorker(sys.argv[1], 200, 40, 200 * 2**20, 50 * 2**20)
for path in sys.stdin.read().split("\\0"):
    try:
        result = worker.read(path)
        print("ok", len(result["text"]), len(result["chunks"]))
    except IngestError as error:
        print("refused", " ".join(str(error).split()))
heavy = {"torch", "numpy", "sentence_transformers", "transformers", "faiss", "pandas"} & set(sys.modules)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("heavy", sorted(heavy), int(peak) // 1024)
"""


def read_in_child(paths: list[Path]) -> list[str]:
    """The outcomes of reading in a process that may use 1 GiB of address space, as the host sets it."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, tokenizer_path()],
        input="\0".join(map(str, paths)), capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.returncode == 0, child.stderr[-2000:]
    return child.stdout.splitlines()


def test_noise_under_memory_limit(tmp_path: Path) -> None:
    """200 MB of noise named .txt is refused at once in little memory; nothing heavy was imported to do so."""
    noise = os.urandom(MIB)
    with open(tmp_path / "noise.txt", "wb") as file:
        for _ in range(199):
            file.write(noise)
    started = time.monotonic()
    outcome, footprint = read_in_child([tmp_path / "noise.txt"])
    assert outcome == "refused is named .txt but is not text: it holds binary data"
    assert time.monotonic() - started < 10
    assert footprint.startswith("heavy [] ")
    assert int(footprint.split()[-1]) < 100  # MB


def test_wide() -> None:
    """No file of a large collection of real and broken ones takes the worker down; every failure has a reason."""
    folder = Path(os.environ.get("ASSISTANT_DATA", "/nowhere")) / "messy"
    if not (folder / "manifest.csv").is_file():
        pytest.skip("ASSISTANT_DATA does not name a folder with messy/ in it")
    with open(folder / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    outcomes = read_in_child([folder / "files" / row["file"] for row in rows])
    assert len(outcomes) == len(rows) + 1
    assert all(outcome.startswith(("ok ", "refused ")) and len(outcome.split()) > 2 for outcome in outcomes[:-1])
    for row, outcome in zip(rows, outcomes, strict=False):
        if row["expect"] == "ok" and row["ext"] in {"docx", "html", "md", "txt", "py", "rst", "org"}:
            assert outcome.startswith("ok "), row["file"]


def test_errors_reach_the_assistant_by_name() -> None:
    """The reader's errors say which error of the assistant they become."""
    assert issubclass(PasswordError, IngestError)
    assert UnreadableError("x").error_name == "LibraryError"
