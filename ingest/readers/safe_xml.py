"""How the XML inside documents is parsed: no entities, no DTD, no network; and its elements by local name."""

from __future__ import annotations

import io
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.errors import UnreadableError
from ingest.readers.archive import Archive

_HARMLESS = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False, "remove_comments": True,
    "remove_pis": True,
}  # fmt: skip
_BOMB = "declares XML entities; refused as a possible bomb"


def part(archive: Archive, name: str) -> etree._Element | None:
    """The root of a member of an archive; None when there is no such member.

    Raises:
        UnreadableError: not well-formed, or with a document type (which could hold entity bombs).
    """
    content = archive.read(name)
    return None if content is None else parsed(content, name)


def parsed(content: bytes, name: str) -> etree._Element:
    """The root of an XML text; `name` stands in the error.

    Raises:
        UnreadableError: not well-formed, or with a document type.
    """
    _refuse_doctype(content)
    try:
        root = etree.fromstring(content, etree.XMLParser(**_HARMLESS))
    except (etree.LxmlError, ValueError):
        raise UnreadableError(f"is broken: its part {name!r} is not well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError(_BOMB)
    return root


def streamed(content: bytes, name: str, tag: str) -> Iterator[etree._Element]:
    """The elements of a local name one by one, each forgotten after its turn: for parts of many megabytes.

    Raises:
        UnreadableError: not well-formed, or with a document type.
    """
    _refuse_doctype(content)
    try:
        for _, element in etree.iterparse(io.BytesIO(content), events=("end",), tag=f"{{*}}{tag}", **_HARMLESS):
            yield element
            element.clear(keep_tail=True)
            while element.getprevious() is not None:
                del element.getparent()[0]
    except (etree.LxmlError, ValueError):
        raise UnreadableError(f"is broken: its part {name!r} is not well-formed XML") from None


def local(element: etree._Element) -> str:
    """The name without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element | None, name: str) -> str:
    """The attribute of that local name, "" where there is none."""
    if element is None:
        return ""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


def child(element: etree._Element | None, *names: str) -> etree._Element | None:
    """The first grandchild along a path of local names."""
    for name in names:
        if element is None:
            return None
        element = next((child for child in element if local(child) == name), None)
    return element


def descendants(element: etree._Element | None, *names: str) -> Iterator[etree._Element]:
    """All elements below (and including) this one with one of the local names (any, without), in document order."""
    if element is not None:
        yield from (found for found in element.iter() if not names or local(found) in names)


def _refuse_doctype(content: bytes) -> None:
    if b"<!doctype" in content[:65536].replace(b"\0", b"").lower():
        raise UnreadableError(_BOMB)
