"""Markdown as a model writes it: links ask, images are text, HTML is shown, citation marks can be clicked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.widgets import Markdown

MARK = re.compile(r"\[(~?)(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
CITATION_SCHEME = "cite:"
Rule = Callable[[Token], Iterable[Token]]


class AnswerMarkdown(Markdown):
    """Markdown whose marks [n] are links to `cite:n`; every link is left to the app."""

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text, open_links=False, parser_factory=parser)


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
