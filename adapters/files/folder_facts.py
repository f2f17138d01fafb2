"""What does a model folder of the Hugging Face form say about itself? Told in the terms of GGUF. [H] numpy.

A folder has a `config.json` and its weights in `*.safetensors`. Pickled weights and folders that bring code of their
own (`auto_map`) are refused before any library opens them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapters.errors import GGUFError, TrainingError
from adapters.files.gguf_facts import GGUFFacts, Tensor, shown
from adapters.files.safetensors_file import SafeTensors
from adapters.files.tensor_names import gguf_name

MAX_FILE = 16 * 2**20  # bytes of a description
MAX_TEMPLATE = 2**20  # characters; what is longer than a prompt may be is refused where it is compiled
LLAMA = ("llama", "mistral")  # which GGUF files both call llama


def read_folder(folder: Path) -> GGUFFacts:
    """The facts of a model folder: `metadata` has the keys that a GGUF file of it would have.

    Tensors of Llama and Mistral models have GGUF's names, others their own.

    Raises:
        GGUFError: it is no model folder, brings code, is quantised already, or is damaged.
    """
    config = _described(folder / "config.json")
    if config is None:
        raise GGUFError(f"{folder} is a folder without a model.", "Give a GGUF file, or a folder with config.json.")
    _check(folder, config)
    architecture = str(config.get("model_type", ""))
    architecture = "llama" if architecture in LLAMA else architecture
    try:
        weights = SafeTensors(folder)
    except TrainingError as error:
        raise GGUFError(
            str(error), "Only weights in safetensors files are read: get the model in that form."
        ) from error
    tensors = dict(_tensor(weights, name) for name in weights.names)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    metadata = {"general.architecture": architecture, "general.type": "model", **_numbers(architecture, config)}
    if template := _template(folder):
        metadata["tokenizer.chat_template"] = template
    return GGUFFacts(folder, size, 0, metadata, tensors)


def is_model_folder(path: Path) -> bool:
    """Whether it looks like one."""
    return (path / "config.json").is_file() and any(path.glob("*.safetensors"))


def _check(folder: Path, config: dict[str, Any]) -> None:
    if _mentions(config, "auto_map") or _mentions(config, "trust_remote_code"):
        raise GGUFError(
            f"{folder.name} wants to run code of its own, which is never done.", "Choose a model that needs none."
        )
    if config.get("quantization_config"):
        raise GGUFError(
            f"{folder.name} is quantised already.", "Choose its full weights: nf4 and int8 are made while loading."
        )
    if not any(folder.glob("*.safetensors")):
        raise GGUFError(
            f"{folder.name} holds no safetensors.", "Pickled weights are never read: get the model as safetensors."
        )


def _mentions(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_mentions(each, key) for each in value.values())
    return isinstance(value, list) and any(_mentions(each, key) for each in value)


def _numbers(prefix: str, config: dict[str, Any]) -> dict[str, Any]:
    names = {
        "max_position_embeddings": "context_length", "hidden_size": "embedding_length",
        "num_hidden_layers": "block_count", "intermediate_size": "feed_forward_length",
        "num_attention_heads": "attention.head_count", "num_key_value_heads": "attention.head_count_kv",
        "head_dim": "attention.key_length", "vocab_size": "vocab_size",
    }  # fmt: skip
    found = {f"{prefix}.{name}": config[key] for key, name in names.items() if type(config.get(key)) is int}
    if f"{prefix}.attention.key_length" in found:
        found[f"{prefix}.attention.value_length"] = found[f"{prefix}.attention.key_length"]
    return found


def _tensor(weights: SafeTensors, name: str) -> tuple[str, Tensor]:
    module, _, kind = name.rpartition(".")
    told = f"{gguf_name(module)}.{kind}" if gguf_name(module) else name
    type_, size = weights.stored(name)
    return told, Tensor(told, weights.shape(name)[::-1], type_, size)


def _template(folder: Path) -> str:
    """The chat template: a file of its own in newer folders, in older ones an entry of the tokenizer's settings."""
    path = folder / "chat_template.jinja"
    try:
        if path.is_file() and path.stat().st_size <= MAX_TEMPLATE:
            return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""
    found = (_described(folder / "tokenizer_config.json") or {}).get("chat_template")
    if isinstance(found, list):
        named = [each for each in found if isinstance(each, dict) and each.get("name") == "default"]
        found = named[0].get("template") if named else ""
    return found[:MAX_TEMPLATE] if isinstance(found, str) else ""


def _described(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, None where there is no file."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise GGUFError(f"{shown(path.name)} is too large to describe a model.", "Choose another folder.")
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GGUFError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise GGUFError(f"{path} is not valid JSON.", "Get the model again.") from error
    if not isinstance(value, dict):
        raise GGUFError(f"{path} holds no JSON object.", "Get the model again.")
    return value
