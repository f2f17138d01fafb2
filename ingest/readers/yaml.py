"""YAML: the text as it stands, each key that holds others as a heading; nothing is loaded or expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import HeadingPath, Mark, marked_document
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_KEY = re.compile(
    r"^(?P<indent>[ ]{0,60}(?:-[ ]{1,4}){0,3})(?P<key>[\w.$/-][^\n:#]{0,80}|\"[^\"\n]{1,80}\"):(?P<value>[ ][^\n]*)?$",
    re.M,
)
_BLOCK_TEXT = re.compile(r"\s*(?:[|>][+-]?\d?)\s*(?:#.*)?$")
MAX_KEYS = 20_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The file's own text, so that offsets are those of the file.

    Raises:
        UnreadableError: binary, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    return marked_document(stem + suffix, text, [Mark(0, (), "code"), *_marks(text)], notes)


def _marks(text: str) -> Iterator[Mark]:
    path, quoted = HeadingPath(), -1  # the indentation of a block of text, whose lines are no keys
    for count, found in enumerate(_KEY.finditer(text)):
        indent = len(found["indent"])
        if count >= MAX_KEYS:
            return
        if quoted >= 0 and indent > quoted:
            continue
        value = found["value"] or ""
        quoted = indent if _BLOCK_TEXT.match(value) else -1
        if indent == 0 or not value.partition("#")[0].strip():
            yield Mark(found.start(), path.enter(indent + 1, found["key"].strip("\"'")), "code")
