"""How does a folder of safetensors become a GGUF file that llama.cpp computes the same with? [H] gguf, numpy.

Known are the architectures Llama and Mistral, both of which GGUF calls llama. Weights keep their numbers but for the
rounding of the type that is asked for; the rows of q and k are put into llama.cpp's order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

from adapters.errors import TrainingError
from adapters.files.gguf_facts import GGUFFacts, shown
from adapters.files.gguf_file import Planned, write_gguf
from adapters.files.safetensors_file import SafeTensors
from adapters.files.tensor_names import ARCHITECTURE, Array, gguf_name, permuted
from adapters.files.vocabulary import Vocabulary, read_vocabulary

KINDS: dict[str, tuple[GGMLQuantizationType, int]] = {  # with general.file_type
    "F16": (GGMLQuantizationType.F16, 1), "BF16": (GGMLQuantizationType.BF16, 32), "F32": (GGMLQuantizationType.F32, 0),
}  # fmt: skip
MODELS = ("llama", "mistral")
EMBEDDING, HEAD = "token_embd.weight", "output.weight"
IGNORED = "rotary_emb.inv_freq"  # a constant that old files carry
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """What the tokenizer of a folder does with control tokens, as transformers tells it; -1 for none."""

    bos: int
    eos: int
    unknown: int
    padding: int
    adds_bos: bool
    adds_eos: bool
    template: str


def convert_folder(
    folder: Path, target: Path, kind: str, special: SpecialIds, progress: Progress = lambda done, total: None
) -> None:
    """Write the model in `folder` to `target` in one of KINDS, tokenizer and template included; norms stay 32-bit.

    Raises:
        TrainingError: another architecture, a quantised or damaged folder, a tokenizer that is not known, a full disk.
    """
    config = read_config(folder)
    weights = SafeTensors(folder)
    names = _names(weights, config)
    vocabulary = read_vocabulary(folder, weights.shape(names[EMBEDDING])[0])
    writer = GGUFWriter(target, ARCHITECTURE)
    facts = _described(target, config)
    writer.add_type("model")
    writer.add_string("general.name", folder.name)
    writer.add_file_type(KINDS[kind][1])
    for key, value in facts.metadata.items():
        (writer.add_float32 if isinstance(value, float) else writer.add_uint32)(key, value)
    if _rope(config)["rope_type"] == "linear":
        writer.add_string(f"{ARCHITECTURE}.rope.scaling.type", "linear")
    _add_vocabulary(writer, vocabulary, special)
    tensors = [
        _planned(weights, name, module, facts, kind, (place, len(names)), progress)
        for place, (name, module) in enumerate(names.items(), 1)
    ]
    if (factors := _rope_factors(config)) is not None:
        tensors.append(Planned("rope_freqs.weight", factors.shape, GGMLQuantizationType.F32, lambda: factors))
    write_gguf(target, writer, tensors)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model that can be converted.

    Raises:
        TrainingError: it is missing, damaged, or of a model that cannot.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TrainingError(
            f"{folder} is no model: it has no config.json.", "Give a folder with config.json and safetensors."
        ) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is not valid JSON.", "Get the model again.") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in MODELS:
        raise TrainingError(
            f"{folder.name} is of the architecture '{shown(str(kind))}', which cannot be converted here.",
            f"Choose a model of the architectures {' or '.join(MODELS)}.",
        )
    if "auto_map" in config:
        raise TrainingError(f"{folder.name} wants to run code of its own.", "Choose a model that transformers knows.")
    if config.get("quantization_config"):
        raise TrainingError(f"{folder.name} is quantised already.", "Get it in 16 or 32 bits, then quantise the GGUF.")
    if config.get("hidden_act", "silu") != "silu":
        raise TrainingError(f"{folder.name} has another activation than Llama's.", "Choose another model.")
    return dict(config)


def _described(target: Path, config: dict[str, Any]) -> GGUFFacts:
    """The shape as GGUF's header has it."""
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        width = int(config.get("head_dim") or hidden // heads)
        if min(heads, hidden, width) < 1:
            raise ValueError
        values: dict[str, int | float] = {
            "block_count": int(config["num_hidden_layers"]),
            "context_length": int(config["max_position_embeddings"]),
            "embedding_length": hidden,
            "feed_forward_length": int(config["intermediate_size"]),
            "attention.head_count": heads,
            "attention.head_count_kv": int(config.get("num_key_value_heads") or heads),
            "attention.key_length": width,
            "attention.value_length": width,
            "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
            "rope.dimension_count": width,
            "rope.freq_base": float(_rope(config).get("rope_theta") or 10_000.0),
            "vocab_size": int(config["vocab_size"]),
        }
        if _rope(config)["rope_type"] == "linear":
            values["rope.scaling.factor"] = float(_rope(config)["factor"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise TrainingError("config.json does not describe the model's shape.", "Get the model again.") from error
    return GGUFFacts(target, 0, 3, {f"{ARCHITECTURE}.{key}": value for key, value in values.items()}, {})


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """Settings of the rotary embedding, which older files have beside each other and newer ones together."""
    found = {"rope_theta": config.get("rope_theta"), **(config.get("rope_scaling") or {})}
    found |= config.get("rope_parameters") or {}
    found["rope_type"] = found.get("rope_type") or found.get("type") or "default"
    if found["rope_type"] not in ("default", "linear", "llama3"):
        raise TrainingError(
            f"The positions are scaled in a way that is not known here ({shown(str(found['rope_type']))}).",
            "llama.cpp's convert_hf_to_gguf.py knows more.",
        )
    return found


def _rope_factors(config: dict[str, Any]) -> Array | None:
    """What Llama 3.1 divides its frequencies by, shape (width / 2,); None for models that do not.

    Long wavelengths are stretched by the factor, short ones are not, between them it rises
    (transformers, modeling_rope_utils.py, _compute_llama3_parameters).
    """
    rope = _rope(config)
    if rope["rope_type"] != "llama3":
        return None
    width = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    waves = 2 * math.pi * float(rope.get("rope_theta") or 10_000.0) ** (np.arange(0, width, 2) / width)
    factor, low, high = float(rope["factor"]), float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    trained = float(rope["original_max_position_embeddings"])
    share = np.clip((trained / waves - low) / (high - low), 0.0, 1.0)
    return np.asarray(1.0 / (share + (1.0 - share) / factor), np.float32)


def _names(weights: SafeTensors, config: dict[str, Any]) -> dict[str, str]:
    """Weights by the names they get, blocks in order. A head that is the embedding is left out, as llama.cpp has it."""
    found: dict[str, str] = {}
    for name in weights.names:
        module, _, part = name.rpartition(".")
        if name.endswith(IGNORED):
            continue
        if not gguf_name(module) or part not in ("weight", "bias"):
            raise TrainingError(
                f"The folder holds '{shown(name, 100)}', which a Llama model does not have.", "Choose another model."
            )
        found[f"{gguf_name(module)}.{part}"] = name
    if EMBEDDING not in found:
        raise TrainingError("The folder holds no embedding.", "Get the model again.")
    if config.get("tie_word_embeddings"):
        found.pop(HEAD, None)
    return found


def _planned(
    weights: SafeTensors,
    name: str,
    module: str,
    facts: GGUFFacts,
    kind: str,
    place: tuple[int, int],
    progress: Progress,
) -> Planned:
    shape = weights.shape(module)
    stored = KINDS[kind][0] if len(shape) > 1 else GGMLQuantizationType.F32

    def values() -> Array:
        progress(*place)
        return permuted(weights.read(module), name.rpartition(".")[0], facts)

    return Planned(name, shape, stored, values)


def _add_vocabulary(writer: GGUFWriter, vocabulary: Vocabulary, special: SpecialIds) -> None:
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.types))
    if vocabulary.model == "gpt2":
        writer.add_tokenizer_pre(vocabulary.pre)
        writer.add_token_merges(list(vocabulary.merges))
    else:
        writer.add_token_scores(list(vocabulary.scores))
        writer.add_add_space_prefix(vocabulary.space_before)
    for number, add in (
        (special.bos, writer.add_bos_token_id), (special.eos, writer.add_eos_token_id),
        (special.unknown, writer.add_unk_token_id), (special.padding, writer.add_pad_token_id),
    ):  # fmt: skip
        if number >= 0:
            add(number)
    writer.add_add_bos_token(special.adds_bos)
    writer.add_add_eos_token(special.adds_eos)
    if special.template:
        writer.add_chat_template(special.template)
