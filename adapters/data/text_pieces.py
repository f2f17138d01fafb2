"""Where a long text is cut into rows for continued training: between paragraphs, else sentences, else words."""

from __future__ import annotations

import re

PIECE = 2_000  # characters: about 500 tokens, so that two pieces fill the default longest row
BOUNDARIES = tuple(re.compile(pattern) for pattern in (r"\n\s*\n", r"\n", r"[.!?…。!?]['\"”’)]*\s", r"\s"))


def pieces(text: str, size: int = PIECE) -> list[tuple[int, int]]:
    """Offsets (start, end) of pieces of at most `size` characters; together they hold all but white space."""
    found: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= size else start + _cut(text[start : start + size])
        stripped = text[start:end]
        begin = start + len(stripped) - len(stripped.lstrip())
        if stripped.strip():
            found.append((begin, begin + len(stripped.strip())))
        start = end
    return found


def _cut(window: str) -> int:
    """Where a window that is too long ends best: at its last strong boundary past its middle."""
    for boundary in BOUNDARIES:
        ends = [found.end() for found in boundary.finditer(window) if found.end() >= len(window) // 2]
        if ends:
            return ends[-1]
    return len(window)
