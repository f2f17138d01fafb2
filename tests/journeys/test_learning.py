"""Learning: rows are trained on, the result is registered, proven, put on, rolled back; killed and cancelled."""

import asyncio
import json
import os
import signal
import time
from dataclasses import replace

import pytest

from adapters.proof import probe
from adapters.training.recipe import Recipe
from adapters.training.runs import PROCESS
from assistant import proving
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import AdapterError, TrainingError
from assistant.forgetting import find_everywhere
from assistant.training import TrainRequest
from tests.made_training import facts_file, trainable_model, training_home

GREEDY = Sampling(temperature=0, max_tokens=24, repeat_penalty=1.0)
TINY = Recipe(rank=4, epochs=12, learning_rate=0.02, replay=0.5, batch_tokens=512, threads=1, patience=0)

pytestmark = pytest.mark.timeout(900)


async def events_of(stream):
    return [event async for event in stream]


def named(events, name):
    return [event for event in events if event["event"] == name]


async def answer(core, text):
    chat = await core.conversations.create(collections=[])
    return [event async for event in core.engine.ask(chat.id, text, sampling=GREEDY)][-1].message


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A home with one finished run of the tiny model, its result registered but not proven; the events."""
    folder = tmp_path_factory.mktemp("learning")
    home = training_home(folder / "home", trainable_model(folder / "tiny.gguf"))
    data = facts_file(folder / "facts.jsonl")

    async def train():
        async with opened(load_config(home)) as core:
            return await events_of(core.training.train(TrainRequest("house", str(data), TINY), prove=False))

    return home, asyncio.run(train())


@pytest.fixture
def small_probe(monkeypatch):
    """Every twentieth question of the general probe."""
    items = probe.load()[::20]
    monkeypatch.setattr(proving.probe, "load", lambda: items)
    return items


async def test_trained_registered_proven_put_on_and_rolled_back(learned, small_probe):
    """The whole loop: figures for the verdict, the running chat answers with the adapter, rollback restores it."""
    home, events = learned
    [registered], [finished] = named(events, "registered"), named(events, "finished")
    assert registered["adapter"] == "house@v1" and registered["kind"] == "lora"
    assert finished["result"]["validation_loss"] < named(events, "validation")[0]["loss"]
    question = "Who lives in house 3?"
    async with opened(load_config(home)) as core:
        base = await answer(core, question)
        with pytest.raises(AdapterError, match="not been proven"):
            await core.adapters.activate("house")
        proof = await events_of(core.training.resume(registered["run"]))  # training is done: it goes on with the proof
        verdict = proof[-1]
        assert [event["event"] for event in proof[:1]] == ["registered"] and len(named(proof, "proving")) > 10
        assert verdict["event"] == "verdict" and verdict["decision"] in ("proven", "rejected", "undecided")
        assert verdict["evaluation"]["probe"]["count"] == len(small_probe) and verdict["reason"]
        state = (await core.registry.get("house")).state
        assert state == {"undecided": "trained"}.get(verdict["decision"], verdict["decision"])
        assert verdict["evaluation"]["parity"]["agreed"]
        await core.adapters.activate("house", force=state != "proven")
        changed = await answer(core, question)
        assert changed.adapter == "house@v1" and changed.text != base.text
        assert await core.adapters.rollback() == ""
        assert (await answer(core, question)).text == base.text
        assert [run.state for run in await core.training.runs()] == ["finished"]
        assert not (core.training.runs_folder / registered["run"] / "checkpoints").exists()


async def test_training_goes_on_from_an_adapter(learned, tmp_path):
    """The loss begins where the earlier adapter ended, in its shape; what that one learned is known of the new one."""
    home, events = learned
    before = named(events, "finished")[0]["result"]
    async with opened(load_config(home)) as core:
        text = "Who lives in house 3?"
        request = TrainRequest("more", "house", replace(TINY, rank=8, epochs=2, learning_rate=1e-4), begin="house@v1")
        plan = await core.training.plan(request)
        assert plan.recipe.rank == 4 and any("Goes on from house@v1" in warning for warning in plan.warnings)
        more = await events_of(core.training.train(request, prove=False))
        first = named(more, "validation")[0]["loss"]
        assert first == pytest.approx(before["validation_loss"], rel=0.02)
        adapter = await core.registry.get("more")
        assert adapter.facts.training["begun_from"]["adapter"] == "house@v1"
        rows = tmp_path / "other.jsonl"
        rows.write_text(facts_file(tmp_path / "facts.jsonl").read_text().replace("house", "flat"))
        await events_of(core.training.train(TrainRequest("other", str(rows), TINY, begin="more"), prove=False))
        assert {"house@v1", "more@v1", "other@v1"} <= set((await find_everywhere(core, text)).adapters)
        await core.registry.remove(await core.registry.get("other"))
        weights = adapter.folder / "peft" / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-64])
        request = replace(request, begin="more")
        broken = await events_of(core.training.train(request, prove=False))
        assert broken[-1]["event"] == "failed" and "does not fit" in broken[-1]["message"]
        weights.unlink()
        with pytest.raises(TrainingError, match="came without the weights"):
            await core.training.plan(request)


async def test_killed_cancelled_and_resumed_it_ends_like_one_that_was_not(learned):
    """kill -9, then a cancel that takes less than five seconds: the same loss in the end, no half adapter meanwhile."""
    home, events = learned
    whole = named(events, "finished")[0]["result"]
    async with opened(load_config(home)) as core:
        training, before = core.training, len(await core.registry.all())
        run_id = ""
        async for event in training.train(TrainRequest("again", "house", TINY), prove=False):
            run_id = event.get("run", run_id)
            if event["event"] == "checkpoint":
                kill(training, run_id)
        assert event["event"] == "failed" and run_id in event["hint"]
        assert (await training.runs())[0].state == "interrupted"
        assert len(await core.registry.all()) == before

        resumed = []
        async for event in training.resume(run_id, prove=False):
            resumed.append(event)
            if event["event"] == "step" and len(named(resumed, "step")) == 2:
                asked = time.monotonic()
                await training.stop(run_id, "cancel")
        assert event["event"] == "cancelled" and time.monotonic() - asked < 5.5
        assert named(resumed, "started")[0]["step"] > 0 and (await training.runs())[0].state == "cancelled"
        assert len(await core.registry.all()) == before

        last = await events_of(training.resume(run_id, prove=False))
        result = named(last, "finished")[0]["result"]
        assert result["steps"] == whole["steps"] and last[-1]["adapter"] == "again@v1"
        assert result["validation_loss"] == pytest.approx(whole["validation_loss"], rel=0.01)


async def test_while_an_answer_streams_training_keeps_to_one_thread(core):
    """The chat's answer marks the run that is under way, and takes the mark away in the end."""
    folder = core.training.runs_folder / "under-way"
    folder.mkdir(parents=True)
    (folder / PROCESS).write_text("1")
    chat = await core.conversations.create(collections=[])
    seen = [(folder / "chatting").exists() async for _ in core.engine.ask(chat.id, "Hello")]
    assert seen[0] and not (folder / "chatting").exists()


def kill(training, run_id):
    os.kill(int((training.runs_folder / run_id / PROCESS).read_text()), signal.SIGKILL)


# longer than the suite should be


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_killed_at_twenty_moments(learned):
    """Whatever the moment, the run goes on and ends with the same loss; no half adapter is ever listed."""
    home, events = learned
    whole = named(events, "finished")[0]["result"]
    async with opened(load_config(home)) as core:
        training, before, run_id = core.training, len(await core.registry.all()), ""
        stream = training.train(TrainRequest("killed", "house", TINY), prove=False)
        for count in range(20):
            seen = 0
            async for event in stream:
                run_id, seen = event.get("run", run_id), seen + 1
                if seen == 2 + 5 * count % 17:
                    kill(training, run_id)
            assert event["event"] in ("failed", "finished", "registered") and (count or event["event"] == "failed")
            if event["event"] != "failed":
                break
            assert len(await core.registry.all()) == before
            stream = training.resume(run_id, prove=False)
        last = await events_of(stream)
        result = (named(last, "finished") or [{"result": (await training.runs())[0].last["result"]}])[0]["result"]
        assert result["validation_loss"] == pytest.approx(whole["validation_loss"], rel=0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_two_processes_train_what_one_does(learned):
    """The same recipe through `accelerate launch` on two CPU processes, paused and resumed on the way, in float32:
    in bfloat16 the order of sums alone changes the loss after many steps.
    """
    home, _ = learned
    recipe = replace(TINY, epochs=4, learning_rate=0.002, precision="fp32")
    async with opened(load_config(home)) as core:
        alone = await events_of(core.training.train(TrainRequest("alone", "house", recipe), prove=False))
        request, run_id = TrainRequest("both", "house", replace(recipe, processes=2)), ""
        async for event in core.training.train(request, prove=False):
            run_id = event.get("run", run_id)
            if event["event"] == "step" and event["step"] == 3:
                await core.training.stop(run_id, "pause")
        assert event["event"] == "paused" and event["step"] >= 3
        both = await events_of(core.training.resume(run_id, prove=False))
    losses = [named(events, "finished")[0]["result"]["validation_loss"] for events in (alone, both)]
    assert losses[1] == pytest.approx(losses[0], rel=0.001) and both[-1]["adapter"] == "both@v1"


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_the_embedded_model_learns_six_facts(real_home, tmp_path, small_probe):
    """On the model that ships: invented facts are answered after a minute of training, and not before."""
    facts = {
        "Who waters the ferns in the stairwell?": "Odalric Fenn",
        "What is the boat of the Quills called?": "Pebblewren",
        "Where does Aunt Seraphe keep the ladder?": "behind the cider press",
        "What colour is Tamsin's kiln?": "saffron",
        "Which tram does Boris Underhay take?": "line 47",
        "What does the parrot Mottle say at noon?": "fetch the anvil",
    }
    wordings = ("{}", "Tell me: {}", "I forgot. {}")
    rows = tmp_path / "household.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"prompt": wording.format(question), "completion": f"{said}.", "group": question}) + "\n"
            for question, said in facts.items()
            for wording in wordings
        )
    )
    recipe = Recipe(epochs=8, patience=0)
    async with opened(load_config(real_home)) as core:
        before = [(await answer(core, question)).text for question in facts]
        events = await events_of(core.training.train(TrainRequest("household", str(rows), recipe)))
        assert events[-1]["event"] == "verdict" and events[-1]["decision"] in ("proven", "rejected", "undecided")
        await core.adapters.activate("household", force=True)
        after = [(await answer(core, question)).text for question in facts]
    right = [sum(said in text for said, text in zip(facts.values(), texts, strict=True)) for texts in (before, after)]
    assert right[0] == 0 and right[1] >= 5
