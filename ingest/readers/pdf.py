"""PDF files: the text layer page by page in reading order, tables as rows, with the outline as headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.image import OFF
from ingest.readers.limits import Limits
from ingest.readers.pdf_box import Line
from ingest.readers.pdf_layout import lines_of
from ingest.readers.pdf_margins import without_margins
from ingest.readers.pdf_scan import Scans
from ingest.readers.pdf_words import is_level, plain_lines, words_of

_HYPHEN = re.compile("[\x02\ufffe]\\s*")  # PDFium's mark for a word divided at the end of a line
_HYPHEN_MARK = re.compile("[\x02\ufffe]")
_NO_TITLE = re.compile(  # what programs write there when nobody gave a title
    r"^(?:\(?(?:untitled|anonymous|no title)\)?|(?:microsoft )?(?:word|powerpoint|excel) (?:- .*|presentation|document)"
    r"|.*\.\w{2,5}|[\W\d_]*|.{0,3}|(?:slide|page|document|presentation) ?\d*)$",
    re.IGNORECASE,
)
MAX_OUTLINE = 5_000
LAYOUT_CHARACTERS = 5_000_000  # of a file whose places are looked at, which takes about 2 microseconds each


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of every page; a section never spans two pages.

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, too many pages, or only images.
    """
    document = _opened(data)
    try:
        count = len(document)
        if count > limits.pages:
            raise UnreadableError(f"has {count} pages; the limit is {limits.pages}")
        assembly = Assembly(limits)
        scans = Scans(limits)
        texts = _Pages(document, count, scans)
        outline = _outline(document)
        found = list(texts)
        for (number, _), lines in zip(found, without_margins([lines for _, lines in found]), strict=True):
            assembly.page(number, scans.place(number))
            _add_page(assembly, lines, outline.get(number, []))
        assembly.notes.extend((*texts.notes(), *scans.notes()))
        if texts.read_none() and pdfium_c.FPDF_GetSecurityHandlerRevision(document.raw) >= 0:
            raise PasswordError(
                "is encrypted, and its text cannot be read", "Save a copy without a password and add that."
            )
        if texts.read_none():
            tried = next(scans.notes(), "")
            raise UnreadableError(f"{_no_text(count)}{f'; {tried}' if tried else ''}", OFF)
        return assembly.document(_title(document) or stem, count)
    finally:
        document.close()


def _opened(data: bytes) -> pdfium.PdfDocument:
    if b"%PDF-" not in data[:4096]:
        raise UnreadableError("is not a PDF file, whatever its name says")
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", 0) in {pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY}:
            raise PasswordError("needs a password", "Save a copy without one and add that.") from None
        raise UnreadableError("is a broken PDF file: its pages cannot be found") from None


class _Pages:
    """Iterates over (number, lines) of the pages with text and remembers the others."""

    def __init__(self, document: pdfium.PdfDocument, count: int, scans: Scans) -> None:
        self._document = document
        self._count, self._scans = count, scans
        self._has_forms = document.get_formtype() == pdfium_c.FORMTYPE_ACRO_FORM
        if self._has_forms:
            document.init_forms()
        self._with_text = 0
        self._characters = 0
        self._images: list[int] = []
        self._broken: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, list[Line]]]:
        for number in range(1, self._count + 1):
            try:
                page = self._page(number - 1)
            except pdfium.PdfiumError:
                self._broken.append(number)
                continue
            try:
                lines = self._lines(page)
                is_picture = not lines and any(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3))
                lines = self._scans.lines(page, number) if is_picture else lines
                if lines:
                    self._with_text += 1
                    yield number, lines
                elif is_picture:
                    self._images.append(number)
            except pdfium.PdfiumError:
                self._broken.append(number)
            finally:
                page.close()

    def _lines(self, page: pdfium.PdfPage) -> list[Line]:
        textpage = page.get_textpage()
        try:
            self._characters += textpage.count_chars()
            with_layout = self._characters <= LAYOUT_CHARACTERS and page.get_rotation() == 0
            words = list(words_of(textpage)) if with_layout else []
            lines = lines_of(words) if words and is_level(words) else None
            return plain_lines(textpage) if lines is None else lines
        finally:
            textpage.close()

    def _page(self, index: int) -> pdfium.PdfPage:
        """A page; what was filled into a form is made part of it, or it would not be in its text."""
        page = self._document[index]
        if self._has_forms:
            page.flatten()
            page.close()
            page = self._document[index]
        return page

    def read_none(self) -> bool:
        """Whether no page had text."""
        return self._with_text == 0

    def notes(self) -> Iterator[str]:
        """What the user should know of pages without text."""
        for numbers, what in ((self._images, "no text layer"), (self._broken, "damage and could not be read")):
            if numbers:
                some = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
                have = "page has" if len(numbers) == 1 else "pages have"
                yield f"{len(numbers)} {have} {what} ({some})"


def _no_text(count: int) -> str:
    what = "its page is an image" if count == 1 else f"its {count} pages are images"
    return f"has no text layer: {what} or empty"


def _outline(document: pdfium.PdfDocument) -> dict[int, list[tuple[int, str]]]:
    """Page number -> (level, title) of the outline's entries that lead there."""
    entries: dict[int, list[tuple[int, str]]] = {}
    try:
        for count, bookmark in enumerate(document.get_toc(max_depth=6)):
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            if index is not None and count < MAX_OUTLINE:
                entries.setdefault(index + 1, []).append((bookmark.level + 1, bookmark.get_title()))
    except pdfium.PdfiumError:
        return {}
    return entries


def _add_page(assembly: Assembly, lines: list[Line], outline: list[tuple[int, str]]) -> None:
    """Add a page's lines, divided where the titles of the outline stand as lines of their own."""
    titles = list(outline)
    for kind, group in groupby(lines, key=lambda line: line.kind):
        if kind == "table":
            for table in group:
                assembly.block(_HYPHEN_MARK.sub("", table.text), "table")
        else:
            text = "\n".join(f"\n{line.text}" if line.apart else line.text for line in group)
            titles = _add_text(assembly, _HYPHEN.sub("", text), titles)


def _add_text(assembly: Assembly, text: str, titles: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Add text; returns the titles that were not found in it."""
    position, missing = 0, []
    for level, title in titles:
        found = _line_of(title, text, position)
        if found:
            assembly.block(text[position : found.start()])
            assembly.heading(level, found[0])
            position = found.end()
        else:
            missing.append((level, title))
    assembly.block(text[position:])
    return missing


def _line_of(title: str, text: str, start: int) -> re.Match[str] | None:
    """The line of a page that consists of the words of a title, after a number perhaps."""
    words = re.findall(r"\w+", title)[:20]
    if not words:
        return None
    spaced = r"\W{1,8}".join(map(re.escape, words))
    pattern = rf"^[^\w\n]*(?:[\dA-Z]{{1,3}}[.)\d]*[ \t]+)?{spaced}[^\w\n]*$"
    return re.compile(pattern, re.MULTILINE | re.IGNORECASE).search(text, start)


def _title(document: pdfium.PdfDocument) -> str:
    title = " ".join(document.get_metadata_value("Title").replace("\0", "").split())
    return "" if len(title) > 200 or _NO_TITLE.match(title) else title
