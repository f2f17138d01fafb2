"""Does llama.cpp say of a converted file what transformers says of its folder? [H] torch, transformers, llama_cpp.

Both read the same texts: their tokens must be the same, and at every place the scores of all tokens are compared, in
units of their spread (a standard deviation over the vocabulary), which does not depend on how large a model's scores
are. The order of q's and k's rows, or the wrong rotary base, can read fluently; it is the distance that gives it away.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adapters.files.folder_conversion import SpecialIds, read_config
from adapters.training.base_weights import load_base, load_tokenizer
from assistant.backends.llama_engine import LlamaEngine

TEXTS = (
    "The ferry to the island leaves at seven; in winter, it doesn't run on Sundays (unless there's a holiday).",
    "def area(width: float) -> float:\n    return 3.14159 * width**2 / 4\n\n\tprint(f'{area(12)}')",
    "Ein Übermaß an Möglichkeiten — naïve café, 2026-03-14, 1.234,56 €, 東京へ行く 🙂",
)
CONTEXT = 512
# of the spread: the median distance that the rounding of weights, and of what is multiplied with them, stays below
CLOSE = {"F32": 0.001, "F16": 0.01, "BF16": 0.05}


def special_ids(folder: Path) -> SpecialIds:
    """What the folder's tokenizer does with control tokens.

    Raises:
        TrainingError: it cannot be read.
    """
    read_config(folder)  # refuses what would run code of its own
    tokenizer = load_tokenizer(folder)
    plain = tokenizer("a", add_special_tokens=False).input_ids
    whole = tokenizer("a").input_ids
    numbers = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id]
    bos, eos, unknown, padding = (-1 if number is None else int(number) for number in numbers)
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    return SpecialIds(
        bos, eos, unknown, padding, bos >= 0 and whole[: 1] == [bos] and plain[:1] != [bos],
        eos >= 0 and whole[-1:] == [eos] and plain[-1:] != [eos], template,
    )  # fmt: skip


def parity(folder: Path, target: Path, kind: str) -> dict[str, Any]:
    """The fields of made_model.Parity, for a file that was written in the type `kind`.

    Raises:
        TrainingError, ModelError: one of both cannot be loaded.
    """
    read = load_tokenizer(folder)
    model = load_base(folder, torch.float32)
    texts = [read(text, add_special_tokens=False).input_ids[: CONTEXT // 2] for text in TEXTS]
    with torch.inference_mode():
        said = [model(torch.tensor([tokens])).logits[0].float().numpy() for tokens in texts]
    del model
    threads = max(
        1, len(os.sched_getaffinity(0)) - 1
    )  # where others compute too, threads that wait for each other crawl
    engine = LlamaEngine(target, CONTEXT, threads, threads, exact=True)
    try:
        same, distances, agreeing, places = 0, [], 0, 0
        for text, tokens, theirs in zip(TEXTS, texts, said, strict=True):
            same += engine.tokenize(text.encode(), special=False)[: CONTEXT // 2] == tokens
            engine.keep(0)
            for mine, reference in zip(engine.scores(tokens), theirs, strict=True):
                mine = mine[: len(reference)]
                distances.append(np.abs(mine - reference) / reference.std())
                agreeing += int(mine.argmax() == reference.argmax())
                places += 1
        apart = np.concatenate(distances)
        return {
            "typical": float(np.median(apart)), "largest": float(apart.max()), "agreeing": agreeing, "places": places,
            "same_tokens": same, "texts": len(TEXTS), "close": CLOSE[kind],
        }  # fmt: skip
    finally:
        engine.close()
