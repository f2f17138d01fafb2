"""The registry of adapters: versions, states, history, and files that are whole or not there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import adapters.versions.schema
import assistant.storage.schema
from adapters.errors import AdapterFitError, GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.hotswap import check_fit
from adapters.versions.base_records import BaseRecords
from adapters.versions.registered import Facts, check_name, facts_from_json, split_version
from adapters.versions.registry import Registry
from adapters.versions.version_folder import read_manifest, verify
from assistant.storage.database import Database
from tests.made_gguf import tiny_model
from tests.made_run import finished_run

SETS = [assistant.storage.schema.migrations, adapters.versions.schema.migrations]
ADDING = """
import asyncio, sys
from pathlib import Path
import adapters.versions.schema, assistant.storage.schema
from adapters.versions.registry import Registry
from assistant.storage.database import Database

async def main(home, run):
    database = Database(home / "assistant.db")
    await database.open([assistant.storage.schema.migrations, adapters.versions.schema.migrations])
    registry = Registry(database, home / "adapters")
    print("READY", flush=True)
    while True:
        adapter = await registry.add(run)
        print("ADDED", adapter.version, flush=True)
        if adapter.version % 3 == 0:
            await registry.remove(adapter)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    (tmp_path / "adapters").mkdir()
    database = Database(tmp_path / "assistant.db")
    await database.open(SETS)
    yield Registry(database, tmp_path / "adapters")
    await database.close()


async def test_a_finished_run_becomes_a_version(registry: Registry, tmp_path: Path) -> None:
    """Files, facts, card and manifest of a run are there; nothing of this machine's paths stays in PEFT's settings."""
    run = finished_run(tmp_path / "runs" / "r1")
    adapter = await registry.add(run)
    assert (adapter.label, adapter.state, adapter.active) == ("style@v1", "trained", False)
    assert adapter.facts is not None and adapter.facts.rank == 4 and adapter.facts.architecture == "llama"
    assert (adapter.facts.base_name, adapter.facts.dataset) == ("base", "rooms")
    assert adapter.path.read_bytes() == (run / "result" / "adapter.gguf").read_bytes()
    manifest = read_manifest(adapter.folder)
    verify(adapter.folder, manifest)
    assert set(manifest.files) == {
        "adapter.gguf", "card.json", "peft/adapter_config.json", "peft/adapter_model.safetensors", "recipe.json",
        "result.json", "rows.jsonl",
    }  # fmt: skip
    assert manifest.facts.llama_cpp and manifest.facts == adapter.facts
    assert b"somebody" not in (adapter.folder / "peft" / "adapter_config.json").read_bytes()
    assert b'"own"' in (adapter.folder / "card.json").read_bytes()


async def test_names_and_versions_are_found(registry: Registry, tmp_path: Path) -> None:
    """A name means its newest proven version, else its newest that is not retired; name@vN that very one."""
    run = finished_run(tmp_path / "run")
    one, two, three = [await registry.add(run) for _ in range(3)]
    assert (await registry.get("style")).version == 3
    await registry.set_state(one, "proven")
    assert (await registry.get("style")).version == 1
    await registry.set_state(one, "rejected", "worse")
    await registry.retire(three)
    assert (await registry.get("style")).version == 2
    assert (await registry.get("style@v3")).state == "retired" and (await registry.get("style@1")).reason == "worse"
    (registry.folder / "loose.gguf").write_bytes(two.path.read_bytes())
    loose = await registry.get("loose")
    assert (loose.state, loose.id, loose.label) == ("loose", 0, "loose")
    assert (await registry.get(str(run / "result" / "adapter.gguf"))).state == "loose"
    assert [adapter.label for adapter in await registry.all()] == ["style@v3", "style@v2", "style@v1", "loose"]
    for missing in ("nobody", "style@v9", "loose@v1", ""):
        with pytest.raises(AdapterFitError, match="There is no adapter"):
            await registry.get(missing)


async def test_rename_keeps_versions_and_files(registry: Registry, tmp_path: Path) -> None:
    """All versions follow the new name; a name that is taken or not possible is refused."""
    run = finished_run(tmp_path / "run")
    await registry.add(run)
    await registry.add(run, "other")
    with pytest.raises(AdapterFitError, match="already"):
        await registry.rename("style", "other")
    with pytest.raises(AdapterFitError, match="cannot be called"):
        await registry.rename("style", "../x")
    await registry.rename("style", "work")
    adapter = await registry.get("work@v1")
    assert adapter.folder == registry.folder / "work" / "v1"
    await registry.verify(adapter)
    assert (await registry.add(run)).label == "style@v1"
    await registry.log.add([(adapter.id, 1.0)], "base")
    with pytest.raises(AdapterFitError, match="is active"):
        await registry.rename("work", "life")


async def test_a_rename_that_was_cut_off_is_finished(registry: Registry, tmp_path: Path) -> None:
    """When only the folder was renamed before the end, the next start gives the row its new name and state back."""
    adapter = await registry.set_state(await registry.add(finished_run(tmp_path / "run")), "proven", "better")
    (registry.folder / "style").rename(registry.folder / "work")
    [found] = await registry.sweep()
    assert (found.id, found.label, found.state) == (adapter.id, "work@v1", "proven")
    await registry.verify(found)


@pytest.mark.parametrize("name", ["", ".", "..", "a..b", "a/b", "-x", "x" * 65, "style.gguf", "off", "a b", "é", "a\n"])
def test_impossible_names(name: str) -> None:
    """Names that could leave the folder, or mean something else, are refused in words."""
    with pytest.raises(AdapterFitError, match="cannot be called"):
        check_name(name)


def test_versions_are_split_off() -> None:
    """style@v2 and style@2 are the same; no version is 0."""
    assert split_version("style@v2") == split_version(" style@2 ") == ("style", 2)
    assert split_version("style") == ("style", 0) and split_version("a@b") == ("a@b", 0)


async def test_an_active_adapter_is_not_removed(registry: Registry, tmp_path: Path) -> None:
    """Active versions are neither removed nor retired; others go with their files, and their number stays used."""
    run = finished_run(tmp_path / "run")
    one, two = await registry.add(run), await registry.add(run)
    await registry.log.add([(one.id, 0.5)], "base")
    active = await registry.get("style@v1")
    assert active.strength == 0.5
    for refused in (registry.remove, registry.retire):
        with pytest.raises(AdapterFitError, match="is active"):
            await refused(active)
    await registry.remove(two)
    assert not two.folder.exists() and one.folder.exists()
    with pytest.raises(AdapterFitError):
        await registry.by_id(two.id)
    assert (await registry.add(run)).id > two.id
    (registry.folder / "mine.gguf").write_bytes(one.path.read_bytes())
    with pytest.raises(AdapterFitError, match="file of your own"):
        await registry.remove(await registry.get("mine"))


async def test_a_changed_file_is_refused(registry: Registry, tmp_path: Path) -> None:
    """A flipped byte, another length, or a missing file or manifest: a sentence each, also after a good check."""
    adapter = await registry.add(finished_run(tmp_path / "run"))
    await registry.verify(adapter)
    data = bytearray(adapter.path.read_bytes())
    data[-1] ^= 1
    adapter.path.write_bytes(data)
    os.utime(adapter.path, ns=(1, 1))
    with pytest.raises(AdapterFitError, match="SHA-256 differs"):
        await registry.verify(adapter)
    adapter.path.unlink()
    with pytest.raises(AdapterFitError, match="gone"):
        await registry.verify(adapter)
    adapter.path.write_bytes(data)
    (adapter.folder / "manifest.json").write_text("{")
    with pytest.raises(AdapterFitError, match="no JSON"):
        await registry.verify(adapter)


async def test_unfinished_and_damaged_runs_are_refused(registry: Registry, tmp_path: Path) -> None:
    """No result, no JSON, a cut adapter: a sentence, and nothing is listed or left behind."""
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = finished_run(tmp_path / "broken")
    (broken / "run.json").write_text("[]")
    cut = finished_run(tmp_path / "cut")
    adapter = cut / "result" / "adapter.gguf"
    adapter.write_bytes(adapter.read_bytes()[:-100])
    half = finished_run(tmp_path / "half")
    (half / "result" / "adapter.gguf").unlink()
    for run in (empty, broken, half):
        with pytest.raises(TrainingError):
            await registry.add(run)
    with pytest.raises(GGUFError, match="not whole"):
        await registry.add(cut)
    assert await registry.all() == [] and list(registry.folder.iterdir()) == []


async def test_a_full_disk_leaves_nothing(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the copy cannot be written, the error says so and no half version stays."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    run = finished_run(tmp_path / "run")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        await registry.add(run)
    assert list(registry.folder.iterdir()) == [] and await registry.all() == []


async def test_whole_versions_without_a_row_are_listed_again(registry: Registry, tmp_path: Path) -> None:
    """After a crash between files and row, or with an older database: whole ones return, others stay unlisted."""
    run = finished_run(tmp_path / "run")
    one, two = await registry.add(run), await registry.add(run)
    await registry._database.write(lambda db: db.execute("DELETE FROM adapters"))
    two.path.write_bytes(b"changed")
    (registry.folder / "own" / "v1").mkdir(parents=True)
    (registry.folder / ".tmp-1-x" / "peft").mkdir(parents=True)
    [found] = await registry.sweep()
    assert (found.label, found.state, found.path) == ("style@v1", "trained", one.path)
    assert await registry.sweep() == []
    assert sorted(path.name for path in registry.folder.iterdir()) == ["own", "style"]


def test_hostile_facts_are_refused() -> None:
    """Wrong types, control characters, foreign hashes: every field is checked."""
    good = Facts("lora", "lora", "llama", 4, "base", "0" * 64, "rooms", "", "trained").as_json()
    assert facts_from_json(good).rank == 4
    for change in (
        {"kind": "x"}, {"kind": []}, {"rank": -1}, {"rank": "4"}, {"base_sha256": "zz"}, {"base_name": "a\x1b[2J"},
        {"recipe": []}, {"origin": None}, {"method": 3}, {"dataset": "x" * 600},
    ):  # fmt: skip
        with pytest.raises(AdapterFitError):
            facts_from_json(good | change)
    for value in (None, [], "x", {}):
        with pytest.raises(AdapterFitError):
            facts_from_json(value)


async def test_base_hashes_are_remembered_until_the_file_changes(registry: Registry, tmp_path: Path) -> None:
    """The second question reads the database; a changed file is hashed anew; no file has no hash."""
    records = BaseRecords(registry._database)
    path = tiny_model(tmp_path / "m.gguf")
    first = await records.sha256(path)
    assert len(first) == 64 and await records.sha256(path) == first
    path.write_bytes(path.read_bytes() + b"x")
    assert await records.sha256(path) != first
    assert await records.sha256(tmp_path / "none") == ""
    await records.keep_probe_answers(first, "p", "how", {"a": "b"})
    assert await records.probe_answers(first, "p", "how") == {"a": "b"}
    assert await records.probe_answers(first, "p", "otherwise") == {}


async def killed_while_adding(home: Path, run: Path, rounds: int) -> None:
    chance = random.Random(4)
    for _ in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", ADDING, str(home), str(run)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None and child.stdout.readline() == "READY\n"
        time.sleep(chance.uniform(0.0, 0.15))
        child.send_signal(signal.SIGKILL)
        shown = {int(line.split()[1]) for line in child.stdout if line.startswith("ADDED")}
        child.wait()
        database = Database(home / "assistant.db")
        await database.open(SETS)
        registry = Registry(database, home / "adapters")
        before = {adapter.label for adapter in await registry.all()}
        await registry.sweep()
        listed = await registry.all()
        assert {f"style@v{version}" for version in shown if version % 3} <= before
        for adapter in listed:
            if adapter.path.is_file():
                verify(adapter.folder, read_manifest(adapter.folder))
            else:
                assert adapter.version % 3 == 0  # killed while it was being removed
        assert not list((home / "adapters").glob(".tmp-*"))
        await database.close()


async def test_kill_9_while_adding_lists_no_half_version(tmp_path: Path) -> None:
    """Killed at random moments: what was shown is there, what is listed is whole, no temporary folder stays."""
    (tmp_path / "home" / "adapters").mkdir(parents=True)
    await killed_while_adding(tmp_path / "home", finished_run(tmp_path / "run"), 3)


@pytest.mark.slow
async def test_kill_9_while_adding_many_times(tmp_path: Path) -> None:
    """As above, at full length."""
    (tmp_path / "home" / "adapters").mkdir(parents=True)
    await killed_while_adding(tmp_path / "home", finished_run(tmp_path / "run"), 40)


async def test_a_result_without_a_gguf_file_gets_one(registry: Registry, tmp_path: Path) -> None:
    """The trainer leaves PEFT weights; a child writes the GGUF LoRA of the chat's model, and says why it cannot."""
    run = finished_run(tmp_path / "run")
    peft = run / "result" / "peft"
    (run / "result" / "adapter.gguf").unlink()
    with pytest.raises(TrainingError, match="holds no weights"):
        await registry.add(run, base=tmp_path / "run" / "base.gguf")
    layer = "base_model.model.model.layers.0.self_attn.v_proj"
    weights = {f"{layer}.lora_A.weight": np.ones((4, 32)), f"{layer}.lora_B.weight": np.ones((16, 4))}
    save_file({name: value.astype(np.float32) for name, value in weights.items()}, peft / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["v_proj"]}
    (peft / "adapter_config.json").write_text(json.dumps(settings))
    adapter = await registry.add(run, base=tmp_path / "run" / "base.gguf")
    assert adapter.facts is not None and (adapter.facts.rank, adapter.facts.architecture) == (4, "llama")
    facts = check_fit(read_gguf(adapter.path), read_gguf(tmp_path / "run" / "base.gguf"))
    assert facts.targets == ("blk.0.attn_v.weight",)
