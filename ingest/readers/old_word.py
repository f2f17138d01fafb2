"""Old Word files (.doc): the text of the main document, its notes and headers, by its table of pieces.

The layout of the file is that of MS-DOC 2.4.1: the FIB says where the pieces of text stand.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import pairwise

import olefile  # type: ignore[import-untyped]  # olefile ships no types

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits, check_text_size
from ingest.readers.rows import markdown_row

_MAGIC = 0xA5EC
_ENCRYPTED, _SECOND_TABLE = 0x0100, 0x0200  # flags at offset 10
_FLAGS, _LENGTHS, _PIECES = 0x0A, 0x4C, 0x01A2  # offsets in the FIB of Word 97 and later
_OLDEST = 0x00C1  # of a FIB with these offsets: Word 97
_FIELD = re.compile("\x13[^\x13\x14\x15]*(?:\x14([^\x13\x14\x15]*))?\x15")
_BREAKS = str.maketrans({"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": "", "\xa0": " "})
_OTHERS = re.compile("[\x00-\x06\x08\x0f-\x1d]")  # what stands for pictures, notes and drawn things; 7 ends a cell
MAX_NESTED_FIELDS = 10


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text; the rows of tables as lines with bars between the cells.

    Raises:
        PasswordError: encrypted.
        UnreadableError: no Word file, too old, broken, or without text.
    """
    if not olefile.isOleFile(data=data):
        raise UnreadableError(
            "is not an old Word file, whatever its name says", "If it is a .docx or .rtf, name it so."
        )
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            text = "".join(_pieces(container, limits))
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
        raise UnreadableError("is a broken Word file") from None
    assembly = Assembly(limits)
    for kind, block in _blocks(_plain(text)):
        assembly.block(block, kind)
    return assembly.document(stem)


def _pieces(container: olefile.OleFileIO, limits: Limits) -> Iterator[str]:
    if not container.exists("WordDocument"):
        raise UnreadableError("is not a Word file: it has no main part")
    if any("DRM" in name for entry in container.listdir() for name in entry):
        raise PasswordError("is protected by rights management (DRM)", "Save a copy without protection and add that.")
    main = container.openstream("WordDocument").read()
    flags = _number(main, _FLAGS, 2)
    if _number(main, 0, 2) != _MAGIC or _number(main, 2, 2) < _OLDEST:
        raise UnreadableError("is of a Word older than 97", "Open it in Word or LibreOffice and save it as .docx.")
    if flags & _ENCRYPTED:
        raise PasswordError("needs a password", "Save a copy without one and add that.")
    table = container.openstream("1Table" if flags & _SECOND_TABLE else "0Table").read()
    start, size = _number(main, _PIECES, 4), _number(main, _PIECES + 4, 4)
    total = 0
    for piece in _text_of(main, _piece_table(table[start : start + size])):
        total += len(piece)
        check_text_size(total, limits)
        yield piece


def _piece_table(clx: bytes) -> bytes:
    """The table of pieces in a Clx, behind the formats that precede it."""
    position = 0
    while position < len(clx) and clx[position] == 1:
        position += 3 + _number(clx, position + 1, 2)
    if position >= len(clx) or clx[position] != 2:
        raise ValueError("no piece table")
    size = _number(clx, position + 1, 4)
    return clx[position + 5 : position + 5 + size]


def _text_of(main: bytes, table: bytes) -> Iterator[str]:
    """The pieces in order: in UTF-16, or a byte a character."""
    count = (len(table) - 4) // 12
    starts = [_number(table, 4 * index, 4) for index in range(count + 1)]
    for index, (start, end) in enumerate(pairwise(starts)):
        place = _number(table, 4 * (count + 1) + 8 * index + 2, 4)
        length = min(end - start, len(main))
        if place & 0x40000000:
            first = (place & 0x3FFFFFFF) // 2
            yield main[first : first + length].decode("cp1252", "replace")
        else:
            yield main[place : place + 2 * length].decode("utf-16-le", "replace")


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")


def _plain(text: str) -> str:
    """Without the codes of fields, whose results stay, and of things that are no text."""
    for _ in range(MAX_NESTED_FIELDS):
        text, count = _FIELD.subn(lambda found: found[1] or "", text)
        if not count:
            break
    return _OTHERS.sub("", text.translate(_BREAKS))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """("table", rows) and ("text", paragraph) in order; two marks of a cell's end make the end of a row."""
    for line in text.split("\n"):
        if "\x07" not in line:
            yield "text", line
            continue
        rows, _, rest = line.rpartition("\x07")
        split = (row.split("\x07") for row in rows.rstrip("\x07").split("\x07\x07"))
        yield "table", "\n".join(markdown_row(" ".join(cell.split()) for cell in row) for row in split if any(row))
        yield "text", rest
