"""Which tensor of a GGUF file is which weight of a Llama or Mistral model, and how do their rows differ?

llama.cpp keeps the rows of q and k in another order than transformers: its rotary embedding turns neighbouring
pairs of a head's values, transformers' one turns the two halves. Unpermuted rows load and even read fluently,
but are wrong. [H] numpy.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.errors import TrainingError
from adapters.files.gguf_facts import GGUFFacts, shown

ARCHITECTURE = "llama"  # as GGUF names both Llama and Mistral
Array = NDArray[Any]
LAYER = re.compile(r"model\.layers\.(0|[1-9][0-9]{0,4})\.(.+)")
IN_LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(module: str) -> str:
    """The GGUF name of a transformers module without `.weight`, "" for one that has none."""
    if found := LAYER.fullmatch(module):
        name = IN_LAYER.get(found[2], "")
        return f"blk.{found[1]}.{name}" if name else ""
    return OUTSIDE.get(module, "")


def check_architecture(base: GGUFFacts) -> None:
    """Refuse a base whose tensors are not known here.

    Raises:
        TrainingError: it is no llama.
    """
    if base.architecture != ARCHITECTURE:
        raise TrainingError(
            f"{base.path.name} is of the architecture '{shown(base.architecture)}', which cannot be exported to.",
            "Train on a Llama or Mistral model.",
        )


def permuted(rows: Array, name: str, base: GGUFFacts) -> Array:
    """Rows (out, …) of the tensor `name` in llama.cpp's order; only q and k have another one.

    Each head's rows go from (2, half) to (half, 2), as `convert_hf_to_gguf.py` of llama.cpp permutes them.

    Raises:
        TrainingError: the heads do not divide the rows.
    """
    heads = _sharing(rows, name, base)
    if not heads:
        return rows
    apart = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return np.ascontiguousarray(apart.swapaxes(1, 2).reshape(rows.shape))


def unpermuted(rows: Array, name: str, base: GGUFFacts) -> Array:
    """Rows of the tensor `name` in transformers' order: what `permuted` made, undone.

    Raises:
        TrainingError: as above.
    """
    heads = _sharing(rows, name, base)
    if not heads:
        return rows
    apart = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(apart.swapaxes(1, 2).reshape(rows.shape))


def _sharing(rows: Array, name: str, base: GGUFFacts) -> int:
    """How many heads share the rows, 0 where their order is the same in both."""
    kind = name.rpartition(".")[2]
    if kind not in ("attn_q", "attn_k"):
        return 0
    heads = _heads(base, kind, int(name.split(".")[1]))
    if heads <= 0 or rows.shape[0] % (2 * heads):
        raise TrainingError(f"{name} has {rows.shape[0]} rows, which {heads} heads cannot share.", "Is it this base?")
    return heads


def _heads(base: GGUFFacts, kind: str, layer: int) -> int:
    keys = [f"{ARCHITECTURE}.attention.head_count"]
    if kind == "attn_k":
        keys.insert(0, f"{ARCHITECTURE}.attention.head_count_kv")
    value = next((base.metadata[key] for key in keys if key in base.metadata), 0)
    if isinstance(value, list):
        value = value[layer] if layer < len(value) else 0
    return value if isinstance(value, int) else 0
