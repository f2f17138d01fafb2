"""A model in several files, from the list to an answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from made_gguf import split_model, tiny_model

from adapters.files.gguf import read_gguf
from assistant.conversation import Sampling
from assistant.errors import ModelError
from assistant.models.fit import fit
from assistant.worker_process import WorkerProcess
from tests.made_scores import Run, shell


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The shell of somebody without other models."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (home / "config.toml").write_text('[documents]\nembedder = "hashed"\n[sampling]\ntemperature = 0.0\n')
    return shell(home, capsys, monkeypatch)


async def test_it_answers_as_the_same_model_in_one_file(tmp_path: Path) -> None:
    """Greedily, word for word; a part that is missing is one line, and nothing native is asked."""
    whole, paths = tiny_model(tmp_path / "whole.gguf"), split_model(tmp_path, "big", 3)
    worker = WorkerProcess("model", {}, tmp_path / "logs")
    messages = [{"role": "user", "content": "Who are you?"}]
    sampling = asdict(Sampling(temperature=0, max_tokens=16))
    answers = []
    try:
        for path in (whole, paths[0]):
            info = (await worker.call("load", model=str(path))).data
            stream = worker.stream("complete", messages=messages, sampling=sampling)
            answers.append("".join([reply.data.get("text", "") async for reply in stream if not reply.last]))
        assert answers[0] and answers[0] == answers[1] and info["name"] == "big"
        assert fit(paths[0]).asked.need.weights == sum(path.stat().st_size for path in paths)
        paths[1].unlink()
        with pytest.raises(ModelError, match="Part 2 of 3 of big is missing"):
            await worker.call("load", model=str(paths[0]))
    finally:
        await worker.stop()


def test_it_is_listed_once_and_leaves_whole(run: Run, home: Path) -> None:
    """With the size of all its files; quantising makes one of them; what is removed leaves nothing behind."""
    models = home / "models"
    models.mkdir(mode=0o700)
    paths = split_model(models, "big", 3)
    listed = [each for each in json.loads(run("models", "--json")[1]) if each["place"] != "embedded"]
    assert [(each["name"], each["files"], each["problem"]) for each in listed] == [("big", 3, "")]
    assert listed[0]["size"] == sum(path.stat().st_size for path in paths)
    assert "and 2 more" in run("models", "show", "big")[1]
    code, _, told = run("models", "quantize", "big", "--to", "Q8_0")
    assert code == 0, told
    made = read_gguf(models / "big.Q8_0.gguf")
    assert made.tensors.keys() == read_gguf(paths[0]).tensors.keys() and not made.number("split.count")
    assert run("models", "remove", "big", "--yes")[0] == 0
    assert [path.name for path in models.glob("*.gguf")] == ["big.Q8_0.gguf"]


def test_a_part_alone_is_not_fetched(run: Run) -> None:
    """One line, before anybody is asked."""
    code, _, told = run("models", "pull", "org/repo/big-00001-of-00003.gguf")
    assert code == 2 and "part 1 of 3" in told
