"""How blocks in reading order become a document whose sections have exact character offsets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ingest.document import Document, Section
from ingest.errors import UnreadableError
from ingest.readers.cleaning import Cleaner
from ingest.readers.limits import Limits, check_text_size

BLOCK_GAP = "\n\n"
_LIST_ITEM = re.compile(r"(?:-|\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})[.)]) ")
MAX_PLACE = 100  # characters of the name of a place
MAX_HEADING = 200  # characters of a heading that are kept in a heading path


@dataclass(frozen=True, slots=True)
class Mark:
    """From `start` on, a text stands under these headings and is of this kind."""

    start: int
    headings: tuple[str, ...] = ()
    kind: str = "text"


class HeadingPath:
    """The headings above the present place, each with its level."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> tuple[str, ...]:
        """The path after a heading of `level` (1 is the outermost)."""
        self._open = [(other, name) for other, name in self._open if other < level]
        self._open.append((level, " ".join(text.split())[:MAX_HEADING]))
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        """From the outermost heading inwards."""
        return tuple(name for _, name in self._open)


class Assembly:
    """Collects the blocks of a format that has no plain text of its own (PDF, HTML, Word)."""

    def __init__(self, limits: Limits) -> None:
        self.notes: list[str] = []
        self.first_heading = ""
        self.tables = 0  # how many tables were added
        self._limits = limits
        self._cleaner = Cleaner()
        self._parts: list[str] = []
        self._length = 0
        self._bytes = 0
        self._path = HeadingPath()
        self._page: int | None = None
        self._place = ""
        self._sections: list[Section] = []

    @property
    def length(self) -> int:
        """How many characters there are so far."""
        return self._length

    def page(self, number: int, place: str = "") -> None:
        """All further blocks stand on this page or slide, which is called `place` where that is no page."""
        self._page, self._place = number, place

    def place(self, name: str) -> None:
        """All further blocks stand in this place of a format without pages."""
        self._place = " ".join(Cleaner().clean(name).split())[:MAX_PLACE]

    def close_headings(self) -> None:
        """What follows stands under none of the headings so far."""
        self._path = HeadingPath()

    def heading(self, level: int, text: str) -> None:
        """Start a section; its text begins with the heading itself."""
        text = " ".join(self._cleaner.clean(text).split())
        if text:
            self.first_heading = self.first_heading or text
            self._path.enter(level, text)
            self._append(text, "text")

    def block(self, text: str, kind: str = "text") -> None:
        """Add a paragraph, a table (a row a line) or a piece of code."""
        text = self._cleaner.clean(text)
        text = text.strip("\n").rstrip() if kind == "code" else text.strip()
        if text:
            self.tables += kind == "table"
            self._append(text, kind)

    def document(self, title: str, pages: int | None = None) -> Document:
        """The whole document.

        Raises:
            UnreadableError: there was no text.
        """
        if not self._parts:
            raise UnreadableError("holds no text")
        notes = (*self.notes, *self._cleaner.notes())
        title = " ".join(Cleaner().clean(title).split())[:MAX_HEADING]
        return Document(title, "".join(self._parts), tuple(self._sections), pages, notes)

    def _append(self, text: str, kind: str) -> None:
        self._bytes += len(text.encode()) + len(BLOCK_GAP)
        check_text_size(self._bytes, self._limits)
        if self._parts:
            gap = "\n" if _LIST_ITEM.match(text) and _LIST_ITEM.match(self._parts[-1]) else BLOCK_GAP
            self._parts.append(gap)
            self._length += len(gap)
        start, end = self._length, self._length + len(text)
        self._parts.append(text)
        self._length = end
        section = Section(start, end, self._path.names, self._page, kind, self._place)
        last = self._sections[-1] if self._sections else None
        if last and replace(section, start=last.start) == replace(last, end=end):
            self._sections[-1] = replace(last, end=end)
        else:
            self._sections.append(section)


def marked_document(title: str, text: str, marks: Iterable[Mark], notes: Iterable[str] = ()) -> Document:
    """A document whose text is the file's own; each mark (in order) starts a section where it differs.

    Raises:
        UnreadableError: there was no text.
    """
    if not text.strip():
        raise UnreadableError("holds no text")
    starts = [Mark(0)]
    for mark in marks:
        if mark.start == starts[-1].start:
            starts[-1] = mark
        elif (mark.headings, mark.kind) != (starts[-1].headings, starts[-1].kind):
            starts.append(mark)
    ends = [mark.start for mark in starts[1:]] + [len(text)]
    sections = (_trimmed(text, mark, end) for mark, end in zip(starts, ends, strict=True))
    title = " ".join(title.split())[:MAX_HEADING]
    return Document(title, text, tuple(section for section in sections if section), notes=tuple(notes))


def _trimmed(text: str, mark: Mark, end: int) -> Section | None:
    """The section without blank lines around it; None when nothing is left."""
    body = text[mark.start : end]
    if not body.strip():
        return None
    start = mark.start + len(body) - len(body.lstrip())
    start = text.rfind("\n", mark.start, start) + 1 or mark.start  # the first line keeps its indentation
    return Section(max(start, mark.start), mark.start + len(body.rstrip()), mark.headings, None, mark.kind)
