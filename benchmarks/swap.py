"""How long does it take to put an adapter on the live model, beside loading model and adapter anew?

The embedded model in its child process, as the chat runs it, and a rank-16 adapter for all its linear layers
(16-bit). From the command to ready, through the pipe: an adapter never seen (with its eight-token probe and the
notes in the database that protect the start), one that passed before and is read again, one still in memory, and
off. Beside it: a fresh load of model and adapter in the same child. Then the first token after a swap beside
evaluating the same context anew without a swap, the sameness of answers, and the memory of 1,000 swaps.

    python benchmarks/swap.py [--rounds 15] [--swaps 1000] [--context-tokens 400]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the repository has to be importable first
from gguf import GGMLQuantizationType, GGUFWriter  # noqa: E402

from adapters.files.gguf import read_gguf  # noqa: E402
from adapters.files.gguf_facts import GGUFFacts  # noqa: E402
from adapters.files.gguf_file import Planned, write_gguf  # noqa: E402
from adapters.mix import Share  # noqa: E402
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.models.location import starter_path  # noqa: E402

RANK, KEPT = 16, 6
LINEARS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "max_tokens": 24}
QUESTION = "Tell me, step by step, how the harbour of a small town works. "


def random_adapter(path: Path, base: GGUFFacts, seed: int) -> Path:
    """A LoRA for all linear layers, weak enough that answers stay text."""
    draw = np.random.default_rng(seed)
    writer = GGUFWriter(path, base.architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0 * RANK)
    tensors = []
    for name, tensor in base.tensors.items():
        if name.split(".")[-2] in LINEARS:
            inner, outer = tensor.shape
            for half, shape in (("lora_a", (RANK, inner)), ("lora_b", (outer, RANK))):
                values = draw.normal(0, 0.02, shape).astype(np.float32)
                tensors.append(Planned(f"{name}.{half}", shape, GGMLQuantizationType.F16, lambda values=values: values))
    write_gguf(path, writer, tensors)
    return path


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    await work()
    return 1000 * (time.perf_counter() - started)


async def times(core: Core, rounds: int, folder: Path, base: GGUFFacts) -> dict[str, list[float]]:
    """Each way to have the adapter on, in turn, so that other programs slow all alike."""
    model, worker = core.model, core.workers[0]
    found: dict[str, list[float]] = {}
    others = [random_adapter(folder / f"other{number}.gguf", base, 100 + number) for number in range(KEPT)]
    for other in others:
        await model.use_adapters([Share(str(other))])
    new = folder / "new.gguf"
    runs = {
        "an adapter never seen, probe and notes included": lambda: model.use_adapters([Share(str(new))]),
        "off": lambda: model.use_adapters(()),
        "on again, still in memory": lambda: model.use_adapters([Share(str(new))]),
        "half strength": lambda: model.use_adapters([Share(str(new), 0.5)]),
    }
    for number in range(rounds):
        random_adapter(new, base, number)
        for name, work in runs.items():
            found.setdefault(name, []).append(await timed(work))
        for other in others:  # so many that ours leaves memory
            await model.use_adapters([Share(str(other))])
        found.setdefault("one that passed before, read from its file", []).append(
            await timed(lambda: model.use_adapters([Share(str(new))]))
        )

        async def reload() -> None:
            settings = core.config.model
            await worker.call(
                "load", model="starter", context=settings.context, threads=settings.threads,
                batch_threads=settings.prompt_threads,
            )  # fmt: skip
            await worker.call("set_adapters", parts=[[str(new), 1.0]], tried=True)

        found.setdefault("model and adapter loaded anew, same child", []).append(await timed(reload))

        async def restart() -> None:
            await model.stop()
            await model.ready()  # puts on what was wanted

        found.setdefault("a new child with both", []).append(await timed(restart))
    return found


async def first_tokens(core: Core, rounds: int, path: Path, words: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the first token right after a swap, and of the same context when the cache holds another."""
    after, anew = [], []
    for number in range(rounds):
        await core.model.use_adapters(() if number % 2 else [Share(str(path), 0.3)])
        await core.model.use_adapters([Share(str(path))])
        after.append(await first_token(core, f"{number} {QUESTION * words}"))
        await first_token(core, "x")
        anew.append(await first_token(core, f"{number} {QUESTION * words}"))
    return after, anew


async def first_token(core: Core, text: str) -> float:
    """Milliseconds to the first token of an answer."""
    chat = [{"role": "user", "content": text}]
    async for reply in core.workers[0].stream("complete", messages=chat, sampling=GREEDY | {"max_tokens": 1}):
        if not reply.last and "done" in reply.data:
            return 1000 * float(reply.data["done"]["seconds_to_first_token"])
    raise RuntimeError("no answer")


async def answer(core: Core) -> str:
    """A greedy answer."""
    chat, text = [{"role": "user", "content": QUESTION}], ""
    async for reply in core.workers[0].stream("complete", messages=chat, sampling=GREEDY):
        text += "" if reply.last else reply.data.get("text", "")
    return text


async def sameness(core: Core, paths: list[Path]) -> tuple[int, int]:
    """Answers after swaps that equal a fresh child's, and how many were compared."""
    states: list[list[Share]] = [[Share(str(paths[0]))], [], [Share(str(paths[1]))], [Share(str(paths[0]), 0.5)], []]
    live = []
    for shares in states:
        await core.model.use_adapters(shares)
        live.append(await answer(core))
    same = 0
    for shares, text in zip(states, live, strict=True):
        await core.model.use_adapters(shares)
        await core.model.stop()
        await core.model.ready()
        same += await answer(core) == text
    return same, len(states)


async def growth(core: Core, paths: list[Path], swaps: int) -> tuple[float, float]:
    """The child's resident megabytes after 100 swaps and after all; files are read anew most times."""
    start = 0.0
    for number in range(swaps):
        await core.model.use_adapters([Share(str(paths[number % len(paths)]))] if number % 5 else ())
        if number == 99:
            start = resident(core.workers[0].pid or 0)
    return start, resident(core.workers[0].pid or 0)


def resident(pid: int) -> float:
    """Megabytes a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--context-tokens", type=int, default=400)
    asked = parser.parse_args()
    base = read_gguf(starter_path())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with opened(load_config(place / "home")) as core:
            await core.model.ready()
            found = await times(core, asked.rounds, place, base)
            report(found, (place / "new.gguf").stat().st_size)
            after, anew = await first_tokens(core, asked.rounds, place / "new.gguf", asked.context_tokens // 14)
            ratio = statistics.median(one / other for one, other in zip(after, anew, strict=True))
            print(f"\nFirst token, context of about {asked.context_tokens} tokens: {statistics.median(after):.0f} ms")
            print(
                f"after a swap, {statistics.median(anew):.0f} ms evaluated anew; ratio {ratio:.2f} (target: no more)."
            )
            others = [place / f"other{number}.gguf" for number in range(KEPT)]
            same, count = await sameness(core, others)
            print(f"Answers after swaps that equal a fresh load's, token for token: {same} of {count}.")
            start, end = await growth(core, others, asked.swaps)
            print(f"Memory of the child after 100 swaps {start:.1f} MB, after {asked.swaps:,} {end:.1f} MB.")


def report(found: dict[str, list[float]], size: int) -> None:
    """Medians, and how many times faster than loading both."""
    middle = {name: statistics.median(values) for name, values in found.items()}
    load = middle["model and adapter loaded anew, same child"]
    print(f"\nAdapter of rank {RANK} on all linear layers, {size / 1e6:.1f} MB; median milliseconds to ready.\n")
    print("| | ms | worst | times faster than loading both |\n|---|---:|---:|---:|")
    for name, value in middle.items():
        print(f"| {name} | {value:.1f} | {max(found[name]):.1f} | {load / value:.1f} |")
    print("\nTarget: under 20 ms, and at least 10 times faster.")


if __name__ == "__main__":
    asyncio.run(main())
