"""GGUF files made on the spot: a tiny model, LoRA adapters, and whatever lie a test needs."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.files.gguf_facts import GGUFFacts

Array = NDArray[np.float32]
ALIGNMENT = 32
WIDTH, HEADS, KV_HEADS, INNER, LAYERS = 32, 4, 2, 64, 2
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class U64(int):
    """A whole number written with 64 bits."""


class U16(int):
    """A whole number written with 16 bits."""


class I32(int):
    """A whole number written with 32 bits and a sign."""


def write_gguf(path: Path, metadata: dict[str, Any], tensors: dict[str, Array], version: int = 3) -> Path:
    """A GGUF file of float32 tensors; arrays have numpy's order of dimensions."""
    head = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _string(key) + _value(value)
    data = b""
    for name, array in tensors.items():
        head += _string(name) + struct.pack("<I", array.ndim)
        head += struct.pack(f"<{array.ndim}Q", *reversed(array.shape)) + struct.pack("<IQ", 0, len(data))
        data += _padded(array.astype("<f4").tobytes())
    path.write_bytes((_padded(head) + data) if tensors else head)
    return path


def tiny_metadata(**changes: Any) -> dict[str, Any]:
    """Metadata of a small random llama with one token for each byte; a change of None leaves the key out."""
    tokens = [*_byte_tokens(), "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>"]
    metadata = {
        "general.architecture": "llama",
        "general.type": "model",
        "general.name": "tiny",
        "llama.context_length": 512,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 256 + [3] * (len(tokens) - 256),
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": 259,
        "tokenizer.ggml.eos_token_id": 258,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHATML,
    }
    metadata |= {name.replace("__", "."): value for name, value in changes.items()}
    return {key: value for key, value in metadata.items() if value is not None}


def sentencepiece_vocabulary() -> dict[str, Any]:
    """Changes for `tiny_metadata`: as many tokens, cut as SentencePiece does, with a space put before text."""
    template = "{{ bos_token }}{% for m in messages %}{{ '[' + m.content + ']' }}{{ eos_token }}{% endfor %}"
    tokens = ["<unk>", "<s>", "</s>", "▁", "▁a", *(f"<0x{byte:02X}>" for byte in range(256))]
    return {
        "tokenizer__ggml__model": "llama",
        "tokenizer__ggml__pre": None,
        "tokenizer__ggml__merges": None,
        "tokenizer__ggml__tokens": tokens,
        "tokenizer__ggml__scores": [0.0, 0.0, 0.0, -1.0, -2.0, *([-9.0] * 256)],
        "tokenizer__ggml__token_type": [2, 3, 3, 1, 1, *([6] * 256)],
        "tokenizer__ggml__bos_token_id": 1,
        "tokenizer__ggml__eos_token_id": 2,
        "tokenizer__ggml__add_bos_token": True,
        "tokenizer__chat_template": template,
    }


def tiny_tensors(seed: int = 1) -> dict[str, Array]:
    """Random weights for `tiny_metadata`."""
    draw = np.random.default_rng(seed)
    narrow = WIDTH // HEADS * KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (261, WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}.weight": shape
            for name, shape in {
                "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (narrow, WIDTH), "attn_v": (narrow, WIDTH),
                "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (INNER, WIDTH),
                "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER),
            }.items()
        }  # fmt: skip
    return {
        name: np.ones(shape, np.float32) if "norm" in name else draw.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def tiny_model(path: Path, **changes: Any) -> Path:
    """A model of about 100 kB that llama.cpp loads in milliseconds and that babbles."""
    return write_gguf(path, tiny_metadata(**changes), tiny_tensors())


def split_model(folder: Path, name: str = "split", parts: int = 3, **changes: Any) -> list[Path]:
    """`tiny_model` in several files, as gguf-split writes them."""
    tensors = list(tiny_tensors().items())
    paths = []
    for place in range(parts):
        own = {"split.no": U16(place), "split.count": U16(parts), "split.tensors.count": I32(len(tensors))}
        metadata = {**(tiny_metadata(**changes) if not place else {}), **own}
        paths.append(folder / f"{name}-{place + 1:05}-of-{parts:05}.gguf")
        write_gguf(paths[-1], metadata, dict(tensors[place::parts]))
    return paths


def lora(
    path: Path,
    base: GGUFFacts,
    targets: Iterable[str] = ("blk.0.attn_q.weight", "blk.1.ffn_down.weight"),
    rank: int = 4,
    strength: float = 0.3,
    seed: int = 1,
    **changes: Any,
) -> Path:
    """A random LoRA adapter for some tensors of a base model; a change of None leaves the key out."""
    draw = np.random.default_rng(seed)
    tensors: dict[str, Array] = {}
    for target in targets:
        inner, outer = base.tensors[target].shape[:2]
        tensors[f"{target}.lora_a"] = draw.normal(0, strength, (rank, inner)).astype(np.float32)
        tensors[f"{target}.lora_b"] = draw.normal(0, strength, (outer, rank)).astype(np.float32)
    return write_gguf(path, lora_metadata(base, **changes), tensors)


def lora_metadata(base: GGUFFacts, **changes: Any) -> dict[str, Any]:
    """Metadata of an adapter for `base`."""
    metadata: dict[str, Any] = {
        "general.type": "adapter",
        "general.architecture": base.architecture,
        "adapter.type": "lora",
        "adapter.lora.alpha": 8.0,
    }
    metadata |= {name.replace("__", "."): value for name, value in changes.items()}
    return {key: value for key, value in metadata.items() if value is not None}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with one plausible kind of damage: a cut, a wrong byte, a wrong number, wrong weights, or noise."""
    changed, header = bytearray(data), min(len(data), 1200)
    at = chance.randrange(4, header - 8)
    kind = chance.randrange(6)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind in (1, 2):
        changed[at] = chance.randrange(256)
    elif kind == 3:
        changed[at : at + 4] = struct.pack("<I", chance.choice([0, 1, 2, 3, 7, 255, 2**16, 2**31, 2**32 - 1]))
    elif kind == 4:
        for _ in range(8):
            changed[chance.randrange(len(data) // 2, len(data))] = 255  # as floats: huge numbers and NaN
    else:
        changed[at:at] = chance.randbytes(chance.randint(1, 64))
    return bytes(changed)


def _byte_tokens() -> list[str]:
    """The 256 letters that byte-level BPE writes bytes with (the table of GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + place) for place, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        kind, body = _list(value)
        return struct.pack("<IIQ", 9, kind, len(value)) + body
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, U64):
        return struct.pack("<IQ", 10, value)
    if isinstance(value, U16 | I32):
        return struct.pack("<IH", 2, value) if isinstance(value, U16) else struct.pack("<Ii", 5, value)
    return struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value)


def _list(values: list[Any]) -> tuple[int, bytes]:
    if isinstance(values[0], str):
        return 8, b"".join(map(_string, values))
    code, kind = ("f", 6) if isinstance(values[0], float) else ("i", 5)
    return kind, struct.pack(f"<{len(values)}{code}", *values)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % ALIGNMENT)
