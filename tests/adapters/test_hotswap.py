"""Adapter files that fit and that do not, and swaps on a live model."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from made_gguf import lora, lora_metadata, mutated, tiny_metadata, tiny_model, tiny_tensors, write_gguf

from adapters.errors import AdapterFitError, GGUFError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts
from adapters.hotswap import IDLE_ADAPTERS, PROBE_TOKENS, HotSwap, check_fit
from assistant.backends.llama_engine import LlamaEngine
from assistant.errors import AdapterError

QUERY, DOWN = "blk.0.attn_q.weight", "blk.1.ffn_down.weight"
TEXT = [5, 6, 7, 8, 9]


@pytest.fixture
def base(tmp_path: Path) -> GGUFFacts:
    return read_gguf(tiny_model(tmp_path / "tiny.gguf"))


@pytest.fixture
def engine(base: GGUFFacts) -> LlamaEngine:
    engine = LlamaEngine(base.path, 128, 1, 1)
    yield engine
    engine.close()


def test_a_fitting_adapter_is_described(base: GGUFFacts, tmp_path: Path) -> None:
    """Name, rank, alpha and targets of a fitting adapter are read from its header."""
    facts = check_fit(read_gguf(lora(tmp_path / "letters.gguf", base, rank=4)), base)
    assert (facts.name, facts.rank, facts.alpha, facts.targets) == ("letters", 4, 8.0, (QUERY, DOWN))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general__type": "model"}, "is not a LoRA adapter"),
        ({"general__type": None}, "is not a LoRA adapter"),
        ({"adapter__type": "other"}, "is not a LoRA adapter"),
        ({"general__architecture": "qwen2"}, "made for the architecture 'qwen2'"),
        ({"adapter__lora__alpha": float("nan")}, "no usable lora.alpha"),
        ({"adapter__lora__alpha": float("inf")}, "no usable lora.alpha"),
        ({"adapter__lora__alpha": None}, "no usable lora.alpha"),
        ({"adapter__lora__alpha": "8"}, "no usable lora.alpha"),
    ],
)
def test_wrong_headers_are_refused(base: GGUFFacts, tmp_path: Path, changes: dict[str, object], words: str) -> None:
    """A file that is no LoRA adapter, or made for another architecture, is refused in words."""
    with pytest.raises(AdapterFitError, match=words):
        check_fit(read_gguf(lora(tmp_path / "a.gguf", base, **changes)), base)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "holds no weights"),
        ({f"{QUERY}.lora_a": (4, 32)}, "only half"),
        ({f"{QUERY}.lora_a": (4, 32), f"{QUERY}.lora_b": (33, 4)}, "shapes"),
        ({f"{QUERY}.lora_a": (4, 31), f"{QUERY}.lora_b": (32, 4)}, "shapes"),
        ({f"{QUERY}.lora_a": (4, 32), f"{QUERY}.lora_b": (32, 5)}, "shapes"),
        ({f"{QUERY}.lora_a": (32,), f"{QUERY}.lora_b": (32,)}, "shapes"),
        ({"blk.7.attn_q.weight.lora_a": (4, 32), "blk.7.attn_q.weight.lora_b": (32, 4)}, "has no tensor"),
        ({"blk.0.attn_norm.weight.lora_a": (4, 32), "blk.0.attn_norm.weight.lora_b": (1, 4)}, "would ignore"),
        ({"output_norm.weight": (32,)}, "would ignore"),
    ],
)
def test_wrong_tensors_are_refused(
    base: GGUFFacts, tmp_path: Path, tensors: dict[str, tuple[int, ...]], words: str
) -> None:
    """Tensors the base does not have, of another shape, or that llama.cpp would ignore are refused."""
    arrays = {name: np.ones(shape, np.float32) for name, shape in tensors.items()}
    with pytest.raises(AdapterFitError, match=words):
        check_fit(read_gguf(write_gguf(tmp_path / "a.gguf", lora_metadata(base), arrays)), base)


def test_an_adapter_of_the_embedding(base: GGUFFacts, tmp_path: Path) -> None:
    """Its halves are stored the other way round; on a model that ties embedding and output it is refused."""
    name, draw = "token_embd.weight", np.random.default_rng(1)
    arrays = {f"{name}.lora_a": draw.normal(size=(261, 4)), f"{name}.lora_b": draw.normal(size=(32, 4))}
    path = write_gguf(tmp_path / "e.gguf", lora_metadata(base), arrays)
    with pytest.raises(AdapterFitError, match="shares with its output"):
        check_fit(read_gguf(path), base)
    untied = tiny_tensors() | {"output.weight": tiny_tensors(2)[name]}
    engine = LlamaEngine(write_gguf(tmp_path / "untied.gguf", tiny_metadata(), untied), 128, 1, 1)
    assert HotSwap(read_gguf(tmp_path / "untied.gguf"), engine).swap([(path, 1.0)]) == "e"
    engine.close()


def test_taking_off_restores_the_base_exactly(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """Scores differ with an adapter on, and are the base's to the last bit once it is off."""
    swap, before = HotSwap(base, engine), engine.probe(PROBE_TOKENS)
    assert swap.swap([(lora(tmp_path / "a.gguf", base), 1.0)]) == "a"
    assert engine.probe(PROBE_TOKENS) != before
    assert swap.swap([]) == "" == swap.name
    assert engine.probe(PROBE_TOKENS) == before


def test_strength_matters_and_zero_is_the_base(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """Half the strength gives other scores than the whole; a strength of 0 gives the base's."""
    swap, path = HotSwap(base, engine), lora(tmp_path / "a.gguf", base)
    scores = {}
    for scale in (0.0, 0.5, 1.0):
        swap.swap([(path, scale)])
        scores[scale] = engine.probe(PROBE_TOKENS)
    swap.swap([])
    assert scores[0.0] == pytest.approx(engine.probe(PROBE_TOKENS), abs=1e-5)
    assert scores[0.5] != scores[1.0] != scores[0.0]


def test_an_adapter_is_read_once_and_again_when_its_file_changed(
    base: GGUFFacts, engine: LlamaEngine, tmp_path: Path
) -> None:
    """Another strength or a second swap keeps the weights in memory; a new file under the old name is read."""
    swap, path = HotSwap(base, engine), lora(tmp_path / "a.gguf", base)
    for scale in (1.0, 0.5, 1.0):
        swap.swap([(path, scale)])
    assert len(engine._adapters) == 1
    old = engine.probe(PROBE_TOKENS)
    lora(path, base, rank=8, seed=2)
    swap.swap([(path, 1.0)])
    assert len(engine._adapters) == 2
    assert engine.probe(PROBE_TOKENS) != old


def test_a_swap_drops_the_cache(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """What was evaluated under the old adapter is not reused under the new one."""
    engine.evaluate(TEXT)
    HotSwap(base, engine).swap([(lora(tmp_path / "a.gguf", base), 1.0)])
    assert engine.cached == []


@pytest.mark.parametrize("fault", ["missing", "text", "cut", "nan", "nothing"])
def test_a_failed_swap_leaves_the_old_adapter_on(
    base: GGUFFacts, engine: LlamaEngine, tmp_path: Path, fault: str
) -> None:
    """A missing, foreign, cut, infinite or ineffective adapter is refused in words; the old one stays on."""
    swap, bad = HotSwap(base, engine), tmp_path / "bad.gguf"
    swap.swap([(lora(tmp_path / "good.gguf", base), 1.0)])
    before = engine.probe(PROBE_TOKENS)
    if fault == "text":
        bad.write_text("Dear reader")
    elif fault == "cut":
        bad.write_bytes(lora(bad, base).read_bytes()[:-500])
    elif fault != "missing":
        lora(bad, base, strength=float("nan") if fault == "nan" else 0.0)
    with pytest.raises(AdapterFitError) as caught:
        swap.swap([(bad, 1.0)])
    assert "\n" not in str(caught.value) and "bad" in str(caught.value) and caught.value.hint
    assert swap.name == "good"
    assert engine.probe(PROBE_TOKENS) == before


def test_a_mix_fails_whole(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """One bad part: none of the mix goes on, and the mix before stays, with its strengths."""
    swap = HotSwap(base, engine)
    one, two = (lora(tmp_path / f"{name}.gguf", base, seed=seed) for seed, name in enumerate("ab"))
    bad = lora(tmp_path / "bad.gguf", base, strength=float("nan"))
    assert swap.swap([(one, 0.5), (two, 1.0)]) == "a:0.5 b"
    before = engine.probe(PROBE_TOKENS)
    for parts in ([(two, 1.0), (bad, 1.0)], [(one, 1.0), (tmp_path / "absent.gguf", 1.0)], [(one, 1.0), (one, 2.0)]):
        with pytest.raises(AdapterFitError):
            swap.swap(parts)
        assert swap.name == "a:0.5 b"
        assert engine.probe(PROBE_TOKENS) == before


def test_a_tried_adapter_goes_on_without_a_probe(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """What passed before is put on at once, and is the same."""
    path, swap = lora(tmp_path / "a.gguf", base), HotSwap(base, engine)
    swap.swap([(path, 1.0)])
    scores = engine.probe(PROBE_TOKENS)
    swap.swap([])
    evaluated: list[int] = []
    engine.probe, probe = lambda count: evaluated.append(count), engine.probe  # type: ignore[method-assign]  # watched
    assert swap.swap([(path, 1.0)], tried=True) == "a" and evaluated == []
    engine.probe = probe  # type: ignore[method-assign]  # as above
    assert engine.probe(PROBE_TOKENS) == scores


def test_idle_adapters_leave_memory(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """Beyond a few, those longest off are freed; those that are on never are."""
    paths = [lora(tmp_path / f"a{number}.gguf", base, seed=number) for number in range(IDLE_ADAPTERS + 3)]
    swap = HotSwap(base, engine)
    for path in paths:
        swap.swap([(path, 1.0)])
    assert len(engine._adapters) == IDLE_ADAPTERS + 1
    swap.swap([(path, 0.2) for path in paths])
    assert len(engine._adapters) == len(paths)
    key = next(iter(engine._adapters))
    with pytest.raises(AdapterError, match="that is on"):
        engine.free_adapter(key)
    swap.swap([])
    assert len(engine._adapters) == IDLE_ADAPTERS
    engine.free_adapter(key)
    engine.free_adapter(key)


def test_a_thousand_swaps_do_not_grow(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """Six adapters and the base in turn, loaded anew each time: the process's memory stays what it was."""
    targets = [name for name, tensor in base.tensors.items() if "norm" not in name and name != "token_embd.weight"]
    paths = [lora(tmp_path / f"a{number}.gguf", base, targets, rank=16, seed=number) for number in range(6)]
    swap, sizes = HotSwap(base, engine), []
    for number in range(1000):
        swap.swap([(paths[number % 6], 1.0)] if number % 7 else [], tried=number > 50)
        if number in (300, 999):
            sizes.append(resident())
    assert sizes[1] - sizes[0] < 3 * 2**20


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_damaged_foreign_and_missing_files(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path, count: int) -> None:
    """Each is refused in one sentence, or goes on as a working adapter; the model goes on either way."""
    chance, swap, path = random.Random(5), HotSwap(base, engine), tmp_path / "bad.gguf"
    before, whole = engine.probe(PROBE_TOKENS), lora(path, base).read_bytes()
    foreign = [tiny_model(tmp_path / "m.gguf").read_bytes(), b"", b"GGUF", b"PK\3\4", bytes(5000)]
    refused = 0
    for number in range(count):
        path.unlink(missing_ok=True)
        if number % 4 == 1:
            path.write_bytes(chance.choice(foreign))
        elif number % 4 != 3:
            path.write_bytes(mutated(whole, chance))
        try:
            swap.swap([(path, 1.0)])
        except (GGUFError, AdapterError) as error:
            assert "\n" not in str(error) and getattr(error, "hint", "")
            refused += 1
        swap.swap([])
        assert engine.probe(PROBE_TOKENS) == before
    assert refused > count / 2


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0, 11.0])
def test_impossible_strengths_are_refused(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path, scale: float) -> None:
    """A strength that is no number from 0 to 10 is refused."""
    with pytest.raises(AdapterFitError, match="strength"):
        HotSwap(base, engine).swap([(lora(tmp_path / "a.gguf", base), scale)])


def test_an_adapter_of_another_model_is_refused(base: GGUFFacts, engine: LlamaEngine, tmp_path: Path) -> None:
    """An adapter made for the embedded model does not go on the tiny one, although both are llamas."""
    from assistant.models.location import starter_path

    path = lora(tmp_path / "foreign.gguf", read_gguf(starter_path()), ["blk.0.attn_q.weight"])
    with pytest.raises(AdapterFitError, match=r"foreign\.gguf does not fit tiny\.gguf: the shapes"):
        HotSwap(base, engine).swap([(path, 1.0)])
