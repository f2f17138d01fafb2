"""Randomly initialised models as folders of safetensors, with a tokenizer of either kind. [torch, transformers]"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from tests.made_gguf import CHATML

WORDS = [
    "the ferry to the island leaves at seven and returns before dark unless a storm comes from the west",
    "Who lives in house number 3? Ada does. It is the captain who says what is to be done in the harbour.",
    "def area(width): return 3.14 * width ** 2  # naïve café, Übermaß, 1.234,56 €",
]
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]


def byte_level() -> Tokenizer:
    """A byte-level BPE as GPT-2's, of about 400 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    return tokenizer


def with_fallback() -> Tokenizer:
    """A BPE with a byte fallback and a space before, as SentencePiece made Mistral's."""
    pieces = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    letters = sorted({letter for text in WORDS for letter in text if letter.isascii() and letter != " "})
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("i", "n"), ("a", "n"), ("an", "d"), ("▁", "the"), ("e", "r")]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*pieces, *letters]))}
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    known = [(left, right) for left, right in merges if left in vocabulary and right in vocabulary]
    tokenizer = Tokenizer(models.BPE(vocabulary, known, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens([AddedToken(piece, special=True, normalized=False) for piece in SPECIAL])
    return tokenizer


def made_folder(folder: Path, tokenizer: Tokenizer | None = None, kind: str = "mistral", **changes: Any) -> Path:
    """Write a random model of some hundred kilobytes with two KV heads for four of queries; returns its folder."""
    tokenizer = tokenizer or byte_level()
    read = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="<|im_end|>", chat_template=CHATML
    )
    read.save_pretrained(folder)
    settings: dict[str, Any] = {
        "vocab_size": len(read), "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "bos_token_id": read.bos_token_id, "eos_token_id": read.eos_token_id, "initializer_range": 0.3,
        "tie_word_embeddings": False,
    } | changes  # fmt: skip
    torch.manual_seed(1)
    made = (
        MistralForCausalLM(MistralConfig(sliding_window=None, **settings))
        if kind == "mistral"
        else LlamaForCausalLM(LlamaConfig(**settings))
    )
    made.save_pretrained(folder)
    return folder
