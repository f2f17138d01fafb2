"""Is a long answer drawn piece by piece, and does it read as if it were one?"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from assistant.tui.markdown_parts import PART, Part, parts
from assistant.tui.widgets.markdown import AnswerMarkdown

LINES = (
    "Some prose with a [1] mark.", "", "## Heading", "- item", "  - nested item", "    more of it", "1. first",
    "2. second", "1. first again", "> quoted", "***", "| a | b |", "|---|---|", "    indented", "lazy",
    "[1]: not a reference", "===", "   three spaces", "\\", "&amp;", "[x](y",
)  # fmt: skip


class Shown(App[None]):
    CSS_PATH = "../../../assistant/tui/app.tcss"

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield AnswerMarkdown(self._text)


@asynccontextmanager
async def shown(text: str = "") -> AsyncIterator[tuple[AnswerMarkdown, Pilot[None]]]:
    app = Shown(text)
    async with app.run_test(size=(60, 200)) as pilot:
        await pilot.pause()
        yield app.query_one(AnswerMarkdown), pilot


def rows(pilot: Pilot[None]) -> list[str]:
    app = pilot.app
    strips = app.screen._compositor.render_strips(app.size)
    return [row for row in (strip.text.rstrip() for strip in strips) if row]


def streamed(text: str, chance: random.Random) -> list[Part]:
    """As the widget cuts what comes piece by piece."""
    found, written = [], Part("")
    while text:
        length = chance.randint(1, 60)
        first, *others = parts(written.text + text[:length], being_written=True)
        complete = [replace(first, comes_on=written.comes_on), *others]
        found += complete[:-1]
        written, text = complete[-1], text[length:]
    return [*found, written]


def without_seams(pieces: Sequence[Part]) -> str:
    return "".join(piece.text for piece in pieces)


def test_parts_make_up_the_text_however_it_came() -> None:
    """Of 300 texts at random, nothing is lost; what was cut while they came is what is cut when they are there."""
    chance = random.Random(3)
    for _ in range(300):
        text = "\n".join(chance.choice(LINES) for _ in range(chance.randint(0, 90)))
        whole = parts(text)
        assert without_seams(whole) == text
        assert all(part.text.count("\n") >= PART for part in whole[:-1])
        if "---|" not in text:  # a long table is cut only while it comes
            assert streamed(text, chance) == whole


@pytest.mark.parametrize(
    ("numbers", "cut"), [(range(1, 60), True), (range(1, 2), False), ([1] * 60, False)], ids=["on", "one", "ones"]
)
def test_a_list_is_cut_where_its_numbers_go_on(numbers: Sequence[int], cut: bool) -> None:
    """A list whose items all say 1. is one part: behind a cut it would begin with 1 anew."""
    text = "".join(f"{number}. item\n" for number in numbers)
    assert (len(parts(text)) > 1) == cut


async def test_a_list_is_one_widget_whose_lines_hang() -> None:
    """Bullets, numbers one below the other, nested lists and broken lines stand as they should."""
    one = "one **bold** thing that is much longer than a row of this narrow terminal is"
    text = f"- {one}\n  - within\n\n9. nine\n10. ten\n"
    async with shown(text) as (answer, pilot):
        assert rows(pilot) == [
            "• one bold thing that is much longer than a row of this",
            "  narrow terminal is",
            "  ▪ within",
            "  9. nine",
            " 10. ten",
        ]
        lists = list(answer.query(MarkdownBlock).filter("BulletList, OrderedList"))
        assert len(lists) == 2 and not any(each.children for each in lists)
        assert lists[0].get_selection(Selection(Offset(2, 0), Offset(9, 1))) == (
            "one bold thing that is much longer than a row of this narrow terminal is\n  ▪ withi", "\n"
        )  # fmt: skip


async def test_a_list_with_code_in_it_is_shown_with_its_code() -> None:
    """What one widget cannot show is left to Textual's own."""
    async with shown("1. do this:\n\n   ```sh\n   make chat\n   ```\n2. ready\n") as (answer, pilot):
        assert [row.strip() for row in rows(pilot)] == ["1. do this:", "make chat", "2. ready"]
        assert answer.query(MarkdownFence)


async def test_what_is_selected_in_a_list_is_what_the_mouse_went_over() -> None:
    """From the middle of one item to the middle of the next, in a broken line, too."""
    async with shown("- alpha beta\n- gamma delta\n") as (_, pilot):
        await pilot.mouse_down(offset=(8, 0))
        await pilot.hover(offset=(6, 1))
        await pilot.mouse_up(offset=(6, 1))
        assert pilot.app.screen.get_selected_text() == "beta\n• gamma"


async def test_what_is_complete_is_not_drawn_again() -> None:
    """The widgets of earlier parts are the same before and after more is written, and when the answer is there."""
    text = "".join(f"Paragraph {number} of it.\n\n" for number in range(60))
    async with shown() as (answer, pilot):
        await answer.append(text)
        await pilot.pause()
        complete = [block for part in answer.children[:-1] for block in part.children]
        for _ in range(5):
            await answer.append("And so on. ")
        await answer.show(text + "And so on. " * 5)
        await pilot.pause()
        assert len(complete) > 40
        assert [block for part in answer.children[:-1] for block in part.children] == complete
        assert rows(pilot) == [f"Paragraph {number} of it." for number in range(60)] + [
            "And so on. " * 4 + "And so on."
        ]


@pytest.mark.parametrize("opening", ["```python\n", "| a |\n|---|\n"])
async def test_a_long_block_comes_in_pieces_and_ends_as_one(opening: str) -> None:
    """No line is missing while it comes; then it is one block."""
    lines = [f"| row {number} |" for number in range(50)]
    text = opening + "\n".join(lines) + "\n"
    async with shown() as (answer, pilot):
        for start in range(0, len(text), 90):
            await answer.append(text[start : start + 90])
        await pilot.pause()
        assert len(answer.children) > 1
        told = " ".join(rows(pilot))
        assert all(f"row {number} " in told + " " for number in range(50))
        await answer.show(text)
        await pilot.pause()
        assert len(answer.children) == 1 and len(answer.children[0].children) == 1
        told = " ".join(rows(pilot))
        assert all(f"row {number} " in told + " " for number in range(50))
