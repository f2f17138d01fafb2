"""How much CPU time does the interface take to its first frame, beside a bare Textual app?

Both start in a fresh interpreter, in turns, without a terminal; the clock is user + system time of the whole
process when the first frame is drawn. Ours opens a home that holds chats; it must not wait for the database.

    python benchmarks/startup.py [--runs 7] [--limit 0.25]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHATS = 50

# Each prints the CPU seconds of its process at the first frame, and how many modules it has imported.
REPORT = """
def report():
    import os, sys, time
    os.write(1, f"{time.process_time()} {len(sys.modules)}".encode())  # print is Textual's while an app runs
    os._exit(0)
"""
BARE = (
    REPORT
    + """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("Hello")
    def on_mount(self):
        self.call_after_refresh(report)

Bare().run(headless=True, size=(80, 24))
"""
)
OURS = (
    REPORT
    + """
import sys
from pathlib import Path
from assistant import cli, offline
offline.enforce()
config = cli.load_config(Path(sys.argv[1]))
from assistant.bootstrap import Core
from assistant.tui.app import AssistantApp

on_mount = AssistantApp.on_mount

def timed(self):
    on_mount(self)
    self.call_after_refresh(report)

AssistantApp.on_mount = timed
AssistantApp(Core(config)).run(headless=True, size=(80, 24))
"""
)


def first_frame(code: str, home: Path) -> tuple[float, int]:
    """CPU seconds and imported modules of a fresh interpreter that runs `code` to its first frame."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TEXTUAL": "", "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], env=environment, capture_output=True, text=True, check=True
    )
    seconds, modules = done.stdout.split()[-2:]
    return float(seconds), int(modules)


async def make_home(home: Path) -> None:
    """A home with chats, as a user of some weeks has it."""
    sys.path.insert(0, str(ROOT))
    from assistant.bootstrap import Core
    from assistant.config import load_config

    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\n')
    core = Core(load_config(home))
    await core.open()
    for number in range(CHATS):
        chat = await core.conversations.create()
        _, answer = await core.conversations.begin_turn(chat.id, None, f"Question {number}?", core.engine.sampling)
        await core.conversations.finish_answer(answer.id, "done", "An answer. " * 50, model="m", adapter="")
    await core.close()


def main() -> int:
    """Measure, print the table, and say whether the difference is within the limit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--limit", type=float, default=0.25, help="CPU seconds above the bare app")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        asyncio.run(make_home(home))
        for code in (BARE, OURS):  # compile and cache what both import
            first_frame(code, home)
        began = time.monotonic()
        runs = [(first_frame(BARE, home), first_frame(OURS, home)) for _ in range(arguments.runs)]
    bare, ours = (statistics.median(run[side][0] for run in runs) for side in (0, 1))
    spread = [max(run[side][0] for run in runs) - min(run[side][0] for run in runs) for side in (0, 1)]
    print(f"\n{arguments.runs} runs each, in turns, {time.monotonic() - began:.0f} s\n")
    print("| app | CPU s to the first frame (median) | spread | modules |")
    print("|---|---|---|---|")
    print(f"| bare Textual, one Static | {bare:.3f} | {spread[0]:.3f} | {runs[0][0][1]} |")
    print(f"| assistant, {CHATS} chats | {ours:.3f} | {spread[1]:.3f} | {runs[0][1][1]} |")
    within = ours - bare <= arguments.limit
    print(f"\nDifference: {ours - bare:.3f} s ({'within' if within else 'ABOVE'} {arguments.limit} s)")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
