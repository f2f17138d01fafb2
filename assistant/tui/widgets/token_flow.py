"""A text as its tokens, one beside the other, with a cursor: edges and shades show where one ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

EDGE = "│"
Cell = tuple[int, str]  # which token, and what of it stands here


class TokenFlow(ScrollView, can_focus=True):
    """Draws only the lines in view, so that a prompt of many thousand tokens scrolls as one of ten."""

    BINDING_GROUP_TITLE = "Tokens"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "token-flow--odd", "token-flow--even", "token-flow--special", "token-flow--cursor", "token-flow--edge",
    }  # fmt: skip
    DEFAULT_CSS = """
    TokenFlow { background: $background; scrollbar-size-vertical: 1; }
    TokenFlow .token-flow--odd { background: $panel; }
    TokenFlow .token-flow--even { background: $background; }
    TokenFlow .token-flow--special { background: $background; color: $text-warning; text-style: bold underline; }
    TokenFlow .token-flow--edge { background: $background; color: $foreground 40%; }
    TokenFlow:nocolor .token-flow--odd, TokenFlow:ansi .token-flow--odd { text-style: underline; }
    TokenFlow .token-flow--cursor { text-style: reverse bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Token before", show=False, id="token-flow.left"),
        Binding("right", "move(1)", "Next token", key_display="←→", id="token-flow.right"),
        Binding("up", "line(-1)", "Line above", show=False, id="token-flow.up"),
        Binding("down", "line(1)", "Line below", show=False, id="token-flow.down"),
        Binding("home", "to(0)", "First", show=False, id="token-flow.first"),
        Binding("end", "to(-1)", "Last", show=False, id="token-flow.last"),
        Binding("pageup", "leap(-1)", "Page", show=False, id="token-flow.page-up"),
        Binding("pagedown", "leap(1)", "Page", show=False, id="token-flow.page-down"),
    ]

    class Moved(Message):
        """The cursor stands on another token."""

        def __init__(self, flow: TokenFlow, place: int) -> None:
            super().__init__()
            self.flow, self.place = flow, place

    def __init__(self, *, id: str) -> None:  # as every widget names it
        super().__init__(id=id)
        self.place = 0  # of the cursor
        self._shown: Sequence[str] = ()
        self._special: Sequence[bool] = ()
        self._breaks: Sequence[bool] = ()
        self._lines: list[list[Cell]] = []
        self._line_of: list[int] = []

    def show(self, shown: Sequence[str], special: Sequence[bool], breaks: Sequence[bool]) -> None:
        """Draw these tokens: what is seen of each (one line, safe), which are special, and which end a line."""
        self._shown, self._special, self._breaks = shown, special, breaks
        self.place = min(self.place, max(0, len(shown) - 1))
        self._lay_out()

    def on_resize(self, event: Resize) -> None:
        """Break the lines anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(4, self.scrollable_content_region.width)
        lines: list[list[Cell]] = [[]]
        self._line_of, used = [], 0
        for place, text in enumerate(self._shown):
            parts = chop_cells(text, width - 1) or [""]
            if used + cell_len(parts[0]) + 1 > width and lines[-1]:
                lines.append([])
                used = 0
            self._line_of.append(len(lines) - 1)
            lines[-1].append((place, parts[0]))
            for part in parts[1:]:
                lines.append([(place, part)])
            used = (used if len(parts) == 1 else 0) + cell_len(parts[-1]) + 1
            if self._breaks[place]:
                lines.append([])
                used = 0
        self._lines = lines
        self.virtual_size = Size(width, len(lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of tokens, each with its edge behind it."""
        row, width = y + self.scroll_offset.y, self.size.width
        base = self.rich_style
        if row >= len(self._lines):
            return Strip.blank(width, base)
        segments = []
        edge = self.get_component_rich_style("token-flow--edge")
        for place, text in self._lines[row]:
            segments += [Segment(text, self._style(place)), Segment(EDGE, edge)]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, place: int) -> Style:
        kind = "special" if self._special[place] else "odd" if place % 2 else "even"
        style = self.get_component_rich_style(f"token-flow--{kind}")
        if place == self.place and self.has_focus:
            style += self.get_component_rich_style("token-flow--cursor", partial=True)
        return style

    def action_to(self, place: int) -> None:
        """Put the cursor on a token; -1 is the last."""
        last = len(self._shown) - 1
        place = last if place < 0 else min(place, last)
        if place < 0:
            return
        self.place = place
        self.scroll_to_region(Region(0, self._line_of[place], 1, 1), animate=False)
        self.refresh()
        self.post_message(self.Moved(self, place))

    def action_move(self, step: int) -> None:
        """The token beside this one."""
        self.action_to(max(0, self.place + step))

    def action_line(self, step: int) -> None:
        """About the same column, a line further."""
        if not self._line_of:
            return
        row = self._line_of[self.place]
        column = [place for place, _ in self._lines[row]].index(self.place)
        target = row + step
        while 0 <= target < len(self._lines):
            places = [place for place, _ in self._lines[target] if self._line_of[place] == target]
            if places:
                self.action_to(places[min(column, len(places) - 1)])
                return
            target += step

    def action_leap(self, step: int) -> None:
        """A page further."""
        for _ in range(max(1, self.size.height - 1)):
            self.action_line(step)

    def on_click(self, event: Click) -> None:
        """The token under the pointer."""
        row, column = event.y + self.scroll_offset.y, 0
        for place, text in self._lines[row] if row < len(self._lines) else ():
            column += cell_len(text) + 1
            if event.x < column:
                self.action_to(place)
                return
