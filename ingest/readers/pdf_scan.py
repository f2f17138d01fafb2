"""Pages of a PDF file that are pictures: drawn once more, and their text recognized."""

from __future__ import annotations

from collections.abc import Iterator

import pypdfium2 as pdfium

from ingest.errors import UnreadableError
from ingest.readers.limits import Limits
from ingest.readers.ocr import Recognized, recognize
from ingest.readers.pdf_box import Line

DOTS_PER_INCH = 300  # what tesseract's documentation recommends
POINTS_PER_INCH = 72
MAX_PIXELS = 30_000_000  # a page of A3 at 300 dots an inch has 17 million


class Scans:
    """Recognizes pages one after another, and remembers how sure that was. Nothing where it is off (`limits.ocr`)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sure: dict[int, Recognized] = {}
        self._problem = ""

    def lines(self, page: pdfium.PdfPage, number: int) -> list[Line]:
        """The lines of a page that is a picture, from the top; [] where none are recognized."""
        if not self._limits.ocr or self._problem or len(self._sure) >= self._limits.ocr_pages:
            return []
        try:
            found = recognize(_picture(page), self._limits.ocr)
        except UnreadableError as error:  # what stops one page stops the others too
            self._problem = str(error)
            return []
        if found.text:
            self._sure[number] = found
        return list(_lines(found.text))

    def place(self, number: int) -> str:
        """How a recognized page is called; "" for others."""
        found = self._sure.get(number)
        return f"p. {number}, recognized, {found.confidence:.0f} % sure" if found else ""

    def notes(self) -> Iterator[str]:
        """What the user should know."""
        if self._sure:
            letters = sum(found.letters for found in self._sure.values())
            sure = sum(found.confidence * found.letters for found in self._sure.values()) / max(1, letters)
            pages = "page was" if len(self._sure) == 1 else "pages were"
            yield f"{len(self._sure)} {pages} recognized from a picture, {sure:.0f} % sure"
        if len(self._sure) >= self._limits.ocr_pages:
            yield f"text recognition ended after {self._limits.ocr_pages} pages"
        if self._problem:
            yield self._problem


def _lines(text: str) -> Iterator[Line]:
    height = float(text.count("\n") + 1)
    apart = False
    for number, line in enumerate(text.split("\n")):
        if line:
            yield Line(line, height - number - 1, height - number, apart=apart)
        apart = not line


def _picture(page: pdfium.PdfPage) -> bytes:
    """The page in grey as a PGM file (https://netpbm.sourceforge.net/doc/pgm.html)."""
    width, height = page.get_size()
    scale = min(DOTS_PER_INCH / POINTS_PER_INCH, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        view = memoryview(bitmap.buffer).cast("B")
        rows = (bytes(view[row * bitmap.stride : row * bitmap.stride + bitmap.width]) for row in range(bitmap.height))
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
    finally:
        bitmap.close()
