"""Jupyter notebooks (.ipynb): text and code cell by cell, with what the code printed."""

from __future__ import annotations

import json
import re
from typing import Any

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)
MAX_OUTPUT = 20_000  # characters of what one cell printed


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """Each cell is a place "cell n"; pictures and other output that is no text are left out.

    Raises:
        UnreadableError: no notebook, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    try:
        book = json.loads(text)
    except ValueError:
        raise UnreadableError("is a broken notebook: not valid JSON") from None
    cells = _list(book, "cells") or [cell for sheet in _list(book, "worksheets") for cell in _list(sheet, "cells")]
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict):
            assembly.place(f"cell {number}")
            _add_cell(assembly, cell)
    return assembly.document(assembly.first_heading or stem)


def _add_cell(assembly: Assembly, cell: dict[str, Any]) -> None:
    source = _text(cell.get("source", cell.get("input")))
    if cell.get("cell_type") == "code":
        assembly.block(source, "code")
        for output in _list(cell, "outputs"):
            data = output.get("data") if isinstance(output, dict) else None
            printed = _text(data.get("text/plain")) if isinstance(data, dict) else _text(_get(output, "text"))
            assembly.block(printed[:MAX_OUTPUT], "code")
            assembly.block(" ".join(filter(None, (_text(_get(output, "ename")), _text(_get(output, "evalue"))))))
    else:
        _add_markdown(assembly, source)


def _add_markdown(assembly: Assembly, source: str) -> None:
    position, fences = 0, [found.start() for found in _FENCE.finditer(source)]
    for found in _HEADING.finditer(source):
        if sum(start < found.start() for start in fences) % 2 == 0:  # else a comment in a block of code
            assembly.block(source[position : found.start()])
            assembly.heading(len(found[1]), found[2])
            position = found.end()
    assembly.block(source[position:])


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any, key: str) -> list[Any]:
    found = _get(value, key)
    return found if isinstance(found, list) else []


def _text(value: Any) -> str:
    """A text, which notebooks may keep as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")
