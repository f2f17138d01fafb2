"""Rich Text Format (.rtf): paragraphs and table rows; fonts, pictures and other destinations are left out."""

from __future__ import annotations

import codecs
import re

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits, check_text_size
from ingest.readers.rows import markdown_row

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z])"
    rb"|(?P<open>\{)|(?P<close>\})|(?P<text>[^\\{}\r\n]+)|[\r\n]+"
)
_SKIPPED_WORDS = (
    "colortbl stylesheet info pict object listtable listoverridetable revtbl rsidtbl generator themedata header footer "
    "colorschememapping datastore latentstyles fldinst xmlnstbl filetbl headerl headerr headerf footerl footerr "
    "footerf bkmkstart bkmkend template nonesttables pntxta pntxtb objdata blipuid panose falt bin"
)
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_CHARACTERS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "tab": "\t", "emdash": "—", "endash": "–", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "row": "\n",
    "cell": "\x1f", "nestcell": "\x1f", "nestrow": "\n",
}  # fmt: skip
_CHARSETS = {  # \fcharset of a font -> its code page
    77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_SYMBOLS = {b"~": "\u00a0", b"_": "-", b"\n": "\n", b"\r": "\n", b"\\": "\\", b"{": "{", b"}": "}"}
MAX_DEPTH = 1_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The visible text; tables as rows.

    Raises:
        UnreadableError: no RTF, without text, or too long.
    """
    start = data[:1024].find(b"{\\rtf")
    if start < 0:
        raise UnreadableError("is not an RTF file, whatever its name says")
    assembly = Assembly(limits)
    text = plain_text(data[start:])
    check_text_size(len(text.encode("utf-8", "replace")), limits)
    rows: list[str] = []
    for line in text.split("\n"):
        cells = [" ".join(cell.split()) for cell in line.split("\x1f")]
        if len(cells) > 1:
            rows.append(markdown_row(cells[:-1] if not cells[-1] else cells))
            continue
        assembly.block("\n".join(rows), "table")
        rows = []
        assembly.block(line)
    assembly.block("\n".join(rows), "table")
    return assembly.document(_title(data) or stem)


def plain_text(data: bytes) -> str:
    """The text of RTF, a line a paragraph or row, cells ended by U+001F."""
    reader = _Reader()
    for token in _TOKEN.finditer(data):
        reader.take(token)
    return reader.text()


class _Reader:
    """Follows groups and control words."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._pending = bytearray()  # bytes that stand for characters of the font's code page
        self._page = self._default_page = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._in_fonts = False
        self._skip = False
        self._unicode_skip, self._left_to_skip = 1, 0
        self._stack: list[tuple[bool, int, str, bool]] = []

    def text(self) -> str:
        """All text so far."""
        self._flush()
        pairs = "".join(self._out).encode(
            "utf-16", "surrogatepass"
        )  # two \\u make one character beyond the first plane
        return pairs.decode("utf-16", "replace")

    def take(self, token: re.Match[bytes]) -> None:
        """The next token."""
        kind = token.lastgroup
        if kind == "open":
            self._flush()
            if len(self._stack) > MAX_DEPTH:
                raise UnreadableError("is nested too deeply to read")
            self._stack.append((self._skip, self._unicode_skip, self._page, self._in_fonts))
        elif kind == "close":
            self._flush()
            if self._stack:
                self._skip, self._unicode_skip, self._page, self._in_fonts = self._stack.pop()
        elif kind in {"word", "number"}:
            self._word(token["word"].decode("ascii"), int(token["number"]) if token["number"] else None)
        elif kind == "hex":
            self._bytes(bytes([int(token["hex"], 16)]))
        elif kind == "symbol":
            if token["symbol"] == b"*":
                self._skip = True
            elif token["symbol"] in _SYMBOLS:
                self._put(_SYMBOLS[token["symbol"]])
        elif kind == "text":
            self._bytes(token["text"])

    def _word(self, word: str, number: int | None) -> None:
        if word == "fonttbl":
            self._in_fonts = self._skip = True
        elif word in _SKIPPED:
            self._skip = True
        elif word == "u" and number is not None:
            self._put(chr(number % 65536))
            self._left_to_skip = self._unicode_skip
        elif word == "uc":
            self._unicode_skip = max(number or 0, 0)
        elif word == "ansicpg":
            self._page = self._default_page = _known(f"cp{number}")
        elif word == "fcharset" and self._in_fonts:
            self._fonts[self._font] = _CHARSETS.get(number or 0, self._default_page)
        elif word == "f":
            self._flush()
            self._font = number or 0
            if not self._in_fonts:
                self._page = self._fonts.get(self._font, self._default_page)
        elif word in _CHARACTERS:
            self._put(_CHARACTERS[word])

    def _bytes(self, content: bytes) -> None:
        skipped = min(self._left_to_skip, len(content))
        self._left_to_skip -= skipped
        if not self._skip:
            self._pending += content[skipped:]

    def _put(self, text: str) -> None:
        if not self._skip:
            self._flush()
            self._out.append(text)

    def _flush(self) -> None:
        if self._pending:
            self._out.append(self._pending.decode(self._page, "replace"))
            self._pending.clear()


def _known(page: str) -> str:
    try:
        return codecs.lookup(page).name
    except LookupError:
        return "cp1252"


def _title(data: bytes) -> str:
    found = re.search(rb"\{\\title ([^{}\\]{1,200})\}", data[:65536])
    return found[1].decode("cp1252", "replace").strip() if found else ""
