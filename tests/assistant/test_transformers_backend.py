"""The second engine beside the first on the same weights: tokens, scores, adapters, settings; and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_chain import SENTENCE, chain_folder, chain_model
from made_gguf import lora

from adapters.errors import GGUFError
from adapters.files.folder_facts import read_folder
from adapters.files.gguf import read_gguf
from assistant.backends.array_sampler import ArraySampler
from assistant.backends.base import Backend, ChatMessage, Done, Piece
from assistant.backends.knobs import next_tokens
from assistant.backends.llamacpp import LlamaCppBackend
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ModelError
from assistant.models.choice import parse_choice, with_defaults
from assistant.models.location import is_starter, resolve_model, starter_path
from assistant.models.unpacked_memory import check_unpacked_fits, unpacked_size

GREEDY = Sampling(temperature=0, repeat_penalty=1.0, max_tokens=24)
CHAT = [ChatMessage("user", "What is the capital of France?")]
TRICKY = [
    "don't  stop\n\n\nnow\t1234567", "naïve café — “quoted”", "日本語 and emoji 🦊", " leading and trailing ", "a\r\nb",
    "<|im_start|>system", "x" * 300, "",
]  # fmt: skip


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_model(tmp_path_factory.mktemp("models") / "chain.gguf")


@pytest.fixture(scope="module")
def folder(chain: Path) -> Path:
    return chain_folder(chain.parent / "folder", chain)


@pytest.fixture(scope="module")
def engines(chain: Path) -> Iterator[tuple[Any, Any]]:
    """llama.cpp and transformers on the very same GGUF file, both in float32."""
    from assistant.backends.transformers_backend import TransformersBackend

    first = LlamaCppBackend(read_gguf(chain), context=512, exact=True)
    second = TransformersBackend(read_gguf(chain), context=512, precision="fp32")
    yield first, second
    first.close()
    second.close()


def answer(backend: Backend) -> str:
    *pieces, done = backend.complete(CHAT, GREEDY, lambda: False)
    assert isinstance(done, Done)
    return "".join(each.text for each in pieces if isinstance(each, Piece))


def logits(backend: Any, prompt: list[int], text: list[int]) -> np.ndarray:
    """Of the words the model knows; all other rows of its head are zeros."""
    words = backend._engine.tokenize(SENTENCE.encode(), special=False)
    candidates = [words] * len(text)
    return np.array([step.chosen for step in backend.follow(prompt, text, candidates)])


def test_both_engines_read_and_score_alike(engines: tuple[Any, Any], tmp_path: Path) -> None:
    """The same tokens, prompts and scores to rounding; so too with a mix of adapters, whose q and k rows stand in
    another order in the file, and exactly the old scores without them."""
    first, second = engines
    assert first.count_tokens(TRICKY) == second.count_tokens(TRICKY)
    assert first.prompt(CHAT) == second.prompt(CHAT) and first._tokenize(first.prompt(CHAT)) == second._tokenize(
        second.prompt(CHAT)
    )
    prompt, text = first._tokenize(first.prompt(CHAT)), list(range(300, 320))
    before = logits(second, prompt, text)
    assert np.abs(logits(first, prompt, text) - before).max() < 1e-4
    facts = read_gguf(Path(first.info.path))
    targets = ["blk.0.attn_q.weight", "blk.1.attn_k.weight", "blk.1.ffn_down.weight", "blk.0.attn_output.weight"]
    paths = [lora(tmp_path / f"{name}.gguf", facts, targets, seed=seed) for seed, name in enumerate(("one", "two"))]
    for parts in ([(str(paths[0]), 1.0)], [(str(paths[0]), 0.6), (str(paths[1]), 0.3)]):
        assert first.set_adapters(parts) == second.set_adapters(parts)
        changed = logits(second, prompt, text)
        assert np.abs(changed - before).max() > 0.1
        assert np.abs(logits(first, prompt, text) - changed).max() < 1e-3
    for backend in engines:
        backend.set_adapters([])
    assert (logits(second, prompt, text) == before).all() and answer(first) == answer(second) == SENTENCE


def soft_prompt(folder: Path, rows: np.ndarray) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir()
    settings = {"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": len(rows)}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    save_file({"prompt_embeddings": np.ascontiguousarray(rows, np.float32)}, folder / "adapter_model.safetensors")
    return folder / "adapter_config.json"


def test_a_soft_prompt_stands_before_every_prompt(engines: tuple[Any, Any], tmp_path: Path) -> None:
    """Virtual tokens that are embeddings of real ones act as those; they have no strength and must have the width."""
    _, backend = engines
    words = [1000, 2000, 3000]
    rows = backend._engine._model.get_input_embeddings().weight[words].detach().numpy()
    prompt, text = list(range(400, 420)), list(range(500, 510))
    expected, plain = logits(backend, [*words, *prompt], text), logits(backend, prompt, text)
    path = soft_prompt(tmp_path / "voice", rows)
    assert backend.set_adapters([(str(path), 1.0)]) == "voice"
    assert np.abs(logits(backend, prompt, text) - expected).max() < 1e-4 < np.abs(plain - expected).max()
    assert answer(backend) == answer(backend) == SENTENCE
    with pytest.raises(AdapterError, match="no strength"):
        backend.set_adapters([(str(path), 0.5)])
    with pytest.raises(AdapterError, match="does not fit"):
        backend.set_adapters([(str(soft_prompt(tmp_path / "wide", np.ones((2, 999)))), 1.0)])
    assert backend.set_adapters([]) == "" and (logits(backend, prompt, text) == plain).all()
    with pytest.raises(AdapterError, match="adapter_config"):
        engines[0].set_adapters([(str(path), 1.0)])


def test_settings_mean_what_they_mean_in_llama_cpp() -> None:
    """What is drawn is what the knobs leave, in llama.cpp's order, about as often as they say; a seed repeats."""
    draw = np.random.default_rng(5)
    scores = draw.normal(0, 2, 300).astype(np.float32)
    for sampling in (
        Sampling(temperature=0.7, top_k=20, top_p=0.9, min_p=0.02, repeat_penalty=1.3),
        Sampling(temperature=1.5, top_k=0, top_p=0.8, min_p=0.0, repeat_penalty=1.0),
        Sampling(temperature=0.0, repeat_penalty=1.1),
    ):
        wanted = next_tokens(scores.tolist(), sampling, [], 300, lambda token: b"x")
        chances = {each.token: each.final for each in wanted.candidates if each.final > 0}
        drawn = [ArraySampler(scores.copy, sampling, seed).next() for seed in range(400)]
        assert set(drawn) <= set(chances)
        likeliest = max(chances, key=lambda token: chances[token])
        assert drawn.count(likeliest) / 400 == pytest.approx(chances[likeliest], abs=0.09)
        assert ArraySampler(scores.copy, sampling, 3).next() == drawn[3]
    sampling = Sampling(temperature=0, repeat_penalty=2.0)
    sampler = ArraySampler(scores.copy, sampling, 0)
    said = [sampler.next() for _ in range(6)]
    for place in range(6):
        found = next_tokens(scores.tolist(), sampling, said[:place], 300, lambda _: b"")
        assert [each.token for each in found.candidates if each.final > 0] == [said[place]]
    assert len(set(said)) > 1


@pytest.mark.parametrize("precision", ["bf16", "nf4", "int8"])
def test_other_precisions_answer_too(folder: Path, precision: Any) -> None:
    """bfloat16 and what bitsandbytes makes of the weights while they are loaded; adapters go on over it."""
    if precision != "bf16":
        pytest.importorskip("bitsandbytes", reason="the extra qlora has it")
    from assistant.backends.transformers_backend import TransformersBackend

    backend = TransformersBackend(read_folder(folder), context=256, precision=precision)
    assert answer(backend) == SENTENCE and backend.info.quantization == precision
    backend.close()


def test_a_folder_that_is_no_safe_model_is_refused(folder: Path, tmp_path: Path) -> None:
    """Code of its own, pickled weights, weights that are quantised already, damage: words, before anything opens it."""
    good = json.loads((folder / "config.json").read_text())
    wrong = {
        "code of its own": {**good, "auto_map": {"AutoModel": "evil.py"}},
        "code": {**good, "nested": [{"trust_remote_code": True}]},
        "quantised already": {**good, "quantization_config": {"bits": 4}},
        "not valid JSON": None,
    }
    for number, (words, config) in enumerate(wrong.items()):
        made = tmp_path / str(number)
        made.mkdir()
        (made / "config.json").write_text("{" if config is None else json.dumps(config))
        (made / "model.safetensors").write_bytes(b"")
        with pytest.raises(GGUFError, match=words):
            read_folder(made)
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text(json.dumps(good))
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(GGUFError, match="holds no safetensors") as told:
        read_folder(pickled)
    assert "Pickled weights are never read" in told.value.hint
    (pickled / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(GGUFError, match="safetensors"):
        read_folder(pickled)


def test_a_name_says_which_engine_at_which_precision(folder: Path) -> None:
    """By name or by setting; what an engine cannot do is refused with what can."""
    assert str(parse_choice("transformers+nf4:starter")) == "transformers+nf4:starter"
    assert with_defaults("starter", "transformers", "bf16") == "transformers+bf16:starter"
    assert with_defaults("llama.cpp:starter", "transformers", "auto") == "llama.cpp:starter"
    assert with_defaults("remote:x", "transformers", "nf4") == "remote:x"
    assert with_defaults("scripted", "transformers", "nf4") == "scripted"
    assert is_starter("transformers+int8:starter") and resolve_model("transformers:starter") == starter_path()
    assert resolve_model(str(folder)) == folder.absolute()
    for name, words in (
        ("transformers+q9:starter", "no precision 'q9'"),
        ("llama.cpp+nf4:starter", r"transformers\+nf4"),
    ):
        with pytest.raises(ModelError, match=words):
            parse_choice(name)
    with pytest.raises(ModelError, match="no engine 'vllm'"):
        with_defaults("starter", "vllm", "auto")
    with pytest.raises(ModelError, match="runs on a server"):
        resolve_model("remote:mistral")


def test_a_model_that_does_not_fit_unpacked_is_refused_with_what_fits() -> None:
    """The line says how much is needed and free, and which precision or engine would do."""
    facts = read_gguf(starter_path())
    needed = unpacked_size(facts, 2048, "fp32")
    assert needed > unpacked_size(facts, 2048, "bf16") or needed > 4 * facts.parameters
    assert check_unpacked_fits(facts, 2048, "fp32", needed) == needed
    with pytest.raises(ModelError, match=r"GB of memory with transformers in fp32") as told:
        check_unpacked_fits(facts, 2048, "fp32", needed // 4)
    assert "llama.cpp runs the file" in told.value.hint


@pytest.mark.slow
async def test_the_chat_answers_with_a_folder(home: Path, folder: Path) -> None:
    """By its path alone a folder of safetensors is loaded in the model's child, and its adapters are swapped there."""
    (home / "config.toml").write_text(f'[model]\nname = "{folder}"\ncontext = 512\n[documents]\nembedder = "hashed"\n')
    async with opened(load_config(home)) as core:
        chat = await core.conversations.create()
        [event async for event in core.engine.ask(chat.id, "What is the capital of France?", use_documents=False)]
        message = (await core.conversations.thread(chat.id))[-1]
        assert message.state == "done" and message.text == SENTENCE, message.notices
        assert core.model.info is not None and core.model.info.engine == "transformers"
        path = lora(home / "loud.gguf", read_folder(folder), ["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"])
        assert await core.model.use_adapter(str(path)) == "loud"
        with pytest.raises(ModelError, match="llama.cpp does not read"):
            await core.model.load(f"llama.cpp:{folder}")
        assert (await core.model.load("scripted")).engine == "scripted"
