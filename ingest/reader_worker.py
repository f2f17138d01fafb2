"""The child process that touches documents: finds files, reads them, cuts them into chunks.

Its limits on memory are set by its host. A document that takes more than CPU_SECONDS of work, or
WALL_SECONDS on a machine that is busy with other things, is given up; native code that does not come
back to Python is beyond these clocks, and the parent must end the process (after a little more than
WALL_SECONDS). Only this process ever parses what a user's files hold.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import signal
import stat
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ingest.chunking import chunk_groups, embedding_text
from ingest.document import Chunk, Document
from ingest.errors import UnreadableError
from ingest.readers import UNREAD_DOCUMENTS, read_document, reader_for, refuse_binary
from ingest.readers.cleaning import Cleaner
from ingest.readers.encoding import SAMPLE_BYTES
from ingest.readers.limits import OCR_SECONDS, Limits, megabytes
from ingest.readers.long_text import is_long, windows
from ingest.scan import Found, scan
from ingest.token_counter import TokenCounter

CPU_SECONDS = 30.0
WALL_SECONDS = 55.0
BATCH = 500  # files in one item of a scan
READ_BLOCK = 2**20
CLOCK_TICK = 0.02  # seconds; kernels stamp files with a clock that stands still up to 10 ms
CHARACTERS_PER_TOKEN_OF_TABLE = 2  # WordPiece makes more tokens of numbers and bars than of prose
PART_CHARACTERS = 2_000_000  # of text; a document with more is handed over in parts of about this


class ReaderWorker:
    """The calls of the "reader" process."""

    def __init__(
        self, tokenizer: str, chunk_tokens: int, chunk_overlap: int, max_file_bytes: int, max_text_bytes: int,
        ocr: str = "",
    ) -> None:  # fmt: skip
        """`tokenizer` is the path of the embedder's tokenizer.json, "" to count words; `ocr` the languages of text
        recognition, "" for none: with it a file may take OCR_SECONDS longer.
        """
        self._count_tokens = TokenCounter(tokenizer)
        self._chunk_tokens = chunk_tokens
        self._chunk_overlap = chunk_overlap
        self._limits = Limits(
            file_bytes=max_file_bytes,
            text_bytes=max_text_bytes,
            ocr=ocr,
            table_characters=chunk_tokens * CHARACTERS_PER_TOKEN_OF_TABLE,
        )
        self._rest: tuple[Any, Iterator[dict[str, Any]]] | None = None  # of what was read last: its next part

    def scan(
        self,
        paths: list[str],
        exclude: list[str],
        pictures: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[list[Found]]:
        """Lists of at most BATCH files to read or paths that are not read, with the reason (see ingest.scan)."""
        batch: list[Found] = []
        for found in scan(paths, exclude, cancelled, pictures=pictures or bool(self._limits.ocr)):
            batch.append(found)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def fingerprints(
        self, paths: list[str], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[tuple[str, str, str]]]:
        """(path, SHA-256 of the bytes, title by its name) of each file that can be opened and is not too long."""
        for path in paths:
            if cancelled():
                return
            with contextlib.suppress(UnreadableError), _opened(path, self._limits.file_bytes) as (descriptor, _):
                digest = hashlib.sha256()
                while block := os.read(descriptor, READ_BLOCK):
                    digest.update(block)
                yield [(path, digest.hexdigest(), _shown(Path(path).stem))]

    def read(
        self, path: str, known_sha256: str = "", chunk_tokens: int | None = None, chunk_overlap: int | None = None,
        ocr: str | None = None, part: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """The text and chunks of a file, or {"unchanged": True} when its content is the known one.

        A long one comes in parts: with `more` true there is another one, to be asked for by its number. The text of a
        part `begins` somewhere in the whole, of which it is a `share`; its chunks have their places in the whole.
        `chunk_tokens`, `chunk_overlap` and `ocr` are those of its collection; None: as everywhere.

        Raises:
            UnreadableError: no text can be had from it; the message is the reason.
        """
        limits = self._limits if ocr is None else replace(self._limits, ocr=ocr)
        size = (
            self._chunk_tokens if chunk_tokens is None else chunk_tokens,
            self._chunk_overlap if chunk_overlap is None else chunk_overlap,
        )
        longer = OCR_SECONDS if limits.ocr else 0.0
        with _time_limit(CPU_SECONDS + longer, WALL_SECONDS + longer):
            try:
                return self._read(path, known_sha256, limits, size, part)
            except MemoryError:
                raise UnreadableError("needs more memory to read than a document may use") from None
            except RecursionError:
                raise UnreadableError("is nested too deeply to read") from None

    def _read(self, path: str, known_sha256: str, limits: Limits, size: tuple[int, int], part: int) -> dict[str, Any]:
        asked, rest = (path, limits, size), self._rest
        self._rest = None
        if rest is None or rest[0] != (*asked, part):
            facts, data = self._loaded(path, limits)
            if facts["sha256"] == known_sha256:
                return {"unchanged": True, **facts}
            parts: Iterator[dict[str, Any]] = islice(self._parts(data, Path(path), facts, limits, size), part, None)
            del data
        else:
            parts = rest[1]
        found = next(parts, None)
        if found is None:
            raise UnreadableError("was changed while it was read")
        self._rest = ((*asked, part + 1), parts) if found["more"] else None
        return found

    def _loaded(self, path: str, limits: Limits) -> tuple[dict[str, Any], bytes]:
        data, status = _content(path, Path(path).suffix, limits.file_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        return {"sha256": sha256, "size": len(data), "mtime_ns": status.st_mtime_ns}, data

    def _parts(
        self, data: bytes, file: Path, facts: dict[str, Any], limits: Limits, size: tuple[int, int]
    ) -> Iterator[dict[str, Any]]:
        """What `read` gives of each part."""
        stem, suffix = _shown(file.stem), file.suffix
        if reader_for(data, suffix) == "text" and is_long(data):
            whole = {**facts, "unchanged": False, "title": stem, "pages": None, "page_starts": []}
            begins = 0
            for window in windows(data, stem, suffix.lower(), limits):
                chunks = list(chain.from_iterable(self._chunks(window.document, size))) if window.document else []
                yield {
                    **whole, "notes": list(window.notes), "more": not window.last, "begins": begins,
                    "share": window.share, "text": window.text,
                    "chunks": [_described(stem, chunk, begins) for chunk in chunks],
                }  # fmt: skip
                begins += len(window.text)
            return
        document = read_document(data, stem, suffix, limits)
        del data
        whole = {
            **facts, "unchanged": False, "title": document.title, "pages": document.pages,
            "notes": list(document.notes), "page_starts": page_starts(document),
        }  # fmt: skip
        begins, described = 0, list[dict[str, Any]]()
        for group in self._chunks(document, size):
            if group and group[0].start - begins >= PART_CHARACTERS:
                yield {**whole, **_stretch(document.text, begins, group[0].start), "chunks": described, "more": True}
                begins, described = group[0].start, []
            described += [_described(document.title, chunk) for chunk in group]
        yield {**whole, **_stretch(document.text, begins, len(document.text)), "chunks": described, "more": False}

    def _chunks(self, document: Document, size: tuple[int, int]) -> Iterator[list[Chunk]]:
        return chunk_groups(document, self._count_tokens, *size)


def _stretch(text: str, begins: int, end: int) -> dict[str, Any]:
    return {"text": text[begins:end], "begins": begins, "share": (end - begins) / max(1, len(text))}


def _described(title: str, chunk: Chunk, begins: int = 0) -> dict[str, Any]:
    return {
        "start": begins + chunk.start,
        "end": begins + chunk.end,
        "page": chunk.page,
        "place": chunk.place,
        "headings": list(chunk.headings),
        "tokens": chunk.tokens,
        "embedding_text": embedding_text(title, chunk),
    }


def page_starts(document: Document) -> list[int]:
    """The offset at which each page begins; [] for a format without pages."""
    sections = [section for section in document.sections if section.page is not None]
    pages = [section.page or 0 for section in sections]
    firsts = (bisect_left(pages, page) for page in range(1, (document.pages or 0) + 1))
    return [sections[first].start if first < len(sections) else len(document.text) for first in firsts]


def _content(path: str, suffix: str, limit: int) -> tuple[bytes, os.stat_result]:
    """All bytes of a regular file; binary data under a name of text is refused after the first block.

    Raises:
        UnreadableError: it cannot be opened, is no regular file, is too long, or is not text.
    """
    with _opened(path, limit) as (descriptor, status):
        blocks = [os.read(descriptor, SAMPLE_BYTES)]
        if suffix.lower() not in UNREAD_DOCUMENTS:  # those are refused by name
            refuse_binary(blocks[0], suffix)
        length = len(blocks[0])
        while length <= limit and (block := os.read(descriptor, READ_BLOCK)):
            blocks.append(block)
            length += len(block)
    if length > limit:
        raise UnreadableError(f"grew beyond {megabytes(limit)} while it was read")
    return b"".join(blocks), status


@contextlib.contextmanager
def _opened(path: str, limit: int) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file of at most `limit` bytes, open for reading; errors while it is read are translated too.

    Raises:
        UnreadableError: it cannot be opened or read, is no regular file, or is too long.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableError(_words(error)) from None
    except ValueError:
        raise UnreadableError("is no possible path") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        if 0 <= time.time() - status.st_mtime < CLOCK_TICK:  # a later change could bear the very time noted now
            time.sleep(CLOCK_TICK)
            status = os.fstat(descriptor)
        if status.st_size > limit:
            raise UnreadableError(
                f"is {megabytes(status.st_size)} long; the limit is {megabytes(limit)}",
                "Split it, or raise the limit in the settings.",
            )
        yield descriptor, status
    except OSError as error:
        raise UnreadableError(_words(error)) from None
    finally:
        os.close(descriptor)


def _shown(stem: str) -> str:
    """A file name as a title: bytes that are no UTF-8 become U+FFFD, control characters go."""
    return Cleaner().clean(os.fsencode(stem).decode("utf-8", "replace"))


def _words(error: OSError) -> str:
    known = {
        FileNotFoundError: "does not exist any more",
        PermissionError: "may not be read: permission denied",
        IsADirectoryError: "is a folder",
    }
    if error.errno == errno.ELOOP:  # O_NOFOLLOW met a link
        return "is a symbolic link, which is not followed"
    return known.get(type(error), f"cannot be read: {(error.strerror or 'unknown error').lower()}")


@contextlib.contextmanager
def _time_limit(cpu_seconds: float, wall_seconds: float) -> Iterator[None]:
    """Raise UnreadableError in the main thread when a time is over; again each second until it is out."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only, which is where the host runs calls
        return

    def over(number: int, frame: FrameType | None) -> NoReturn:
        seconds = cpu_seconds if number == signal.SIGPROF else wall_seconds
        raise UnreadableError(f"took longer than {seconds:g} s to read")

    clocks = (
        (signal.ITIMER_PROF, signal.SIGPROF, cpu_seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, wall_seconds),
    )
    before = [signal.signal(number, over) for _, number, _ in clocks]
    try:
        for clock, _, seconds in clocks:
            signal.setitimer(clock, seconds, 1.0)
        yield
    finally:
        for (clock, number, _), handler in zip(clocks, before, strict=True):
            signal.setitimer(clock, 0)
            signal.signal(number, handler)
