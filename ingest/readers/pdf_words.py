"""The words of a PDF page with their places, as PDFium gives them character by character."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.readers.pdf_box import Box, Line

_WORD = re.compile(r"[^\s\x00]+")
_ALEF_LAM = re.compile("[اأإآ]ل")
LEAST_HEIGHT = 2.0  # points: dashes and dots are taken for letters of this height at least


def words_of(textpage: pdfium.PdfTextPage) -> Iterator[Box]:
    """The words in the order in which they were drawn."""
    handle = textpage.raw
    numbers = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = numbers
    references = [ctypes.byref(number) for number in numbers]
    for found in _WORD.finditer(_characters(textpage)):
        if not pdfium_c.FPDFText_GetCharBox(handle, found.start(), *references):
            continue
        first = left.value, right.value, bottom.value, top.value
        if found.end() - found.start() > 1:
            pdfium_c.FPDFText_GetCharBox(handle, found.end() - 1, *references)
        low, high = min(first[2], bottom.value), max(first[3], top.value)
        start, end = min(first[0], left.value), max(first[1], right.value)
        written = found.start() > 0 and not pdfium_c.FPDFText_IsGenerated(handle, found.start() - 1)
        yield Box(_ligatures(found, handle), start, end, low, max(high, low + LEAST_HEIGHT), written)


def _ligatures(word: re.Match[str], handle: object) -> str:
    """The word, lam-alef in the order of reading: PDFium takes the sign for both apart the wrong way round."""
    text = word[0]
    for found in _ALEF_LAM.finditer(text):
        first, second = ([ctypes.c_double() for _ in range(4)] for _ in range(2))
        for offset, box in enumerate((first, second)):
            pdfium_c.FPDFText_GetCharBox(handle, word.start() + found.start() + offset, *map(ctypes.byref, box))
        if [number.value for number in first] == [number.value for number in second]:
            text = text[: found.start()] + found[0][::-1] + text[found.end() :]
    return text


def is_level(words: Sequence[Box]) -> bool:
    """Whether the text runs from side to side, not up or down the page."""
    long = [word for word in words if len(word.text) > 3]
    upright = sum(word.height > 1.5 * (word.right - word.left) for word in long)
    return upright * 4 <= len(long)


def plain_lines(textpage: pdfium.PdfTextPage) -> list[Line]:
    """The lines as drawn, without their places."""
    text = str(textpage.get_text_range()).replace("\r\n", "\n")
    return [Line(line, -number, -number) for number, line in enumerate(text.split("\n")) if line.strip()]


def _characters(textpage: pdfium.PdfTextPage) -> str:
    """The text of the page, a character for each of PDFium's, which its own text leaves out at times."""
    text = str(textpage.get_text_range())
    count = textpage.count_chars()
    if len(text) == count:
        return text
    codes = (pdfium_c.FPDFText_GetUnicode(textpage.raw, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 else "\0" for code in codes)
