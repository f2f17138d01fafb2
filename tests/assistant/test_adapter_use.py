"""Adapters go on, stay on over sessions, come off and back, for all chats or for one."""

import hashlib

import pytest

from adapters.mix import Share
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import AdapterError
from assistant.models.location import resolve_model
from tests.made_run import finished_run

GREEDY = Sampling(temperature=0, max_tokens=8)


async def added(core, tmp_path, name="style", state="proven", **changes):
    """A version on the scripted model, which has no file and therefore no hash."""
    changes = {"base_sha256": ""} | changes
    run = finished_run(tmp_path / f"run-{name}-{len(await core.registry.all())}", name, **changes)
    adapter = await core.registry.add(run)
    return await core.registry.set_state(adapter, state, "it was so") if state != "trained" else adapter


async def answer(core, chat=None):
    chat = chat or (await core.conversations.create(collections=[])).id
    return [event async for event in core.engine.ask(chat, "Name a colour.", sampling=GREEDY)][-1].message


async def test_activation_rollback_and_deactivation(core, tmp_path):
    """On, another on, back, back again, off; each answer says what answered it, the list what is active."""
    await added(core, tmp_path)
    await added(core, tmp_path, "work")
    assert await core.adapters.activate("style") == "style@v1"
    assert (await answer(core)).adapter == "style@v1"
    assert await core.adapters.activate("style:0.5 work@v1") == "style@v1:0.5 work@v1"
    assert {a.label: a.strength for a in await core.registry.all()} == {"style@v1": 0.5, "work@v1": 1.0}
    assert await core.adapters.rollback() == "style@v1"
    assert await core.adapters.rollback() == "style@v1:0.5 work@v1"
    assert await core.adapters.deactivate("style") == "work@v1"
    with pytest.raises(AdapterError, match="is not on"):
        await core.adapters.deactivate("style")
    assert await core.adapters.deactivate() == ""
    assert (await answer(core)).adapter == "" and await core.adapters.mix() == ()
    assert await core.adapters.rollback() == "work@v1"


async def test_the_first_activation_can_be_rolled_back(core, tmp_path):
    """Before the first adapter the base answered alone; before that there was nothing."""
    with pytest.raises(AdapterError, match="No other adapters"):
        await core.adapters.rollback()
    await added(core, tmp_path)
    await core.adapters.activate("style")
    assert await core.adapters.rollback() == ""
    await core.adapters.activate("style")
    await core.adapters.activate("style")  # the same again is no new entry
    assert await core.adapters.rollback() == ""


@pytest.mark.parametrize(
    ("state", "says"),
    [("trained", "has not been proven"), ("rejected", "was rejected: it was so"), ("retired", "aside")],
)
async def test_what_is_not_proven_needs_force(core, tmp_path, state, says):
    """Unproven, rejected and retired versions are refused with the way out; force puts them on."""
    await added(core, tmp_path, state=state)
    with pytest.raises(AdapterError, match=says) as refused:
        await core.adapters.activate("style")
    assert "assistant adapters prove style@v1" in refused.value.hint and "--force" in refused.value.hint
    assert core.model.adapter == "" and await core.registry.log.active() == []
    assert await core.adapters.activate("style", force=True) == "style@v1"


async def test_wrong_names_and_files_leave_what_is_on(core, tmp_path):
    """Unknown names, changed files, whole models: words, and the old mix stays in the log and on the model."""
    one = await added(core, tmp_path)
    two = await added(core, tmp_path, "work")
    await core.adapters.activate("style")
    two.path.write_bytes(two.path.read_bytes()[:-1] + b"x")
    for text, says in (
        ("nobody", "no adapter nobody"),
        ("work", "SHA-256"),
        ("style style@v1", "twice"),
        ("style:99", "99"),
    ):
        with pytest.raises(AdapterError, match=says):
            await core.adapters.activate(text)
        assert core.model.adapter == "style@v1"
        assert await core.registry.log.active() == [(one.id, 1.0)]


async def test_the_mix_is_on_again_in_the_next_session(home, tmp_path):
    """What was active is put on when the model loads, unless the command line names another."""
    async with opened(load_config(home)) as core:
        await added(core, tmp_path)
        await added(core, tmp_path, "work")
        await core.adapters.activate("style:0.5")
    async with opened(load_config(home)) as core:
        assert (await answer(core)).adapter == "style@v1:0.5"
    async with opened(load_config(home).with_value("model", "adapter", "work")) as core:
        assert (await answer(core)).adapter == "work@v1" or core.model.adapter.startswith("work")
        assert await core.adapters.mix() == (Share("style@v1", 0.5),)


async def test_what_was_on_trial_at_the_end_is_off_at_the_start(home, tmp_path):
    """An adapter that was being tried when the assistant died is named, not put on, and no longer active."""
    async with opened(load_config(home)) as core:
        await added(core, tmp_path)
        await core.adapters.activate("style")
        await core.trials.begin([Share("style@v1")])
    async with opened(load_config(home)) as core:
        message = await answer(core)
        assert message.adapter == "" and any("style@v1" in notice for notice in message.notices)
        assert await core.adapters.mix() == ()
    async with opened(load_config(home)) as core:
        message = await answer(core)
        assert not any("style@v1" in notice for notice in message.notices)
        assert await core.adapters.rollback() == "style@v1"


async def test_a_chat_with_adapters_of_its_own(core, tmp_path):
    """They answer in that chat only; the next chat has again what is active; a missing one is told, not fatal."""
    await added(core, tmp_path)
    await added(core, tmp_path, "work")
    await core.adapters.activate("style")
    own = await core.conversations.create(collections=[])
    assert own.adapters is None
    await core.conversations.set_adapters(own.id, await core.adapters.checked_mix("work:0.4"))
    assert (await core.conversations.get(own.id)).adapters == "work@v1:0.4"
    assert (await answer(core, own.id)).adapter == "work@v1:0.4"
    assert (await answer(core)).adapter == "style@v1"
    await core.conversations.set_adapters(own.id, "")
    assert (await answer(core, own.id)).adapter == ""
    await core.conversations.set_adapters(own.id, "gone")
    message = await answer(core, own.id)
    assert message.adapter == "" and any("gone" in notice for notice in message.notices)
    await core.conversations.set_adapters(own.id, None)
    assert (await answer(core, own.id)).adapter == "style@v1"
    assert await core.adapters.mix() == (Share("style@v1"),)


@pytest.mark.usefixtures("base_alone")
async def test_on_the_embedded_model(real_home, tmp_path):
    """A registered adapter changes the answers of the real model; its base must be the very file that is loaded."""
    starter = resolve_model("starter")
    async with opened(load_config(real_home)) as core:
        run = finished_run(tmp_path / "run", base=starter, strength=0.5)
        adapter = await core.registry.set_state(await core.registry.add(run), "proven")
        assert adapter.facts.base_sha256 == hashlib.sha256(starter.read_bytes()).hexdigest()
        other = await core.registry.add(finished_run(tmp_path / "other", "other", base=starter, base_sha256="0" * 64))
        base = await answer(core)
        assert await core.adapters.activate("style") == "style@v1"
        changed = await answer(core)
        assert changed.adapter == "style@v1" and changed.text != base.text
        with pytest.raises(AdapterError, match=r"other@v1 was trained for .*, the model is starter"):
            await core.adapters.activate("other", force=True)
        assert other.state == "trained" and core.model.adapter == "style@v1"
        assert await core.adapters.rollback() == ""
        assert (await answer(core)).text == base.text
