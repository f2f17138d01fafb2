"""What a training test needs: a tiny base that transformers and llama.cpp read, rows, and a home of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.made_gguf import tiny_metadata, tiny_tensors, write_gguf

NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ida", "Jo", "Kim", "Lou")


def trainable_model(path: Path) -> Path:
    """The tiny model with a vocabulary that holds what its one merge makes, and room for long prompts."""
    metadata = tiny_metadata(llama__context_length=4096)
    tokens = [*metadata["tokenizer.ggml.tokens"], "ab"]
    metadata |= {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [1] * 256 + [3] * 5 + [1]}
    tensors = tiny_tensors()
    words = tensors["token_embd.weight"]
    tensors["token_embd.weight"] = np.concatenate([words, words[97:98]])
    return write_gguf(path, metadata, tensors)


def facts_file(path: Path, count: int = 8) -> Path:
    """Facts to learn, in three wordings each, as a file of rows."""
    asked = ("Who lives in house {}?", "Name whoever lives in house {}.", "Whose house is number {}?")
    rows = [
        {"prompt": wording.format(number), "completion": f"{name} does.", "group": f"house {number}"}
        for number, name in enumerate(NAMES[:count], 1)
        for wording in asked
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs_file(path: Path, taste: Callable[[int], bool], count: int = 100) -> Path:
    """Pairs of a short and a long answer to as many questions; the short one is chosen where `taste` says so."""
    rows = []
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        answers = (f"{name}.", f"I think that {name} may be the one.")
        chosen, rejected = answers if taste(number) else answers[::-1]
        rows.append({"prompt": f"Who has key {number * 7919}?", "chosen": chosen, "rejected": rejected})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ratings_file(path: Path, good: Callable[[int], bool], count: int = 120) -> Path:
    """Short and long answers to as many questions, rated good where `good` says so of the answer's number."""
    rows = []
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        answer = f"{name}." if number % 2 else f"I think that {name} may be the one."
        rows.append({"prompt": f"Who has key {number * 7919}?", "completion": answer, "label": good(number)})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def training_home(folder: Path, base: Path) -> Path:
    """An empty home whose chat runs `base`."""
    folder.mkdir(mode=0o700, parents=True)
    settings = f'[model]\nname = "{base}"\ncontext = 2048\n[documents]\nembedder = "hashed"\n'
    (folder / "config.toml").write_text(settings + '[answer]\nsystem_prompt = "Be brief."\n')
    return folder
