"""The fenced code blocks of a Markdown text, as CommonMark reads them (https://spec.commonmark.org/0.31.2/#fenced-code-blocks)."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPENING = re.compile(r"(?P<indent>[ >\-*+\d.)]*?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """The code between two fences, without them, and the language its opening one names ("": none)."""

    language: str
    text: str


def code_blocks(markdown: str) -> list[CodeBlock]:
    """All fenced blocks in order; one that is not closed ends with the text. Those in lists and quotes count."""
    found: list[CodeBlock] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in markdown.splitlines():
        if opened is None:
            opened, lines = OPENING.match(line), []
        elif _closes(line, opened["fence"]):
            found.append(_block(opened, lines))
            opened = None
        else:
            lines.append(line)
    return found if opened is None else [*found, _block(opened, lines)]


def _closes(line: str, fence: str) -> bool:
    text = line.strip(" >\t")
    return len(text) >= len(fence) and set(text) == {fence[0]}


def _block(opened: re.Match[str], lines: list[str]) -> CodeBlock:
    """The block without the indentation of its fence: that of a list, or the marks of a quote."""
    quoted, width = ">" in opened["indent"], len(opened["indent"])
    stripped = [re.sub(r"^ {0,3}> ?", "", line) if quoted else _dedented(line, width) for line in lines]
    return CodeBlock((opened["info"].split() or [""])[0], "\n".join(stripped))


def _dedented(line: str, width: int) -> str:
    blank = len(line) - len(line.lstrip(" "))
    return line[min(blank, width) :]
