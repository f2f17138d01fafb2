"""General prompts answered by the base model itself, so that training does not forget them. [H] torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adapters.durable import publish, unfinished
from adapters.rows import Turn
from adapters.training.encoding import Codec, Encoded

PROMPTS = Path(__file__).with_name("replay_prompts.jsonl")
ANSWER_TOKENS = 48  # of each answer; enough to hold the base's manner
BATCH = 32


@dataclass(frozen=True, slots=True)
class Replay:
    """General rows: to train on, and held out to measure how far the model has moved."""

    train: tuple[Encoded, ...]
    held_out: tuple[Encoded, ...]


def replay_rows(
    model: Any,
    codec: Codec,
    cache: Path,
    base_sha256: str,
    told: Callable[[int, int], None],
    stopped: Callable[[], bool],
) -> Replay:
    """The base's greedy answers to all prompts; from `cache` (a folder) where it has given them before.

    `model` must not have been trained yet. `told` hears how many of how many are done.
    """
    prompts = [json.loads(line) for line in PROMPTS.read_text("utf-8").splitlines()]
    asked = [codec.prompt_ids([Turn("user", entry["prompt"])]) for entry in prompts]
    known = hashlib.sha256(json.dumps([base_sha256, ANSWER_TOKENS, asked]).encode()).hexdigest()
    file = cache / f"{known[:32]}.json"
    answers = _cached(file, len(asked))
    _answer(model, asked, answers, lambda: _keep(file, answers), told, stopped)
    rows = [_row(ids, answer or []) for ids, answer in zip(asked, answers, strict=True)]
    held = [entry.get("held_out", False) for entry in prompts]
    return Replay(
        tuple(row for row, out in zip(rows, held, strict=True) if not out and row.targets),
        tuple(row for row, out in zip(rows, held, strict=True) if out and row.targets),
    )


def _row(prompt: Sequence[int], answer: Sequence[int]) -> Encoded:
    return Encoded((*prompt, *answer), (False,) * len(prompt) + (True,) * len(answer))


def _cached(file: Path, count: int) -> list[list[int] | None]:
    """The answers kept there; None for those not given yet."""
    try:
        answers = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        answers = None
    return answers if isinstance(answers, list) and len(answers) == count else [None] * count


def _keep(file: Path, answers: list[list[int] | None]) -> None:
    temporary = unfinished(file)
    with temporary.open("x", encoding="utf-8") as out:
        json.dump(answers, out)
    publish(temporary, file)


def _answer(
    model: Any,
    asked: list[list[int]],
    answers: list[list[int] | None],
    keep: Callable[[], None],
    told: Callable[[int, int], None],
    stopped: Callable[[], bool],
) -> None:
    """Fill in what is missing in `answers`, in batches of similar length, until `stopped` says so."""
    open_places = [place for place, answer in enumerate(answers) if answer is None]
    order = sorted(open_places, key=lambda place: len(asked[place]))
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        given = greedy(model, [asked[place] for place in places], ANSWER_TOKENS, stopped)
        if stopped():
            return
        for place, answer in zip(places, given, strict=True):
            answers[place] = answer
        keep()
        told(len(asked) - len(order) + min(start + BATCH, len(order)), len(asked))


def greedy(
    model: Any, prompts: Sequence[Sequence[int]], count: int, stopped: Callable[[], bool] = lambda: False
) -> list[list[int]]:
    """Up to `count` likeliest next tokens for each prompt, the ending token included; fewer once `stopped` says so."""
    longest = max(map(len, prompts))
    pad = model.generation_config.pad_token_id
    pad = pad[0] if isinstance(pad, list) else pad or 0
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=count, do_sample=False,
            stopping_criteria=[lambda ids, scores: torch.full((len(ids),), stopped(), device=ids.device)],
        )  # fmt: skip
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    return [_until_end(row[longest:], ends) for row in out.tolist()]


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    for place, token in enumerate(tokens):
        if token in ends:
            return tokens[: place + 1]
    return tokens
