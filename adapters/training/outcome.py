"""What a finished run leaves: weights, recipe, and what the export must reproduce. [H] torch, peft, safetensors."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from adapters.durable import publish, unfinished
from adapters.training.checkpoints import write_json
from adapters.training.methods import Prepared, prepare
from adapters.training.recipe import Recipe

PARITY_PROMPTS = 20  # how many the caller asks for
PARITY_TOKENS, PARITY_TOP = 24, 16


def write(final: Path, prepared: Prepared, recipe: Recipe, result: dict[str, Any], parity: dict[str, Any]) -> None:
    """Put everything into `final` at once: peft/ (or model.safetensors), recipe.json, parity.json, result.json.

    Raises:
        OSError: the disk is full; nothing is left behind.
    """
    temporary = unfinished(final)
    temporary.mkdir(mode=0o700)
    try:
        if prepared.peft is not None:
            _write_peft(temporary / "peft", prepared.peft)
        else:
            weights = {name: _plain(weight) for name, weight in prepared.model.named_parameters()}
            save_file(weights, temporary / "model.safetensors", {"format": "pt"})
        write_json(temporary / "recipe.json", recipe.as_json())
        write_json(temporary / "parity.json", parity)
        write_json(temporary / "result.json", result)
        shutil.rmtree(final, ignore_errors=True)
        publish(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_peft(folder: Path, peft: Any) -> None:
    """PEFT's own format, without the path of the base, which would tell where on the disk it lay."""
    folder.mkdir(mode=0o700)
    config = {key: value for key, value in peft.peft_config["default"].to_dict().items() if value is not None}
    config |= {"base_model_name_or_path": "", "inference_mode": True}
    write_json(folder / "adapter_config.json", {key: _json(value) for key, value in sorted(config.items())})
    state = get_peft_model_state_dict(peft, save_embedding_layers=False)
    save_file({name: _plain(weight) for name, weight in state.items()}, folder / "adapter_model.safetensors")


def _json(value: Any) -> Any:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def _plain(weight: Tensor) -> Tensor:
    return weight.detach().cpu().contiguous().clone()


def parity_reference(
    base: Path, prepared: Prepared, recipe: Recipe, prompts: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Greedy continuations by this engine, without and with the adapter, and the likeliest logits on the way.

    In float32 on the weights the chat runs. A soft prompt runs on this engine only, and whole models are
    compared as models: for both there are no prompts.
    """
    if prepared.peft is None or prepared.soft_prompt() is not None:
        return {"prompts": []}
    peft = _exact(base, prepared, recipe)
    model = peft.get_base_model()
    with peft.disable_adapter():
        without = [_continuation(model, prompt) for prompt in prompts]
    adapter = [_continuation(model, prompt) for prompt in prompts]
    return {
        "prompts": [
            {"prompt": list(prompt), "base": one, "adapter": other}
            for prompt, one, other in zip(prompts, without, adapter, strict=True)
        ]
    }


def _exact(base: Path, prepared: Prepared, recipe: Recipe) -> Any:
    """The adapter on its base in float32; a base that was quantised for training is read again."""
    if recipe.method != "qlora":
        prepared.model.float()
        return prepared.peft
    plain = prepare(base, replace(recipe, method="lora", precision="fp32"), prepared.model.device)
    set_peft_model_state_dict(plain.peft, get_peft_model_state_dict(prepared.peft, save_embedding_layers=False))
    return plain.peft


def _continuation(model: Any, prompt: Sequence[int]) -> dict[str, Any]:
    ids = torch.tensor([list(prompt)], device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=PARITY_TOKENS, do_sample=False,
            output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
    tops = [logits[0].float().topk(PARITY_TOP) for logits in out.logits]
    return {
        "tokens": out.sequences[0, len(prompt) :].tolist(),
        "top": [
            [[token, round(value, 5)] for token, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)]
            for top in tops
        ],
    }
