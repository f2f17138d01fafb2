"""Randomly initialised models for benchmarks: a Llama or Mistral GGUF of any size, written in seconds. [gguf, numpy]

The weights say nothing, so neither does the model; what it takes of memory and time is what a trained one takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType

from adapters.files.gguf_file import Planned, write_gguf

SPECIAL = ("<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of a model: `groups` are heads of keys and values."""

    layers: int
    hidden: int
    inner: int
    heads: int
    groups: int
    vocabulary: int
    context: int = 32768


def made_model(path: Path, size: Size, kind: GGMLQuantizationType = GGMLQuantizationType.F16, seed: int = 1) -> Path:
    """Write a model with random weights of the type `kind` (norms stay 32-bit) and an untied head."""
    writer = GGUFWriter(path, "llama")
    _describe(writer, size)
    draw = np.random.default_rng(seed)
    tensors = []
    for name, shape in _shapes(size).items():
        norm = len(shape) == 1
        tensors.append(
            Planned(
                name, shape, GGMLQuantizationType.F32 if norm else kind,
                lambda shape=shape, norm=norm: np.ones(shape, np.float32) if norm
                else draw.standard_normal(shape, np.float32) * np.float32(0.02),
            )
        )  # fmt: skip
    write_gguf(path, writer, tensors)
    return path


def _describe(writer: GGUFWriter, size: Size) -> None:
    writer.add_type("model")
    writer.add_context_length(size.context)
    writer.add_embedding_length(size.hidden)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.inner)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.groups)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(size.hidden // size.heads)
    writer.add_vocab_size(size.vocabulary)
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]  # the letters GPT-2 writes bytes with
    others = iter(range(256, 512))
    letters = [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
    more = [f"w{number}" for number in range(size.vocabulary - 256 - len(SPECIAL))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*letters, *more, *SPECIAL])
    writer.add_token_types([TokenType.NORMAL] * (size.vocabulary - len(SPECIAL)) + [TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(size.vocabulary - 2)
    writer.add_eos_token_id(size.vocabulary - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _shapes(size: Size) -> dict[str, tuple[int, ...]]:
    keys = size.hidden // size.heads * size.groups
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (size.vocabulary, size.hidden)}
    for layer in range(size.layers):
        shapes |= {
            f"blk.{layer}.{name}.weight": shape
            for name, shape in {
                "attn_norm": (size.hidden,), "attn_q": (size.hidden, size.hidden), "attn_k": (keys, size.hidden),
                "attn_v": (keys, size.hidden), "attn_output": (size.hidden, size.hidden), "ffn_norm": (size.hidden,),
                "ffn_gate": (size.inner, size.hidden), "ffn_up": (size.inner, size.hidden),
                "ffn_down": (size.hidden, size.inner),
            }.items()
        }  # fmt: skip
    return shapes | {"output_norm.weight": (size.hidden,), "output.weight": (size.vocabulary, size.hidden)}
