"""What happens between rows and figures: build, train, convert, ask, as the product does it. Used by the benchmarks.

Rows go through `formats` and `building`, training is the child process `adapters.training.worker`, the result
is written as a GGUF LoRA, and base and adapter answer greedily through llama.cpp with the chat's own system prompt.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.data.building import Material, Options, build
from adapters.data.dataset import rows_bytes
from adapters.data.formats import read_file
from adapters.data.lengths import by_words
from adapters.durable import sha256_of
from adapters.files.export import export_lora
from adapters.files.gguf import read_gguf
from adapters.proof import probe
from adapters.scope import general_questions, threshold_of
from adapters.training.recipe import Recipe, recipe_from_json
from adapters.training.runs import RunPlan, TrainingRuns
from assistant.backends.base import ChatMessage, Piece
from assistant.backends.llamacpp import LlamaCppBackend
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.models.location import resolve_model
from assistant.prompting import system_prompt
from ingest.embedding.minilm import MiniLMEmbedder

CONTEXT = 1024
RECIPES: dict[str, dict[str, Any]] = {  # what differs from the shipped recipe
    "shipped recipe": {},
    "naive: no replay, no pull": {"replay": 0, "pull": 0, "patience": 0},
    "replay, no pull": {"pull": 0},
    "twice the replay": {"replay": 2},
    "pull x 4": {"pull": 4},
    "half the epochs": {"epochs": 0.5},  # times those of the shipped recipe
    "twice the epochs": {"epochs": 2.0},
    "learning rate / 3": {"learning_rate": 1 / 3},  # times that of the shipped recipe
    "learning rate x 3": {"learning_rate": 3.0},
    "rank 4": {"rank": 4, "alpha": 8},
    "rank 64": {"rank": 64, "alpha": 128},
}
RELATIVE = {"epochs": "passes", "learning_rate": "rate"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Probed:
    """The general probe: for each item its category, the answer, and whether it is right."""

    items: tuple[tuple[str, Asked, bool], ...]

    @property
    def right(self) -> int:
        """Items answered right."""
        return sum(right for _, _, right in self.items)

    @property
    def share(self) -> float:
        """Points of 100."""
        return 100 * self.right / len(self.items)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run left: the GGUF adapter and the figures of its `finished` event."""

    adapter: Path
    result: dict[str, Any]
    seconds: float  # from the start of the child to the converted file, general answers included
    curve: list[list[float | None]] = field(default_factory=list)  # [step, loss, validation, general]


class Near:
    """How the product asks where an adapter has a scope: in the nearest taught wording, or not at all."""

    def __init__(self, taught: Sequence[str]) -> None:
        self._embedder, self._questions = MiniLMEmbedder(), list(taught)
        self._taught = self._embedder.embed(self._questions).T
        self._threshold = threshold_of(self._cosines(general_questions()).max(axis=1).tolist())

    def wordings(self, questions: Sequence[str]) -> list[str | None]:
        """For each question the taught wording, None where it is outside."""
        cosines = self._cosines(questions)
        return [self._questions[int(row.argmax())] if float(row.max()) >= self._threshold else None for row in cosines]

    def _cosines(self, questions: Sequence[str]) -> Any:
        return self._embedder.embed(list(questions)) @ self._taught


class Asker:
    """One model under llama.cpp that answers greedily, with or without an adapter."""

    def __init__(self, base: Path) -> None:
        self._backend = LlamaCppBackend(read_gguf(base), context=CONTEXT)
        self._system = ChatMessage("system", chat_system_prompt())
        self._worn: list[tuple[str, float]] = []
        self._on: list[tuple[str, float]] = []
        self._near: Near | None = None

    def wear(self, adapter: Path | None, strength: float = 1.0, near: Near | None = None) -> None:
        """Put an adapter on, or take it off; with `near` it is on for questions inside only."""
        self._worn, self._near = [(str(adapter), strength)] if adapter else [], near

    def ask(self, questions: Sequence[str], max_tokens: int, told: str = "") -> list[Asked]:
        """Each question in a chat of its own."""
        sampling = Sampling(temperature=0, repeat_penalty=1.0, max_tokens=max_tokens)
        answers = []
        wordings: list[str | None] = self._near.wordings(questions) if self._near else list(questions)
        for number, (question, wording) in enumerate(zip(questions, wordings, strict=True), 1):
            if told:
                _progress(f"{told}: {number} of {len(questions)}")
            self._put_on([] if wording is None else self._worn)
            messages = [self._system, ChatMessage("user", wording or question)]
            pieces = self._backend.complete(messages, sampling, lambda: False)
            answers.append(Asked(question, "".join(piece.text for piece in pieces if isinstance(piece, Piece))))
        return answers

    def _put_on(self, parts: list[tuple[str, float]]) -> None:
        if parts != self._on:
            self._backend.set_adapters(parts)
            self._on = parts

    def probe(self, told: str = "general probe") -> Probed:
        """The general probe."""
        items = probe.load()
        answers = self.ask([item.prompt for item in items], probe.MAX_TOKENS, told)
        return Probed(
            tuple(
                (item.category, asked, probe.grade(item, asked.answer))
                for item, asked in zip(items, answers, strict=True)
            )
        )

    def close(self) -> None:
        """Free the model."""
        self._backend.close()


def chat_system_prompt() -> str:
    """What the chat puts before every conversation, with shipped settings."""
    return system_prompt(load_config(Path("/nonexistent")).answer.system_prompt)


def write_rows(rows: Iterable[dict[str, Any]], file: Path, name: str, wordings: int = 0) -> Path:
    """The rows of a user's file, built into a dataset: its `rows.jsonl` at `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    given = file.with_name(f"{name}.jsonl")
    given.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    read = read_file(given)
    options = Options(wordings=wordings)
    dataset = build(name, Material(read.rows, read.bad, (given.name,)), options, by_words(options.max_tokens))
    file.write_bytes(rows_bytes(dataset.rows))
    return file


async def train(home: Path, name: str, rows: Path, base: Path, recipe: Recipe) -> Trained:
    """One training run in the product's child process, and its result as a GGUF adapter.

    Raises:
        RuntimeError: training failed, with its message and hint.
    """
    runs = TrainingRuns(home / "training" / "runs")
    runs.folder.mkdir(parents=True, exist_ok=True)
    plan = RunPlan(name, base, sha256_of(base), rows, rows.parent.name, recipe, chat_system_prompt())
    start, last = time.monotonic(), {}
    run_id = runs.prepare(plan)
    async for event in runs.follow(run_id):
        last = event
        _progress(_told(event))
    if last.get("event") != "finished":
        raise RuntimeError(f"{last.get('message', last)} {last.get('hint', '')}".strip())
    result = last["result"]
    adapter = home / f"{run_id}.gguf"
    export_lora(Path(result["folder"]) / "peft", read_gguf(base), adapter, metadata={"name": name})
    return Trained(adapter, result, time.monotonic() - start, result.get("curve", []))


def _told(event: dict[str, Any]) -> str:
    if event.get("event") == "step":
        return f"step {event['step']} of {event['steps']}, loss {event['loss']:.3f}"
    if event.get("event") == "validation":
        return f"validation loss {event['loss']}, distance to the base {event['general']}"
    return str(event.get("text", event.get("event", "")))


def _progress(text: str) -> None:
    print(f"\r{text[:100]:<100}", end="", file=sys.stderr, flush=True)


def recipe_of(changes: dict[str, Any]) -> Recipe:
    """The shipped recipe with changes; epochs and learning rate are factors of its own."""
    shipped = Recipe()
    return recipe_from_json({
        key: value * getattr(shipped, RELATIVE[key]) if key in RELATIVE else value for key, value in changes.items()
    })  # fmt: skip


def chosen_recipes(options: argparse.Namespace) -> dict[str, Recipe]:
    """The recipes to compare: one, with --set, or those of --sweep and --recipes."""
    own = recipe_from_json({key: json.loads(value) for key, value in (entry.split("=", 1) for entry in options.set)})
    if not options.sweep and not options.recipes:
        return {"shipped recipe" if not options.set else ", ".join(options.set): own}
    names = options.recipes or list(RECIPES)
    return {name: recipe_of(RECIPES[name]) for name in names}


def arguments(description: str) -> argparse.Namespace:
    """The command line of the benchmarks that learn."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--home", type=Path, metavar="DIR", help="keep runs, adapters and general answers here")
    parser.add_argument("--model", default="starter", metavar="PATH", help="a GGUF file in place of the embedded model")
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="measure this GGUF adapter; do not train")
    parser.add_argument("--wordings", type=int, default=0, metavar="N", help="wordings made of each training question")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe (JSON value)"
    )
    parser.add_argument("--sweep", action="store_true", help="compare all recipes: recall against forgetting")
    parser.add_argument("--recipes", action="append", default=[], choices=list(RECIPES), help="compare only these")
    parser.add_argument("--strengths", default="1", metavar="S,S", help="measure each adapter at these strengths")
    parser.add_argument("--everywhere", action="store_true", help="also measure adapters without their scope")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write each answer here as JSON")
    return parser.parse_args()


def base_of(options: argparse.Namespace) -> Path:
    """The model's file."""
    return resolve_model(options.model)


async def adapters_of(
    options: argparse.Namespace, home: Path, rows: Iterable[dict[str, Any]], name: str
) -> list[tuple[str, Trained | None, Path]]:
    """The adapters to measure: the one given, or one trained on `rows` for each recipe. Name, its run, file."""
    if options.adapter:
        return [(options.adapter.name, None, options.adapter)]
    file = write_rows(rows, home / name / "rows.jsonl", name, options.wordings)
    found: list[tuple[str, Trained | None, Path]] = []
    for label, recipe in chosen_recipes(options).items():
        trained = await train(home, name, file, base_of(options), recipe)
        found.append((label, trained, trained.adapter))
    return found


def run_figures(trained: Trained | None) -> list[str]:
    """Columns of a table row: minutes, steps, tokens/s, memory, distance to the base."""
    if trained is None:
        return ["-"] * 5
    result = trained.result
    general = result["general"]
    return [
        f"{trained.seconds / 60:.1f}", str(result["steps"]) + (" (early)" if result["stopped_early"] else ""),
        f"{result['tokens_per_second']:.0f}", f"{result['memory_mb']:.0f} MB",
        "-" if general is None else f"{general:.3f}",
    ]  # fmt: skip


RUN_COLUMNS = ["minutes", "steps", "tokens/s", "memory", "distance to the base (nats)"]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def by_category(before: Probed, after: Probed) -> str:
    """How many items of each category are right, before and after."""

    def counts(probed: Probed) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for category, _, right in probed.items:
            good, whole = found.get(category, (0, 0))
            found[category] = (good + right, whole + 1)
        return found

    old, new = counts(before), counts(after)
    return ", ".join(f"{name} {old[name][0]} -> {new[name][0]} of {old[name][1]}" for name in old)


def percent(part: int, whole: int) -> str:
    """A share with its counts."""
    return f"{part / whole:.1%} ({part} of {whole})" if whole else "-"


def strengths(options: argparse.Namespace) -> list[float]:
    """The strengths to measure each adapter at."""
    return [float(value) for value in options.strengths.split(",")]


def marked(asked: Sequence[Asked], holds: Callable[[int, str], bool]) -> list[bool]:
    """For each answer, by its place: is it right?"""
    return [holds(place, entry.answer) for place, entry in enumerate(asked)]
