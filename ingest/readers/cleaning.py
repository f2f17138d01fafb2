"""What of a text is not for reading: line endings are made one kind, hidden and control characters go."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TERMINAL_CODES = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-Z\\\\^_])")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_SOFT_HYPHENS = re.compile("\u00ad")
# Joiners stay where scripts and emoji need them: between two characters beyond the Latin letters.
_BEYOND_LATIN = "[\u0250-\u1fff\u2100-\U0001faff]"
_JOINERS = re.compile(f"(?<!{_BEYOND_LATIN})[\u200c\u200d]|[\u200c\u200d](?!{_BEYOND_LATIN})")
_HIDDEN = re.compile(
    "[\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)


@dataclass(slots=True)
class Cleaner:
    """Cleans the texts of one document and counts what it took out."""

    hidden: int = 0
    controls: int = 0

    def clean(self, text: str) -> str:
        """`text` with "\\n" line ends and without hidden or control characters."""
        if text.isascii() and text.isprintable():
            return text
        text = _LINE_ENDS.sub("\n", text)
        text = _TERMINAL_CODES.sub("", text)
        text, controls = _CONTROLS.subn("", text)
        self.controls += controls
        if not text.isascii():
            text = _SOFT_HYPHENS.sub("", text)
            text, hidden = _HIDDEN.subn("", text)
            text, joiners = _JOINERS.subn("", text)
            self.hidden += hidden + joiners
        return text

    def notes(self) -> tuple[str, ...]:
        """What was taken out, in words, for the document's report."""
        found = ((self.hidden, "hidden"), (self.controls, "control"))
        return tuple(f"{count} {kind} character{'s' if count > 1 else ''} removed" for count, kind in found if count)
