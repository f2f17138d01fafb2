"""Plans of training, and everything that keeps one from beginning: a clear line and an exit code each."""

import importlib.util
import json
import shutil

import pytest

from adapters.training.recipe import Recipe
from assistant import training_plan
from assistant.bootstrap import opened
from assistant.cli import main
from assistant.config import load_config
from assistant.errors import TrainingError
from assistant.training import TrainRequest
from tests.made_training import facts_file, pairs_file, trainable_model, training_home


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return trainable_model(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture
def home(tmp_path, base):
    return training_home(tmp_path / "home", base)


@pytest.fixture
def run(home, capsys):
    """The command line in this process: exit code, what it printed, what it complained of."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *map(str, arguments)])
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def nothing_was_made(home):
    return not list(home.glob("training/runs/*")) and not list(home.glob("adapters/*"))


def test_a_plan_has_every_method_and_writes_nothing(run, home, tmp_path):
    """The table, the advice and the warnings, for a person and as JSON."""
    data = facts_file(tmp_path / "facts.jsonl")
    code, out, _ = run("train", "house", "--data", data, "--plan", "--json")
    plan = json.loads(out)
    assert code == 0 and [entry["method"] for entry in plan["table"]] == ["lora", "qlora", "full", "partial", "prompt"]
    assert plan["advice"]["kind"] == "facts" and plan["rows"]["train"] and plan["refusal"] == ""
    code, out, _ = run("train", "house", "--data", data, "--plan", "--method", "prompt")
    assert code == 0 and "* prompt" in out and "transformers engine only" in out
    assert nothing_was_made(home) and not list(home.glob("training/datasets/*"))


def test_pairs_are_recognised_and_planned_as_preferences(run, home, tmp_path):
    """The plan says how they are learned, that few are held out, and which methods can; answers cannot be asked so."""
    data = pairs_file(tmp_path / "pairs.jsonl", lambda number: True, 20)
    code, out, _ = run("train", "taste", "--data", data, "--plan", "--json", "--beta", "0.2")
    plan = json.loads(out)
    assert code == 0 and plan["recipe"]["objective"] == "preferences" and plan["recipe"]["beta"] == 0.2
    assert plan["advice"]["kind"] == "preferences" and "prompt" not in [entry["method"] for entry in plan["table"]]
    assert any("Pairs held out for the proof: 4" in warning for warning in plan["warnings"])
    code, out, _ = run("train", "taste", "--data", data, "--plan")
    assert code == 0 and "DPO with beta 0.1" in out
    code, _, err = run("train", "taste", "--data", data, "--method", "prompt")
    assert code == 2 and "soft prompt cannot learn preferences" in err
    facts = facts_file(tmp_path / "facts.jsonl")
    code, _, err = run("train", "house", "--data", facts, "--set", "objective=preferences")
    assert code == 8 and "holds no pairs" in err and "--pairs" in err
    assert nothing_was_made(home)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{'prompt': \n", "wrong JSON at column"),
        (json.dumps({"prompt": "Who?", "completion": "Ada."}) + "\n", "at least 5 are needed"),
        ("".join(json.dumps({"prompt": f"Who is {n}?", "completion": ""}) + "\n" for n in range(20)), ""),
        ("\0\1\2" * 100, ""),
        ("", ""),
    ],
    ids=["wrong JSON", "one row", "empty answers", "binary", "empty"],
)
def test_bad_data_is_a_clear_line(run, home, tmp_path, content, told):
    """Refused with what is wrong and what to do, exit code 8, nothing made."""
    data = tmp_path / "bad.jsonl"
    data.write_text(content)
    code, _, err = run("train", "house", "--data", data)
    assert code == 8 and told in err and "Traceback" not in err
    assert err.startswith("assistant: ") and len(err.splitlines()) == 2
    assert nothing_was_made(home)


def test_a_wrong_base_is_a_clear_line(run, home, tmp_path):
    """No file, no model, an architecture nobody can train, a folder of another shape: words and an exit code."""
    data = facts_file(tmp_path / "facts.jsonl")
    note, folder = tmp_path / "note.gguf", tmp_path / "other"
    note.write_text("Dear model")
    foreign = trainable_model(tmp_path / "foreign.gguf")
    foreign.write_bytes(foreign.read_bytes().replace(b"llama", b"qwenx"))
    folder.mkdir()
    config = {
        "model_type": "llama", "num_hidden_layers": 3, "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 262, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    for wrong, exit_code in ((tmp_path / "none.gguf", 4), (note, 4), (foreign, 8), (folder, 8)):
        code, _, err = run("train", "house", "--data", data, "--base", wrong)
        assert code == exit_code and err.startswith("assistant: ") and "Traceback" not in err, err
    assert nothing_was_made(home)


def test_what_the_machine_lacks_is_a_clear_line(run, home, tmp_path, monkeypatch):
    """Without bitsandbytes, memory or disk the method is refused with what to do; nothing is made."""
    data = facts_file(tmp_path / "facts.jsonl")
    found = importlib.util.find_spec
    with monkeypatch.context() as hidden:
        hidden.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else found(name))
        code, _, err = run("train", "house", "--data", data, "--method", "qlora")
        assert code == 8 and "bitsandbytes" in err and "pip install" in err
    with monkeypatch.context() as little:
        little.setattr(training_plan, "available_memory", lambda: 300 * 10**6)
        code, _, err = run("train", "house", "--data", data)
        assert code == 8 and "of memory, 0.3 GB are free" in err
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage)
        code, _, err = run("train", "house", "--data", data)
        assert code == 8 and "of free disk" in err
    assert nothing_was_made(home)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("train",), 2), (("train", "x"), 2), (("train", "x", "--data", "none"), 8),
        (("train", "../x", "--data", "a"), 4),
        (("train", "x", "--data", "none.jsonl"), 2), (("train", "x", "--data", "a", "--set", "rank"), 2),
        (("train", "x", "--data", "a", "--set", "colour=red"), 2), (("train", "x", "--data", "a", "--rank", "0"), 2),
        (("train", "x", "--data", "a", "--set", "targets=q_proj,nose"), 2), (("train", "--resume", "gone"), 8),
        (("train", "--pause", "gone"), 8), (("train", "--cancel", "../.."), 8), (("train", "--remove", "gone"), 8),
        (("train", "x", "--data", "a", "--activate", "--no-prove"), 2), (("train", "--list", "--pause", "a"), 2),
        (("train", "x", "--data", "a", "--method", "magic"), 2), (("train", "x", "--data", "a", "--recipe", "none"), 2),
        (("train", "x", "--data", "a", "--recipe", __file__), 2), (("train", "x", "--data", "a", "--epochs", "nan"), 2),
    ],
)  # fmt: skip
def test_wrong_usage_is_a_clear_line(run, home, arguments, exit_code):
    """Each mistake has its own sentence and exit code."""
    code, _, err = run(*arguments)
    assert code == exit_code and err.startswith("assistant: ") and "Traceback" not in err
    assert nothing_was_made(home)


def test_every_knob_can_be_set(run, home, tmp_path):
    """A file, flags and --set describe one recipe; --set has the last word."""
    data = facts_file(tmp_path / "facts.jsonl")
    (tmp_path / "recipe.json").write_text('{"rank": 64, "max_tokens": 512}')
    code, out, _ = run(
        "train", "house", "--data", data, "--plan", "--json", "--recipe", tmp_path / "recipe.json",
        "--rank", 8, "--alpha", 4, "--epochs", 2,
        "--learning-rate", 0.01, "--batch-tokens", 64, "--no-replay", "--pull", 0.5, "--processes", 2, "--threads", 1,
        "--seed", 7, "--set", "targets=q_proj, v_proj", "--set", "rslora=true", "--set", "seed=8",
        "--set", "precision=fp32", "--set", "warmup=.05",
    )  # fmt: skip
    recipe = json.loads(out)["recipe"]
    wanted = Recipe(
        rank=8, alpha=4, epochs=2, learning_rate=0.01, batch_tokens=64, replay=0, pull=0.5, processes=2, threads=1,
        seed=8, targets=("q_proj", "v_proj"), rslora=True, precision="fp32", max_tokens=512, warmup=0.05,
    )  # fmt: skip
    assert code == 0 and recipe == wanted.as_json()


async def test_a_dataset_from_elsewhere_is_never_written_over(home, tmp_path):
    """A file is built into a dataset of the adapter's name only where that name is free, or came from that file."""
    async with opened(load_config(home)) as core:
        first = facts_file(tmp_path / "facts.jsonl")
        request = TrainRequest("house", str(first))
        before = await training_plan.prepared_dataset(core, request)
        assert (await training_plan.prepared_dataset(core, request)).card.sha256 == before.card.sha256
        other = facts_file(tmp_path / "others.jsonl", 6)
        with pytest.raises(TrainingError, match="already"):
            await core.training.plan(TrainRequest("house", str(other)))
        plan = await core.training.plan(TrainRequest("second", "house"))
        assert plan.dataset == "house" and plan.chosen.method == "lora"
