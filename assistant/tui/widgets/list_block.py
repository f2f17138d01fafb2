"""A list in an answer as one widget: Textual's own makes four of each item, which cost milliseconds each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.app import ComposeResult
from textual.content import Content
from textual.css.styles import RulesMap
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets._markdown import (  # blocks of lists have no public name
    MarkdownBlock,
    MarkdownBulletList,
    MarkdownList,
    MarkdownListItem,
    MarkdownOrderedList,
    MarkdownParagraph,
)

# Textual finds the style sheets of a widget by the first of its bases that is one: that must be the list's own class.
if TYPE_CHECKING:
    _List = MarkdownList
else:
    _List = object
Line = tuple[str, Content]  # what stands before a line - a bullet, a number, or spaces - and the line


class HangingLines(Visual):
    """Lines of which each goes on, where it is broken, below its own beginning."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    @property
    def plain(self) -> str:
        """The text, as it is copied."""
        return "\n".join(lead + content.plain for lead, content in self._lines)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """Cells that the longest line takes unbroken."""
        return max(len(lead) + content.get_optimal_width(rules, container_width) for lead, content in self._lines)

    def get_height(self, rules: RulesMap, width: int) -> int:
        """Rows at a width in cells."""
        return sum(max(content.get_height(rules, _room(width, lead)), 1) for lead, content in self._lines)

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        """All rows, or the first `height` of them."""
        rows: list[Strip] = []
        for number, (lead, content) in enumerate(self._lines):
            within = replace(options, selection=_selected(options.selection, number, len(lead)))
            beginning = style + options.get_style("$text-primary")
            for strip in content.render_strips(_room(width, lead), None, style, within) or [Strip.blank(0)]:
                rows.append(_placed(strip, Segment(lead, beginning.rich_style_with_offset(0, number)), number))
                lead = " " * len(lead)
        return rows if height is None else rows[:height]


def _room(width: int, lead: str) -> int:
    return max(width - len(lead), 1)


def _selected(selection: Selection | None, line: int, indent: int) -> Selection | None:
    """What of a selection is in one line, counted from behind its indent."""
    span = selection.get_span(line) if selection is not None else None
    if span is None or 0 <= span[1] <= indent:
        return None
    start, end = span
    return Selection(Offset(max(start - indent, 0), 0), None if end < 0 else Offset(end - indent, 0))


def _placed(strip: Strip, lead: Segment, line: int) -> Strip:
    """A row behind its lead; Textual finds what was selected by the offsets (x, line) in the styles."""
    indent = len(lead.text)
    segments = [lead]
    for text, style, _ in strip:
        x, _ = style.meta.get("offset", (0, 0)) if style is not None else (0, 0)
        moved = RichStyle.from_meta({"offset": (x + indent, line)})
        segments.append(Segment(text, moved if style is None else style + moved))
    return Strip(segments, indent + strip.cell_length)


class FlatList(_List):
    """A list that is one widget where its items hold nothing but paragraphs and such lists, else Textual's own."""

    _hanging: HangingLines | None = None

    def leads(self, items: Sequence[MarkdownListItem]) -> list[str]:
        """What stands before each item."""
        return [item.bullet for item in items]

    def lines(self) -> list[Line] | None:
        """What is shown, None where one widget cannot show it."""
        items = [block for block in self._blocks if isinstance(block, MarkdownListItem)]
        lines: list[Line] = []
        for lead, item in zip(self.leads(items), items, strict=True):
            within = list(_lines_of(item))
            if None in within:
                return None
            for begins, content in [each for each in within if each is not None] or [("", Content())]:
                lines.append((lead + begins, content))
                lead = " " * len(lead)
        return lines or None

    def compose(self) -> ComposeResult:
        """Nothing, where it is one widget."""
        lines = self.lines()
        if lines is None:
            yield from super().compose()
        else:
            self._blocks.clear()
            self._show(lines)

    async def _update_from_block(self, block: MarkdownBlock) -> None:
        """Called by Textual when text was appended to it."""
        lines = block.lines() if isinstance(block, type(self)) and self._hanging is not None else None
        if lines is None:
            await super()._update_from_block(block)
        else:
            self._copy_context(block)
            self._show(lines)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text with bullets and numbers, and what follows it."""
        return (selection.extract(self._hanging.plain), "\n") if self._hanging is not None else None

    def _show(self, lines: Sequence[Line]) -> None:
        self._hanging = HangingLines(lines)
        self.update(self._hanging)


class BulletList(FlatList, MarkdownBulletList):
    """A list with bullets."""


class OrderedList(FlatList, MarkdownOrderedList):
    """A list with numbers, which are one below the other."""

    def leads(self, items: Sequence[MarkdownListItem]) -> list[str]:
        """Numbers from that of the first item on."""
        first = int(items[0].bullet) if items else 1
        told = [f"{number}. " for number in range(first, first + len(items))]
        return [each.rjust(len(told[-1]) + 1) for each in told]


def _lines_of(item: MarkdownListItem) -> Iterator[Line | None]:
    """The lines of an item; None stands for what is no line."""
    for block in item._blocks:
        if isinstance(block, MarkdownParagraph):
            yield from (("", line) for line in block._content.split("\n", allow_blank=True))
        elif isinstance(block, FlatList) and (lines := block.lines()) is not None:
            yield from lines
        else:
            yield None


BLOCKS = {"bullet_list_open": BulletList, "ordered_list_open": OrderedList}
