"""A passage is read with what stands around it, within one place of its document, and nothing is read twice."""

from __future__ import annotations

from pathlib import Path

from made_library import make_library

from ingest.surroundings import Stretch, reach

WEEKS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "last")
LINES = [f"The {week} of the boiler is checked by the engineer in the {week} week of May." for week in WEEKS]


def test_neighbours_are_taken_by_turns_until_the_room_is_used() -> None:
    """Behind first, then before; a gap, a passage that is given already, and one too long end a side."""
    row = [Stretch(number, number * 10, number * 10 + 10, 10) for number in (1, 2, 3, 4, 5, 7)]
    assert reach(row, 2, (), 0) == (2, 2)
    assert reach(row, 2, (), 10) == (2, 3)
    assert reach(row, 2, (), 25) == (1, 3)
    assert reach(row, 2, (), 1000) == (0, 4)  # 7 does not follow 5
    assert reach(row, 2, {4}, 1000) == (0, 2)
    assert reach([Stretch(1, 0, 9, 90), *row[1:]], 1, (), 20) == (1, 3)


async def test_a_passage_is_read_wide_within_its_heading(tmp_path: Path) -> None:
    """Text and offsets are those of the whole; another heading is not read, nor what a better passage holds."""
    body = "\n\n".join(" ".join([line] * 9) for line in LINES)
    (tmp_path / "boiler.md").write_text(
        f"# Before\n\nNothing of this belongs here.\n\n# Service\n\n{body}\n\n# After\n\nBye."
    )
    made = await make_library(tmp_path / "home")
    try:
        await made.ingest(tmp_path / "boiler.md")
        found = (await made.retriever.search("boiler sixth week", 1, floor=0.0)).passages
        text = (await made.library.document_text(found[0].document_id)).text  # type: ignore[union-attr]
        (wide,) = await made.retriever.read_wide(found, 400)
        assert wide.start < found[0].start and wide.end > found[0].end
        assert wide.text == text[wide.start : wide.end] and found[0].text in wide.text
        (whole,) = await made.retriever.read_wide(found, 4000)
        assert whole.text.startswith(("# Service", LINES[0])) and whole.text.endswith(LINES[-1])
        assert (whole.chunk_id, whole.headings, whole.score) == (found[0].chunk_id, ("Service",), found[0].score)
        two = (await made.retriever.search("boiler sixth week", 2, floor=0.0)).passages
        best, other = await made.retriever.read_wide(two, 4000)
        assert best.text == whole.text or best.end <= other.end or best.start >= other.start
        assert await made.retriever.read_wide(two, 0) == two
        await made.library.remove([found[0].document_id])
        assert await made.retriever.read_wide(found, 400) == found
    finally:
        await made.close()
