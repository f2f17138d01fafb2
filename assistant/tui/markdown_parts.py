"""Where a Markdown text may be cut so that its parts read as the whole does, whatever is written below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt

PART = 16  # lines, at least: a list that is written is drawn again from the first line of its part
REPEATED = {"fence": 1, "table_open": 2}  # lines with which each part of such a block begins


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of Markdown that can be shown by itself."""

    text: str
    comes_on: bool = False  # its first block began in the part before
    goes_on: bool = False  # its last block goes on in the next one


@dataclass(frozen=True, slots=True)
class _Cut:
    line: int  # the first of the next part, counted from 0
    within: bool = False  # a block
    opening: str = ""  # what the next part must begin with to read as this block


def parts(text: str, *, being_written: bool = False) -> list[Part]:
    """The text in parts of about 16 lines, cut before blocks and before the items of lists; at least one.

    A text that is being written is cut within fences and tables, too: each of their parts begins as the first one does.
    What comes before a cut does not depend on what comes later, as CommonMark reads line by line
    (https://spec.commonmark.org/0.31.2/#appendix-a-parsing-strategy).
    """
    complete = text.count("\n")  # lines: one that is not complete may still become something else
    lines = text.splitlines(keepends=True) if complete > PART else [text]
    found: list[Part] = []
    began, within, opening = 0, False, ""
    for cut in _cuts(text.split("\n"), being_written) if complete > PART else ():
        if began + PART <= cut.line < complete:
            found.append(Part(opening + "".join(lines[began : cut.line]), within, cut.within))
            began, within, opening = cut.line, cut.within, cut.opening
    return [*found, Part(opening + "".join(lines[began:]), within)]


def _cuts(lines: Sequence[str], being_written: bool) -> Iterator[_Cut]:
    """Where it may be cut, in order."""
    number = 0  # of the item, as it is shown
    for token in _blocks().parse("\n".join(lines)):
        if token.map is None or token.nesting < 0 or token.level > 1:
            continue
        first, end = token.map
        if token.level == 0:
            yield _Cut(first)
            number = 0
            if being_written and (repeated := REPEATED.get(token.type)):
                opening = "".join(f"{line}\n" for line in lines[first : first + repeated])
                yield from (_Cut(line, True, opening) for line in range(first + repeated + 1, end))
        elif token.type == "list_item_open":
            # Behind a cut, numbers begin with that of the item: it must be the one that it has in the whole list.
            number = number + 1 if number else int(token.info or 1)
            if not token.info or int(token.info) == number:
                yield _Cut(first, True)


@cache
def _blocks() -> MarkdownIt:
    """What AnswerMarkdown reads, without what stands within the blocks."""
    rules = ["reference", "inline", "linkify", "replacements", "smartquotes"]
    return MarkdownIt("gfm-like", {"html": False}).disable(rules, ignoreInvalid=True)
