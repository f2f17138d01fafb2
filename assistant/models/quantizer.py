"""llama.cpp's own quantiser, called in a child process. [H] llama_cpp."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp as native

from adapters.files.gguf_facts import shown
from assistant.errors import ModelError

MEBIBYTE = 2**20
WARNING, ERROR = 3, 4  # of ggml_log_level
TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")  # the line it prints for each tensor
SIZE = re.compile(r"quant size\s*=\s*([0-9.]+) MiB")
Report = Callable[[int, int], None]


def quantized_size(source: Path, kind: int) -> int:
    """Bytes of the tensors as they would be written; `kind` is a llama_ftype.

    Raises:
        ModelError: llama.cpp refuses the file.
    """
    sizes: list[float] = []

    def heard(line: str) -> None:
        sizes.extend(float(found) for found in SIZE.findall(line))

    settings = _settings(kind, 1)
    settings.dry_run = True
    _run(source, Path(os.devnull), settings, heard)
    return round(sizes[-1] * MEBIBYTE) if sizes else 0


def quantize(source: Path, target: Path, kind: int, threads: int, report: Report) -> None:
    """Write `source` to `target` in the types of `kind`; files that are quantised already are unpacked first.

    Raises:
        ModelError: llama.cpp refuses the file, or cannot write.
    """

    def heard(line: str) -> None:
        if found := TENSOR.search(line):
            report(int(found[1]), int(found[2]))

    _run(source, target, _settings(kind, threads), heard)


def _settings(kind: int, threads: int) -> Any:
    settings = native.llama_model_quantize_default_params()
    settings.ftype, settings.nthread, settings.allow_requantize = kind, threads, True
    return settings


def _run(source: Path, target: Path, settings: Any, heard: Callable[[str], None]) -> None:
    errors: list[str] = []

    @native.llama_log_callback  # type: ignore[untyped-decorator]  # the binding's callback types carry no signature
    def log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        line = text.decode("utf-8", "replace")
        heard(line)
        if level in (WARNING, ERROR):
            print(line, end="", file=sys.stderr, flush=True)
        if level == ERROR and line.strip():
            errors.append(line.strip())

    os.environ["GGML_NO_BACKTRACE"] = "1"  # a failed assertion would start a debugger and wait for it
    native.llama_log_set(log, ctypes.c_void_p(0))
    native.llama_backend_init()
    try:
        code = native.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(settings))
    finally:
        native.llama_log_set(native.llama_log_callback(), ctypes.c_void_p(0))
    if code:
        reason = f" ({shown(errors[0], 160)})" if errors else ""
        raise ModelError(
            f"{source.name} could not be quantised{reason}.", "Choose another type, or get the model again."
        )
