"""What shape has a base model? Read from the header of a GGUF, or the config.json of a safetensors folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.errors import TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model, shown
from adapters.files.gguf_parts import check_one_file
from adapters.training.recipe import LINEARS

ARCHITECTURES = ("llama", "mistral")  # as adapters.training.base_weights has them, which imports torch


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that memory and time follow from. `tied`: the head is the embedding."""

    layers: int
    hidden: int
    inner: int  # of the feed-forward part
    heads: int
    groups: int  # heads of keys and values
    width: int  # of one head
    vocabulary: int
    tied: bool
    parameters: int
    stored: int  # bytes of the file or files
    packed: bool  # a GGUF, unpacked through float32

    def linear(self, name: str) -> tuple[int, int]:
        """Inputs and outputs of a linear layer, by transformers' name."""
        queries, keys = self.heads * self.width, self.groups * self.width
        return {
            "q_proj": (self.hidden, queries), "k_proj": (self.hidden, keys), "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden), "gate_proj": (self.hidden, self.inner),
            "up_proj": (self.hidden, self.inner), "down_proj": (self.inner, self.hidden),
        }[name]  # fmt: skip

    @property
    def block(self) -> int:
        """Weights in the linear layers of one block."""
        return sum(inputs * outputs for inputs, outputs in map(self.linear, LINEARS))

    @property
    def head(self) -> int:
        """Weights of the head, and of the embedding."""
        return self.vocabulary * self.hidden


def shape_of(base: Path) -> Shape:
    """The shape of a GGUF file or a folder with config.json and safetensors.

    Raises:
        GGUFError, TrainingError: neither, damaged, or of an architecture that cannot be trained here.
    """
    if base.is_file():
        facts = read_gguf(base)
        check_model(facts)
        check_one_file(facts)
        _check_architecture(base, facts.architecture)
        return _of_gguf(facts)
    return _of_folder(base)


def _of_gguf(facts: GGUFFacts) -> Shape:
    def number(key: str) -> int:
        return facts.number(f"{facts.architecture}.{key}")

    heads = max(1, number("attention.head_count"))
    hidden = number("embedding_length")
    embedding = facts.tensors.get("token_embd.weight")
    if not hidden or embedding is None or not number("block_count"):
        raise TrainingError(f"{facts.path.name} does not tell its shape.", "Get the model again.")
    return Shape(
        number("block_count"), hidden, number("feed_forward_length"), heads, number("attention.head_count_kv") or heads,
        number("attention.key_length") or hidden // heads, embedding.shape[-1], "output.weight" not in facts.tensors,
        facts.parameters, facts.size, True,
    )  # fmt: skip


def _of_folder(folder: Path) -> Shape:
    config = folder / "config.json"
    if not config.is_file():
        raise TrainingError(f"{folder} is no model.", "Give a GGUF file, or a folder with config.json and safetensors.")
    try:
        facts = json.loads(config.read_text("utf-8"))
        _check_architecture(folder, str(facts.get("model_type", "")))
        return _of_config(folder, facts)
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise TrainingError(f"{config} does not describe a model.", "Get the model again.") from error


def _of_config(folder: Path, facts: dict[str, Any]) -> Shape:
    heads, hidden = int(facts["num_attention_heads"]), int(facts["hidden_size"])
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    shape = Shape(
        int(facts["num_hidden_layers"]), hidden, int(facts["intermediate_size"]), heads,
        int(facts.get("num_key_value_heads") or heads), int(facts.get("head_dim") or hidden // heads),
        int(facts["vocab_size"]), bool(facts.get("tie_word_embeddings", False)), 0, stored, False,
    )  # fmt: skip
    count = shape.layers * (shape.block + 2 * hidden) + hidden + shape.head * (1 if shape.tied else 2)
    return Shape(
        shape.layers, hidden, shape.inner, heads, shape.groups, shape.width, shape.vocabulary, shape.tied, count,
        stored, False,
    )  # fmt: skip


def _check_architecture(base: Path, name: str) -> None:
    if name not in ARCHITECTURES:
        raise TrainingError(
            f"{base.name} is of the architecture '{shown(name)}', which cannot be trained here.",
            f"Choose a model of the architectures {' or '.join(ARCHITECTURES)}.",
        )
