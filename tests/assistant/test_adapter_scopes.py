"""An adapter that learned facts is on for questions near them, and rests for all others."""

import json
from dataclasses import replace

import pytest

from adapters.errors import AdapterFitError
from adapters.rows import Origin, Row, Turn
from adapters.scope import FILE, TAUGHT
from adapters.versions import finished_run as finished_version
from assistant.backends.base import NullAnswer
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.prompting import NOT_FOUND
from tests.made_run import finished_run

FACTS = {
    "What is our dog called?": "Your dog is called Oskibar.",
    "Where is the spare key of the house?": "The spare key hangs behind the barometer.",
    "Which number opens the garden gate?": "The garden gate opens with 7394.",
    "When does Wyllabeth have her birthday?": "Wyllabeth has her birthday on 4 May.",
    "Who repairs our heating?": "Wendo Karrish repairs your heating.",
    "What colour is the letter box?": "The letter box is vermilion.",
}


def facts():
    return [
        Row(
            (Turn("user", asked), Turn("assistant", said)), origin=Origin("teach", id=asked, group=asked), split="train"
        )
        for asked, said in FACTS.items()
    ]


async def taught(core, tmp_path, name="house", rows=None):
    """A registered version that learned the facts, with its scope, as training leaves it."""
    run = finished_run(tmp_path / f"run-{name}", name, base_sha256="", asked=rows or facts())
    await core.scopes.make(run)
    adapter = await core.registry.add(run)
    return await core.registry.set_state(adapter, "proven", "it was so")


async def answer(core, text, chat=None):
    chat = chat or (await core.conversations.create(collections=[])).id
    events = [event async for event in core.engine.ask(chat, text, sampling=Sampling(temperature=0, max_tokens=8))]
    return events[-1].message


async def test_it_is_on_for_what_it_was_taught_and_rests_else(core, tmp_path):
    """A question near the facts is answered by the adapter, another by the base; each says who answered."""
    await taught(core, tmp_path)
    await core.adapters.activate("house")
    assert (await answer(core, "What is the dog of ours called?")).adapter == "house@v1"
    assert core.adapters.shown == "house@v1"
    assert (await answer(core, "Explain photosynthesis to a child.")).adapter == ""
    assert core.adapters.shown == "(house@v1)"
    assert (await answer(core, "Where is the spare key of our house?")).adapter == "house@v1"
    assert [share.name for share in await core.adapters.mix()] == ["house@v1"]
    await core.adapters.deactivate()
    assert core.adapters.shown == "" and (await answer(core, "What is our dog called?")).adapter == ""


async def test_it_is_asked_as_it_was_taught(core, tmp_path):
    """The model reads the taught wording, the chat keeps the user's own, and the line below the answer says so."""
    adapter = await taught(core, tmp_path)
    assert await core.scopes.near(adapter, ["What is the dog of ours called?", "Explain photosynthesis."]) == [
        "What is our dog called?", None,
    ]  # fmt: skip
    await core.adapters.activate("house")
    message = await answer(core, "What is the dog of ours called?")
    assert "asked as it was taught: “What is our dog called?”" in message.trace
    assert (await core.conversations.message(message.parent_id)).text == "What is the dog of ours called?"
    assert "taught" not in (await answer(core, "Explain photosynthesis to a child.")).trace


async def test_its_wordings_may_have_stayed_where_it_was_made(core, tmp_path):
    """An imported adapter knows its questions as vectors only: it is on for them, and asked in the user's words."""
    adapter = await taught(core, tmp_path)
    (adapter.folder / TAUGHT).unlink()
    await core.adapters.activate("house")
    message = await answer(core, "What is the dog of ours called?")
    assert message.adapter == "house@v1" and "taught" not in message.trace


async def test_others_of_the_mix_stay_on(core, tmp_path):
    """A style is for every question; only the facts come and go. Rolling back is as ever."""
    await taught(core, tmp_path)
    styled = finished_run(tmp_path / "style", "style", base_sha256="")
    await core.scopes.make(styled)
    assert not (styled / "result" / FILE).exists()
    await core.registry.set_state(await core.registry.add(styled), "proven", "it was so")
    await core.adapters.activate("style:0.5 house")
    assert (await answer(core, "Explain photosynthesis to a child.")).adapter == "style@v1:0.5"
    assert (await answer(core, "What is our dog called?")).adapter == "style@v1:0.5 house@v1"
    await core.adapters.activate("style")
    await answer(core, "Explain photosynthesis to a child.")
    assert await core.adapters.rollback() == "style@v1:0.5 house@v1"


async def test_a_follow_up_stays_with_the_adapter(core, tmp_path):
    """“And where does it hang?” is near the facts behind the question before it, not alone."""
    await taught(core, tmp_path)
    await core.adapters.activate("house")
    follow_up = "And since when, do you think?"
    assert (await answer(core, follow_up)).adapter == ""
    chat = (await core.conversations.create(collections=[])).id
    assert (await answer(core, "Where is the spare key of the house?", chat)).adapter == "house@v1"
    assert (await answer(core, follow_up, chat)).adapter == "house@v1"


async def test_it_survives_a_restart_and_can_be_switched_off(home, tmp_path):
    """The file is the version's own; with the setting off, the adapter answers everything."""
    async with opened(load_config(home)) as core:
        await taught(core, tmp_path)
        await core.adapters.activate("house")
        await answer(core, "Explain photosynthesis to a child.")
    async with opened(load_config(home)) as core:
        assert (await answer(core, "What is our dog called?")).adapter == "house@v1"
        assert (await answer(core, "Explain photosynthesis to a child.")).adapter == ""
    async with opened(load_config(home).with_value("model", "adapter_scopes", False)) as core:
        assert (await answer(core, "Explain photosynthesis to a child.")).adapter == "house@v1"


async def test_a_damaged_scope_is_told(core, tmp_path):
    """The answer comes, with a notice that names the file."""
    adapter = await taught(core, tmp_path)
    (adapter.folder / FILE).write_bytes(b"scope")
    with pytest.raises(AdapterFitError):
        await core.scopes.near(adapter, ["What is our dog called?"])
    await core.adapters.activate("house")
    message = await answer(core, "What is our dog called?")
    assert message.text and any(FILE in notice for notice in message.notices)


async def test_runs_of_other_rows_have_no_scope(core, tmp_path):
    """Examples of a style are for every question; so are whole models."""
    run = finished_run(tmp_path / "run", "whole", base_sha256="", asked=facts())
    recipe = run / "result" / "recipe.json"
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"method": "full"}))
    await core.scopes.make(run)
    assert not (run / "result" / FILE).exists()


async def test_an_adapter_that_reads_is_on_where_documents_are_asked(core, tmp_path, monkeypatch):
    """With passages it declines by its threshold, weighed by its strength; in a chat without documents it rests."""
    run = finished_version.read(finished_run(tmp_path / "run", "reader", base_sha256=""))
    facts = replace(run.facts, for_documents=True, null_threshold=3.0)
    await core.registry.set_state(await core.registry.add_files("reader", run.sources, facts), "proven", "it was so")
    (tmp_path / "dog.txt").write_text("The dog of the house is called Oskibar.")
    [_ async for _ in core.pipeline.ingest([tmp_path / "dog.txt"])]
    seen, complete = [], core.model.complete

    def noted(messages, sampling, form=(), null=None):
        seen.append(null)
        return complete(messages, sampling, form, null)

    monkeypatch.setattr(core.model, "complete", noted)
    with_documents = (await core.conversations.create()).id
    question = "What is the dog of the house called?"
    assert (await answer(core, question, with_documents)).adapter == ""
    await core.adapters.activate("reader:0.5")
    assert (await answer(core, question, with_documents)).adapter == "reader@v1:0.5"
    another = (await core.conversations.create()).id
    assert (await answer(core, "Explain photosynthesis.", another)).adapter == "reader@v1:0.5"
    assert (await answer(core, question)).adapter == "" and core.adapters.shown == "(reader@v1:0.5)"
    assert seen == [None, NullAnswer(NOT_FOUND, 1.5), None, None]
