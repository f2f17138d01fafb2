"""Markdown as a model writes it: links ask, images are text, HTML is shown, citation marks can be clicked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.widgets import Markdown

from assistant.tui.markdown_parts import Part, parts
from assistant.tui.widgets import list_block

MARK = re.compile(r"\[(~?)(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
CITATION_SCHEME = "cite:"
Rule = Callable[[Token], Iterable[Token]]


class AnswerMarkdown(Vertical):
    """Markdown whose marks [n] are links to `cite:n`; every link is left to the app.

    It is a column of parts: what is appended lays out the last one, not all that is there.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._written: Part | None = None  # what is appended to

    def compose(self) -> ComposeResult:
        """The parts of the text it began with."""
        yield from (_PartView(part) for part in (parts(self._text) if self._text else ()))

    async def append(self, text: str) -> None:
        """Add text below; fences and long tables stand in pieces until `show` is called."""
        if self._written is None:
            self._written = Part("")
            await self.mount(_PartView(self._written))
        last = self._views()[-1]
        first, *others = parts(self._written.text + text, being_written=True)
        first = replace(first, comes_on=self._written.comes_on)
        self._written = (others or [first])[-1]
        if not others:
            await last.append(text)
        else:  # what is complete is laid out once more: a fence to which was appended can be blank
            await self._put([first, *others[:-1], replace(self._written, text="")], [last], self._written.text)

    async def show(self, text: str) -> None:
        """Show this text; parts that say the same stay, but for the last, which is laid out anew."""
        self._written = None
        views, wanted = self._views(), parts(text)
        same = 0
        while same < min(len(views), len(wanted)) - 1 and views[same].part == wanted[same]:
            same += 1
        await self._put(wanted[same:], views[same:])

    async def _put(self, wanted: Sequence[Part], old: Sequence[_PartView], written: str = "") -> None:
        """Show parts, and what is written behind them, in place of the last ones. They are made out of sight, so that
        nothing blinks and the screen is painted meanwhile.
        """
        views = [_PartView(part) for part in wanted]
        for view in views:
            view.display = False
        await self.mount_all(views)
        if written:
            await views[-1].append(written)
        for view in views:
            view.join()
            view.display = True
        for view in old:
            view.display = False
        await self.remove_children(old)

    def _views(self) -> list[_PartView]:
        return [child for child in self.children if isinstance(child, _PartView)]


class _PartView(Markdown):
    BLOCKS = Markdown.BLOCKS | list_block.BLOCKS

    def __init__(self, part: Part) -> None:
        super().__init__(part.text, open_links=False, parser_factory=parser)
        self.part = part  # what it shows, until it is appended to

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Rows at a width in cells. The answer around it grows with each line, but Textual is told a height that stays:
        so it finds what it has laid out before."""
        return super().get_content_height(container.with_height(viewport.height), viewport, width)

    def on_markdown_table_of_contents_updated(self, event: Markdown.TableOfContentsUpdated) -> None:
        """Its blocks are there."""
        event.stop()
        self.join()

    def join(self) -> None:
        """Close the gap to a part that shares a block with it."""
        if self.children:
            self.children[0].set_class(self.part.comes_on, "-comes-on")
            self.children[-1].set_class(self.part.goes_on, "-goes-on")


def mark_of(address: str) -> int:
    """The mark that a link stands for, 0 where it is a link to somewhere else."""
    number = address.removeprefix(CITATION_SCHEME)
    return int(number) if number != address and number.isdecimal() else 0


def parser() -> MarkdownIt:
    """Markdown with tables and bare links, without HTML, images or reference definitions."""
    markdown = MarkdownIt("gfm-like", {"html": False})
    markdown.disable("reference")  # "[1]: …" is what a model may write, and must not vanish
    markdown.core.ruler.push("images_as_text", partial(_rewrite, rule=_image_as_text))
    markdown.core.ruler.push("marks_as_links", partial(_rewrite, rule=_marks_as_links))
    return markdown


def _rewrite(state: StateCore, rule: Rule) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            inside = 0  # depth of links: a mark in one stays as it is
            children: list[Token] = []
            for child in token.children:
                inside += child.nesting if child.type.startswith("link_") else 0
                children.extend([child] if inside else rule(child))
            token.children = children


def _image_as_text(token: Token) -> Iterable[Token]:
    if token.type != "image":
        return [token]
    return [_text(f"[image: {token.content or token.attrGet('src') or ''}]")]


def _marks_as_links(token: Token) -> Iterable[Token]:
    if token.type != "text" or "[" not in token.content:
        return [token]
    tokens: list[Token] = []
    end = 0
    for match in MARK.finditer(token.content):
        number = match[2].split(",")[0].strip()
        tokens += [_text(token.content[end : match.start()]), *_link(match[0], CITATION_SCHEME + number)]
        end = match.end()
    return [*tokens, _text(token.content[end:])]


def _link(text: str, href: str) -> list[Token]:
    return [Token("link_open", "a", 1, attrs={"href": href}), _text(text), Token("link_close", "a", -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
