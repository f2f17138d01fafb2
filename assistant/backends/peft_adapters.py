"""Adapters on a model that transformers runs: GGUF LoRAs and PEFT's own, several at once, and a soft prompt. [H] peft.

The LoRA of a GGUF file becomes PEFT's again: names and the order of q and k rows as `adapters.files.export` wrote
them. PEFT adds up the adapters that are on; `set_scale` of its layers gives each its strength.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file

from adapters.adapter_files import PEFT_CONFIG
from adapters.errors import AdapterFitError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, shown
from adapters.files.safetensors_file import SafeTensors
from adapters.files.tensor_names import gguf_name, unpermuted
from adapters.hotswap import EMBEDDING, check_fit, read_adapter

WEIGHTS = "adapter_model.safetensors"
SOFT = "prompt_embeddings"  # the one tensor of prompt tuning
MAX_CONFIG = 10 * 2**20  # bytes


class PeftAdapters:
    """The adapters of one live model."""

    def __init__(self, model: Any, base: GGUFFacts) -> None:
        self._model = model
        self._base = base
        self._peft: Any = None  # from the first LoRA on
        self._names: dict[object, str] = {}
        self._soft: dict[object, torch.Tensor] = {}  # (V, hidden)
        self._count = 0

    def load(self, key: object, path: Path) -> None:
        """Read an adapter once; `key` names this very content.

        Raises:
            AdapterFitError: it cannot be put on this model.
        """
        if key in self._names or key in self._soft:
            return
        try:
            if path.name != PEFT_CONFIG:
                self._names[key] = self._add(*_from_gguf(path, self._base, self._modules()))
            elif _kind(path) == "PROMPT_TUNING":
                self._soft[key] = _soft_prompt(path.parent)
            else:
                self._names[key] = self._add(LoraConfig.from_pretrained(path.parent), load_file(path.parent / WEIGHTS))
        except (RuntimeError, ValueError, KeyError, TypeError, OSError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise AdapterFitError(f"{path.name} cannot be put on: {first}", "Choose another adapter.") from error

    def free(self, key: object) -> None:
        """Forget one that is not on."""
        self._soft.pop(key, None)
        if name := self._names.pop(key, ""):
            self._peft.delete_adapter(name)

    def wear(self, parts: Sequence[tuple[object, float]]) -> torch.Tensor | None:
        """Put these on in place of all others; the soft prompt among them, if there is one, shape (V, hidden).

        Raises:
            AdapterFitError: two soft prompts, or one with a strength, which it cannot have.
        """
        soft = [(self._soft[key], scale) for key, scale in parts if key in self._soft]
        if len(soft) > 1 or any(scale != 1 for _, scale in soft):
            raise AdapterFitError("A soft prompt stands alone and has no strength.", "Name it once, without a number.")
        loras = {self._names[key]: scale for key, scale in parts if key in self._names}
        if self._peft is not None:
            if loras:
                self._peft.base_model.enable_adapter_layers()
                self._peft.base_model.set_adapter(list(loras), inference_mode=True)
            else:
                self._peft.base_model.disable_adapter_layers()
            for layer in self._model.modules():
                if isinstance(layer, LoraLayer):
                    for name, scale in loras.items():
                        layer.set_scale(name, scale)
        return soft[0][0] if soft else None

    def _modules(self) -> dict[str, str]:
        """The model's modules by the GGUF names of their weights, whether or not adapters are on."""
        plain = (name.removesuffix(".base_layer") for name, _ in self._model.named_modules())
        return {f"{gguf_name(name)}.weight": name for name in plain if gguf_name(name)}

    def _add(self, config: LoraConfig, state: dict[str, torch.Tensor]) -> str:
        self._count += 1
        name = f"adapter{self._count}"
        config.inference_mode = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self._peft is None:
                self._peft = get_peft_model(self._model, config, adapter_name=name)
            else:
                self._peft.add_adapter(name, config)
            left = set_peft_model_state_dict(self._peft, state, adapter_name=name)
        if left.unexpected_keys or any(name in key for key in left.missing_keys):
            self._peft.delete_adapter(name)
            raise AdapterFitError("The adapter's weights are not those its settings speak of.", "Train it again.")
        return name


def check_peft(path: Path, base: GGUFFacts) -> None:
    """Whether a file may be put on: a GGUF LoRA as in `check_fit`; of PEFT's folders LoRAs and soft prompts.

    Raises:
        GGUFError, AdapterFitError: it is neither, or was made for another model.
    """
    if path.name != PEFT_CONFIG:
        check_fit(read_adapter(path), base)
        return
    kind = _kind(path)
    if kind not in ("LORA", "PROMPT_TUNING"):
        raise AdapterFitError(f"An adapter of the kind {shown(kind)} is not known here.", "Use LoRA or prompt tuning.")
    try:
        weights = SafeTensors(path.parent / WEIGHTS)
    except TrainingError as error:
        raise AdapterFitError(str(error), error.hint) from error
    width = base.number(f"{base.architecture}.embedding_length")
    if kind == "PROMPT_TUNING" and (weights.names != [SOFT] or weights.shape(SOFT)[1:] != (width,)):
        raise AdapterFitError(
            f"The soft prompt does not fit {base.path.name}.", "Choose one that was trained for this model."
        )


def _kind(path: Path) -> str:
    try:
        if path.stat().st_size <= MAX_CONFIG:
            return str(json.loads(path.read_text("utf-8"))["peft_type"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise AdapterFitError(f"{path} does not describe an adapter of PEFT.", "Choose another adapter.")


def _soft_prompt(folder: Path) -> torch.Tensor:
    soft: torch.Tensor = load_file(folder / WEIGHTS)[SOFT]
    return soft


def _from_gguf(path: Path, base: GGUFFacts, modules: dict[str, str]) -> tuple[LoraConfig, dict[str, torch.Tensor]]:
    """PEFT's settings and weights for the LoRA in a GGUF file that fits."""
    alpha = float(read_gguf(path).metadata["adapter.lora.alpha"])
    halves = {each.name: dequantize(each.data, each.tensor_type) for each in GGUFReader(path).tensors}
    state: dict[str, torch.Tensor] = {}
    ranks: dict[str, int] = {}
    for target in sorted({name.rpartition(".lora_")[0] for name in halves}):
        module = modules.get(target)
        if module is None:
            raise AdapterFitError(f"The model has no '{shown(target)}' to change.", "Choose another adapter.")
        a, b = halves[f"{target}.lora_a"], unpermuted(halves[f"{target}.lora_b"], target.removesuffix(".weight"), base)
        embedding = target == EMBEDDING
        ranks[module] = int(b.shape[1])
        for half, values in (("A", a.T if embedding else a), ("B", b)):
            kind = f"lora_embedding_{half}" if embedding else f"lora_{half}.weight"
            state[f"base_model.model.{module}.{kind}"] = torch.from_numpy(np.array(values, np.float32, order="C"))
    config = LoraConfig(
        r=max(ranks.values()), lora_alpha=alpha or 1, target_modules=list(ranks), rank_pattern=ranks,
        alpha_pattern={} if alpha else dict(ranks), lora_dropout=0.0, bias="none",
    )  # fmt: skip
    return config, state
