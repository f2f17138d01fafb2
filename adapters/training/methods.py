"""What is trained by each method: LoRA, QLoRA, full, partial, or a soft prompt. [H] peft, torch."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    PromptTuningConfig,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from adapters.errors import TrainingError
from adapters.training import packed_attention
from adapters.training.base_weights import fast_dtype, load_base
from adapters.training.fused_lora import fuse
from adapters.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model whose trainable weights are float32 and require gradients; `peft` is None where all of it is trained."""

    model: PreTrainedModel
    peft: Any | None
    compute: torch.dtype  # of activations

    @property
    def trainable(self) -> dict[str, nn.Parameter]:
        """What is trained, by name."""
        owner: nn.Module = self.peft or self.model
        return {name: weight for name, weight in owner.named_parameters() if weight.requires_grad}

    def soft_prompt(self) -> Tensor | None:
        """The virtual tokens' embeddings (V, hidden) of prompt tuning, None otherwise."""
        if self.peft is None or not hasattr(self.peft, "prompt_encoder"):
            return None
        weight: Tensor = self.peft.prompt_encoder["default"].embedding.weight
        return weight


def prepare(base: Path, recipe: Recipe, device: torch.device, begin: Path | None = None) -> Prepared:
    """Load the base and make ready what the recipe trains; a LoRA goes on from PEFT's weights in the file `begin`.

    Raises:
        TrainingError: the base cannot be read, a library is missing, or the weights are of another shape.
    """
    compute = _compute(recipe, device)
    torch.manual_seed(recipe.seed)
    if recipe.method in ("full", "partial"):
        model = load_base(base, torch.float32).to(device)
        _unfreeze(model, whole=recipe.method == "full")
        prepared = Prepared(model, None, compute)
    else:
        model = load_base(base, compute)
        if recipe.method == "qlora":
            quantize(model, recipe.bits, compute)
        model = model.to(device)
        peft = get_peft_model(model, _config(recipe))
        if begin:
            _begin(peft, begin)
        prepared = Prepared(model, peft, compute)
        fuse(peft)
        _start_soft_prompt(prepared)
    packed_attention.register()
    return prepared


def quantize(model: nn.Module, bits: str, compute: torch.dtype) -> None:
    """Replace the linear layers, but not the head, by bitsandbytes' 4-bit NF4 or 8-bit ones.

    On a processor with AVX512-BF16, bitsandbytes 0.50 repacks 4-bit weights for generation at the first
    evaluation, after which gradients are wrong without an error; the flag that allows it is taken away.

    Raises:
        TrainingError: bitsandbytes is not installed.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError(
            "QLoRA needs bitsandbytes, which is not installed.", "Install it: pip install 'private-assistant[qlora]'."
        )
    import bitsandbytes as bnb

    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is not nn.Linear or name == "lm_head":
                continue
            shape, weight = (layer.in_features, layer.out_features), layer.weight.data
            if bits == "nf4":
                new = bnb.nn.Linear4bit(*shape, bias=False, compute_dtype=compute, quant_type="nf4")
                new.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", compress_statistics=True)
                new.support_avx512bf16_for_cpu = False
            else:
                new = bnb.nn.Linear8bitLt(*shape, bias=False, has_fp16_weights=False)
                new.weight = bnb.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
            setattr(parent, name, new.to(weight.device))


def _config(recipe: Recipe) -> LoraConfig | PromptTuningConfig:
    if recipe.method == "prompt":
        return PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=recipe.virtual_tokens)
    return LoraConfig(
        task_type="CAUSAL_LM", r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, bias="none",
        use_rslora=recipe.rslora, target_modules=list(recipe.targets),
    )  # fmt: skip


def _begin(peft: Any, weights: Path) -> None:
    """Put an adapter's weights in place of fresh ones, all of them."""
    try:
        state = load_file(weights)
        wanted = {name: weight.shape for name, weight in get_peft_model_state_dict(peft).items()}
        fits = {name: weight.shape for name, weight in state.items()} == wanted
    except (OSError, SafetensorError):
        fits = False
    if not fits:
        raise TrainingError(
            "The adapter to go on from does not fit: its weights have another shape, or the file is damaged.",
            "Train with its own recipe, or from the start.",
        )
    set_peft_model_state_dict(peft, state)


def _start_soft_prompt(prepared: Prepared) -> None:
    """Virtual tokens begin as real ones, drawn by the seed: far-off numbers would have to find their way first."""
    soft = prepared.soft_prompt()
    if soft is not None:
        words = prepared.model.get_input_embeddings().weight.detach()
        soft.data.copy_(words[torch.randint(len(words), (len(soft),), device=words.device)])


def _unfreeze(model: Any, *, whole: bool) -> None:
    """All weights, or the last block, the last norm and the head (a copy, where it is the embedding)."""
    model.requires_grad_(whole)
    if whole:
        return
    if model.config.tie_word_embeddings:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    for part in (model.model.layers[-1], model.model.norm, model.lm_head):
        part.requires_grad_(True)


def _compute(recipe: Recipe, device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively: 2 to 3 times faster, same final loss."""
    if recipe.precision != "auto":
        return torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    return fast_dtype(device)
