"""How does an adapter trained with PEFT become a GGUF LoRA that llama.cpp computes the same with? [H] gguf, numpy.

llama.cpp adds `strength * alpha / rank * b @ a` to a weight, and `strength * b @ a` where alpha is 0. So where
PEFT scales layers differently (rsLoRA, alpha patterns), each scale goes into its b, and alpha is 0. What a LoRA
file cannot say (DoRA, biases, whole layers) is refused: llama.cpp would ignore it in silence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

from adapters.errors import AdapterFitError, TrainingError
from adapters.files.gguf_facts import GGUFFacts, Tensor, shown
from adapters.files.gguf_file import LARGEST_HALF, Planned, write_gguf
from adapters.files.model_export import export_model
from adapters.files.safetensors_file import SafeTensors
from adapters.files.tensor_names import Array, check_architecture, gguf_name, permuted
from adapters.hotswap import EMBEDDING, check_fit

__all__ = ["export_lora", "export_model"]

MAX_CONFIG = 10 * 2**20  # bytes
PATTERN = re.compile(r"[^()]*(\((\?:)?[^()+*{]*\)[^()+*{]*)*")  # what PEFT writes, and no pattern that takes for ever
HALF = re.compile(r"base_model\.model\.(.+)\.lora_(embedding_)?([AB])(?:\.default)?(?:\.weight)?")
# settings of PEFT's LoraConfig that change the computation, and what they are called
REFUSED = {
    "use_dora": "DoRA", "lora_bias": "biases of its own", "modules_to_save": "whole trained layers",
    "trainable_token_indices": "trained tokens", "layer_replication": "repeated layers",
    "target_parameters": "weights outside of linear layers", "fan_in_fan_out": "transposed layers",
    "use_qalora": "QA-LoRA", "alora_invocation_tokens": "activated LoRA", "arrow_config": "Arrow routing",
    "megatron_config": "Megatron layers", "use_bdlora": "block-diagonal LoRA", "velora_config": "VeLoRA",
    "monteclora_config": "MonteCLoRA", "kasa_config": "KaSA",
}  # fmt: skip
CHANGED_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")  # ways to begin that change the base's weights too


@dataclass(frozen=True, slots=True)
class _Pair:
    """The halves of one layer's change: a (rank, in), b (out, rank) in the order of the file; PEFT's scale."""

    target: str  # the base's tensor
    a: Array
    b: Array
    alpha: float
    scale: float

    @property
    def rank(self) -> int:
        return int(self.b.shape[1])


def export_lora(
    peft: Path,
    base: GGUFFacts,
    target: Path,
    *,
    metadata: Mapping[str, str | float | int] | None = None,
    f32: bool = False,
) -> None:
    """Write the PEFT adapter in the folder `peft`, trained on `base`, to `target` as a GGUF LoRA.

    Weights become 16-bit floats unless `f32` (their rounding changes logits by about 1e-4). `metadata` is
    written too: "name" as the adapter's name, other keys as `assistant.KEY` (base_sha256, dataset, …).

    Raises:
        TrainingError: it cannot be represented, does not belong to `base`, is damaged, or the disk is full.
    """
    check_architecture(base)
    config = _config(peft)
    _check_config(config)
    pairs = _pairs(SafeTensors(peft / "adapter_model.safetensors"), config, base)
    alpha = pairs[0].alpha
    if any(not math.isclose(pair.scale, alpha / pair.rank, rel_tol=1e-9) for pair in pairs):
        pairs, alpha = [replace(pair, b=pair.b * np.float32(pair.scale)) for pair in pairs], 0.0
    writer = GGUFWriter(target, base.architecture)
    _describe(writer, dict(metadata or {}), alpha)
    tensors = [planned for pair in pairs for planned in _planned(pair, f32)]
    _check(target, base, alpha, tensors)
    write_gguf(target, writer, tensors)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise TrainingError(f"{path} is too large to be a configuration.", "Choose another adapter.")
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TrainingError(
            f"{folder} is no PEFT adapter: adapter_config.json cannot be read.", "Choose its folder."
        ) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is not valid JSON.", "Get the adapter again.") from error
    if not isinstance(config, dict):
        raise TrainingError(f"{path} holds no settings.", "Get the adapter again.")
    return config


def _check_config(config: dict[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise TrainingError(
            f"An adapter of the kind {shown(str(kind))} has no GGUF form.",
            "A soft prompt runs on the transformers engine; llama.cpp needs a LoRA.",
        )
    for key, name in REFUSED.items():
        if config.get(key):
            raise TrainingError(f"An adapter with {name} has no GGUF form ({key}).", f"Train it without {key}.")
    if config.get("bias", "none") != "none":
        raise TrainingError("An adapter with trained biases has no GGUF form (bias).", "Train it with bias none.")
    begun = str(config.get("init_lora_weights", "")).lower()
    if begun.startswith(CHANGED_BASE):
        raise TrainingError(
            f"An adapter begun with {shown(begun)} belongs to a changed base.", "Convert it to a plain LoRA with PEFT."
        )


def _pairs(weights: SafeTensors, config: dict[str, Any], base: GGUFFacts) -> list[_Pair]:
    halves: dict[str, dict[str, str]] = {}
    for name in weights.names:
        if name.endswith(".base_layer.weight"):  # PEFT saves the frozen head and embedding with their LoRA
            continue
        found = HALF.fullmatch(name)
        if found is None or not gguf_name(found[1]):
            raise TrainingError(
                f"The adapter holds '{shown(name, 100)}', which has no place in a GGUF LoRA.",
                "Train only the linear layers, without DoRA and biases.",
            )
        halves.setdefault(found[1], {})[found[3]] = name
    if not halves:
        raise TrainingError("The adapter holds no weights.", "Train it again.")
    return [_pair(weights, module, names, config, base) for module, names in sorted(halves.items())]


def _pair(weights: SafeTensors, module: str, names: dict[str, str], config: dict[str, Any], base: GGUFFacts) -> _Pair:
    if len(names) < 2:
        raise TrainingError(f"The adapter holds only half of '{shown(module, 100)}'.", "Get it again, or train again.")
    a, b = weights.read(names["A"]), weights.read(names["B"])
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1] or not a.size or not b.size:
        raise TrainingError(f"The shapes of '{shown(module, 100)}' do not belong together.", "Train it again.")
    alpha = _alpha(module, config)
    rank = b.shape[1]
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    target = f"{gguf_name(module)}.weight"
    if target == EMBEDDING:
        a = np.ascontiguousarray(a.T)
    return _Pair(target, a, permuted(b, gguf_name(module), base), alpha, scale)


def _alpha(module: str, config: dict[str, Any]) -> float:
    """The layer's alpha: of the first pattern that matches the end of its name, as PEFT's `get_pattern_key`."""
    patterns = config.get("alpha_pattern") or {}
    value = config.get("lora_alpha")
    for pattern, special in patterns.items() if isinstance(patterns, dict) else ():
        if len(pattern) > 300 or sum(map(pattern.count, "*+{")) > 3 or not PATTERN.fullmatch(pattern):
            raise TrainingError(f"The pattern '{shown(pattern)}' is too complex.", "Name the layers of alpha_pattern.")
        try:
            if re.match(rf"(.*\.)?({pattern})$", module):
                value = special
                break
        except re.error as error:
            raise TrainingError(f"The pattern '{shown(pattern)}' cannot be read.", "Correct alpha_pattern.") from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value == 0:
        raise TrainingError(f"The adapter's alpha cannot be {shown(str(value))}.", "Train it again.")
    return float(value)


def _describe(writer: GGUFWriter, metadata: dict[str, str | float | int], alpha: float) -> None:
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    if name := metadata.pop("name", ""):
        writer.add_string("general.name", str(name))
    for key, value in metadata.items():
        full = f"assistant.{key}"
        if isinstance(value, str):
            writer.add_string(full, value)
        elif isinstance(value, int):
            writer.add_int64(full, value)
        else:
            writer.add_float64(full, value)


def _planned(pair: _Pair, f32: bool) -> list[Planned]:
    planned = []
    for half, values in (("lora_a", pair.a), ("lora_b", pair.b)):
        whole = f32 or np.abs(values).max() > LARGEST_HALF
        kind = GGMLQuantizationType.F32 if whole else GGMLQuantizationType.F16
        planned.append(Planned(f"{pair.target}.{half}", values.shape, kind, lambda values=values: values))  # type: ignore[misc]  # bound now
    return planned


def _check(target: Path, base: GGUFFacts, alpha: float, tensors: list[Planned]) -> None:
    """Hold what will be written against the base, as the swap will."""
    header = {each.name: Tensor(each.name, each.shape[::-1], each.type.name, 0) for each in tensors}
    metadata = {
        "general.type": "adapter", "general.architecture": base.architecture, "adapter.type": "lora",
        "adapter.lora.alpha": alpha,
    }  # fmt: skip
    try:
        check_fit(GGUFFacts(target, 0, 3, metadata, header), base)
    except AdapterFitError as error:
        raise TrainingError(str(error), "Export it for the model it was trained on.") from error
