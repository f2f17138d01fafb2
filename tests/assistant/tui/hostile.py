"""Text from people who mean harm, and what of it must never be found on a screen."""

from __future__ import annotations

import random

from hypothesis import strategies
from rich.color import Color
from textual.app import App

from assistant.safe_text import UNSAFE

PIECES = (
    *(
        "\x1b]52;c;cm0gLXJm\x07",
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "\x9b2J",
        "\x1b[?1049h",
        "\x1bP1$r0m\x1b\\",
        "\x00",
        "\a",
        "\b",
        "\x7f",
        "\x85",
    ),
    *("\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\u2028", "\U000e0041\U000e007f", "\udc80", "\ud800"),
    *("\u200b", "\ufeff", "\u00ad", "e" + "\u0301" * 20, "世" * 40, "x" * 300, "\r", "\r\n", "\x0b\x0c"),
    *(
        "[/]",
        "[@click=app.pwn]x[/]",
        "[on #010203]painted[/]",
        "[link=http://evil.example]x[/link]",
        "[red",
        "]",
        "\\[",
    ),
    *(
        "$accent",
        "%s {0} {x}",
        "plain words",
        "世界",
        "👩\u200d👧",
        "\n",
        "\t",
        "'\"--",
        "../..",
        "=1+1",
        "[1]",
        "[~2]",
    ),
    *("[a](http://evil.example/?q=SECRET)", "![i](http://evil.example/i.png)", "<b>html</b>", "**bold**", "`code`"),
    *("| a | b |\n|---|---|\n| 1 | 2 |", "```\nfence", "# h", "- item", "[x]: http://evil.example", "<!--", "> " * 60),
)
WORST = (
    "[/] [@click=app.pwn]x[/] [on #010203]painted[/] \x1b]52;c;eA==\x07\x9b2J \u202edp.exe"  # something of each kind
)
ANY_CHARACTER = strategies.characters(exclude_categories=())  # lone surrogates too
STRINGS = strategies.lists(
    strategies.sampled_from(PIECES) | strategies.text(ANY_CHARACTER, max_size=8), min_size=1, max_size=5
).map("".join)
PAINTED = Color.parse("#010203").triplet


def hostile_strings(count: int) -> list[str]:
    """The same random mixtures of the pieces every time."""
    chance = random.Random(20)
    return ["".join(chance.choices(PIECES, k=chance.randint(1, 6))) for _ in range(count)]


def hostile_names(count: int) -> list[bytes]:
    """Names that a file can have: no slash, no NUL, at most 200 bytes, not all of them UTF-8."""
    chance = random.Random(21)
    names = []
    for number in range(count):
        made = "".join(chance.choices(PIECES, k=chance.randint(1, 5))).replace("/", "∕").replace("\x00", "")
        data = made.encode("utf-8", "surrogatepass")[: chance.choice((20, 60, 200))]
        names.append(b"%d%s%s.txt" % (number, data, chance.choice((b"", b"\xff\xfe", b"\n"))))
    return names


def harm_on(app: App[None]) -> list[str]:
    """What of hostile text has an effect in the lines that would be written to the terminal now."""
    found = []
    for strip in app.screen._compositor.render_strips(app.size):
        for segment in strip:
            if segment.control:
                continue
            found += [f"{letter!r} in {segment.text!r}" for letter in segment.text if ord(letter) in UNSAFE]
            style = segment.style
            if style is None:
                continue
            if style.bgcolor is not None and style.bgcolor.triplet == PAINTED:
                found.append(f"painted: {segment.text!r}")
            if "pwn" in str(style.meta.get("@click", "")) or style.link:
                found.append(f"an action or a link: {segment.text!r}")
    return found
