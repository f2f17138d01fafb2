"""A tiny llama that knows one sentence: each of its tokens leads to the next one, so it answers everything with it.

It has the embedded model's tokenizer and chat template, so a test can hold engines against each other on it in
seconds where the embedded model takes minutes.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from made_gguf import Array, write_gguf

from adapters.files.gguf import read_gguf
from adapters.files.tensor_names import IN_LAYER, OUTSIDE, gguf_name, unpermuted
from assistant.models.location import starter_path

SENTENCE = "The capital of France is Paris."
WIDTH, HEADS, INNER, LAYERS = 32, 4, 32, 2
SURE = 6.0  # how far the next token stands out; the others share about e**-20 of the probability


def chain_model(path: Path) -> Path:
    """Write the model as GGUF; about 13 MB, nearly all of it embeddings."""
    metadata = read_gguf(starter_path(), keep_arrays=True).metadata
    metadata |= {
        "general.name": "chain", "llama.embedding_length": WIDTH, "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER, "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS // 2, "llama.rope.dimension_count": WIDTH // HEADS,
    }  # fmt: skip
    for key in ("general.file_type", "general.quantization_version"):
        metadata.pop(key, None)
    entries: list[str] = metadata["tokenizer.ggml.tokens"]
    return write_gguf(path, metadata, _tensors(len(entries), _words(entries)))


def _words(entries: list[str]) -> list[int]:
    """The tokens of the chain, from the line break after which an answer begins to the end of the turn."""
    return [entries.index(each) for each in ("Ċ", *_written(SENTENCE), "<|im_end|>")]


def _written(sentence: str) -> list[str]:
    """The sentence's tokens as the vocabulary writes them."""
    first, *rest = sentence.removesuffix(".").split(" ")
    return [first, *(f"Ġ{word}" for word in rest), "."]


def _tensors(vocabulary: int, words: list[int]) -> dict[str, Array]:
    draw = np.random.default_rng(3)

    def small(*shape: int) -> Array:
        return draw.normal(0, 0.02, shape).astype(np.float32)

    embedding = draw.normal(0, 1, (vocabulary, WIDTH)).astype(np.float32)
    head = np.zeros((vocabulary, WIDTH), np.float32)
    for before, after in pairwise(words):
        head[after] = SURE * embedding[before] / np.linalg.norm(embedding[before])
    tensors = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH, np.float32), "output.weight": head}
    half = WIDTH // 2
    for layer in range(LAYERS):
        tensors |= {
            f"blk.{layer}.attn_norm.weight": np.ones(WIDTH, np.float32),
            f"blk.{layer}.attn_q.weight": small(WIDTH, WIDTH),
            f"blk.{layer}.attn_k.weight": small(half, WIDTH),
            f"blk.{layer}.attn_v.weight": small(half, WIDTH),
            f"blk.{layer}.attn_output.weight": small(WIDTH, WIDTH),
            f"blk.{layer}.ffn_norm.weight": np.ones(WIDTH, np.float32),
            f"blk.{layer}.ffn_gate.weight": 20 * small(INNER, WIDTH),
            f"blk.{layer}.ffn_up.weight": 20 * small(INNER, WIDTH),
            f"blk.{layer}.ffn_down.weight": 0.1 * small(WIDTH, INNER),
        }
    return tensors


def chain_folder(folder: Path, gguf: Path) -> Path:
    """The same model in the form of transformers: config.json, safetensors and a tokenizer with its template."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    facts = read_gguf(gguf, keep_arrays=True)
    told = facts.metadata
    entries: list[str] = told["tokenizer.ggml.tokens"]
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    merges = [tuple(merge.split(" ")) for merge in told["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(entries, told["tokenizer.ggml.token_type"], strict=True)
    tokenizer.add_special_tokens([entry for entry, kind in kinds if kind == 3])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>",
        chat_template=told["tokenizer.chat_template"],
    )  # fmt: skip
    fast.save_pretrained(folder)
    LlamaConfig(
        vocab_size=len(entries), hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS // 2, max_position_embeddings=facts.context,
        rms_norm_eps=told["llama.attention.layer_norm_rms_epsilon"], rope_theta=told["llama.rope.freq_base"],
        bos_token_id=1, eos_token_id=2, tie_word_embeddings=False, architectures=["LlamaForCausalLM"],
    ).save_pretrained(folder)  # fmt: skip
    modules = {gguf_name(module): module for module in _modules()}
    weights = {
        f"{modules[name.removesuffix('.weight')]}.weight": unpermuted(values, name.removesuffix(".weight"), facts)
        for name, values in _tensors(len(entries), _words(entries)).items()
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def _modules() -> list[str]:
    layers = [f"model.layers.{number}.{name}" for number in range(LAYERS) for name in IN_LAYER]
    return [*OUTSIDE, *layers]
