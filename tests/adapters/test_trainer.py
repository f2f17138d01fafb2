"""Training: what is learned, kept, resumed and refused."""

import importlib.util
import json
import math
import subprocess
import sys

import pytest
import torch
from made_base import CPU, codec, encoded, facts, tiny_base, trained
from safetensors.torch import load_file

from adapters.errors import RecipeError, TrainingError
from adapters.training import checkpoints, outcome
from adapters.training.learner import Learner
from adapters.training.methods import prepare
from adapters.training.packing import pack
from adapters.training.recipe import Recipe, recipe_from_json

QUICK = {"rank": 4, "alpha": 8, "epochs": 6, "batch_tokens": 128, "precision": "fp32", "seed": 1, "patience": 0}
RATES = {"lora": 2e-2, "qlora": 2e-2, "full": 5e-3, "partial": 1e-2, "prompt": 0.3}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.mark.parametrize("method", ["lora", "full", "partial", "prompt"])
def test_every_method_learns(base, tmp_path, method):
    """The validation loss falls clearly, and only what the method trains has changed."""
    events = []
    recipe = Recipe(**QUICK | {"method": method, "learning_rate": RATES[method], "replay": 0.5, "pull": 0.1})
    trainer, prepared, ended = trained(base, recipe, tmp_path, events)
    losses = [event["loss"] for event in events if event["event"] == "validation"]
    assert ended == "finished"
    assert min(losses) < 0.8 * losses[0]
    before = prepare(base, recipe, CPU)
    after = dict(prepared.model.named_parameters())
    for name, weight in before.model.named_parameters():
        if not weight.requires_grad:
            assert torch.equal(weight, after[name]), name
    assert trainer.place.validation == pytest.approx(losses[-1])


def test_a_distance_to_the_base_is_kept_small_by_the_pull(base, tmp_path):
    """The same training moves general answers less with the pull than without."""
    recipe = QUICK | {"learning_rate": 2e-2}
    free = trained(base, Recipe(**recipe, replay=0, pull=0), tmp_path / "free")[0]
    held = trained(base, Recipe(**recipe, replay=2, pull=2), tmp_path / "held")[0]
    assert held.place.general < 0.7 * free.place.general


def test_a_run_that_was_paused_ends_like_one_that_was_not(base, tmp_path):
    """Paused after seven steps and resumed, the validation losses are those of a run in one go."""
    recipe = Recipe(**QUICK, learning_rate=1e-2)
    whole = trained(base, recipe, tmp_path / "whole")[0]
    assert trained(base, recipe, tmp_path / "parts", stop_at=7)[2] == "pause"
    resumed, _, ended = trained(base, recipe, tmp_path / "parts")
    assert ended == "finished"
    assert resumed.place.step == whole.place.step
    assert resumed.place.validation == pytest.approx(whole.place.validation, rel=1e-4)
    assert resumed.place.best == pytest.approx(whole.place.best, rel=1e-4)


def test_a_run_that_is_finished_early_keeps_what_it_has_learned(base, tmp_path):
    """After seven steps: validated there, and the result is the best so far."""
    events = []
    trainer, _, ended = trained(base, Recipe(**QUICK, learning_rate=1e-2), tmp_path, events, 7, "finish")
    losses = {event["step"]: event["loss"] for event in events if event["event"] == "validation"}
    assert ended == "finished" and trainer.place.step == 7 < trainer.planned
    assert losses[7] == min(losses.values()) and trainer.place.best_step == 7


def test_a_damaged_checkpoint_is_passed_over(base, tmp_path):
    """Of two checkpoints the newer one with a wrong byte is not used."""
    trained(base, Recipe(**QUICK, learning_rate=1e-2), tmp_path, stop_at=7)
    trained(base, Recipe(**QUICK, learning_rate=1e-2), tmp_path, stop_at=9)
    paths = sorted(tmp_path.glob("step-*"))
    assert len(paths) == 2
    data = bytearray((paths[-1] / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (paths[-1] / "weights.safetensors").write_bytes(data)
    found = checkpoints.newest(tmp_path)
    assert found.place["step"] == int(paths[0].name.removeprefix("step-"))


def test_a_checkpoint_without_its_last_file_is_none(base, tmp_path):
    """COMPLETE.json is what makes a checkpoint one."""
    trained(base, Recipe(**QUICK), tmp_path, stop_at=2)
    for path in tmp_path.glob("step-*"):
        (path / checkpoints.COMPLETE).unlink()
    assert checkpoints.newest(tmp_path) is None


def test_training_stops_when_validation_gets_worse(base, tmp_path):
    """Held-out rows that contradict the data end the run early, with the best weights, not the last."""
    held_out = facts(6, letters="zxy")
    recipe = Recipe(**QUICK | {"learning_rate": 5e-2, "patience": 2, "epochs": 30, "replay": 0, "pull": 0})
    trainer, prepared, _ = trained(base, recipe, tmp_path, held_out=held_out)
    assert trainer.place.step < trainer.planned
    rows = encoded(base, held_out)
    with torch.no_grad():
        loss = sum(float(Learner(prepared)(each)) for each in pack(rows, range(6), 999)) / sum(r.targets for r in rows)
    best = next(entry for entry in trainer.place.curve if entry[0] == trainer.place.best_step)
    assert loss == pytest.approx(best[2], rel=1e-4)
    assert best[2] < trainer.place.curve[-1][2]


def test_the_result_is_what_peft_reads(base, tmp_path):
    """The folder loads into PEFT as it is, names no path of this machine, and gives the parity reference."""
    from peft import PeftModel

    from adapters.training.base_weights import load_base

    recipe = Recipe(**QUICK, learning_rate=2e-2)
    _, prepared, _ = trained(base, recipe, tmp_path / "checkpoints")
    prompts = [codec(base).prompt_ids(row.turns[:1]) for row in facts(3)]
    outcome.write(
        tmp_path / "result", prepared, recipe, {"steps": 1}, outcome.parity_reference(base, prepared, recipe, prompts)
    )
    assert str(tmp_path) not in (tmp_path / "result" / "peft" / "adapter_config.json").read_text()
    loaded = PeftModel.from_pretrained(load_base(base, torch.float32), tmp_path / "result" / "peft")
    ids = torch.tensor([prompts[0]])
    with torch.no_grad():
        assert torch.allclose(loaded(input_ids=ids).logits, prepared.peft(input_ids=ids).logits, atol=1e-5)
    reference = json.loads((tmp_path / "result" / "parity.json").read_text())["prompts"][0]
    assert reference["prompt"] == prompts[0]
    assert reference["base"]["tokens"] != reference["adapter"]["tokens"]
    assert all(
        step[0][0] == token for step, token in zip(reference["base"]["top"], reference["base"]["tokens"], strict=True)
    )


def test_whole_models_are_saved_with_all_their_weights(base, tmp_path):
    """A partial run unties the head and writes it."""
    recipe = Recipe(**QUICK | {"method": "partial"})
    _, prepared, _ = trained(base, recipe, tmp_path / "checkpoints")
    outcome.write(tmp_path / "result", prepared, recipe, {}, {"prompts": []})
    saved = load_file(tmp_path / "result" / "model.safetensors")
    assert not torch.equal(saved["lm_head.weight"], saved["model.embed_tokens.weight"])


@pytest.mark.parametrize(("bits", "alike"), [("nf4", 0.999), ("int8", 0.995)])  # int8 rounds differently afterwards
def test_quantised_bases_keep_true_gradients_after_an_evaluation(base, bits, alike):
    """Gradients on 4-bit weights after an evaluation equal fresh ones; on 8-bit ones within their rounding."""
    if importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed")
    recipe = Recipe(
        **QUICK | {"method": "qlora", "bits": bits, "precision": "bf16", "targets": ("v_proj", "down_proj")}
    )
    rows = encoded(base, facts(6))
    packs = pack(rows, range(6), 999)

    def gradient(evaluate):
        prepared = prepare(base, recipe, CPU)
        for name, weight in prepared.trainable.items():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(1))
        learner = Learner(prepared)
        if evaluate:
            prepared.model.eval()
            with torch.no_grad():
                learner(packs[0])
        sum(learner(each) for each in packs).backward()
        return torch.cat([weight.grad.flatten() for weight in prepared.trainable.values()])

    fresh, after = gradient(False), gradient(True)
    assert torch.nn.functional.cosine_similarity(fresh, after, dim=0) > alike
    assert fresh.norm() > 0


def test_qlora_without_bitsandbytes_is_one_clear_line(base, monkeypatch):
    """What to install is said."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="bitsandbytes") as caught:
        prepare(base, Recipe(method="qlora"), CPU)
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GGUF", "tiny.gguf"),
        (b"", "tiny.gguf"),
        (b"not a model", "tiny.gguf"),
    ],
)
def test_a_base_that_is_none_is_refused_in_words(tmp_path, content, told):
    """Damaged files are named."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=told):
        prepare(path, Recipe(), CPU)


def test_a_folder_that_wants_to_run_code_is_refused(tmp_path):
    """auto_map in a config means code from outside."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "auto_map": {"AutoModel": "x.y"}}))
    with pytest.raises(TrainingError, match="code of its own"):
        prepare(tmp_path, Recipe(), CPU)


def test_other_architectures_are_refused(tmp_path):
    """What could not be exported is not trained."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(TrainingError, match="gpt2"):
        prepare(tmp_path, Recipe(), CPU)


@pytest.mark.parametrize(
    "wrong",
    [{"rank": 0}, {"epochs": math.nan}, {"method": "magic"}, {"targets": ["lm_head"]}, {"rank": "16"}, {"colour": 1}],
)
def test_recipes_that_cannot_be_are_refused(wrong):
    """Each with the value that is wrong."""
    with pytest.raises(RecipeError):
        recipe_from_json(wrong)


def test_recipes_survive_their_json():
    """All knobs come back."""
    recipe = Recipe(method="qlora", rank=8, targets=("q_proj",), rslora=True, learning_rate=1e-4)
    assert recipe_from_json(json.loads(json.dumps(recipe.as_json()))) == recipe


def test_a_checkpoint_on_a_full_disk_leaves_the_ones_before(base, tmp_path, monkeypatch):
    """The error names the disk; nothing unfinished is left."""
    trained(base, Recipe(**QUICK), tmp_path, stop_at=2)
    found = checkpoints.newest(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(tmp_path, 99, found)
    assert checkpoints.newest(tmp_path).place == found.place
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("step-")] == []


def test_the_trainer_needs_no_file_of_the_assistant():
    """adapters stands alone: its trainer imports neither the assistant nor ingest."""
    names = ", ".join(f"adapters.training.{name}" for name in ("worker", "trainer", "methods", "outcome", "replay"))
    code = f"import sys, {names}; "
    code += "print([name for name in sys.modules if name.split('.')[0] in ('assistant', 'ingest')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
