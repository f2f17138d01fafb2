"""Proof of an adapter on a model of its own: figures, verdict, parity, cancelling."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.proof import probe
from adapters.proof.evaluation import evaluation_from_json
from adapters.rows import Origin, Row, Turn
from assistant.errors import AdapterError, NotFoundError
from assistant.proving import prove
from assistant.questioning import Progress
from tests.made_run import finished_run, rows

FEW = [
    {"id": f"i-{n}", "category": "knowledge", "question": f"Say word {n}.", "accept": [f"word {n}"]} for n in range(12)
]


@pytest.fixture(autouse=True)
def few_items(tmp_path, monkeypatch):
    """A probe of twelve items that the scripted model, which repeats the question, answers right."""
    path = tmp_path / "probe.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in FEW))
    items, digest = probe.load(path), probe.sha256(path)
    monkeypatch.setattr(probe, "load", lambda: items)
    monkeypatch.setattr(probe, "sha256", lambda: digest)


async def added(core, tmp_path, asked, name="style", **changes):
    run = finished_run(tmp_path / f"run-{name}", name, asked=asked, **{"base_sha256": ""} | changes)
    return await core.registry.add(run)


def repeating(count=10):
    """Rows whose expected answer is what the scripted model says with an adapter on: its name, then the question."""
    return [
        Row(
            (Turn("user", f"Tell {n}."), Turn("assistant", f"style@v1: You asked: Tell {n}..")),
            origin=Origin("teach", group=f"g{n}"),
            split="test",
        )
        for n in range(count)
    ]


async def test_a_better_adapter_needs_parity_to_be_proven(core, tmp_path):
    """It is better on its rows and forgets nothing; without a reference of its training it stays trained."""
    adapter = await added(core, tmp_path, repeating())
    told: list[Progress] = []
    result = await prove(core, adapter, told.append)
    figures = {figure.name: figure for figure in result.figures}
    assert figures["token_f1"].low > 0 and figures["exact_match"].adapter == 1.0
    assert (result.rows, result.groups, result.probe.count, result.probe.difference) == (10, 10, 12, 0.0)
    assert result.verdict.decision == "undecided" and "parity.json" in result.verdict.reason
    stored = await core.registry.get("style")
    assert (stored.state, stored.reason) == ("trained", result.verdict.reason)
    [report] = await core.registry.evaluations(stored)
    assert evaluation_from_json(report) == result
    assert stored.scores["probe"] == [1.0, 1.0]
    assert told[0].phase == "loading" and told[-1].phase == "judging"
    assert told[-1].done == told[-1].total == 2 * 10 + 12 + 12
    assert core.model.info is None  # the chat's own model was not touched


async def test_an_imported_adapter_is_its_own_original(core, tmp_path):
    """Where there is no training to compare with, task and probe decide; other rows can be given."""
    from adapters.versions.portable import arrive, export

    (tmp_path / "in").mkdir()
    path = await asyncio.to_thread(export, await added(core, tmp_path, repeating()), tmp_path / "style.zip")
    arrival = await asyncio.to_thread(arrive, path, tmp_path / "in")
    await core.registry.remove(await core.registry.get("style"))
    adapter = await core.registry.add_files("style", arrival.sources, arrival.facts, claims=arrival.claims)
    with pytest.raises(NotFoundError, match="no rows to ask"):
        await prove(core, adapter)
    result = await prove(core, adapter, rows=tmp_path / "run-style" / "rows.jsonl")
    assert result.verdict.decision == "proven"
    assert (await core.registry.get("style")).state == "proven"
    assert await core.adapters.activate("style") == "style@v1"


async def test_an_adapter_that_helps_nothing_is_rejected(core, tmp_path):
    """With its reason in words, and the examples that got worse side by side."""
    adapter = await added(core, tmp_path, [*rows(12), *rows(3, "train")])
    result = await prove(core, adapter)
    assert result.verdict.decision == "rejected" and result.rows == 12
    assert (await core.registry.get("style")).state == "rejected"
    assert all(example.source == "task" for example in result.worst)


async def test_too_few_rows_and_rows_without_questions(core, tmp_path):
    """Nothing is said of what cannot be told; plain text has no answer to compare."""
    few = [*repeating(3), Row(text="A page to be continued.", split="test")]
    adapter = await added(core, tmp_path, few)
    result = await prove(core, adapter)
    assert result.verdict.decision == "undecided" and "3 test rows" in result.verdict.reason
    assert (await core.registry.get("style")).state == "trained"


async def test_cancelling_changes_nothing_and_ends_the_child(core, tmp_path):
    """A cancelled proof leaves the state as it was and no process behind."""
    adapter = await added(core, tmp_path, repeating(40))
    started = asyncio.Event()

    def told(progress):
        if progress.done > 3:
            started.set()

    task = asyncio.create_task(prove(core, adapter, told))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await core.registry.get("style")).state == "trained"
    assert await core.registry.evaluations(adapter) == []
    assert core.workers[-1].pid is None or not Path(f"/proc/{core.workers[-1].pid}").exists()


async def test_what_cannot_be_proven(core, tmp_path):
    """A loose file has no known training: it must be imported first."""
    adapter = await added(core, tmp_path, repeating())
    (core.registry.folder / "loose.gguf").write_bytes(adapter.path.read_bytes())
    with pytest.raises(AdapterError, match="loose file"):
        await prove(core, await core.registry.get("loose"))
