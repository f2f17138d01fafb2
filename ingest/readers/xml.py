"""XML (.xml, feeds): the text of elements under the path of their names."""

from __future__ import annotations

import re
from collections import Counter

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.html import add_html
from ingest.readers.limits import Limits
from ingest.readers.safe_xml import attribute, child, local, parsed

_MARKUP = re.compile(r"<(?:p|br|div|a|b|i|em|strong|ul|li|span|img|h[1-6])\b[^>]*>", re.IGNORECASE)
_NAMING = ("title", "name", "label", "id")
_SILENT = re.compile(r"(?:xmlns|schemaLocation|space|base)$")
MAX_DEPTH = 60


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """A line "name: text" for each element with nothing inside it, under headings that are the elements above.

    Raises:
        UnreadableError: not well-formed, with a document type, without text, or too long.
    """
    root = parsed(data.strip(), "the file")
    assembly = Assembly(limits)
    _add(assembly, root, 1)
    named = child(root, "title")
    title = " ".join("".join(named.itertext()).split()) if named is not None else ""
    if not assembly.length:
        raise UnreadableError("holds no text")
    return assembly.document(title or stem)


def _add(assembly: Assembly, element: etree._Element, level: int) -> None:
    """Add an element: attributes and leaves as lines, what has elements inside under a heading."""
    lines = _attributes(element)
    own = " ".join((element.text or "").split())
    lines += [own] if own else []
    counts = Counter(local(each) for each in element)
    seen: Counter[str] = Counter()
    for each in element:
        name = local(each)
        seen[name] += 1
        text = " ".join((each.text or "").split())
        if len(each) and level < MAX_DEPTH:
            assembly.block("\n".join(lines), "table")
            lines = []
            number = f" {seen[name]}" if counts[name] > 1 else ""
            assembly.heading(level, _name_of(each) or f"{name}{number}")
            _add(assembly, each, level + 1)
        elif len(text) > 80 and _MARKUP.search(text):
            assembly.block("\n".join(lines), "table")
            lines = []
            add_html(assembly, each.text or " ", optional=True)
        else:
            words = text if level < MAX_DEPTH else " ".join("".join(each.itertext()).split())
            said = "; ".join(filter(None, (words, *_attributes(each))))
            lines += [f"{name}: {said}"] if said else []
        lines += [tail] if (tail := " ".join((each.tail or "").split())) else []
    assembly.block("\n".join(lines), "table")


def _attributes(element: etree._Element) -> list[str]:
    names = ((str(key).rpartition("}")[2], str(value).strip()) for key, value in element.attrib.items())
    return [f"{name}: {value}" for name, value in names if value and not _SILENT.search(name)]


def _name_of(element: etree._Element) -> str:
    """What an entry of a list calls itself."""
    for name in _NAMING:
        inner = child(element, name)
        text = attribute(element, name) or (inner.text or "" if inner is not None and not len(inner) else "")
        if text.strip():
            return f"{local(element)}: {' '.join(text.split())}"
    return ""
