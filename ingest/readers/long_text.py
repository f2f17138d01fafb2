"""Plain text too long to be in memory at once: read by windows that end with a line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import marked_document
from ingest.readers.chat import is_chat
from ingest.readers.cleaning import Cleaner
from ingest.readers.encoding import encoding_of
from ingest.readers.limits import Limits, check_text_size
from ingest.readers.text import marks

LONG = 16 * 2**20  # bytes; what is shorter is read as a whole
WINDOW = 2 * 2**20  # bytes
LINE_WITHIN = 2**16  # characters from the end of a window; a longer line is cut


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text, as a document of its own; None where it is blank. `notes` are those so far."""

    text: str
    document: Document | None
    share: float  # of the whole text
    last: bool
    notes: tuple[str, ...]


def is_long(data: bytes) -> bool:
    """Whether this text is read by windows: not one of a chat, whose messages belong together."""
    return len(data) > LONG and not is_chat(data[:WINDOW].decode(encoding_of(data[:WINDOW])[0], "replace"))


def windows(data: bytes, stem: str, suffix: str, limits: Limits) -> Iterator[Window]:
    """All of the text, cleaned; headings, where the format has some, count within a window.

    Raises:
        UnreadableError: longer than the limit, or all blank.
    """
    encoding, said = encoding_of(data[:WINDOW])
    decoder, cleaner = codecs.getincrementaldecoder(encoding)("replace"), Cleaner()
    rest, size, held = "", 0, False
    for start in range(0, len(data), WINDOW):
        last = start + WINDOW >= len(data)
        text = rest + decoder.decode(data[start : start + WINDOW], last)
        cut = len(text) if last else text.rfind("\n", len(text) - LINE_WITHIN) + 1 or len(text)
        text, rest = cleaner.clean(text[:cut].removeprefix("" if start else "\ufeff")), text[cut:]
        size += len(text.encode("utf-8", "replace"))
        check_text_size(size, limits)
        document = marked_document(stem, text, marks(text, suffix)) if text.strip() else None
        held = held or document is not None
        if last and not held:
            raise UnreadableError("holds no text")
        yield Window(text, document, min(WINDOW / len(data), 1 - start / len(data)), last, (*said, *cleaner.notes()))
