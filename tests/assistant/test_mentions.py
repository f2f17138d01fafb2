"""Does @file read one file, whole if it is small, and #collection search one collection, and does it say so?"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.bootstrap import Core
from assistant.errors import UsageError
from assistant.events import Completed
from assistant.mentions import OPEN, mentioned
from assistant.tui.external_editor import FILE, edited, editor
from assistant.tui.mention_suggestions import suggest_mentions


@pytest.fixture
async def library(core: Core, tmp_path: Path) -> Core:
    """Two small files, a long one, and a collection of its own."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month. The deposit is 1,290 pounds.")
    (tmp_path / "plum cake.txt").write_text("Whisk the eggs with the sugar.")
    pages = "\n\n".join(
        f"Chapter {number}. " + f"The ship sailed to port {number} and back. " * 40 for number in range(40)
    )
    (tmp_path / "novel.txt").write_text(pages)
    [event async for event in core.pipeline.ingest([tmp_path / "lease.txt", tmp_path / "novel.txt"])]
    [event async for event in core.pipeline.ingest([tmp_path / "plum cake.txt"], "recipes")]
    return core


async def notices(core: Core, text: str) -> tuple[list[str], set[str]]:
    """What is told below the answer, and the files that its passages are from."""
    chat = await core.conversations.create()
    events = [event async for event in core.engine.ask(chat.id, text)]
    assert isinstance(events[-1], Completed)
    passages = await core.conversations.passages(events[-1].message.id)
    return list(events[-1].message.notices), {Path(each.path).name for each in passages}


async def test_a_small_file_is_read_whole_and_a_long_one_searched(library: Core) -> None:
    """Whatever the question has in common with it; the answer says which of both was done."""
    told, files = await notices(library, "Sum up @lease.txt please")
    assert "Read whole: lease.txt." in told and files == {"lease.txt"}
    told, files = await notices(library, "Which port in @novel.txt?")
    assert "Searched in novel.txt alone: its 4 best passages were read." in told and files == {"novel.txt"}


async def test_a_collection_is_searched_alone(library: Core) -> None:
    """What stands elsewhere is not found."""
    told, files = await notices(library, "#recipes How are the eggs whisked with the sugar?")
    assert files == {"plum cake.txt"} and any(line.startswith("Searched in #recipes alone") for line in told)


async def test_what_names_nothing_is_a_word_and_a_file_that_is_missing_is_told(library: Core) -> None:
    """Addresses, hash tags and numbers are left alone."""
    for text in ("mail anna@lease.txt", "issue #3", "# Plan", "@anna said", "a@b", "C# or #nothing"):
        assert (await mentioned(library.library, text)).scope == ()
    missing = await mentioned(library.library, "@nowhere.pdf")
    assert missing.notices == ("@nowhere.pdf is not in your documents; /add it first.",)
    quoted = await mentioned(library.library, 'In @"plum cake.txt", how?')
    assert [Path(each.path).name for each in quoted.documents] == ["plum cake.txt"]


async def test_letters_may_be_left_out_when_a_file_is_picked(library: Core) -> None:
    """The picker says how a file will be read, quotes names with blanks, and completes the last word only."""
    [first, *_] = await suggest_mentions("what is in @lse", library)
    assert (first.line, first.help) == ("what is in @lease.txt ", "read whole (1 passages)")
    assert (await suggest_mentions("@plumc", library))[0].line == '@"plum cake.txt" '
    assert "its best of" in (await suggest_mentions("@nov", library))[0].help
    assert [each.line for each in await suggest_mentions("#rec", library)] == ["#recipes "]
    assert await suggest_mentions("mail a@", library) == [] and OPEN.search("done @lease.txt ") is None


def test_the_question_is_written_in_the_users_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real editor gets the text and gives it back; one that fails leaves it as it was; no file stays behind."""
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\ncat "$2" > seen; printf \'and more\\n\' >> "$2"; exit $1\n')
    script.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    assert edited("one\n", f"{script} 0", tmp_path) == "one\nand more"
    assert (tmp_path / "seen").read_text() == "one\n"
    with pytest.raises(UsageError, match="ended with code 3"):
        edited("one", f"{script} 3", tmp_path)
    with pytest.raises(UsageError, match="no editor /none"):
        edited("one", "/none", tmp_path)
    with pytest.raises(UsageError, match="is no command"):
        edited("one", "vi 'x", tmp_path)
    assert not (tmp_path / FILE).exists()
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", " ")
    with pytest.raises(UsageError, match="No editor is set"):
        editor()
