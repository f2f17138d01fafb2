"""Does the closed loop teach a taste that nobody told the trainer, and does it refuse to learn a coin?

    python benchmarks/preference_loop.py [--home DIR] [--set KEY=VALUE] [--rater taste|coin] [--comparisons N]

The embedded model answers 200 questions twice, at two temperatures. A simulated rater compares the two answers of each
and stores what it prefers, as a user does with Alt+V. The product's own `learn` does the rest: dataset, training,
proof. Then base and adapter answer 80 questions about other things, and the same rater compares those without knowing
which is which. The rater's taste is in `likes` alone: at most 40 words, and the answer first. A second rater, who
tosses a coin over the same answers, must end in a rejection. With --home, what was done is not done again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from learning_loop import table  # noqa: E402 - the repository has to be importable first

from adapters.proof.intervals import interval  # noqa: E402
from adapters.training.recipe import recipe_from_json  # noqa: E402
from assistant import offline  # noqa: E402
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.learning import LearnRequest  # noqa: E402
from assistant.scoring.comparing import answer_all, settle  # noqa: E402

ASKED = (
    "What is {}?", "How does {} work?", "Why is {} useful?", "Who needs {} the most?", "What should I know about {}?",
)  # fmt: skip
THINGS = (
    "a lighthouse", "a compass", "soap", "a bicycle", "a thermometer", "glass", "a water mill", "a library", "salt",
    "a telescope", "paper", "a sailing boat", "a pressure cooker", "bread", "a hearing aid", "concrete", "a kite",
    "a sewing machine", "wool", "a fire alarm", "an umbrella", "a greenhouse", "cheese", "a lift", "a magnet",
    "a fountain pen", "rubber", "a vacuum cleaner", "a beehive", "chocolate", "a tent", "an alarm clock", "a bridge",
    "vinegar", "a stethoscope", "a ladder", "cotton", "a printing press", "a piano", "a canal",
)  # fmt: skip
OTHER_THINGS = (
    "a candle", "a microscope", "sugar", "a wheelbarrow", "a radio", "leather", "a harbour", "a fridge", "a windmill",
    "silk", "a screwdriver", "a museum", "yeast", "a parachute", "a barometer", "an orchard",
)  # fmt: skip
TEMPERATURES = ("base~0.7", "base~1.0")
LONGEST = 40  # words that the rater puts up with
CUT = 110  # tokens; what is longer is longer than the rater wants
FILLER = re.compile(
    r"(?:sure|certainly|of course|great|good question|i\b|i'|as an?\b|well\b|here\b|there are\b|there is\b|hello|hi\b|"
    r"the question|to answer|in order|you should|when it comes|it(?:'s| is) important)",
    re.IGNORECASE,
)
Rater = Callable[[str, str], int]  # 0 or 1: which of the two is preferred, -1 neither


def likes(answer: str) -> tuple[bool, bool, int]:
    """What the rater looks at, the most important first: short enough, the answer first, and by how much too long."""
    words = len(answer.split())
    return words <= LONGEST, FILLER.match(answer.strip()) is None, -max(0, words - LONGEST)


def taste(one: str, other: str) -> int:
    """The rater whose taste is to be learned."""
    first, second = likes(one), likes(other)
    return -1 if first == second else int(second > first)


def coin(seed: int) -> Rater:
    """A rater without any taste."""
    draw = random.Random(seed)
    return lambda one, other: draw.randrange(2)


def questions(things: Sequence[str]) -> list[str]:
    """Every question about every thing, mixed."""
    asked = [wording.format(thing) for thing in things for wording in ASKED]
    random.Random(0).shuffle(asked)
    return asked


async def collect(core: Core, asked: Sequence[str]) -> None:
    """Ask each question, have it answered twice, and store which answer is preferred; those stored are left as are."""
    done = {comparison.question for comparison in await core.comparisons.all()}
    for number, question in enumerate(asked, 1):
        if question in done:
            continue
        chat = await core.conversations.create(collections=[])
        answers = await answer_all(core, chat.id, question, TEMPERATURES, use_documents=False)
        await settle(core, answers, ranks_of(taste(answers[0].text, answers[1].text)))
        told(f"compared: {number} of {len(asked)}")


async def rate_again(core: Core, rater: Rater) -> None:
    """Put another rater's judgement in place of each."""
    for comparison in await core.comparisons.all():
        one, other = comparison.answers
        await core.comparisons.add([one.message, other.message], ranks_of(rater(one.text, other.text)))


def ranks_of(picked: int) -> tuple[int, int]:
    """The ranks of two answers of which that one was picked, -1 for a tie."""
    return (1, 1) if picked < 0 else (1 + picked, 2 - picked)


@dataclass(frozen=True, slots=True)
class Learned:
    """What `learn` came to: its last event, the evaluation beside the base, and how long training and proof took."""

    judged: dict[str, Any]
    evaluation: dict[str, Any]
    seconds: float


async def learn(core: Core, changes: dict[str, Any]) -> Learned:
    """The product's own loop, from where it stands.

    Raises:
        RuntimeError: training failed, with its message and hint.
    """
    began = time.monotonic()
    last: dict[str, Any] = {}
    evaluation: dict[str, Any] = {}
    async for last in core.learning.learn(LearnRequest(recipe=recipe_from_json(changes))):
        evaluation = last.get("evaluation", evaluation)
        told(f"{last['event']} {last.get('step', last.get('done', ''))} {last.get('phase', '')}")
    if last["event"] != "judged":
        raise RuntimeError(f"{last.get('message', last)} {last.get('hint', '')}".strip())
    return Learned(last, evaluation, time.monotonic() - began)


async def blind(core: Core, adapter: str, asked: Sequence[str], file: Path) -> list[float]:
    """For each question 1 where the rater prefers the adapter's answer to the base's, 0 where not, one half for a tie.

    The answers are kept in `file`, one line a question.
    """
    shown = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    for question in asked[len(shown) :]:
        chat = await core.conversations.create(collections=[])
        answers = await answer_all(core, chat.id, question, ("base", adapter), use_documents=False)
        shown.append({"question": question, "base": answers[0].text, "adapter": answers[1].text})
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(shown[-1], ensure_ascii=False) + "\n")
        told(f"blind: {len(shown)} of {len(asked)}")
    draw, won = random.Random(1), []
    for each in shown[: len(asked)]:
        order = draw.sample(("base", "adapter"), 2)
        picked = taste(each[order[0]], each[order[1]])
        won.append(0.5 if picked < 0 else float(order[picked] == "adapter"))
    return won


async def run(options: argparse.Namespace, home: Path) -> list[list[str]]:
    """Rows of the table, one a rater."""
    first = home / "answers"
    prepare(first, options)
    async with opened(load_config(first)) as core:
        await core.adapters.deactivate()
        await collect(core, questions(THINGS)[: options.comparisons])
    changes = {key: json.loads(value) for key, value in (entry.split("=", 1) for entry in options.set)}
    rows = []
    for name in options.rater or ("taste", "coin"):
        folder = home / name
        if not folder.exists():
            shutil.copytree(first, folder)
        async with opened(load_config(folder)) as core:
            if name == "coin" and not (await core.learning.feedback()).last:
                await rate_again(core, coin(7))
            rows.append(await measured(core, name, folder, changes, options.held))
            print(f"\r{table(COLUMNS, rows[-1:])}", flush=True)
    return rows


async def measured(core: Core, name: str, folder: Path, changes: dict[str, Any], held: int) -> list[str]:
    """Learn, and where something was learned compare blind."""
    known = folder / "learned.json"
    if known.exists():
        learned = Learned(**json.loads(known.read_text("utf-8")))
    else:
        learned = await learn(core, changes)
        known.write_text(json.dumps({name: getattr(learned, name) for name in Learned.__slots__}), encoding="utf-8")
    probe = learned.evaluation["probe"]
    figures = {figure["name"]: figure for figure in learned.evaluation["figures"]}
    won = figures["pairs_won"]
    won_blind = await blind(core, learned.judged["adapter"], questions(OTHER_THINGS)[:held], folder / "blind.jsonl")
    low, high = (0.5 + edge for edge in interval([value - 0.5 for value in won_blind]))
    return [
        name, learned.judged["decision"],
        f"{won['adapter']:.0%} of {won['count']} ({0.5 + won['low']:.0%} to {0.5 + won['high']:.0%})",
        f"{sum(won_blind) / len(won_blind):.0%} of {len(won_blind)} ({low:.0%} to {high:.0%})",
        f"{100 * probe['base']:.1f} -> {100 * probe['adapter']:.1f}", f"{learned.seconds / 60:.1f}",
    ]  # fmt: skip


COLUMNS = ["rater", "verdict", "held-out pairs won", "blind comparisons won", "general probe", "minutes of learning"]


def prepare(home: Path, options: argparse.Namespace) -> None:
    """A home with short answers, as the rater will never read a long one to its end."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (home / "config.toml").exists():
        settings = f"[model]\ncontext = 1024\nthreads = {options.threads}\n[sampling]\nmax_tokens = {CUT}\n"
        (home / "config.toml").write_text(f'{settings}[documents]\nembedder = "hashed"\nwatch = false\n')


def told(text: str) -> None:
    """Where it is, in one line."""
    print(f"\r{text[:100]:<100}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="A hidden taste through the closed loop, and a coin beside it.")
    parser.add_argument("--home", type=Path, metavar="DIR", help="keep answers, adapters and figures here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe (JSON)")
    parser.add_argument("--rater", action="append", choices=("taste", "coin"), help="this rater alone")
    parser.add_argument("--comparisons", type=int, default=200, metavar="N", help="comparisons learned from (200)")
    parser.add_argument("--held", type=int, default=80, metavar="N", help="blind comparisons (80)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="for answering (all cores but one)")
    options = parser.parse_args()
    offline.enforce()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        rows = asyncio.run(run(options, options.home or Path(temporary)))
    print(f"\n{table(COLUMNS, rows)}\n\n{(time.monotonic() - began) / 60:.1f} minutes in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
