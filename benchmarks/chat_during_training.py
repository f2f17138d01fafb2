"""What does a chat notice of a training that runs beside it? Beside the same chat on an idle machine.

    python benchmarks/chat_during_training.py [--keys 200] [--answers 3] [--tokens 96]

Keys are typed into the real interface in a pseudo-terminal, 20 a second; measured is the time from the key to the
first bytes of its repaint. Answers are those of the embedded model, greedy, through the chat engine that also follows
the training. Order: idle, training, idle again (the second idle round shows how much the machine itself moves).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from adapters.training.recipe import Recipe  # noqa: E402 - the repository has to be importable first
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.events import Completed  # noqa: E402
from assistant.training import TrainRequest  # noqa: E402

QUESTIONS = ["How does a lighthouse work?", "Why is the sky blue?", "Name three uses of a sieve.", "What is bread?"]
PAIRS = ROOT / "benchmarks" / "learning" / "house_style.jsonl"
LETTERS = "the quick brown fox jumps over the lazy dog "


@contextlib.contextmanager
def interface(home: Path) -> Iterator[int]:
    """The assistant in a terminal of 100 x 30; yields our end of it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = [sys.executable, "-m", "assistant", "--home", str(home)]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True,
                             env=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"})  # fmt: skip
    try:
        drain(ours, 12.0)  # drawn, opened, loaded
        yield ours
    finally:
        child.kill()
        child.wait()
        os.close(ours)
        os.close(theirs)


def drain(terminal: int, seconds: float) -> None:
    """Read what comes until nothing has come for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 65536)


def typed(home: Path, keys: int) -> list[float]:
    """Milliseconds from each key to the first bytes of its repaint."""
    times = []
    with interface(home) as terminal:
        for number in range(keys):
            drain(terminal, 0.05)
            started = time.perf_counter()
            os.write(terminal, LETTERS[number % len(LETTERS)].encode())
            if select.select([terminal], [], [], 5.0)[0]:
                os.read(terminal, 65536)
            times.append(1000 * (time.perf_counter() - started))
    return times


async def answered(core: Core, answers: int) -> float:
    """Median tokens a second of some answers."""
    rates = []
    for question in QUESTIONS[:answers]:
        chat = await core.conversations.create()
        async for event in core.engine.ask(chat.id, question):
            if isinstance(event, Completed) and event.message.usage:
                rates.append(event.message.usage.tokens_per_second)
    return statistics.median(rates)


async def trained(core: Core, begun: asyncio.Event, speeds: list[float]) -> None:
    """Train until cancelled."""
    pairs = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    rows = core.config.home / "rows.jsonl"
    lines = [json.dumps({"prompt": pair["prompt"], "completion": pair["answer"]}) for pair in pairs]
    rows.write_text("\n".join(lines), "utf-8")
    request = TrainRequest("beside", str(rows), Recipe(epochs=50, replay=0, patience=0))
    async with contextlib.aclosing(core.training.train(request, prove=False)) as events:
        async for event in events:
            if event["event"] == "step":
                begun.set()
                speeds.append(event["tokens_per_second"])


async def measured(core: Core, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Keys, then answers."""
    keys = await asyncio.to_thread(typed, home, options.keys)
    return {"keys": keys, "rate": await answered(core, options.answers)}


async def rounds(folder: Path, options: argparse.Namespace) -> tuple[dict[str, dict[str, Any]], list[float]]:
    """Idle, training, idle."""
    screen_home, config = folder / "screen", load_config(folder / "core")
    config = replace(config, sampling=replace(config.sampling, temperature=0.0, max_tokens=options.tokens))
    speeds: list[float] = []
    async with opened(config) as core:
        await core.warm()
        found = {"idle": await measured(core, screen_home, options)}
        begun = asyncio.Event()
        training = asyncio.create_task(trained(core, begun, speeds))
        await asyncio.wait([training, asyncio.create_task(begun.wait())], return_when=asyncio.FIRST_COMPLETED)
        if training.done():
            training.result()
        found["training"] = await measured(core, screen_home, options)
        training.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await training
        found["idle again"] = await measured(core, screen_home, options)
    return found, speeds


def main() -> None:
    """All rounds as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--answers", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=96)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, speeds = asyncio.run(rounds(Path(folder), options))
    print(
        "| | key to repaint, median ms | p99 ms | worst ms | chat tokens/s | beside idle |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    for name, each in found.items():
        keys = sorted(each["keys"])
        share = each["rate"] / found["idle"]["rate"]
        print(f"| {name} | {statistics.median(keys):.1f} | {keys[int(0.99 * (len(keys) - 1))]:.1f} | {keys[-1]:.1f} | "
              f"{each['rate']:.1f} | {share:.2f} |")  # fmt: skip
    print(f"\nThe training made {speeds[-1]:.0f} tokens/s on the whole meanwhile." if speeds else json.dumps(speeds))


if __name__ == "__main__":
    main()
