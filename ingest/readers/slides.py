"""PowerPoint files (.pptx): slide by slide titles, text, tables, charts and the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.archive import Archive
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.ooxml import comment_line, core_title, main_part, related
from ingest.readers.ooxml_chart import add_chart
from ingest.readers.rows import markdown_row
from ingest.readers.safe_xml import attribute, child, descendants, local, part

_TITLES = frozenset({"title", "ctrTitle"})
_MARGINS = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})  # what stands on every slide
_SHAPES = frozenset({"sp", "grpSp", "graphicFrame", "pic", "cxnSp", "AlternateContent", "Choice", "contentPart"})


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The slides in the order in which they are shown; each is a page called "slide n".

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, too many slides, or without text.
    """
    archive = Archive(data, limits)
    main = main_part(archive, "ppt/presentation.xml")
    show = part(archive, main)
    if show is None or local(show) != "presentation":
        raise UnreadableError("is not a PowerPoint file: it has no main part")
    targets = dict(related(archive, main))
    names = [targets.get(_relation(entry), "") for entry in descendants(show, "sldId")]
    if len(names) > limits.pages:
        raise UnreadableError(f"has {len(names)} slides; the limit is {limits.pages}")
    authors = dict(_authors(archive, main))
    assembly = Assembly(limits)
    for number, name in enumerate(names, 1):
        slide = part(archive, name)
        if slide is not None:
            assembly.page(number, f"slide {number}")
            _Slide(assembly, archive, name, authors).add(slide)
    return assembly.document(core_title(archive) or assembly.first_heading or stem, len(names))


def _authors(archive: Archive, main: str) -> Iterator[tuple[str, str]]:
    """The people who commented, by their number."""
    for kind in ("/commentAuthors", "/authors"):
        for _, target in related(archive, main, kind):
            for author in descendants(part(archive, target), "cmAuthor", "author"):
                yield attribute(author, "id"), attribute(author, "name")


def _relation(element: etree._Element) -> str:
    return next((str(value) for key, value in element.attrib.items() if str(key).endswith("}id")), "")


class _Slide:
    """Adds what stands on one slide."""

    def __init__(self, assembly: Assembly, archive: Archive, name: str, authors: dict[str, str]) -> None:
        self._assembly = assembly
        self._archive = archive
        self._name = name
        self._authors = authors
        self._targets = dict(related(archive, name))

    def add(self, slide: etree._Element) -> None:
        """The title first wherever it stands, then the shapes in their order, notes and comments."""
        tree = child(slide, "cSld", "spTree")
        self._assembly.close_headings()
        shapes = list(_shapes(tree))
        title = next((shape for shape in shapes if _placeholder(shape) in _TITLES and _text(shape)), None)
        if title is not None:
            self._assembly.heading(1, " ".join(_text(title).split()))
        for shape in shapes:
            if shape is not title:
                self._shape(shape)
        self._beside()

    def _shape(self, shape: etree._Element) -> None:
        kind = local(shape)
        if _placeholder(shape) in _MARGINS:
            return
        if kind == "pic":
            shown = " ".join(attribute(next(descendants(shape, "cNvPr"), None), "descr").split())
            self._assembly.block(f"[image: {shown}]" if shown else "")
        elif kind == "graphicFrame":
            self._frame(shape)
        else:
            self._assembly.block(_text(shape))

    def _frame(self, frame: etree._Element) -> None:
        for table in descendants(frame, "tbl"):
            rows = [
                [" ".join(_text(cell).split()) for cell in descendants(row, "tc")] for row in descendants(table, "tr")
            ]
            self._assembly.block("\n".join(markdown_row(row) for row in rows if any(row)), "table")
        for link in descendants(frame, "chart"):
            add_chart(self._assembly, part(self._archive, self._targets.get(_relation(link), "")))
        for link in descendants(frame, "relIds"):
            drawn = part(self._archive, self._targets.get(attribute(link, "dm"), ""))
            lines = (" ".join(_text(point).split()) for point in descendants(drawn, "pt"))
            self._assembly.block("\n".join(f"- {line}" for line in lines if line))

    def _beside(self) -> None:
        """Notes and comments."""
        for _, target in related(self._archive, self._name, "/notesSlide"):
            notes = part(self._archive, target)
            shapes = _shapes(child(notes, "cSld", "spTree"))
            text = "\n".join(_text(shape) for shape in shapes if _placeholder(shape) not in _MARGINS)
            self._assembly.block(f"Notes: {text.strip()}" if text.strip() else "")
        for _, target in related(self._archive, self._name, "/comments"):
            for comment in descendants(part(self._archive, target), "cm"):
                words = " ".join(" ".join(each.text or "" for each in descendants(comment, "text", "t")).split())
                author = self._authors.get(attribute(comment, "authorId"), "")
                self._assembly.block(
                    comment_line(author, attribute(comment, "dt") or attribute(comment, "created"), words)
                )


def _shapes(tree: etree._Element | None) -> Iterator[etree._Element]:
    """The shapes of a slide, those in groups one by one; the copy kept for old programs is left out."""
    for element in tree if tree is not None else ():
        kind = local(element)
        if kind in {"grpSp", "AlternateContent", "Choice"}:
            yield from _shapes(element)
        elif kind in _SHAPES:
            yield element


def _placeholder(shape: etree._Element) -> str:
    """The kind of a placeholder, "" for other shapes; "body" is what has no kind."""
    found = next(descendants(shape, "ph"), None)
    return "" if found is None else found.get("type", "body")


def _text(shape: etree._Element) -> str:
    """The paragraphs of a shape, a line each."""
    lines = []
    for paragraph in descendants(shape, "p"):
        pieces = (("\n" if local(each) == "br" else each.text or "") for each in descendants(paragraph, "t", "br"))
        lines.append("".join(pieces).strip())
    return "\n".join(line for line in lines if line)
