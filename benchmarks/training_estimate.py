"""Are the figures told before a training true? Each method's estimate beside what a short run of it took.

    nice python benchmarks/training_estimate.py [--model PATH] [--rows 80] [--methods lora,full] [--tokens 300]

Every method trains one epoch in the product's own child process on the embedded model, with rows of many lengths.
Compared are trained parameters and the largest resident memory; beside them stand the tokens trained a second.
The embedded model's general answers are those that ship; another model's are made once, before the first step. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from adapters.data.lengths import by_words
from adapters.durable import sha256_of
from adapters.rows import Origin, Row, Turn
from adapters.training.estimate import Estimate, Machine, Work, estimate
from adapters.training.recipe import METHODS, Recipe
from adapters.training.runs import RunPlan, TrainingRuns
from adapters.training.shape import shape_of
from assistant import offline
from assistant.config import load_config
from assistant.models.location import resolve_model
from assistant.prompting import system_prompt
from assistant.training_plan import has_half

SENTENCE = "the ferry to the island leaves at seven from the old pier and returns before dark unless a storm comes"


WORDS = SENTENCE.split()


def rows(count: int, tokens: int) -> list[Row]:
    """Rows of about a tenth of `tokens` tokens to all of them, most of them learned."""
    answers = [" ".join((WORDS * tokens)[: max(4, tokens * tenth * 7 // 100)]) for tenth in range(1, 11)]
    return [
        Row(
            (Turn("user", f"What of number {number}?"), Turn("assistant", f"{number}: {answers[number * 7 % 10]}")),
            origin=Origin("file", "made", str(number)), split="validation" if number % 10 == 9 else "train",
        )
        for number in range(count)
    ]  # fmt: skip


async def measured(home: Path, base: Path, recipe: Recipe, file: Path) -> dict[str, Any]:
    """The events that tell parameters, memory and speed of a short run."""
    runs = TrainingRuns(home / "training" / "runs", offline.VARIABLES)
    runs.folder.mkdir(parents=True, exist_ok=True)
    system = system_prompt(load_config(home).answer.system_prompt)  # the general answers that ship stand after it
    run = runs.prepare(RunPlan(recipe.method, base, sha256_of(base), file, "made", recipe, system))
    found: dict[str, Any] = {}
    async for event in runs.follow(run):
        print(f"\r{recipe.method}: {event.get('text') or event['event']}".ljust(80), end="", flush=True)
        if event["event"] == "failed":
            raise RuntimeError(f"{event['message']} {event['hint']}")
        if event["event"] == "started":
            found["trainable"] = event["trainable"]
        if event["event"] == "step":  # what is written afterwards, and the comparison of engines, is not training
            found |= {"rate": event["tokens_per_second"], "step_mb": event["memory_mb"]}
        if event["event"] == "finished":
            found["memory_mb"] = event["result"]["memory_mb"]
    print("\r".ljust(80), end="\r")
    return found


def line(planned: Estimate, taken: dict[str, Any]) -> str:
    """One row of the table."""
    memory = planned.memory / 1e6
    error = 100 * (memory / taken["memory_mb"] - 1)
    same = "same" if planned.trainable == taken["trainable"] else f"{taken['trainable']:,}"
    return (
        f"| {planned.method} | {planned.trainable:,} ({same}) | {memory:,.0f} | {taken['step_mb']:,} | "
        f"{taken['memory_mb']:,} | {error:+.1f} % | {taken['rate']:.0f} |"
    )


async def compared(base: Path, recipe: Recipe, made: list[Row], home: Path) -> tuple[Estimate, dict[str, Any]]:
    """What is said of a training with these rows, and what a run of it took."""
    file = home / f"{recipe.method}.jsonl"
    file.write_text("".join(json.dumps(row.as_json()) + "\n" for row in made), encoding="utf-8")
    tokens = [entry.tokens for entry in by_words(1024)(made)]
    train = [size for size, row in zip(tokens, made, strict=True) if row.split == "train"]
    work = Work(len(train), sum(train), max(tokens), True)
    machine = Machine(len(os.sched_getaffinity(0)), has_half(), 10**12, 10**15)
    return estimate(shape_of(base), recipe, work, machine), await measured(home, base, recipe, file)


async def run(options: argparse.Namespace, home: Path) -> None:
    """Print the table as it grows."""
    base, made = resolve_model(options.model), rows(options.rows, options.tokens)
    print("| method | trained (run) | estimate, MB | largest in steps | largest at all | error | tokens/s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for method in options.methods.split(","):
        print(line(*await compared(base, Recipe(method=method, epochs=1, patience=0), made, home)), flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="starter", metavar="PATH", help="a GGUF file in place of the embedded model")
    parser.add_argument("--methods", default=",".join(METHODS), metavar="M,M", help="which to measure")
    parser.add_argument("--rows", type=int, default=80)
    parser.add_argument("--tokens", type=int, default=300, help="of the longest row, about")
    parser.add_argument("--home", type=Path, metavar="DIR", help="keep runs and general answers here")
    options = parser.parse_args()
    offline.enforce()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        home = options.home or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        asyncio.run(run(options, home))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\n{time.monotonic() - started:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} s of the processor.")


if __name__ == "__main__":
    main()
