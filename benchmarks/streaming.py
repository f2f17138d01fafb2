"""What does it cost to draw what is new of a long answer? Ours beside Textual's own Markdown widget.

    python benchmarks/streaming.py [--tokens 200 5000 20000] [--flushes 12] [--kinds prose list code table]

Processor time (milliseconds, median) from appending a few words to the repainted screen of 100 x 30, when an answer of
that many tokens is there already. Each figure is taken in a process of its own; "-" is where one took more than
`--limit` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown

from assistant.tui.widgets.markdown import AnswerMarkdown

ROOT = Path(__file__).resolve().parent.parent
SENTENCE = "The lighthouse stands at the end of the long pier, and its keeper climbs the stairs each evening. "
KINDS = {  # what it begins with, one unit of it (with its number), tokens of a unit, and what is appended
    "prose": ("", SENTENCE * 3 + "\n\n", 66, "the lamp is lit and "),
    "list": ("", "{}. The lighthouse stands at the end of the **long pier**.\n", 20, "1. And one more.\n"),
    "code": ("```python\n", "    value_{0} = compute(value, {0}, 'text')  # step\n", 22, "    x = f(x, 1)\n"),
    "table": ("| a | b | c |\n|---|---|---|\n", "| row {} | value | the lamp |\n", 18, "| row | value | lamp |\n"),
}


class Screen(App[None]):
    """One answer that is followed to its end."""

    CSS_PATH = ROOT / "assistant" / "tui" / "app.tcss"

    def __init__(self, widget: AnswerMarkdown | Markdown) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        """The answer."""
        with VerticalScroll():
            yield self._widget


async def flush(kind: str, tokens: int, flushes: int, ours: bool) -> float:
    """Milliseconds of processor time."""
    beginning, unit, cost, more = KINDS[kind]
    text = beginning + "".join(unit.format(number) for number in range(1, tokens // cost + 1))
    widget = AnswerMarkdown() if ours else Markdown()
    app = Screen(widget)
    async with app.run_test(size=(100, 30)) as pilot:
        app.query_one(VerticalScroll).anchor()
        for start in range(0, len(text), 4000):
            await widget.append(text[start : start + 4000])
        await pilot.pause()
        gc.collect()
        gc.freeze()
        costs = []
        for _ in range(flushes):
            began = time.process_time()
            await widget.append(more)
            drawn = asyncio.Event()
            app.call_after_refresh(drawn.set)
            await drawn.wait()
            await asyncio.sleep(
                0.05
            )  # for what is laid out twice; Pilot.pause would ask every widget whether it is done
            costs.append(time.process_time() - began)
    return 1000 * statistics.median(costs)


def measured(kind: str, tokens: int, flushes: int, ours: bool, limit: float) -> str:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--one", kind, str(tokens), str(flushes), str(int(ours))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "-"
    return f"{float(done.stdout):.1f}"


def main() -> None:
    """All as a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tokens", type=int, nargs="+", default=[200, 5000, 20000])
    options.add_argument("--flushes", type=int, default=12)
    options.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options.add_argument("--limit", type=float, default=120.0, help="seconds for one figure")
    options.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.one:
        kind, tokens, flushes, ours = arguments.one
        print(asyncio.run(flush(kind, int(tokens), int(flushes), ours == "1")))
        return
    print("| answer | " + " | ".join(f"{tokens:,} tokens: ours | Textual's" for tokens in arguments.tokens) + " |")
    print("|---|" + "---:|---:|" * len(arguments.tokens))
    for kind in arguments.kinds:
        figures = [
            measured(kind, tokens, arguments.flushes, ours, arguments.limit)
            for tokens in arguments.tokens
            for ours in (True, False)
        ]
        print(f"| {kind} | " + " | ".join(figures) + " |", flush=True)
    print(f"\nLoad averages {', '.join(f'{each:.1f}' for each in os.getloadavg())} on {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
