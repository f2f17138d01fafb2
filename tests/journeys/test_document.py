"""A document, from a file to a passage, with the real embedder."""

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config

LETTER = (
    "Dear Ms Adler, the rent of the flat in Mill Lane is 950 pounds a month. "
    "Please pay it on the first day of the month to the account you know.\n\n"
    "The boiler will be serviced on 21 May between nine and noon. Somebody must be at home.\n\nYours, P. Hill"
)


@pytest.fixture
async def core(real_home, tmp_path):
    (tmp_path / "letter.txt").write_text(LETTER)
    async with opened(load_config(real_home)) as core:
        [event async for event in core.pipeline.ingest([tmp_path / "letter.txt"])]
        yield core


async def test_one_short_document_is_enough(core):
    """The very first document of a library is found by its words, by its meaning, and not by anything else."""
    for question in (
        "rent",
        "What is the rent?",
        "How much do I pay for the flat?",
        "When does the heating engineer come?",
    ):
        assert (await core.retriever.search(question)).passages, question
    for question in (
        "hello",
        "Who won the world cup in 1998?",
        "What is my passport number?",
        "Write a poem about cats",
    ):
        assert not (await core.retriever.search(question)).passages, question


async def test_a_change_of_the_file_is_followed_and_its_old_words_are_gone(core, tmp_path):
    """Ingesting again reads what changed; the old text is in no search and no index."""
    (tmp_path / "letter.txt").write_text(LETTER.replace("950", "990").replace("boiler", "lift"))
    summary = [event async for event in core.pipeline.ingest([tmp_path / "letter.txt"])][-1]
    assert (summary.added, summary.changed) == (0, 1)
    [passage] = (await core.retriever.search("What is the rent of the flat?")).passages
    assert "990" in passage.text and "boiler" not in passage.text
    vectors = (await core.index.call("refresh")).data["vectors"]
    assert vectors == sum(entry.passages for entry in await core.library.documents())


async def test_the_index_is_a_cache(core):
    """With the index file damaged or gone, the next start finds the same, embedding nothing."""
    expected = (await core.retriever.search("When is the boiler serviced?")).passages
    for harm in (lambda path: path.write_bytes(path.read_bytes()[:-20] + b"x" * 20), lambda path: path.unlink()):
        [file] = core.index_folder.glob("index-*.faiss")
        harm(file)
        await core.index.stop()
        assert (await core.retriever.search("When is the boiler serviced?")).passages == expected
        await core.pipeline.refresh_index()
