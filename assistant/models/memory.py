"""Does a model fit into this machine's memory? An estimate before anything native is loaded."""

from __future__ import annotations

from pathlib import Path

from adapters.files.gguf_facts import GGUFFacts
from assistant.errors import ModelError

CACHE_BYTES = 2  # llama.cpp keeps keys and values as 16-bit floats
LOGIT_BYTES = 4
BATCH = 512  # tokens whose activations are held at once
FIXED = 150 * 2**20  # interpreter, libraries, scratch buffers


def estimate(facts: GGUFFacts, context: int) -> int:
    """Bytes the model needs with `context` tokens: weights, KV cache, activations, the process itself."""
    return facts.size + cache_size(facts, context) + _activations(facts) + FIXED


def cache_size(facts: GGUFFacts, context: int) -> int:
    """Bytes of the KV cache: one key and one value vector per layer, token and KV head."""
    prefix = facts.architecture
    heads = max(1, facts.number(f"{prefix}.attention.head_count"))
    kv_heads = facts.number(f"{prefix}.attention.head_count_kv") or heads
    width = facts.number(f"{prefix}.embedding_length") // heads
    key = facts.number(f"{prefix}.attention.key_length") or width
    value = facts.number(f"{prefix}.attention.value_length") or width
    return facts.number(f"{prefix}.block_count") * kv_heads * (key + value) * context * CACHE_BYTES


def check_fits(facts: GGUFFacts, context: int, available: int) -> int:
    """The estimate, if that many bytes are free.

    Raises:
        ModelError: they are not.
    """
    needed = estimate(facts, context)
    if needed > available:
        raise ModelError(
            f"{facts.path.name} needs about {_gigabytes(needed)} of memory with a context of {context:,} tokens; "
            f"{_gigabytes(available)} are free.",
            "Close other programs, choose a smaller model, or lower the context setting.",
        )
    return needed


def available_memory() -> int:
    """Bytes the kernel can give without swapping (MemAvailable of /proc/meminfo)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ModelError("The kernel does not say how much memory is free.", "Is /proc mounted?")


def _activations(facts: GGUFFacts) -> int:
    prefix = facts.architecture
    vocabulary = facts.number("tokenizer.ggml.tokens") or facts.number(f"{prefix}.vocab_size")
    widest = facts.number(f"{prefix}.feed_forward_length") + 4 * facts.number(f"{prefix}.embedding_length")
    return BATCH * (vocabulary + 4 * widest) * LOGIT_BYTES


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
