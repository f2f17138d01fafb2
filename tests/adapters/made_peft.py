"""A tiny random llama in transformers and in GGUF, and PEFT adapters for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from made_gguf import Array, tiny_metadata, write_gguf
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts
from adapters.files.tensor_names import gguf_name, permuted
from assistant.backends.llama_engine import LlamaEngine

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
IDS = [5, 90, 17, 200, 33, 64, 128, 7, 77, 101, 250, 3]


@dataclass(frozen=True)
class Twin:
    """One model in both engines."""

    model: Any
    base: GGUFFacts
    folder: Path


def twin(folder: Path, tied: bool = True, mistral: bool = False) -> Twin:
    """A model of two layers, four heads and two KV heads, with random weights."""
    torch.manual_seed(3)
    settings: dict[str, Any] = {
        "vocab_size": 261, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": tied, "initializer_range": 0.1, "bos_token_id": 259, "eos_token_id": 258,
    }  # fmt: skip
    if mistral:
        model: Any = MistralForCausalLM(MistralConfig(**settings, sliding_window=None))
    else:
        model = LlamaForCausalLM(LlamaConfig(**settings))
    model = model.float().eval().requires_grad_(False)
    folder.mkdir(parents=True, exist_ok=True)
    return Twin(model, read_gguf(as_gguf(folder / "base.gguf", model)), folder)


def as_gguf(path: Path, model: Any) -> Path:
    """The model as a GGUF of 32-bit floats."""
    config = model.config
    metadata = tiny_metadata(
        llama__embedding_length=config.hidden_size, llama__block_count=config.num_hidden_layers,
        llama__feed_forward_length=config.intermediate_size, llama__rope__dimension_count=16,
        llama__rope__freq_base=10000.0, general__file_type=0,
    )  # fmt: skip
    shell = GGUFFacts(path, 0, 3, metadata, {})
    tensors: dict[str, Array] = {}
    for name, weight in model.named_parameters():
        target = gguf_name(name.removesuffix(".weight"))
        tensors[f"{target}.weight"] = permuted(weight.detach().numpy(), target, shell)
    return write_gguf(path, metadata, tensors)


def peft_folder(twin: Twin, name: str, seed: int = 1, strength: float = 0.06, **changes: Any) -> tuple[Any, Path]:
    """A trained-looking adapter on a copy of the model: (the PEFT model, its folder)."""
    import copy

    settings = {"r": 8, "lora_alpha": 16, "target_modules": LINEARS, "task_type": "CAUSAL_LM"} | changes
    peft = get_peft_model(copy.deepcopy(twin.model), LoraConfig(**settings))
    randomize(peft, seed, strength)
    peft.save_pretrained(twin.folder / name)
    return peft.eval(), twin.folder / name


def randomize(peft: Any, seed: int, strength: float = 0.06) -> None:
    """Weights as after training: PEFT begins with a b of zeros."""
    chance = torch.Generator().manual_seed(seed)
    for weight_name, weight in peft.named_parameters():
        if "lora_" in weight_name:
            weight.data = torch.randn(weight.shape, generator=chance) * strength


def logits_of(model: Any, ids: list[int] = IDS) -> NDArray[np.float32]:
    """Scores after each token by transformers, in 32-bit floats."""
    with torch.no_grad():
        out: NDArray[np.float32] = model(input_ids=torch.tensor([ids])).logits[0].numpy()
    return out


def engine_logits(engine: LlamaEngine, ids: list[int] = IDS) -> NDArray[np.float32]:
    """The same by llama.cpp."""
    engine.keep(0)
    return np.stack([scores.copy() for scores in engine.scores(ids)])


def exact_engine(path: Path) -> LlamaEngine:
    """llama.cpp with a cache of 32-bit floats."""
    return LlamaEngine(path, 128, 1, 1, exact=True)
