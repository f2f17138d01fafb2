"""Electronic books (.epub): chapter by chapter in reading order; pictures and scripts are left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers.archive import Archive
from ingest.readers.assembly import Assembly
from ingest.readers.html import add_html
from ingest.readers.limits import Limits
from ingest.readers.safe_xml import attribute, descendants, part

_HARMLESS_ENCRYPTION = re.compile(r"embedding|obfuscation", re.IGNORECASE)  # of fonts, which are not read


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of the book; each chapter is a place of its own.

    Raises:
        PasswordError: copy-protected.
        UnreadableError: broken, a bomb, or without text.
    """
    archive = Archive(data, limits)
    _refuse_protected(archive)
    package = attribute(next(descendants(part(archive, "META-INF/container.xml"), "rootfile"), None), "full-path")
    root = part(archive, package) if package else None
    if root is None:
        raise UnreadableError("is not an EPUB book: it names no contents")
    folder = posixpath.dirname(package)
    names = _chapter_names(archive, root, folder)
    assembly = Assembly(limits)
    for number, name in enumerate(_spine(root, folder), 1):
        content = archive.read(name)
        if content is not None:
            title = names.get(name, "")
            assembly.place(f"chapter {number}" + (f": {title}" if title else ""))
            assembly.close_headings()
            add_html(assembly, content, chapter=title, optional=True)
    title = next((" ".join((each.text or "").split()) for each in descendants(root, "title")), "")
    return assembly.document(title or assembly.first_heading or stem)


def _refuse_protected(archive: Archive) -> None:
    for method in descendants(part(archive, "META-INF/encryption.xml"), "EncryptionMethod"):
        if not _HARMLESS_ENCRYPTION.search(attribute(method, "Algorithm")):
            raise PasswordError("is copy-protected (DRM)", "Only books without protection can be read.")


def _spine(root: etree._Element, folder: str) -> Iterator[str]:
    """The names of the chapters in reading order."""
    items = {attribute(item, "id"): attribute(item, "href") for item in descendants(root, "item")}
    for entry in descendants(root, "itemref"):
        href = items.get(attribute(entry, "idref"), "")
        if href:
            yield _joined(folder, href)


def _chapter_names(archive: Archive, root: etree._Element, folder: str) -> dict[str, str]:
    """What the table of contents calls each chapter; a broken table names none."""
    names: dict[str, str] = {}
    for item in descendants(root, "item"):
        href = _joined(folder, attribute(item, "href"))
        if (
            attribute(item, "media-type") == "application/x-dtbncx+xml"
            or "nav" in attribute(item, "properties").split()
        ):
            for target, name in _entries(archive.read(href) or b""):
                names.setdefault(_joined(posixpath.dirname(href), target), name)
    return names


def _entries(contents: bytes) -> Iterator[tuple[str, str]]:
    """(file, name) of the entries of an .ncx file or a navigation page, which both may have a document type."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(contents, parser)
    except (etree.LxmlError, ValueError):
        return
    for entry in descendants(root, "navPoint"):
        label = " ".join(next((each.text or "" for each in descendants(entry, "text")), "").split())
        yield attribute(next(descendants(entry, "content"), None), "src"), label
    for link in descendants(root, "a"):
        yield attribute(link, "href"), " ".join("".join(link.itertext()).split())


def _joined(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
