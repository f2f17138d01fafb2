"""Adapters leave as a folder or .zip and come back the same; hostile ones are refused in words."""

from __future__ import annotations

import json
import random
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import adapters.versions.schema
import assistant.storage.schema
from adapters.errors import AdapterFitError, GGUFError, TrainingError
from adapters.versions import portable
from adapters.versions.registry import Registry
from assistant.storage.database import Database
from tests.made_gguf import lora, tiny_model
from tests.made_run import finished_run


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    (tmp_path / "adapters").mkdir()
    database = Database(None)
    await database.open([assistant.storage.schema.migrations, adapters.versions.schema.migrations])
    yield Registry(database, tmp_path / "adapters")
    await database.close()


@pytest.fixture
async def archive(registry: Registry, tmp_path: Path) -> Path:
    """A good .zip of a proven adapter."""
    adapter = await registry.add(finished_run(tmp_path / "run"))
    adapter = await registry.add_evaluation(adapter, {}, {"probe": [0.5, 0.5]}, "proven", "better")
    return portable.export(adapter, tmp_path / "style.zip")


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder / "style-v1"


def arrive(source: Path, tmp_path: Path) -> portable.Arrival:
    target = tmp_path / f"in-{random.randrange(10**9)}"
    target.mkdir()
    return portable.arrive(source, target)


def packed(entries: dict[str, bytes], path: Path, **changes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = changes.get(name, 0)
            opened.writestr(entry, data)
    return path


def contents(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


async def test_a_round_trip(registry: Registry, archive: Path, tmp_path: Path) -> None:
    """Folder and .zip carry weights, recipe, card and scores, no rows and no path; scores come back as claims."""
    names = {name.partition("/")[2] for name in contents(archive)}
    assert names == {
        "manifest.json", "adapter.gguf", "card.json", "peft/adapter_config.json", "peft/adapter_model.safetensors",
        "recipe.json", "result.json", "scores.json",
    }  # fmt: skip
    assert not any(b"What is the code" in data or str(tmp_path).encode() in data for data in contents(archive).values())
    original = await registry.get("style")
    folder = portable.export(original, tmp_path / "as-folder")
    for source in (archive, folder, unpacked(archive, tmp_path / "by-hand")):
        arrival = arrive(source, tmp_path)
        adapter = await registry.add_files(arrival.name, arrival.sources, arrival.facts, claims=arrival.claims)
        assert (adapter.state, adapter.scores, adapter.claims["state"]) == ("trained", {}, "proven")
        assert adapter.facts is not None and adapter.facts.origin == "imported"
        assert adapter.path.read_bytes() == original.path.read_bytes()
        await registry.verify(adapter)
    assert (await registry.get("style@v4")).claims["probe"] == [0.5, 0.5]


async def test_exports_do_not_overwrite(registry: Registry, archive: Path, tmp_path: Path) -> None:
    """A path that is taken, a changed file and a loose file are refused; nothing is left behind."""
    adapter = await registry.get("style")
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(AdapterFitError, match="exists already"):
        portable.export(adapter, archive)
    adapter.path.write_bytes(b"other")
    with pytest.raises(AdapterFitError, match="SHA-256"):
        portable.export(adapter, tmp_path / "new.zip")
    (registry.folder / "mine.gguf").write_bytes(b"x")
    with pytest.raises(AdapterFitError, match="single file"):
        portable.export(await registry.get("mine"), tmp_path / "new.zip")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_bare_file_is_taken_with_what_it_says(tmp_path: Path) -> None:
    """A GGUF LoRA from elsewhere has no recipe and no known base; a model or text is refused."""
    from adapters.files.gguf import read_gguf

    model = tiny_model(tmp_path / "m.gguf")
    arrival = arrive(lora(tmp_path / "my style (1).gguf", read_gguf(model)), tmp_path)
    assert arrival.name == "my-style--1-" and arrival.facts.rank == 4 and arrival.facts.base_sha256 == ""
    text = tmp_path / "notes.gguf"
    text.write_text("Dear model")
    for wrong in (model, text, tmp_path / "missing.zip"):
        with pytest.raises(AdapterFitError):
            arrive(wrong, tmp_path)


def changed_manifest(entries: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    manifest = json.loads(entries["style-v1/manifest.json"])
    return entries | {"style-v1/manifest.json": json.dumps(manifest | changes).encode()}


async def test_hostile_archives_are_refused(archive: Path, tmp_path: Path) -> None:
    """Paths out of the folder, links, surplus and missing files, wrong sizes, bombs, odd names: a sentence each."""
    good = contents(archive)
    files = json.loads(good["style-v1/manifest.json"])["files"]
    big = {**files, "adapter.gguf": {"size": 10**12, "sha256": "0" * 64}}
    zeros = {**files, "recipe.json": {"size": 4_000_000, "sha256": "0" * 64}}
    outside = {**files, "../../x.json": files["card.json"]}
    link = (stat.S_IFLNK | 0o777) << 16
    flipped = bytearray(good["style-v1/adapter.gguf"])
    flipped[-1] ^= 1
    hostile = {
        "slip": good | {"../evil.json": b"{}"},
        "absolute": good | {"/etc/evil": b"x"},
        "backslash": good | {"style-v1\\..\\evil": b"x"},
        "surplus": good | {"style-v1/run.py": b"print()"},
        "pickle": good | {"style-v1/peft/adapter_model.bin": b"\x80\x04."},
        "no manifest": {name: data for name, data in good.items() if "manifest" not in name},
        "missing file": {name: data for name, data in good.items() if "card" not in name},
        "flipped byte": good | {"style-v1/adapter.gguf": bytes(flipped)},
        "longer": good | {"style-v1/recipe.json": b"0" * 4_000_000},
        "announced too large": changed_manifest(good, files=big),
        "bomb": changed_manifest(good, files=zeros) | {"style-v1/recipe.json": b"0" * 4_000_000},
        "listed outside": changed_manifest(good, files=outside),
        "name": changed_manifest(good, name="../../bin/x"),
        "no name": changed_manifest(good, name=7),
        "format": changed_manifest(good, format=99),
        "hash": changed_manifest(good, base_sha256="x"),
        "escape": changed_manifest(good, base_name="\x1b]0;owned\x07"),
        "architecture": changed_manifest(good, architecture="qwen2"),
        "soft prompt": changed_manifest(good, kind="prompt"),
        "not json": good | {"style-v1/manifest.json": b"{"},
        "deep": good | {"style-v1/manifest.json": b"[" * 100_000},
        "list": good | {"style-v1/manifest.json": b"[]"},
        "many": good | {f"style-v1/{n}": b"" for n in range(100)},
    }
    for what, entries in hostile.items():
        path = packed(entries, tmp_path / "hostile.zip")
        with pytest.raises((AdapterFitError, TrainingError, GGUFError)) as refused:
            arrive(path, tmp_path)
        assert str(refused.value).isprintable(), what
    linked = packed(good, tmp_path / "linked.zip", **{"style-v1/card.json": link})
    with pytest.raises(AdapterFitError, match="link"):
        arrive(linked, tmp_path)
    assert not (tmp_path / "evil.json").exists()


async def test_hostile_folders_are_refused(archive: Path, tmp_path: Path) -> None:
    """A link in a folder is not followed, a missing file is named."""
    folder = unpacked(archive, tmp_path / "by-hand")
    (folder / "card.json").unlink()
    with pytest.raises(AdapterFitError, match=r"card\.json"):
        arrive(folder, tmp_path)
    (folder / "card.json").symlink_to("/etc/passwd")
    with pytest.raises(AdapterFitError, match=r"card\.json"):
        arrive(folder, tmp_path)
    with pytest.raises(AdapterFitError, match=r"manifest\.json"):
        arrive(tmp_path, tmp_path)


async def test_damaged_archives_are_refused(archive: Path, tmp_path: Path) -> None:
    """Cut and flipped archives at 150 places: a sentence, or the very same adapter, never another error."""
    data, draw = archive.read_bytes(), random.Random(2)
    for _ in range(150):
        damaged = bytearray(data)
        if draw.random() < 0.3:
            damaged = damaged[: draw.randrange(len(damaged))]
        else:
            tail = draw.random() < 0.5
            place = draw.randrange(len(damaged) - 1500, len(damaged)) if tail else draw.randrange(len(damaged))
            damaged[place] = draw.randrange(256)
        path = tmp_path / "damaged.zip"
        path.write_bytes(damaged)
        try:
            arrival = arrive(path, tmp_path)
        except (AdapterFitError, TrainingError, GGUFError):
            continue
        assert arrival.name == "style"
