"""JSON (.json, .jsonl): values under the path of their keys, chats that were exported as chats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import code
from ingest.readers.assembly import Assembly
from ingest.readers.chat import add_chat, messages_of_json
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

MAX_DEPTH = 40  # headings are kept this deep; below, the path stands in the line


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """A line "key: value" for each value, under headings that are the keys above it.

    What is no valid JSON is read as the text it is, and the report says so.

    Raises:
        UnreadableError: not text, without a value, or too long.
    """
    text, notes = readable_text(data, limits)
    try:
        values, label = _values(text, suffix)
    except ValueError:
        document = code.read(data, stem, suffix, limits)
        broken = (*document.notes, "is not valid JSON: read as text")
        return Document(document.title, document.text, document.sections, notes=broken)
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    messages = messages_of_json(values if label else values[0])
    if messages:
        add_chat(assembly, messages, limits)
        return assembly.document(stem)
    for number, value in enumerate(values, 1):
        assembly.close_headings()
        assembly.place(f"{label} {number}" if label else "")
        add_value(assembly, value, limits.table_characters)
    if not assembly.length:
        raise UnreadableError("holds no values")
    return assembly.document(stem)


def _values(text: str, suffix: str) -> tuple[list[Any], str]:
    """The values of a file, and what one is called if there are several."""
    try:
        if suffix not in {".jsonl", ".ndjson"}:
            return [json.loads(text)], ""
    except ValueError:
        if "\n" not in text.strip() or suffix != ".json":
            raise
    return [json.loads(line) for line in text.split("\n") if line.strip()], "line"


def add_value(assembly: Assembly, value: Any, size: int, path: tuple[str, ...] = ()) -> None:
    """Add a value: what is small in one block of lines, the members that are not under headings of their own."""
    lines = _small(value, size)
    if lines is not None:
        assembly.block("\n".join(lines), "table")
        return
    lines = []
    for key, item in _members(value):
        small = _small(item, size, key)
        if isinstance(value, list) and small is not None:
            assembly.block("\n".join(small), "table")  # an entry of a list is a block of its own
        elif small is not None:
            lines += small
        else:
            assembly.block("\n".join(lines), "table")
            lines = []
            inner = (*path, key) if key else path
            if key and len(inner) <= MAX_DEPTH:
                assembly.heading(len(inner), key)
            add_value(assembly, item, size, inner)
    assembly.block("\n".join(lines), "table")


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """(key, value) of the members; those of a list have no key."""
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    else:
        yield from (("", item) for item in value)


def _small(value: Any, size: int, path: str = "") -> list[str] | None:
    """The lines for a value that fits into `size` characters, else None; a lone value may be longer."""
    lines: list[str] = []
    for line in _lines(value, path):
        lines.append(line)
        size -= len(line)
        if size < 0 and (len(lines) > 1 or isinstance(value, dict | list)):
            return None
    return lines


def _lines(value: Any, path: str) -> Iterator[str]:
    """A line "key.inner key: value" for each value inside."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value, 1):
            yield from _lines(item, f"{path}[{number}]")
    else:
        shown = ", ".join(map(_shown, value)) if isinstance(value, list) else _shown(value)
        yield f"{path}: {shown}" if path else shown


def _shown(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value).strip()
