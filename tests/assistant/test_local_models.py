"""Are models found where they lie, told what their files say, and named, in the shell as in the core?"""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from made_gguf import lora, split_model, tiny_model, write_gguf

from adapters.files.gguf import read_gguf
from assistant.cli import main
from assistant.config import load_config
from assistant.errors import ModelError, UsageError
from assistant.local_models import LocalModels
from assistant.models.finder import Finder
from assistant.models.found import FoundModel
from assistant.models.places import places

LIBRARY = "manifests/registry.ollama.ai/library"


def safetensors(folder: Path, **config: Any) -> Path:
    """A folder of transformers with one file of sixteen 16-bit numbers."""
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F16", "shape": [4, 4], "data_offsets": [0, 32]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(32))
    facts = {"model_type": "mistral", "max_position_embeddings": 32768, **config}
    (folder / "config.json").write_text(json.dumps(facts))
    (folder / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    return folder


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody who has used Hugging Face, LM Studio and Ollama."""
    folder = tmp_path / "user"
    for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "LLAMA_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    hub = folder / ".cache/huggingface/hub"
    blobs, old, new = (hub / "models--org--tiny-GGUF" / part for part in ("blobs", "snapshots/old", "snapshots/new"))
    for each in (blobs, old, new, hub / "models--org--tiny-GGUF/refs"):
        each.mkdir(parents=True)
    tiny_model(blobs / "abc", general__file_type=15)
    (new / "hub-tiny.gguf").symlink_to(Path("../../blobs/abc"))
    (old / "hub-older.gguf").symlink_to(Path("../../blobs/abc"))
    (new / "elsewhere.gguf").symlink_to(tiny_model(tmp_path / "outside.gguf"))
    (hub / "models--org--tiny-GGUF/refs/main").write_text("new")
    safetensors(hub / "models--mistralai--Small/snapshots/r1")
    (folder / ".lmstudio/models/maker/repo").mkdir(parents=True)
    tiny_model(folder / ".lmstudio/models/maker/repo/studio.gguf", tokenizer__chat_template=None)
    ollama = folder / ".ollama/models"
    (ollama / LIBRARY / "tiny").mkdir(parents=True)
    (ollama / "blobs").mkdir()
    digest = "6a" * 32
    tiny_model(ollama / "blobs" / f"sha256-{digest}", general__name="Tiny Llama")
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": f"sha256:{'0' * 64}"},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"},
    ]
    (ollama / LIBRARY / "tiny" / "1b").write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    (ollama / LIBRARY / "tiny" / "evil").write_text(
        json.dumps({"layers": [{**layers[1], "digest": "sha256:../../../../etc/passwd"}]})
    )
    (ollama / LIBRARY / "tiny" / "broken").write_text("[" * 100_000)
    return folder


def found_in(home: Path, folders: tuple[str, ...] = ()) -> dict[str, FoundModel]:
    sent = [
        {"label": each.label, "folder": str(each.folder), "layout": each.layout}
        for each in places(home, folders, os.environ)
        if each.folder.is_dir()
    ]
    return {each["name"]: FoundModel(**each) for each in Finder().scan(sent, lambda: False)}


def test_models_of_other_programs_are_found_in_place(user: Path, home: Path) -> None:
    """The Hub's current revision by its own links only, LM Studio's files, Ollama's blobs by name; all facts told."""
    before = {path: path.lstat().st_mtime_ns for path in user.rglob("*")}
    found = found_in(home)
    assert set(found) == {"hub-tiny", "mistralai/Small", "studio", "tiny:1b"}
    assert (found["hub-tiny"].place, found["hub-tiny"].quantization) == ("Hugging Face", "Q4_K_M")
    small = found["mistralai/Small"]
    assert (small.kind, small.architecture, small.parameters, small.context) == ("safetensors", "mistral", 16, 32768)
    assert small.template and small.quantization == "F16" and small.size == 32 + 8 + small_header(small)
    assert (found["studio"].place, found["studio"].template, found["studio"].tokenizer) == ("LM Studio", False, "gpt2")
    assert found["tiny:1b"].path.endswith("6a6a") and found["tiny:1b"].context == 512
    assert read_gguf(Path(found["tiny:1b"].path)).name == "Tiny Llama"
    assert before == {path: path.lstat().st_mtime_ns for path in user.rglob("*")}


def small_header(small: FoundModel) -> int:
    return int(struct.unpack("<Q", (Path(small.path) / "model.safetensors").read_bytes()[:8])[0])


def test_what_cannot_be_used_is_listed_with_its_reason(user: Path, home: Path, tmp_path: Path) -> None:
    """Damaged files, parts and models with code of their own say why; adapters and projectors are no models."""
    folder = tmp_path / "mine"
    folder.mkdir()
    whole = tiny_model(folder / "whole.gguf")
    (folder / "cut.gguf").write_bytes(whole.read_bytes()[:-5000])
    (folder / "text.gguf").write_text("Dear reader,")
    split_model(folder, "big")[1].unlink()
    for part in split_model(folder, "tail")[:2]:
        part.unlink()
    lora(folder / "style.gguf", read_gguf(whole))
    write_gguf(folder / "mmproj.gguf", {"general.architecture": "clip"}, {})
    safetensors(folder / "coded", auto_map={"AutoModel": "evil.py"})
    torn = safetensors(folder / "torn") / "model.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    (folder / "loop").symlink_to(folder)
    problems = {
        name: each.problem for name, each in found_in(home, (str(folder),)).items() if each.place == "your folder"
    }
    assert problems.pop("whole") == ""
    assert {name: problem.split(":")[0] for name, problem in problems.items()} == {
        "cut": "cut.gguf is not whole",
        "text": "text.gguf is not a GGUF model",
        "big-00001-of-00003": "Part 2 of 3 of big is missing",
        "tail-00003-of-00003": "Part 1 of 3 of tail is missing",
        "coded": "It wants to run code of its own, which is never done.",
        "torn": "model.safetensors is damaged or not whole.",
    }


async def test_a_model_is_named_and_removed_only_if_it_was_fetched(user: Path, home: Path, tmp_path: Path) -> None:
    """Names in any case, paths, `starter`; the nearest name for a typo; two of a name need a path; ours can go."""
    models = LocalModels(load_config(home))
    models.folder.mkdir(parents=True)
    tiny_model(models.folder / "mine.gguf")
    try:
        assert await models.path("starter") == "starter"
        assert await models.path("scripted") == "scripted"
        assert await models.path("mine") == str(models.folder / "mine.gguf")
        assert (await models.path("Tiny:1B")).endswith("6a6a")
        with pytest.raises(ModelError, match=r"There is no model 'studo'\. Did you mean studio\?"):
            await models.path("studo")
        shutil.copytree(user / ".lmstudio", user / ".cache/lm-studio/")
        shutil.move(user / ".cache/lm-studio/models/maker", user / ".cache/lm-studio/models/other")
        with pytest.raises(ModelError, match="Several models are called studio"):
            await models.path("studio")
        with pytest.raises(UsageError, match="was not fetched by the assistant"):
            models.remove(await models.find("hub-tiny"))
        models.remove(await models.find("mine"))
        assert not list(models.folder.iterdir())
    finally:
        await models.worker.stop()


def test_the_shell_lists_shows_and_chooses(
    user: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`models`, `scan`, `show`, `use` and `remove`, with JSON and exit codes; a name in the settings is enough."""
    folder = tmp_path / "mine"
    folder.mkdir()
    tiny_model(folder / "my-own.gguf")
    (folder / "bad.gguf").write_text("no")
    settings = f'[model]\nname = "scripted"\nfolders = ["{folder}"]\n[documents]\nembedder = "hashed"\n'
    (home / "config.toml").write_text(settings)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *words])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    listed = json.loads(run("models", "--json")[1])
    assert listed[0]["name"] == "starter" and {"my-own", "studio"} <= {each["name"] for each in listed}
    assert "my-own" in run("models", "list")[1]
    scanned = json.loads(run("models", "scan", "--json")[1])
    assert {"place": "your folder", "folder": str(folder), "there": True, "models": 1} in scanned["folders"]
    assert [each["path"] for each in scanned["problems"]] == [str(folder / "bad.gguf")]
    assert json.loads(run("models", "show", "my-own", "--json")[1])["context"] == 512
    assert "its own" in run("models", "show", str(folder / "my-own.gguf"))[1]
    code, _, told = run("models", "show", "nowhere")
    assert code == 4 and "There is no model 'nowhere'" in told and "Traceback" not in told
    assert run("models", "use", "my-own")[0] == 0
    assert load_config(home).model.name == str(folder / "my-own.gguf")
    assert "* my-own" in run("models")[1]
    for name, said in (
        (str(folder / "bad.gguf"), "bad cannot be used"),
        (str(folder), "It is no model"),
        ("", "no model ''"),
    ):
        code, _, told = run("models", "use", name)
        assert code == 4 and said in told and "my-own.gguf" in (home / "config.toml").read_text()
    assert run("models", "show", str(folder / "bad.gguf"))[0] == 4
    code, _, told = run("models", "remove", "my-own", "--yes")
    assert code == 2 and "was not fetched" in told and (folder / "my-own.gguf").exists()
    assert json.loads(run("--model", "MY-OWN", "tokens", "ab", "--json")[1])["tokens"]
