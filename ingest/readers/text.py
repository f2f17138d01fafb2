"""Plain text: notes, logs, reStructuredText, Org and TeX files, chats that a phone exported."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import HeadingPath, Mark, marked_document
from ingest.readers.chat import chat_document, is_chat
from ingest.readers.cleaning import Cleaner
from ingest.readers.encoding import decode
from ingest.readers.limits import Limits, check_text_size

BY_LINE = frozenset({".log", ".diff", ".patch", ".bib"})
_RST_HEADING = re.compile(
    r"^(?P<over>([^\w\s])\2{2,}\n)?[ ]?(?P<name>\S[^\n]{0,198})\n(?P<line>([^\w\s])\5{2,})[ ]*$", re.MULTILINE
)
_PREFIXED_HEADING = re.compile(r"^(?P<level>\*{1,8}|={1,6}) (?P<name>\S[^\n]{0,198})$", re.M)
_TEX_HEADING = re.compile(r"^[ \t]*\\(?P<level>part|chapter|(?:sub){0,2}section)\*?\{(?P<name>[^{}\n]{1,198})\}", re.M)
_TEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection")


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text as it stands; headings are found in .rst, .org, .adoc and .tex files.

    Raises:
        UnreadableError: binary, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    if suffix in {".txt", ".text"} and is_chat(text):
        return chat_document(stem, text, notes, limits)
    found = list(marks(text, suffix))
    title = next((mark.headings[0] for mark in found if mark.headings), stem)
    return marked_document(title, text, found, notes)


def readable_text(data: bytes, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The cleaned text of a file that is text, and notes on what was done to it.

    Raises:
        UnreadableError: binary, or too long.
    """
    check_text_size(len(data) // 4, limits)  # four bytes a character at most: too long however encoded
    text, notes = decode(data)
    check_text_size(len(text.encode("utf-8", "replace")), limits)
    cleaner = Cleaner()
    return cleaner.clean(text), (*notes, *cleaner.notes())


def marks(text: str, suffix: str) -> Iterator[Mark]:
    """Where a heading of this format begins what stands below it, or lines that stand for themselves."""
    if suffix in BY_LINE:
        yield Mark(0, (), "table")
    elif suffix == ".rst":
        yield from _underlined(text)
    elif suffix in {".org", ".adoc"}:
        path = HeadingPath()
        for found in _PREFIXED_HEADING.finditer(text):
            yield Mark(found.start(), path.enter(len(found["level"]), found["name"]))
    elif suffix == ".tex":
        path = HeadingPath()
        for found in _TEX_HEADING.finditer(text):
            yield Mark(found.start(), path.enter(_TEX_LEVELS.index(found["level"]), found["name"]))


def _underlined(text: str) -> Iterator[Mark]:
    """reStructuredText: the level of a heading is when its kind of line was first used."""
    path, kinds = HeadingPath(), list[tuple[str, bool]]()
    for found in _RST_HEADING.finditer(text):
        name, over = found["name"].rstrip(), found["over"] is not None
        if len(found["line"].rstrip()) < len(name) or not re.search(r"\w", name):
            continue
        kind = (found["line"][0], over)
        if kind not in kinds:
            kinds.append(kind)
        yield Mark(found.start(), path.enter(kinds.index(kind) + 1, name))
