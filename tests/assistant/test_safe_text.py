"""Does text from outside lose every character that could steer a terminal, and nothing else?"""

from __future__ import annotations

import unicodedata

import pytest

from assistant.safe_text import REPLACEMENT, safe_cells, safe_line, safe_text

HOSTILE = {
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "title": "\x1b]0;owned\x07",
    "clear": "\x1b[2J",
    "8-bit": "\x9b2J",
    "bell": "\a\b\x7f",
    "right to left": "invoice\u202efdp.exe",
    "isolate": "\u2066a\u2069\u200e\u200f\u061c",
    "separators": "a\u2028b\u2029c",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "hidden"),
    "surrogate": "name\udcff",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_control_character_passes(text: str) -> None:
    """What is left can be encoded and holds no control, format or surrogate character of the list."""
    for made in (safe_text(text), safe_line(text), safe_cells(text)):
        made.encode("utf-8")
        assert REPLACEMENT in made
        assert not [letter for letter in made if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
        assert not set(made) & set("\u202e\u2066\u2069\u200e\u200f\u061c")


def test_ordinary_text_stays_as_it_is() -> None:
    """Letters of all scripts, emoji with joiners, line breaks and tabs are untouched."""
    text = "Grüße, 世界 שלום\n\tنعم 👩‍👩‍👧 e\u0301 €"
    assert safe_text(text) == text


def test_a_name_is_one_line() -> None:
    """Line breaks and tabs in a file name become blanks."""
    assert safe_line("a\nb\tc\r") == "a b c "


def test_offsets_stay_where_they_are() -> None:
    """Each character is replaced by one character, so citation offsets hold."""
    text = "\x1b[31mred\u202e\x00\r\n"
    assert len(safe_text(text)) == len(text)
