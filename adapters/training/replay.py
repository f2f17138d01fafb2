"""What the base model itself says in general, so that training does not forget it. [H] torch.

Two kinds of rows: greedy answers to general prompts, and conversations that the base makes up from nothing but
the chat's opening (self-synthesised rehearsal, arXiv 2403.01244; Magpie, arXiv 2406.08464), which cover far more than
a list of prompts can. Every token after the opening counts: the user's words too tell whether the model has moved.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adapters.durable import publish, unfinished
from adapters.rows import Turn
from adapters.training.encoding import Codec, Encoded

PROMPTS = Path(__file__).with_name("replay_prompts.jsonl")
SHIPPED = Path(__file__).with_name("replayed")  # what the embedded model said: minutes that nobody needs to wait for
ANSWER_TOKENS = 24  # of each answer: what a model forgets shows in the first words
REHEARSED, REHEARSED_TOKENS = 768, 56  # conversations the base makes up, and the length of each
TEMPERATURE, TOP_P = 1.0, 0.98  # of the made-up conversations: the base's own distribution, without its tail
BATCH = 32
NO_END = -1  # a token that never comes


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
    *,
    train: bool = True,
) -> Replay:
    """General rows of the base; from `cache` (a folder) where it has given them before, or as they ship.

    `model` must not have been trained yet. `told` hears how many of how many are done. Without `train` only
    the held-out rows are made.
    """
    listed = [json.loads(line) for line in PROMPTS.read_text("utf-8").splitlines()]
    prompts = [entry for entry in listed if train or entry.get("held_out", False)]
    opening, made_up = codec.opening(), REHEARSED if train else 0
    asked = [codec.prompt_ids([Turn("user", entry["prompt"])]) for entry in prompts] + [opening] * made_up
    known = [base_sha256, ANSWER_TOKENS, made_up, REHEARSED_TOKENS, TEMPERATURE, TOP_P, asked]
    file = cache / f"{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]}.json"
    answers = _cached(file, len(asked))
    _answer(model, asked, answers, len(prompts), lambda: _keep(file, answers), told, stopped)
    rows = [_row(len(opening), ids, answer or []) for ids, answer in zip(asked, answers, strict=True)]
    held = [entry.get("held_out", False) for entry in prompts] + [False] * made_up
    return Replay(
        tuple(row for row, out in zip(rows, held, strict=True) if not out and row.targets),
        tuple(row for row, out in zip(rows, held, strict=True) if out and row.targets),
    )


def _row(opening: int, prompt: Sequence[int], answer: Sequence[int]) -> Encoded:
    if not answer:
        return Encoded((), ())
    before = min(opening, len(prompt))
    return Encoded((*prompt, *answer), (False,) * before + (True,) * (len(prompt) - before + len(answer)))


def _cached(file: Path, count: int) -> list[list[int] | None]:
    """The answers kept there, or shipped under the same name; None for those not given yet."""
    shipped = SHIPPED / f"{file.name}.xz"
    for read in (lambda: file.read_bytes(), lambda: lzma.decompress(shipped.read_bytes())):
        try:
            answers = json.loads(read())
        except (OSError, ValueError, lzma.LZMAError):
            continue
        if isinstance(answers, list) and len(answers) == count:
            return answers
    return [None] * count


def _keep(file: Path, answers: list[list[int] | None]) -> None:
    temporary = unfinished(file)
    with temporary.open("x", encoding="utf-8") as out:
        json.dump(answers, out)
    publish(temporary, file)


def _answer(
    model: Any,
    asked: list[list[int]],
    answers: list[list[int] | None],
    prompts: int,
    keep: Callable[[], None],
    told: Callable[[int, int], None],
    stopped: Callable[[], bool],
) -> None:
    """Fill in what is missing in `answers`, in batches of similar length, until `stopped` says so.

    The first `prompts` are answered greedily, the others drawn.
    """
    open_places = [place for place, answer in enumerate(answers) if answer is None]
    order = sorted(open_places, key=lambda place: (place >= prompts, len(asked[place]), place))
    while order:
        drawn = order[0] >= prompts
        places = [place for place in order[:BATCH] if (place >= prompts) == drawn]
        batch = [asked[place] for place in places]
        given = draw(model, batch, places[0], stopped) if drawn else greedy(model, batch, ANSWER_TOKENS, stopped)
        if stopped():
            return
        for place, answer in zip(places, given, strict=True):
            answers[place] = answer
        keep()
        order = order[len(places) :]
        told(len(asked) - len(order), len(asked))


def greedy(
    model: Any, prompts: Sequence[Sequence[int]], count: int, stopped: Callable[[], bool] = lambda: False
) -> list[list[int]]:
    """Up to `count` likeliest next tokens for each prompt, the ending token included; fewer once `stopped` says so."""
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    return [_until_end(tokens, ends) for tokens in _generated(model, prompts, count, stopped, do_sample=False)]


def draw(model: Any, prompts: Sequence[Sequence[int]], seed: int, stopped: Callable[[], bool]) -> list[list[int]]:
    """Tokens drawn after each prompt, across the ends of turns, so that whole exchanges are made up."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _generated(
            model, prompts, REHEARSED_TOKENS, stopped,
            do_sample=True, temperature=TEMPERATURE, top_p=TOP_P, top_k=0, eos_token_id=NO_END,
        )  # fmt: skip


def _generated(
    model: Any, prompts: Sequence[Sequence[int]], count: int, stopped: Callable[[], bool], **how: Any
) -> list[list[int]]:
    longest = max(map(len, prompts))
    pad = model.generation_config.pad_token_id
    pad = pad[0] if isinstance(pad, list) else pad or 0
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=count, **how,
            stopping_criteria=[lambda ids, scores: torch.full((len(ids),), stopped(), device=ids.device)],
        )  # fmt: skip
    tokens: list[list[int]] = out[:, longest:].tolist()
    return tokens


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    for place, token in enumerate(tokens):
        if token in ends:
            return tokens[: place + 1]
    return tokens
