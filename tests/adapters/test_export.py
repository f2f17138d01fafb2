"""Exported adapters and models compute what transformers computes; what a GGUF cannot hold is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_gguf import tiny_model
from made_peft import LINEARS, Twin, engine_logits, exact_engine, logits_of, peft_folder, randomize, twin
from safetensors.torch import load_file, save_file

from adapters.errors import TrainingError
from adapters.files.export import export_lora, export_model
from adapters.files.gguf import read_gguf
from adapters.hotswap import HotSwap, check_fit
from assistant.backends.llama_engine import LlamaEngine

EXACT = 5e-6  # of logits, in 32-bit floats throughout


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    return twin(tmp_path_factory.mktemp("tied"))


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    return twin(tmp_path_factory.mktemp("untied"), tied=False, mistral=True)


@pytest.fixture(scope="module")
def plain(tied: Twin) -> Path:
    """The folder of a plain adapter."""
    return peft_folder(tied, "plain")[1]


@pytest.fixture
def engine(tied: Twin) -> Iterator[LlamaEngine]:
    engine = exact_engine(tied.base.path)
    yield engine
    engine.close()


def difference(model: Twin, peft: Any, folder: Path, **options: Any) -> float:
    """The largest difference of logits between both engines, with the adapter on."""
    target = folder.with_suffix(".gguf")
    export_lora(folder, model.base, target, **options)
    engine = exact_engine(model.base.path)
    HotSwap(model.base, engine).swap([(target, 1.0)])
    found = np.abs(engine_logits(engine) - logits_of(peft)).max()
    engine.close()
    return float(found)


def test_the_bases_agree(tied: Twin, untied: Twin) -> None:
    """Without adapters both engines compute the same, tied and untied: what differs below is the adapter's."""
    for model in (tied, untied):
        engine = exact_engine(model.base.path)
        assert np.abs(engine_logits(engine) - logits_of(model.model)).max() < EXACT
        engine.close()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"down_proj": 2, "layers.1.self_attn.q_proj": 12}},
        {"alpha_pattern": {"k_proj": 4, r"model\.layers\.(0|1)\.mlp\.up_proj": 64}},
        {"rank_pattern": {"v_proj": 3}, "alpha_pattern": {"v_proj": 5}, "use_rslora": True},
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "down_proj"], "layers_to_transform": [1]},
    ],
    ids=["plain", "rslora", "ranks", "alphas", "rslora-patterns", "all-linear", "one-layer"],
)
def test_an_exported_adapter_computes_the_same(tied: Twin, changes: dict[str, Any]) -> None:
    """Logits of llama.cpp and of transformers with PEFT differ by rounding only, whatever scales the adapter has."""
    peft, folder = peft_folder(tied, "one", **changes)
    assert np.abs(logits_of(peft) - logits_of(tied.model)).max() > 0.1
    assert difference(tied, peft, folder, f32=True) < EXACT


@pytest.mark.parametrize("extra", [[], ["lm_head"], ["lm_head", "embed_tokens"]])
def test_head_and_embedding_of_an_untied_mistral(untied: Twin, extra: list[str]) -> None:
    """On a model with its own head, both it and the embedding can be changed too."""
    peft, folder = peft_folder(untied, "head", target_modules=[*LINEARS, *extra])
    assert difference(untied, peft, folder, f32=True) < EXACT


def test_sixteen_bits_round_a_little(tied: Twin) -> None:
    """The file of half the size differs in the fourth digit."""
    peft, folder = peft_folder(tied, "half")
    assert EXACT < difference(tied, peft, folder) < 2e-2
    small = folder.with_suffix(".gguf").stat().st_size
    export_lora(folder, tied.base, folder.with_suffix(".gguf"), f32=True)
    assert small < 0.75 * folder.with_suffix(".gguf").stat().st_size


def test_a_mix_is_the_weighted_sum(tied: Twin, engine: LlamaEngine) -> None:
    """Two adapters at 0.6 and 0.4 compute what PEFT's `cat` of both does; both at once what PEFT does with both."""
    peft, first = peft_folder(tied, "first")
    _, second = peft_folder(tied, "second", seed=9, r=4)
    peft.load_adapter(str(second), adapter_name="second")
    peft.add_weighted_adapter(["default", "second"], [0.6, 0.4], "mixed", combination_type="cat")
    for folder in (first, second):
        export_lora(folder, tied.base, folder.with_suffix(".gguf"), f32=True)
    paths, swap = [first.with_suffix(".gguf"), second.with_suffix(".gguf")], HotSwap(tied.base, engine)
    peft.set_adapter("mixed")
    assert swap.swap(list(zip(paths, [0.6, 0.4], strict=True))) == "first:0.6 second:0.4"
    assert np.abs(engine_logits(engine) - logits_of(peft)).max() < EXACT
    peft.base_model.set_adapter(["default", "second"])
    assert swap.swap([(path, 1.0) for path in paths]) == "first second"
    assert np.abs(engine_logits(engine) - logits_of(peft)).max() < EXACT
    swap.swap([])
    assert np.abs(engine_logits(engine) - logits_of(tied.model)).max() < EXACT


def test_the_file_says_what_it_is(tied: Twin, plain: Path, tmp_path: Path) -> None:
    """Name, base and own keys are in the header; rank and alpha are the recipe's; no path of this machine is."""
    target = tmp_path / "a.gguf"
    export_lora(plain, tied.base, target, metadata={"name": "style", "base_sha256": "ab" * 32, "steps": 7, "loss": 0.5})
    facts = read_gguf(target)
    assert facts.text("general.name") == "style" and facts.text("assistant.base_sha256") == "ab" * 32
    assert (facts.metadata["assistant.steps"], facts.metadata["assistant.loss"]) == (7, 0.5)
    fit = check_fit(facts, tied.base)
    assert (fit.rank, fit.alpha, len(fit.targets)) == (8, 16.0, 14)
    assert str(tmp_path).encode() not in target.read_bytes()
    assert list(tmp_path.iterdir()) == [target]


def changed(folder: Path, tmp_path: Path, **settings: Any) -> Path:
    """A copy with other settings."""
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps(config | settings))
    return copy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"peft_type": "PROMPT_TUNING"}, "kind PROMPT_TUNING has no GGUF form"),
        ({"use_dora": True}, "DoRA"),
        ({"bias": "lora_only"}, "biases"),
        ({"lora_bias": True}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "whole trained layers"),
        ({"trainable_token_indices": [1]}, "trained tokens"),
        ({"init_lora_weights": "pissa_niter_4"}, "changed base"),
        ({"lora_alpha": None}, "alpha cannot be None"),
        ({"lora_alpha": "16"}, "alpha cannot be 16"),
        ({"alpha_pattern": {"(a+)+": 3}}, "too complex"),
        ({"alpha_pattern": {"[": 3}}, "cannot be read"),
    ],
)
def test_what_a_gguf_cannot_hold_is_refused(
    tied: Twin, plain: Path, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    """Settings that llama.cpp would ignore, or that make no sense: one sentence with a hint, and no file."""
    with pytest.raises(TrainingError, match=words) as caught:
        export_lora(changed(plain, tmp_path, **settings), tied.base, tmp_path / "a.gguf")
    assert "\n" not in str(caught.value) and caught.value.hint
    assert not (tmp_path / "a.gguf").exists()


def rewritten(folder: Path, tmp_path: Path, change: Any) -> Path:
    """A copy with other weights."""
    copy = changed(folder, tmp_path)
    weights = load_file(copy / "adapter_model.safetensors")
    change(weights)
    save_file(weights, copy / "adapter_model.safetensors")
    return copy


Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.clear(), "holds no weights"),
        (lambda w: w.pop(f"{Q}A.weight"), "only half"),
        (lambda w: w.update({f"{Q}B.weight": torch.ones(64, 7)}), "do not belong together"),
        (lambda w: w.update({f"{Q}B.weight": torch.ones(60, 8)}), "does not fit base.gguf|heads cannot share"),
        (lambda w: w.update({f"{Q}A.weight": torch.full((8, 64), torch.nan)}), "infinite or none"),
        (lambda w: w.update({f"{Q}A.weight": torch.ones(8, 64, dtype=torch.int32)}), "as I32"),
        (lambda w: w.update({"base_model.model.model.norm.weight": torch.ones(64)}), "no place"),
        (lambda w: w.update({f"{Q}magnitude_vector": torch.ones(64)}), "no place"),
        (lambda w: w.update({Q.replace("0", "7") + "A.weight": torch.ones(8, 64)}), "only half"),
    ],
)
def test_wrong_weights_are_refused(tied: Twin, plain: Path, tmp_path: Path, change: Any, words: str) -> None:
    """Weights that are missing, of a wrong shape or type, infinite, or not a LoRA's."""
    with pytest.raises(TrainingError, match=words) as caught:
        export_lora(rewritten(plain, tmp_path, change), tied.base, tmp_path / "a.gguf")
    assert "\n" not in str(caught.value) and caught.value.hint


def test_the_embedding_of_a_tied_model_is_refused(tied: Twin, tmp_path: Path) -> None:
    """llama.cpp would abort on it."""
    _, folder = peft_folder(tied, "embedding", target_modules=["q_proj", "embed_tokens"])
    with pytest.raises(TrainingError, match="shares with its output"):
        export_lora(folder, tied.base, tmp_path / "a.gguf")


def test_another_base_is_refused(tied: Twin, plain: Path, tmp_path: Path) -> None:
    """A base of other shapes, and one of an architecture that is not known here."""
    with pytest.raises(TrainingError, match="does not fit small.gguf"):
        export_lora(plain, read_gguf(tiny_model(tmp_path / "small.gguf")), tmp_path / "a.gguf")
    other = read_gguf(tiny_model(tmp_path / "q.gguf", general__architecture="qwen2"))
    with pytest.raises(TrainingError, match="'qwen2', which cannot"):
        export_lora(plain, other, tmp_path / "a.gguf")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1\2",
        (2**60).to_bytes(8, "little"),
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"{{{{",
    ]
    + [
        len(head).to_bytes(8, "little") + head
        for head in (
            b'{"a":1}',
            b'{"a":{"dtype":"F32","shape":[9999999],"data_offsets":[0,39999996]}}',
            b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[true,5]}}',
            b'{"a":{"dtype":"F32","shape":"12","data_offsets":[0,4]}}',
            b"[" * 100_000,
        )
    ],
)
def test_damaged_safetensors_are_refused(tied: Twin, plain: Path, tmp_path: Path, data: bytes) -> None:
    """Files that lie about their sizes, or are not safetensors: a sentence, before anything is allocated."""
    folder = changed(plain, tmp_path)
    (folder / "adapter_model.safetensors").write_bytes(data)
    with pytest.raises(TrainingError) as caught:
        export_lora(folder, tied.base, tmp_path / "a.gguf")
    assert "\n" not in str(caught.value) and caught.value.hint


def test_a_folder_without_an_adapter_is_refused(tied: Twin, tmp_path: Path) -> None:
    """No configuration, one that is no JSON, or weights in a pickle only."""
    with pytest.raises(TrainingError, match="no PEFT adapter"):
        export_lora(tmp_path, tied.base, tmp_path / "a.gguf")
    (tmp_path / "adapter_config.json").write_text("[")
    with pytest.raises(TrainingError, match="not valid JSON"):
        export_lora(tmp_path, tied.base, tmp_path / "a.gguf")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 8}')
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80")
    with pytest.raises(TrainingError, match=r"adapter_model\.safetensors cannot be read"):
        export_lora(tmp_path, tied.base, tmp_path / "a.gguf")


def test_a_full_disk_leaves_nothing(tied: Twin, plain: Path) -> None:
    """A target that cannot be written is told in words."""
    with pytest.raises(TrainingError, match="cannot be written"):
        export_lora(plain, tied.base, Path("/proc/nowhere/a.gguf"))


def trained_model(model: Twin) -> Any:
    """The model with every weight changed a little, norms too."""
    import copy

    other = copy.deepcopy(model.model)
    chance = torch.Generator().manual_seed(5)
    for weight in other.parameters():
        weight.data += torch.randn(weight.shape, generator=chance) * 0.02
    return other


@pytest.mark.parametrize(("quantization", "tolerance"), [("F16", 2e-2), ("Q8_0", 0.5)])
@pytest.mark.parametrize("kind", ["tied", "untied"])
def test_a_trained_model_becomes_a_gguf(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, quantization: Any, tolerance: float
) -> None:
    """Whole models are exported with the base's tokenizer, and compute the same up to the rounding of the type."""
    model: Twin = request.getfixturevalue(kind)
    other = trained_model(model)
    save_file({name: weight.contiguous() for name, weight in other.named_parameters()}, tmp_path / "model.safetensors")
    target = tmp_path / "new.gguf"
    export_model(tmp_path, model.base.path, target, quantization=quantization, name="new")
    facts = read_gguf(target, keep_arrays=True)
    old = read_gguf(model.base.path, keep_arrays=True)
    assert facts.quantization == quantization and facts.text("general.name") == "new"
    assert facts.tensors.keys() == old.tensors.keys()
    same = {key for key in old.metadata if not key.startswith("general.")}
    assert {key: facts.metadata[key] for key in same} == {key: old.metadata[key] for key in same}
    engine = exact_engine(target)
    wrong = np.abs(logits_of(other) - logits_of(model.model)).max()
    assert np.abs(engine_logits(engine) - logits_of(other)).max() < min(tolerance, wrong / 3)
    engine.close()


def test_a_partly_trained_model_keeps_the_rest(tied: Twin, tmp_path: Path) -> None:
    """Weights the file does not hold stay the base's bytes; a head of its own makes the model untied."""
    import copy

    other = copy.deepcopy(tied.model)
    other.lm_head.weight = torch.nn.Parameter(other.lm_head.weight + 0.05)
    save_file({"lm_head.weight": other.lm_head.weight.detach()}, tmp_path / "head.safetensors")
    export_model(tmp_path / "head.safetensors", tied.base.path, tmp_path / "new.gguf")
    engine = exact_engine(tmp_path / "new.gguf")
    assert engine_logits(engine) == pytest.approx(logits_of(other), abs=5e-3)
    engine.close()
    save_file({"lm_head.weight": torch.ones(9, 9)}, tmp_path / "wrong.safetensors")
    with pytest.raises(TrainingError, match="does not fit"):
        export_model(tmp_path / "wrong.safetensors", tied.base.path, tmp_path / "b.gguf")
    save_file({"encoder.weight": torch.ones(9, 9)}, tmp_path / "foreign.safetensors")
    with pytest.raises(TrainingError, match="does not have"):
        export_model(tmp_path / "foreign.safetensors", tied.base.path, tmp_path / "b.gguf")


def test_a_swapped_adapter_speaks_like_a_fresh_load(tied: Twin, plain: Path, tmp_path: Path) -> None:
    """After swaps there and back, every score equals that of an engine which never held anything else."""
    _, other = peft_folder(tied, "other", seed=4)
    paths = [tmp_path / "a.gguf", tmp_path / "b.gguf"]
    for folder, path in zip((plain, other), paths, strict=True):
        export_lora(folder, tied.base, path)
    live = exact_engine(tied.base.path)
    swap = HotSwap(tied.base, live)
    for parts in ([(paths[0], 1.0)], [], [(paths[1], 0.5)], [(paths[0], 1.0)], [(paths[1], 1.0), (paths[0], 0.3)], []):
        swap.swap(parts)
        fresh = exact_engine(tied.base.path)
        HotSwap(tied.base, fresh).swap(parts)
        assert np.array_equal(engine_logits(live), engine_logits(fresh))
        fresh.close()
    live.close()


def test_adapters_of_random_weights_are_deterministic(tied: Twin) -> None:
    """The helper above draws the same weights for the same seed."""
    one, _ = peft_folder(tied, "x", seed=2)
    two, _ = peft_folder(tied, "x", seed=3)
    randomize(two, 2)
    assert np.array_equal(logits_of(one), logits_of(two))
