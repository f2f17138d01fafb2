"""Web pages: headings, paragraphs, lists, tables and code that a visitor would see; nothing is fetched."""

from __future__ import annotations

import re

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.encoding import decode
from ingest.readers.limits import Limits

_DROPPED_NAMES = (
    "script style nav noscript template head svg math iframe object embed canvas audio video select datalist "
    "button dialog map"
)
_BLOCK_NAMES = (
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "header hgroup hr html legend li main ol p section summary table tbody td tfoot th thead tr ul"
)
_DROPPED, _BLOCKS = frozenset(_DROPPED_NAMES.split()), frozenset(_BLOCK_NAMES.split())
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.I)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]{0,10000}>", re.I | re.S)
_BARE_ITEM = re.compile(r"\s*(?:-|\d+\.)\s*")
_LAYOUT = "table|h1|h2|h3|h4|h5|h6|form"  # a table that holds one of these arranges a page, it shows no data

MAX_SPAN = 30  # columns that one cell reaches over
LONGEST_REPEATED = 40  # characters of a cell that is written in each of its columns


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The visible text in reading order.

    Raises:
        UnreadableError: not text, nothing visible, or too long.
    """
    assembly = Assembly(limits)
    title = add_html(assembly, data) or assembly.first_heading
    return assembly.document(title.strip() or stem)


def add_html(assembly: Assembly, data: bytes | str, chapter: str = "", optional: bool = False) -> str:
    """Add a page's visible text; returns its title. `chapter` becomes a heading above it where it has none.

    Raises:
        UnreadableError: not text, nothing at all (unless `optional`), or too long.
    """
    text, notes = (data, ()) if isinstance(data, str) else decode(data, html=True)
    if optional and not text.strip():
        return ""
    assembly.notes.extend(note for note in notes if note not in assembly.notes)
    root, complete = _parsed(text)
    if root is None or not complete:
        assembly.notes.append("nested too deeply: read without its headings and tables")
        assembly.block(_TAGS.sub(" ", text))
        return ""
    if chapter and not any(root.find(f".//{level}") is not None for level in _LEVELS):
        assembly.heading(1, chapter)
    _Walk(assembly).walk(root)
    return str(root.findtext(".//title") or "")


def _parsed(text: str) -> tuple[etree._Element | None, bool]:
    """The root, and whether the parser went through to the end."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if "empty" in str(error).lower() or not text.strip():
            raise UnreadableError("holds no text") from None
        return None, False
    except etree.LxmlError:
        return None, False
    return root, not any(entry.level_name == "FATAL" for entry in parser.error_log)


class _Walk:
    """Goes through the elements once, gathering inline text until a block ends."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._inline: list[str] = []
        self._rows: list[str] = []  # of the table we are in
        self._cells: list[str] = []
        self._lists: list[int | None] = []  # the open lists, those with numbers and their last one
        self._data_tables = 0
        self._preformatted = 0

    def walk(self, root: etree._Element) -> None:
        """Add everything visible below `root` to the assembly."""
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                if not tag or tag in _DROPPED or _hidden(element):
                    walker.skip_subtree()
                    continue
                self._start(tag, element)
                self._text(element.text)
            else:
                if tag and tag not in _DROPPED and not _hidden(element):
                    self._end(tag, element)
                self._text(element.tail)
        self._flush()

    def _text(self, text: str | None) -> None:
        if text:
            self._inline.append(text if self._preformatted else re.sub(r"[ \t\r\n\f]+", " ", text))

    def _start(self, tag: str, element: etree._Element) -> None:
        if tag == "br":
            self._inline.append("\n")
        elif self._data_tables:
            self._inline.append(" " if tag in _BLOCKS else "")
        elif tag in _BLOCKS or tag in _LEVELS or tag == "pre":
            self._flush()
        if tag == "table" and (self._data_tables or _is_data(element)):
            self._data_tables += 1
        if tag == "pre":
            self._preformatted += 1
        if tag in {"ul", "ol"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._inline.append(self._item_mark())
        elif tag == "img" and (shown := element.get("alt", "").strip()):
            self._inline.append(f"[image: {shown}]")

    def _item_mark(self) -> str:
        if not self._lists or (count := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = count + 1
        return f"{count + 1}. "

    def _end(self, tag: str, element: etree._Element) -> None:
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        if tag == "pre":
            self._preformatted -= 1
            self._flush("text" if self._data_tables else "code")
        elif self._data_tables:
            self._end_in_table(tag, element)
        elif tag in _LEVELS:
            self._assembly.heading(_LEVELS[tag], self._taken())
        elif tag in _BLOCKS:
            self._flush()

    def _end_in_table(self, tag: str, element: etree._Element) -> None:
        if tag == "caption":
            self._rows.append(" ".join(self._taken().split()))
        elif tag in {"td", "th"}:
            text, columns = " ".join(self._taken().split()), element.get("colspan", "1")
            copies = min(int(columns), MAX_SPAN) - 1 if columns.isdigit() else 0
            self._cells += [text, *([text if len(text) <= LONGEST_REPEATED else ""] * copies)]
        elif tag == "tr" or tag == "table":
            if any(self._cells):
                self._rows.append(" | ".join(self._cells))
            self._cells = []
        if tag == "table":
            self._data_tables -= 1
            self._assembly.block("\n".join([*self._rows, self._taken().strip()]), "table")
            self._rows = []

    def _flush(self, kind: str = "text") -> None:
        if self._data_tables:
            return
        text = self._taken()
        if kind == "text":
            text = "\n".join(" ".join(line.split(" ")).strip() for line in text.split("\n"))
            text = "" if _BARE_ITEM.fullmatch(text) else text
        self._assembly.block(text, kind)

    def _taken(self) -> str:
        text = "".join(self._inline)
        self._inline.clear()
        return text


def _hidden(element: etree._Element) -> bool:
    attributes = element.attrib
    return bool(attributes) and (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or _INVISIBLE.search(attributes.get("style", "")) is not None
    )


def _is_data(table: etree._Element) -> bool:
    return all(table.find(f".//{tag}") is None for tag in _LAYOUT.split("|"))
