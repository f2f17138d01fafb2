"""Writes a GGUF file whole or not at all, one tensor in memory at a time. [H] gguf, numpy."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quant_shape_to_byte_shape, quantize

from adapters.durable import publish, unfinished
from adapters.errors import TrainingError
from adapters.files.tensor_names import Array

LARGEST_HALF = 65504.0  # of a 16-bit float


@dataclass(frozen=True, slots=True)
class Planned:
    """A tensor to be written: `shape` in numpy's order, and what gives its values (or its bytes, if `raw`)."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    values: Callable[[], Array]
    raw: bool = False


def write_gguf(target: Path, writer: GGUFWriter, tensors: list[Planned]) -> None:
    """Write `writer`'s metadata and the tensors to `target`.

    Raises:
        TrainingError: the disk is full or cannot be written, or a number is too large for 16 bits.
    """
    logging.getLogger("gguf").setLevel(logging.ERROR)
    temporary = None
    try:
        temporary = unfinished(target)
        for tensor in tensors:
            shape = _stored_shape(tensor)
            stored = np.dtype(np.uint8) if tensor.type not in PLAIN else np.dtype(PLAIN[tensor.type])
            count = int(np.prod(shape, dtype=np.int64)) * stored.itemsize
            writer.add_tensor_info(tensor.name, shape, stored, count, tensor.type)
        writer.write_header_to_file(temporary)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(tensor.values() if tensor.raw else _stored(tensor))
        writer.close()
        publish(temporary, target)
    except OSError as error:
        raise TrainingError(
            f"{target.name} cannot be written: {error.strerror or error}.", "Check the disk's free space."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            writer.close()
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


PLAIN = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}


def _stored_shape(tensor: Planned) -> tuple[int, ...]:
    if tensor.type in PLAIN:
        return tensor.shape
    return tuple(quant_shape_to_byte_shape(tensor.shape, tensor.type))


def _stored(tensor: Planned) -> Array:
    values = tensor.values()
    if tensor.type == GGMLQuantizationType.F16 and values.size and np.abs(values).max() > LARGEST_HALF:
        raise TrainingError(
            f"'{tensor.name}' holds numbers too large for 16 bits.", "Train again with a lower learning rate."
        )
    return np.ascontiguousarray(quantize(values, tensor.type))
