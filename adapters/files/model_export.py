"""How do weights trained as a whole become a GGUF model? [H] gguf, numpy.

The new file is the base's: its metadata, tokenizer and chat template, with new tensors. What the weights do not
hold is copied from the base as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

from adapters.errors import GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model, shown
from adapters.files.gguf_file import Planned, write_gguf
from adapters.files.safetensors_file import SafeTensors
from adapters.files.tensor_names import Array, check_architecture, gguf_name, permuted

FILE_TYPES = {"F16": 1, "Q8_0": 7}  # general.file_type
BLOCK = 32  # weights that Q8_0 scales together
HEAD, EMBEDDING = "output.weight", "token_embd.weight"


def export_model(
    weights: Path, base: Path, target: Path, *, quantization: Literal["F16", "Q8_0"] = "F16", name: str = ""
) -> None:
    """Write `weights` (a safetensors file or folder in transformers' names), trained from the GGUF `base`, to `target`.

    Norms stay 32-bit. A head that equals the embedding is left out, and both engines share it again.

    Raises:
        TrainingError: the weights do not belong to the base or are damaged, or the disk is full.
        GGUFError: the base cannot be read.
    """
    facts = read_gguf(base)
    check_model(facts)
    check_architecture(facts)
    trained = SafeTensors(weights)
    modules = _modules(trained, facts)
    try:
        reader = GGUFReader(base)
    except (ValueError, KeyError, OSError) as error:
        raise GGUFError(f"{base.name} cannot be copied.", "Get the model again.") from error
    writer = GGUFWriter(target, facts.architecture)
    _copy_metadata(reader, writer, FILE_TYPES[quantization], name)
    tensors = [
        _trained(trained, modules[each.name], each.name, facts, quantization) if each.name in modules else _kept(each)
        for each in reader.tensors
    ]
    if HEAD in modules and HEAD not in facts.tensors:
        tensors.append(_trained(trained, modules[HEAD], HEAD, facts, quantization))
    write_gguf(target, writer, tensors)


def _modules(trained: SafeTensors, base: GGUFFacts) -> dict[str, str]:
    """The trained weights by the base's tensor names, each of the right shape."""
    modules: dict[str, str] = {}
    for name in trained.names:
        module, _, kind = name.rpartition(".")
        target = f"{gguf_name(module)}.{kind}"
        if not gguf_name(module) or kind not in ("weight", "bias"):
            raise TrainingError(
                f"The weights hold '{shown(name, 100)}', which a Llama model does not have.", "Choose another file."
            )
        place = base.tensors.get(EMBEDDING if target == HEAD and HEAD not in base.tensors else target)
        if place is None or place.shape[::-1] != trained.shape(name):
            raise TrainingError(
                f"'{shown(name, 100)}' does not fit {base.path.name}.", "Export it for the model it was trained from."
            )
        modules[target] = name
    if not modules:
        raise TrainingError("The file holds no weights.", "Train it again.")
    if HEAD in modules and HEAD not in base.tensors and EMBEDDING in modules and _same(trained, modules):
        del modules[HEAD]
    return modules


def _same(trained: SafeTensors, modules: dict[str, str]) -> bool:
    return bool(np.array_equal(trained.read(modules[HEAD]), trained.read(modules[EMBEDDING])))


def _trained(trained: SafeTensors, module: str, name: str, base: GGUFFacts, quantization: str) -> Planned:
    shape = trained.shape(module)
    kind = GGMLQuantizationType.F32
    if len(shape) > 1:
        fits = quantization == "Q8_0" and shape[-1] % BLOCK == 0
        kind = GGMLQuantizationType.Q8_0 if fits else GGMLQuantizationType.F16

    def values() -> Array:
        return permuted(trained.read(module), name.rpartition(".")[0], base)

    return Planned(name, shape, kind, values)


def _kept(tensor: Any) -> Planned:
    shape = tuple(int(length) for length in tensor.shape[::-1])
    return Planned(tensor.name, shape, tensor.tensor_type, lambda: tensor.data, raw=True)


def _copy_metadata(reader: GGUFReader, writer: GGUFWriter, file_type: int, name: str) -> None:
    replaced = {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture", "general.file_type"}
    for field in reader.fields.values():
        if field.name in replaced or (name and field.name == "general.name"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(file_type)
    if name:
        writer.add_string("general.name", name)
