"""Does a model fit into memory once transformers has unpacked it? An estimate before torch is loaded."""

from __future__ import annotations

from pathlib import Path

from adapters.files.gguf_facts import GGUFFacts
from assistant.errors import ModelError
from assistant.models.choice import Precision
from assistant.models.memory import cache_size

# bytes of a weight; nf4 with double quantisation as in adapters.training.estimate
WEIGHT_BYTES: dict[Precision, float] = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0, "nf4": 0.516, "auto": 4.0}
CONTEXT = 8192  # tokens, where no setting says: as in backends.llamacpp, which loads llama.cpp
COPIES = 1.5  # a GGUF is unpacked through float32, and part of it is there twice meanwhile (measured: 1.48 to 1.52)
LIBRARIES = 470 * 10**6  # torch, transformers and peft, resident
CHOICES: tuple[Precision, ...] = ("bf16", "int8", "nf4")


def unpacked_size(facts: GGUFFacts, context: int, precision: Precision) -> int:
    """Bytes at the highest point: while the weights are read, or when they are there with a full cache.

    nf4 and int8 are made of full weights; embedding and head stay as they are.
    """
    heads = facts.number("tokenizer.ggml.tokens") or facts.number(f"{facts.architecture}.vocab_size")
    kept = min(facts.parameters, 2 * heads * facts.number(f"{facts.architecture}.embedding_length"))
    quantised = precision in ("nf4", "int8")
    other = WEIGHT_BYTES["bf16"] if quantised else WEIGHT_BYTES[precision]
    running = (facts.parameters - kept) * WEIGHT_BYTES[precision] + kept * other
    loading = facts.parameters * WEIGHT_BYTES["fp32"] * COPIES
    if facts.path.is_dir():
        loading = facts.parameters * other
    cache = cache_size(facts, context) * (2 if precision in ("fp32", "auto") else 1)
    return int(max(loading, running + cache)) + LIBRARIES


def check_unpacked_fits(facts: GGUFFacts, context: int, precision: Precision, available: int) -> int:
    """The estimate, if that many bytes are free.

    Raises:
        ModelError: they are not; it says which precision would fit, and what llama.cpp needs.
    """
    needed = unpacked_size(facts, context, precision)
    if needed <= available:
        return needed
    smaller = [each for each in CHOICES if unpacked_size(facts, context, each) <= available]
    hint = "Close other programs, or run a smaller GGUF with llama.cpp."
    if smaller:
        hint = f"transformers+{smaller[0]} would fit here."
    elif facts.path.is_file():
        hint = f"llama.cpp runs the file as it is, in about {facts.size / 1e9:.1f} GB: leave out the engine."
    raise ModelError(
        f"{facts.path.name} needs about {needed / 1e9:.1f} GB of memory with transformers in {precision}; "
        f"{available / 1e9:.1f} GB are free.",
        hint,
    )


def has_nvidia_gpu() -> bool:
    """Whether there is a driver whose libraries map far more memory than they use."""
    return Path("/dev/nvidiactl").exists()
