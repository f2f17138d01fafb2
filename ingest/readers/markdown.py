"""Markdown: the text as it stands, its headings, code blocks and tables marked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import HeadingPath, Mark, marked_document
from ingest.readers.chat import chat_document, is_chat
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_LINE = re.compile(r"[^\n]*\n?")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_TABLE_ROW = re.compile(r"\s*\|.*\|\s*$")
_FRONT_MATTER = re.compile(r"---\n(?:.*\n){0,200}?(?:---|\.\.\.)[ \t]*(?:\n|$)")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.M | re.I)
_NOT_A_TITLE = re.compile(r"\s*(?:[-*+>|]|\d+[.)])\s|\s*$| {4}")  # lines that an underline does not make a heading
_EMPHASIS = re.compile(r"[*_`]+|!?\[([^\]]*)\]\([^)]*\)")


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The file's own text, so that offsets are those of the file.

    Raises:
        UnreadableError: binary, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    if is_chat(text):
        return chat_document(stem, text, notes, limits)
    front = _FRONT_MATTER.match(text)
    named = _FRONT_TITLE.search(front[0]) if front else None
    marks = list(_marks(text, front.end() if front else 0))
    title = named[2] if named else next((mark.headings[0] for mark in marks if mark.headings), stem)
    return marked_document(title, text, marks, notes)


def _marks(text: str, start: int) -> Iterator[Mark]:
    path, fence, before = HeadingPath(), "", ""
    position = before_position = start
    for line in _lines(text, start):
        opened, line_is_heading = _FENCE.match(line), False
        if fence:
            if opened and opened[1].startswith(fence) and not line[opened.end() :].strip():
                fence = ""
                yield Mark(position + len(line), path.names)
        elif opened:
            fence = opened[1]
            yield Mark(position, path.names, "code")
        elif heading := _HEADING.match(line.rstrip("\n")):
            yield Mark(position, path.enter(len(heading[1]), _plain(heading[2])))
            line_is_heading = True
        elif (underline := _UNDERLINE.match(line.rstrip("\n"))) and not _NOT_A_TITLE.match(before):
            yield Mark(before_position, path.enter(1 if underline[1][0] == "=" else 2, _plain(before)))
            line_is_heading = True
        else:
            yield Mark(position, path.names, "table" if _TABLE_ROW.match(line) else "text")
        before, before_position = "" if line_is_heading or opened else line, position
        position += len(line)


def _lines(text: str, start: int) -> Iterator[str]:
    return (found[0] for found in _LINE.finditer(text, start) if found[0])


def _plain(heading: str) -> str:
    return _EMPHASIS.sub(lambda found: found[1] or "", heading).strip()
