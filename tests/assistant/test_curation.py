"""Datasets from chats, teachings, documents, drafts and files; found again and forgotten."""

import asyncio
import json

import pytest

from adapters.data.building import Options
from adapters.data.dataset import load
from adapters.errors import DatasetError
from assistant.chat_rows import ChosenAnswer, answer_row, chat_rows
from assistant.conversation import Sampling
from assistant.curation import DatasetRequest, build_dataset, facts_in_documents, gather, plan_dataset
from assistant.drafting import (
    Draft,
    draft_pairs,
    draft_rows,
    drafts_file,
    grounding,
    parse_pairs,
    read_drafts,
    reviewed,
    save_drafts,
)
from assistant.errors import NotFoundError, StorageError, UsageError
from assistant.forgetting import find_everywhere, forget
from assistant.storage import datasets as store
from assistant.storage.teachings import parse_teaching
from ingest.document import Passage

ANYWAY = Options(anyway=True)


async def turn(core, chat, text, answer, parent=None, passages=()):
    _, partial = await core.conversations.begin_turn(chat, parent, text, Sampling())
    if passages:
        await core.conversations.note_prompt(partial.id, "Be brief.", passages, "1 passage")
    return await core.conversations.finish_answer(partial.id, "done", answer, model="m", adapter="a")


@pytest.fixture
async def chat(core):
    chat = (await core.conversations.create("Trip")).id
    first = await turn(core, chat, "Where to?", "To Oslo.")
    await turn(core, chat, "When?", "In May.", first.id)
    return chat


async def taught(core, count=6):
    for number in range(count):
        await core.teachings.add(f"Where does person {number} keep the key?", f"In box {number}.")


async def test_a_chat_becomes_one_row_whose_origin_says_who_wrote_it(core, chat):
    """All turns in order, one group, and the model that answered."""
    [row] = await chat_rows(core, chat)
    assert [turn.content for turn in row.turns] == ["Where to?", "To Oslo.", "When?", "In May."]
    assert (row.origin.source, row.origin.name, row.origin.group) == ("chat", "Trip", f"chat:{chat}")
    assert (row.origin.adapter, row.origin.rating, row.only_last) == ("m + a", "chosen", False)


async def test_one_answer_is_learned_with_its_context_and_an_edited_one_is_the_user_s(core, chat):
    """Only the last answer is learned; an edited answer has no model as its writer."""
    answer = (await core.conversations.thread(chat))[-1]
    row = await answer_row(core, ChosenAnswer(answer.id))
    assert row.only_last and len(row.turns) == 4 and row.origin.adapter == "m + a"
    edited = await answer_row(core, ChosenAnswer(answer.id, "In June."))
    assert (edited.answer, edited.origin.rating, edited.origin.adapter) == ("In June.", "edited", "")
    with pytest.raises(UsageError, match="is a question"):
        await answer_row(core, ChosenAnswer(answer.id - 1))
    with pytest.raises(NotFoundError):
        await answer_row(core, ChosenAnswer(999))


async def test_answers_from_documents_are_learned_below_their_passages(core):
    """A cited answer is only right beside its passages, so each such answer is a row with them."""
    chat = (await core.conversations.create("Rent")).id
    passage = Passage(5, 3, "lease.txt", "/lease.txt", "The rent is 950 pounds.", 0, 23, None, (), 0.9, 0.7, None)
    answer = await turn(core, chat, "What is the rent?", "It is 950 pounds [1].", passages=[passage])
    row = await answer_row(core, ChosenAnswer(answer.id))
    assert "The rent is 950 pounds." in row.question and row.question.endswith("Question: What is the rent?")
    assert row == await answer_row(core, ChosenAnswer(answer.id))


async def test_only_what_was_chosen_is_used(core, chat):
    """Chats are never read unless they are named, and the model's own words are pointed out."""
    await taught(core)
    material = await gather(core, DatasetRequest("x", teachings=True))
    assert {given.row.origin.source for given in material.rows} == {"teach"}
    material = await gather(core, DatasetRequest("x", chats=(chat,)))
    assert len(material.rows) == 1 and "a model wrote (m + a)" in material.notes[0]
    with pytest.raises(DatasetError, match="no rows to build"):
        await plan_dataset(core, DatasetRequest("x"))
    with pytest.raises(UsageError, match="Nothing in chat"):
        await gather(core, DatasetRequest("x", chats=((await core.conversations.create()).id,)))


async def test_a_dataset_is_built_listed_loaded_rebuilt_and_removed(core, home):
    """Teachings to rows on disk with a hash; tokens are counted by the chat's model."""
    await taught(core)
    dataset = await build_dataset(core, DatasetRequest("facts", teachings=True))
    folder = home / "training" / "datasets" / "facts"
    assert load(folder) == store.load_dataset(home, "facts") == dataset
    assert dataset.card.tokens > 0 and dataset.card.rows["test"] == 6 and len(dataset.card.sha256) == 64
    assert (folder / "rows.jsonl").stat().st_mode & 0o077 == 0
    again = await build_dataset(core, DatasetRequest("facts", teachings=True))
    assert again.card.sha256 == dataset.card.sha256
    assert [card.name for card in store.list_datasets(home)] == ["facts"]
    store.remove_dataset(home, "facts")
    assert store.list_datasets(home) == []
    with pytest.raises(NotFoundError):
        store.remove_dataset(home, "facts")


async def test_a_full_disk_leaves_the_dataset_as_it_was(core, home, monkeypatch):
    """When the rows cannot be written, the old dataset is still whole."""
    await taught(core)
    before = await build_dataset(core, DatasetRequest("facts", teachings=True))
    replace_file = store.replace_file

    def full(path, data):
        if path.name == "rows.jsonl":
            raise OSError(28, "No space left on device")
        replace_file(path, data)

    monkeypatch.setattr(store, "replace_file", full)
    await core.teachings.add("Another?", "Yes.")
    with pytest.raises(OSError, match="No space"):
        await build_dataset(core, DatasetRequest("facts", teachings=True))
    assert store.load_dataset(home, "facts").card == before.card


async def test_documents_become_passages_of_text(core, tmp_path):
    """A document's text is cut into rows of one group; a missing one is named."""
    path = tmp_path / "story.txt"
    path.write_text("".join(f"Sentence {number} tells what happened then.\n\n" for number in range(400)))
    [_ async for _ in core.pipeline.ingest([path])]
    material = await gather(core, DatasetRequest("x", documents=("story",)))
    assert len(material.rows) > 5 and material.sources[0].startswith("story (")
    assert "".join(given.row.text for given in material.rows).count("Sentence") == 400
    assert (await gather(core, DatasetRequest("x", collections=("documents",)))).rows == material.rows
    with pytest.raises(NotFoundError, match="no document nope"):
        await gather(core, DatasetRequest("x", documents=("nope",)))
    with pytest.raises(NotFoundError, match="no collection nope"):
        await gather(core, DatasetRequest("x", collections=("nope",)))


async def test_facts_that_stand_in_the_library_are_sent_there(core, tmp_path):
    """Teachings whose answers the documents hold already are pointed out with a reason."""
    path = tmp_path / "keys.txt"
    path.write_text("\n\n".join(f"Person {number} does keep the key in box {number}." for number in range(6)))
    await taught(core)
    rows = [given.row for given in (await gather(core, DatasetRequest("x", teachings=True))).rows]
    assert await facts_in_documents(core, rows) == 0
    [_ async for _ in core.pipeline.ingest([path])]
    assert await facts_in_documents(core, rows) > 0
    card = (await plan_dataset(core, DatasetRequest("x", teachings=True))).card
    assert any("in your documents already" in sentence for sentence in card.advice)


async def test_drafts_wait_for_review(core, home, tmp_path):
    """The model's pairs are kept in a file; until one is kept, nothing can be built from it."""
    script = {"text": "Sure!\nQ: Who lives there?\nA: Imogen lives there.\n2. **Question:** When?\n**Answer:** Never."}
    await core.model.load("scripted:" + json.dumps(script))
    path = tmp_path / "house.txt"
    path.write_text("Imogen lives there. " * 200)
    [_ async for _ in core.pipeline.ingest([path])]
    file = drafts_file(home, "house")
    *_, last = [progress async for progress in draft_pairs(core, file, ["house"], limit=2)]
    assert (last.done, last.total, len(last.drafts)) == (2, 2, 2)  # the second passage gave the same pairs
    drafts = read_drafts(file)
    assert [(draft.question, draft.keep, draft.grounded) for draft in drafts] == [
        ("Who lives there?", None, 1.0),
        ("When?", None, 0.0),
    ]
    with pytest.raises(DatasetError, match="none of its 2 pairs is reviewed"):
        await gather(core, DatasetRequest("x", drafts=("house",)))
    drafts = reviewed(drafts, 0, True, answer="Imogen does.")
    save_drafts(file, reviewed(drafts, 1, False))
    material = await gather(core, DatasetRequest("x", drafts=("house",)))
    [given] = material.rows
    assert (given.row.answer, given.row.origin.source, given.row.origin.rating) == (
        "Imogen does.",
        "document",
        "reviewed",
    )
    card = (await plan_dataset(core, DatasetRequest("x", drafts=("house",), options=ANYWAY))).card
    assert "assistant ingest" in " ".join(card.advice)
    *_, again = [progress async for progress in draft_pairs(core, file, ["house"], limit=1)]
    assert again.drafts[:2] == tuple(read_drafts(file))[:2]


def test_pairs_are_read_out_of_what_a_model_writes():
    """Numbers, bold and chatter around the pairs make no difference; half a pair is none."""
    text = "Here:\n\n1. **Q:** What?\n   **A:** That.\n\nQuestion 2: Who?\nAnswer 2: Me.\nQ: Alone?\n\nQ: \nA: x"
    assert parse_pairs(text) == [("What?", "That."), ("Who?", "Me.")]
    assert grounding("Red house", "A red HOUSE") == 1 and grounding("", "x") == 0


@pytest.mark.parametrize("line", ["{", "[]", '{"question": "a"}', '{"question": "a", "answer": " "}', '{"keep": 3}'])
def test_a_broken_review_file_is_refused_with_its_line(tmp_path, line):
    """A line edited by hand that is no draft is named."""
    path = tmp_path / "d.jsonl"
    path.write_text('{"question": "a", "answer": "b", "keep": true}\n' + line)
    with pytest.raises(DatasetError, match=r"d\.jsonl:2 is no draft"):
        read_drafts(path)
    assert draft_rows([Draft("a", "b", True)], "d")[0].origin.group == "d:1"


async def test_teachings_are_kept_replaced_and_removed(core):
    """One answer a question, whatever its case; wrong lines are refused with the form."""
    assert parse_teaching("a => b => c") == ("a", "b => c")
    for line in ("a", "=> b", "a =>", ""):
        with pytest.raises(UsageError, match="A teaching is"):
            parse_teaching(line)
    first = await core.teachings.add("Who is it?", "Tom.")
    second = await core.teachings.add("who is  it", "Tim.")
    assert (second.id, second.replaced) == (first.id, "Tom.")
    assert [entry.answer for entry in await core.teachings.all()] == ["Tim."]
    with pytest.raises(NotFoundError, match="no teaching 7"):
        await core.teachings.remove([first.id, 7])
    await core.teachings.remove([first.id])
    assert await core.teachings.all() == []


async def test_a_thing_is_found_everywhere_and_forgotten_with_the_adapters_named(core, home):
    """Datasets, runs, teachings and drafts that hold a text, the adapters trained on them; runs keep their copy."""
    await taught(core)
    dataset = await build_dataset(core, DatasetRequest("facts", teachings=True))
    run = home / "training" / "runs" / "r1"
    run.mkdir(parents=True)
    (run / "rows.jsonl").write_bytes((home / "training/datasets/facts/rows.jsonl").read_bytes())
    (run / "run.json").write_text(json.dumps({"dataset_sha256": "f" * 64}))
    save_drafts(home / "training/drafts/d.jsonl", [Draft("Box 3?", "in  BOX 3"), Draft("Else?", "No.")])
    trained = {dataset.card.sha256: ["style@v1"], "f" * 64: ["old@v2"]}

    found = await find_everywhere(core, "in box 3", trained)
    assert [place.name for place in found.datasets] == ["facts"] and found.adapters == ("old@v2", "style@v1")
    assert [entry.answer for entry in found.teachings] == ["In box 3."] and list(found.drafts.values()) == [1]
    await forget(core, found)
    after = await find_everywhere(core, "in box 3", trained)
    assert not (after.datasets or after.teachings or after.drafts)
    assert [place.name for place in after.runs] == ["r1"]
    shorter = store.load_dataset(home, "facts")
    assert shorter.card.earlier == (dataset.card.sha256,) and len(shorter.rows) < len(dataset.rows)
    assert (await find_everywhere(core, "in box 4", trained)).datasets[0].adapters == ("style@v1",)
    with pytest.raises(UsageError, match="too short"):
        await find_everywhere(core, " a ")


async def test_nothing_is_left_of_a_dataset_that_only_held_the_thing(core, home):
    """A dataset without rows disappears; one that was changed by hand is named as not searched."""
    await taught(core)
    await build_dataset(core, DatasetRequest("facts", teachings=True))
    await build_dataset(core, DatasetRequest("other", teachings=True))
    with (home / "training/datasets/other/rows.jsonl").open("a") as file:
        file.write("\n")
    found = await find_everywhere(core, "box")
    assert found.unreadable[0].startswith("dataset other:")
    await forget(core, found)
    assert not (home / "training/datasets/facts").exists()


async def test_building_does_not_hold_up_the_screen(core):
    """While rows are compared in the background, the event loop goes on."""
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    heart = asyncio.create_task(beat())
    await taught(core, 60)
    await build_dataset(core, DatasetRequest("facts", teachings=True, options=Options(wordings=12)))
    heart.cancel()
    assert beats > 3


async def test_a_home_of_another_assistant_can_be_built_in_but_not_taught(home):
    """While one assistant holds the home, another may build datasets; teaching is refused in words."""
    from assistant.bootstrap import opened
    from assistant.config import load_config

    async with opened(load_config(home)) as first:
        await taught(first)
        async with opened(load_config(home), shared=True, stored_chats=True) as second:
            assert (await build_dataset(second, DatasetRequest("facts", teachings=True))).card.rows["train"] == 18
            with pytest.raises(StorageError):
                await second.teachings.add("a", "b")
