"""How text from outside is made harmless before a terminal shows it."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Controls (C0, DEL, C1), separators that break lines, bidirectional controls, lone surrogates, tag characters.
_RANGES = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0x061C, 0x061C),
    (0x200E, 0x200F),
    (0x2028, 0x2029),
    (0x202A, 0x202E),
    (0x2066, 0x2069),
    (0xD800, 0xDFFF),
    (0xE0000, 0xE007F),
)
UNSAFE = frozenset(code for low, high in _RANGES for code in range(low, high + 1))

_LINE = dict.fromkeys(UNSAFE, REPLACEMENT)
_TEXT = {code: shown for code, shown in _LINE.items() if chr(code) not in "\n\t"} | {ord("\r"): " "}
_NAME = {**_LINE, ord("\n"): " ", ord("\t"): " ", ord("\r"): " "}


def safe_text(text: str) -> str:
    """`text` with every character that could steer a terminal shown as U+FFFD; line breaks and tabs stay.

    Every character becomes one character (a carriage return a blank), so offsets into the text hold.
    """
    return text.translate(_TEXT)


def safe_line(text: str) -> str:
    """`text` for one line, such as a file name: as `safe_text`, with line breaks and tabs as spaces."""
    return text.translate(_NAME)


def safe_cells(text: str) -> str:
    """`text` that is already laid out in cells of one line: every unsafe character becomes U+FFFD."""
    return text.translate(_LINE)
