"""The base model's weights and tokenizer for training, from its GGUF or a safetensors folder. [H] transformers."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from adapters.errors import GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import check_model
from adapters.files.gguf_parts import check_one_file

ARCHITECTURES = ("llama", "mistral")  # whose adapters can be exported; GGUF files of both say llama


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively (2 to 3 times faster, same final loss), else float32."""
    native = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if native or (device.type == "cpu" and _has_bf16()) else torch.float32


def load_tokenizer(base: Path, *, any_architecture: bool = False) -> Any:
    """The tokenizer with its chat template.

    Raises:
        TrainingError: it is missing or cannot be read.
    """
    _quiet()
    folder, options = _source(base, any_architecture)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:
        raise _unreadable(base, "tokenizer", error) from error


def load_base(base: Path, dtype: torch.dtype, *, any_architecture: bool = False) -> PreTrainedModel:
    """The model in `dtype`, whatever the file's types are, ready to be trained (or, of `any_architecture`, to answer).

    A GGUF is dequantised: what is trained on are the very weights that the chat runs.

    Raises:
        TrainingError: unreadable, not a llama or mistral, or out of memory.
    """
    _quiet()
    folder, options = _source(base, any_architecture)
    try:  # through float32 where weights are unpacked, which is exact
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32 if options else dtype, local_files_only=True, trust_remote_code=False,
            use_safetensors=None if options else True, **options,
        )  # fmt: skip
    except MemoryError:
        raise
    except Exception as error:
        raise _unreadable(base, "weights", error) from error
    _forget_quantization(model)
    model.generation_config.pad_token_id = model.generation_config.eos_token_id
    loaded: PreTrainedModel = model.to(dtype)
    return loaded.eval()


def _source(base: Path, any_architecture: bool) -> tuple[str, dict[str, str]]:
    """What to give to `from_pretrained`: the folder, and for a GGUF the file's name in it."""
    if base.is_file():
        try:
            facts = read_gguf(base)
            check_model(facts)
            check_one_file(facts)
        except GGUFError as error:
            raise TrainingError(str(error), error.hint) from error
        if not any_architecture:
            _check_architecture(base, facts.architecture)
        return str(base.parent), {"gguf_file": base.name}
    config = base / "config.json"
    if not config.is_file():
        raise TrainingError(f"{base} is no model.", "Give a GGUF file, or a folder with config.json and safetensors.")
    try:
        described = json.loads(config.read_text("utf-8"))
    except ValueError as error:
        raise TrainingError(f"{config} is not valid JSON.", "Get the model again.") from error
    if "auto_map" in described:
        raise TrainingError(f"{base.name} wants to run code of its own.", "Choose a model that transformers knows.")
    if not any_architecture:
        _check_architecture(base, str(described.get("model_type", "")))
    return str(base), {}


def _check_architecture(base: Path, name: str) -> None:
    if name not in ARCHITECTURES:
        raise TrainingError(
            f"{base.name} is of the architecture '{name[:40]}', which cannot be trained here.",
            f"Choose a model of the architectures {' or '.join(ARCHITECTURES)}.",
        )


def _has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _forget_quantization(model: Any) -> None:
    """A model read from GGUF is marked as quantised, though its weights are plain: trainers refuse the mark."""
    model.hf_quantizer = None
    model.is_quantized = False
    for owner, name in ((model, "quantization_method"), (model.config, "quantization_config")):
        if hasattr(owner, name):
            delattr(owner, name)


def _unreadable(base: Path, what: str, error: Exception) -> TrainingError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return TrainingError(
        f"The {what} of {base.name} cannot be read: {first}", "Get the model again, or choose another."
    )


def _quiet() -> None:
    """Progress bars and advice of libraries would mix into the events on stdout and fill the log."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="bitsandbytes|torch|transformers|peft")
