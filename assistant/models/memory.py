"""Does a model fit into this machine's memory? An estimate before anything native is loaded.

llama.cpp maps the file; copies the tensors whose types its kernels read faster in another order ("repacked", rules of
ggml/src/ggml-cpu/repack.cpp and amx/common.h in the pinned version); keeps keys and values for the whole context; and
holds the activations of one batch. The formulas for cache and activations give the sizes it prints when it loads a
Llama of a usual shape (`benchmarks/fit.py` holds the whole beside what was measured).
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.files.gguf_facts import GGUFFacts, Tensor
from assistant.errors import MemoryShortError, ModelError

CACHE_TYPES = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}  # bytes a number
CACHE = "f16"  # what the chat's own cache is kept in
FLOAT, HALF = 4, 2
BATCH = 512  # tokens whose activations are held at once
STEP, SMALLEST = 256, 256  # contexts are offered in steps
PROCESS = 50 * 2**20  # resident with a model of no size: interpreter, numpy, llama.cpp's code
TOKEN_BYTES, MERGE_BYTES = 160, 190  # of the vocabulary as llama.cpp holds it
MARGIN = 1.1  # an estimate may be a tenth too low

# by processor flag: tensor types that are copied in another order
REPACKED = {
    "amx_int8": frozenset({"Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"}),
    "avx512f": frozenset({"Q2_K"}),
    "avx2": frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"}),
    "asimddp": frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "MXFP4", "Q8_0"}),
}
ROWS_TOGETHER = 8
EMBEDDING, HEAD = "token_embd.weight", "output.weight"


@dataclass(frozen=True, slots=True)
class Need:
    """What running takes, in bytes of RAM. `weights` is the file as it is mapped, `compute` what a batch touches,
    `reserved` what llama.cpp allocates for it and prints as its compute buffer.
    """

    weights: int
    repacked: int
    cache: int
    compute: int
    process: int
    reserved: int

    @property
    def total(self) -> int:
        """The largest resident size."""
        return self.weights + self.repacked + self.cache + self.compute + self.process

    @property
    def least(self) -> int:
        """What must be there at once: pages of the file whose content was repacked can be dropped by the kernel."""
        return self.total - self.repacked

    @property
    def address_space(self) -> int:
        """Bytes that are mapped, touched or not."""
        return self.total - self.compute + max(self.compute, self.reserved)

    def verdict(self, free: int) -> str:
        """`fits`, `tight` (less than a tenth to spare), or `too large` for so many free bytes."""
        if self.least > free:
            return "too large"
        return "fits" if self.total * MARGIN <= free else "tight"

    def as_json(self) -> dict[str, Any]:
        """Its parts and their sum."""
        return {
            "weights": self.weights, "repacked": self.repacked, "cache": self.cache, "compute": self.compute,
            "process": self.process, "total": self.total,
        }  # fmt: skip


def need(facts: GGUFFacts, context: int, cache: str = CACHE, flags: frozenset[str] | None = None) -> Need:
    """What running the model takes with `context` tokens whose keys and values are kept in the type `cache`.

    `flags` are the processor's (default: this one's).
    """
    shape = _Activations.of(facts)
    batch = min(BATCH, context) if context else BATCH
    vocabulary = facts.number("tokenizer.ggml.tokens")
    words = vocabulary * TOKEN_BYTES + facts.number("tokenizer.ggml.merges") * MERGE_BYTES
    return Need(
        facts.size, _repacked(facts, processor_flags() if flags is None else flags),
        cache_size(facts, context, cache), shape.touched(batch, context), PROCESS + words,
        shape.reserved(batch, context),
    )  # fmt: skip


def cache_size(facts: GGUFFacts, context: int, cache: str = CACHE) -> int:
    """Bytes of the KV cache: one key and one value vector per layer, token and KV head, in the type `cache`."""
    prefix = facts.architecture
    heads = max(1, facts.number(f"{prefix}.attention.head_count"))
    width = facts.number(f"{prefix}.embedding_length") // heads
    key = facts.number(f"{prefix}.attention.key_length") or width
    value = facts.number(f"{prefix}.attention.value_length") or width
    return round(_cached_heads(facts, heads) * (key + value) * context * CACHE_TYPES[cache])


def largest_context(facts: GGUFFacts, free: int, cache: str = CACHE) -> int:
    """The longest context, in steps of 256 tokens, with which the model fits into `free` bytes; 0 if none does.

    A tenth of what it needs stays free: the estimate may be as much too low, and others want memory meanwhile.
    """
    low, high = 0, facts.context // STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if need(facts, middle * STEP, cache).least * MARGIN <= free else (low, middle - 1)
    return low * STEP


def check_fits(facts: GGUFFacts, context: int, available: int) -> int:
    """The address space the model needs, if as much memory is available as it touches.

    Raises:
        MemoryShortError: it is not; the hint names the context that would fit.
    """
    needed = need(facts, context)
    if needed.verdict(available) != "too large":
        return needed.address_space
    raise MemoryShortError(
        f"{facts.path.name} needs about {gigabytes(needed.least)} of memory with a context of {context:,} tokens; "
        f"{gigabytes(available)} are free.",
        _way_out(largest_context(facts, available)),
    )


def available_memory() -> int:
    """Bytes the kernel can give without swapping (MemAvailable of /proc/meminfo)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ModelError("The kernel does not say how much memory is free.", "Is /proc mounted?")


def graphics_memory() -> tuple[str, int]:
    """Name and free bytes of the first NVIDIA GPU, as nvidia-smi tells them; "" and 0 where there is none."""
    if not Path("/dev/nvidia0").exists() or not shutil.which("nvidia-smi"):
        return "", 0
    asked = ["nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "", 0
    name, _, free = (said.decode("utf-8", "replace").splitlines() or [""])[0].rpartition(",")
    return (name.strip(), int(free) * 2**20) if free.strip().isdecimal() else ("", 0)


@functools.cache
def processor_flags() -> frozenset[str]:
    """What this processor can do, as /proc/cpuinfo names it; empty where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":")[1] for line in lines if line.startswith(("flags", "Features"))), "").split())


def gigabytes(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e9:,.1f} GB" if abs(count) >= 10**9 else f"{count / 1e6:,.0f} MB"


@dataclass(frozen=True, slots=True)
class _Activations:
    """The widths that the memory of a batch follows from."""

    hidden: int
    inner: int
    vocabulary: int
    converted: float  # bytes of an input to a matrix product, as the kernel reads it

    @classmethod
    def of(cls, facts: GGUFFacts) -> _Activations:
        prefix = facts.architecture
        hidden = facts.number(f"{prefix}.embedding_length")
        heads = facts.number(f"{prefix}.attention.head_count")
        queries = heads * facts.number(f"{prefix}.attention.key_length")
        experts = facts.number(f"{prefix}.expert_feed_forward_length") * facts.number(f"{prefix}.expert_used_count")
        embedding = facts.tensors.get(EMBEDDING)
        vocabulary = embedding.shape[-1] if embedding else facts.number("tokenizer.ggml.tokens")
        plain = facts.quantization in ("F32", "F16", "BF16")
        inner = max(facts.number(f"{prefix}.feed_forward_length"), experts)
        return cls(max(hidden, queries), inner, vocabulary, HALF if plain else 34 / 32)

    def touched(self, batch: int, context: int) -> int:
        """Residual, norm, attention's result and a copy; gate, up and their product; the mask; the scores of one."""
        return round(self._block(batch, context) + batch * self.inner * self.converted + FLOAT * self.vocabulary)

    def reserved(self, batch: int, context: int) -> int:
        """The same, or the scores of a whole batch, which are allocated even if they are never asked for."""
        return max(self._block(batch, context), batch * FLOAT * (self.vocabulary + 2 * self.hidden))

    def _block(self, batch: int, context: int) -> int:
        padded = (context + STEP - 1) // STEP * STEP
        return batch * (FLOAT * (4 * self.hidden + 3 * self.inner) + HALF * padded)


def _cached_heads(facts: GGUFFacts, heads: int) -> int:
    """KV heads of all layers together."""
    layers = facts.number(f"{facts.architecture}.block_count")
    each = facts.metadata.get(f"{facts.architecture}.attention.head_count_kv")
    if isinstance(each, list):
        return sum(count for count in each if isinstance(count, int))
    return layers * (each if isinstance(each, int) and each else heads)


def _repacked(facts: GGUFFacts, flags: frozenset[str]) -> int:
    """Bytes of the tensors that are copied; the embedding is among them only where it is the head as well."""
    types = frozenset[str]().union(*(kinds for flag, kinds in REPACKED.items() if flag in flags))
    tied = HEAD not in facts.tensors

    def copied(tensor: Tensor) -> bool:
        if len(tensor.shape) < 2 or tensor.shape[1] % ROWS_TOGETHER or (tensor.name == EMBEDDING and not tied):
            return False
        return tensor.type in types

    return sum(tensor.size for tensor in facts.tensors.values() if copied(tensor))


def _way_out(context: int) -> str:
    if context < SMALLEST:
        return "No context is short enough: close other programs, or choose a smaller model or quantization."
    return (
        f"A context of {context:,} tokens fits: set model.context to {context}. Or set model.memory_check to false "
        "to load it anyway. In the chat, /model and its name offers both."
    )
