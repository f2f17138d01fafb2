"""How many held-out answers follow a strict house format after training on eighty examples, and what is forgotten?

    python benchmarks/house_style.py [--sweep | --recipes NAME] [--set KEY=VALUE] [--adapter FILE] [--home DIR]

Trains on learning/house_style.jsonl (entries of a household log: a subject in capitals, a date line, two bullet
points, a signature) through the whole product, then asks twenty requests that were not trained on. An answer follows
the format when `follows_format` says so: every line, every mark, nothing before or after. Whether the date line is
the request's own is counted beside it. Eight of the eighty are kept for early stopping. Some minutes on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from learning_loop import (  # noqa: E402 - the repository has to be importable first
    RUN_COLUMNS,
    Asked,
    Asker,
    Probed,
    Trained,
    adapters_of,
    arguments,
    base_of,
    by_category,
    percent,
    run_figures,
    strengths,
    table,
)

from assistant import offline  # noqa: E402

PAIRS = ROOT / "benchmarks" / "learning" / "house_style.jsonl"
MAX_TOKENS = 120
VALIDATED = 10  # every tenth training pair is kept for early stopping
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
ENTRY = re.compile(
    r"(?=.*[A-Z])[A-Z0-9][A-Z0-9 ,'&-]*\n"
    rf"Date: (?P<date>[1-9]\d? (?:{MONTHS})|not given)\n"
    r"- Done: \S[^\n]*\.\n"
    r"- Next: \S[^\n]*\.\n"
    r"Signed, the house log\."
)
COLUMNS = ["recipe", "held-out answers in the format", "with the right date", "general probe"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one state of the model says to the held-out requests, and the probe."""

    answers: tuple[tuple[Asked, str], ...]  # with the date expected
    probed: Probed

    def figures(self) -> list[str]:
        """Columns of a table row."""
        followed = [(asked, date) for asked, date in self.answers if follows_format(asked.answer)]
        return [
            percent(len(followed), len(self.answers)),
            percent(sum(date_line(asked.answer) == date for asked, date in followed), len(self.answers)),
            f"{self.probed.share:.1f} % ({self.probed.right} of {len(self.probed.items)})",
        ]


def follows_format(answer: str) -> bool:
    """Whether an answer is one log entry in the house format and nothing else."""
    return ENTRY.fullmatch(answer.strip()) is not None


def date_line(answer: str) -> str:
    """The date of an entry, "" where it does not follow the format."""
    found = ENTRY.fullmatch(answer.strip())
    return found["date"] if found else ""


def load_pairs(split: str) -> list[dict[str, Any]]:
    """The pairs of one split, in the file's order."""
    pairs = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    return [pair for pair in pairs if pair["split"] == split]


def rows() -> list[dict[str, Any]]:
    """The training pairs as rows of a file."""
    return [
        {
            "prompt": pair["prompt"],
            "completion": pair["answer"],
            "split": "train" if place % VALIDATED else "validation",
        }
        for place, pair in enumerate(load_pairs("train"))
    ]


def measure(asker: Asker, label: str) -> Measured:
    """Ask the held-out requests and the general probe of the model as it is."""
    pairs = load_pairs("test")
    answers = asker.ask([pair["prompt"] for pair in pairs], MAX_TOKENS, f"{label}, requests")
    dates = [pair["date"] for pair in pairs]
    return Measured(tuple(zip(answers, dates, strict=True)), asker.probe(f"{label}, general probe"))


async def run(options: argparse.Namespace, home: Path) -> list[tuple[str, Trained | None, Measured]]:
    """The base first, then each adapter at each strength."""
    adapters = await adapters_of(options, home, rows(), "house-style")
    asker = Asker(base_of(options))
    found: list[tuple[str, Trained | None, Measured]] = [("base", None, measure(asker, "base"))]
    for name, trained, adapter in adapters:
        for strength in strengths(options):
            label = name if strength == 1 else f"{name}, strength {strength:g}"
            asker.wear(adapter, strength)
            found.append((label, trained, measure(asker, label)))
    asker.close()
    return found


def main() -> int:
    """Measure and print."""
    options = arguments("Answers in a strict house format against forgetting.")
    offline.enforce()
    with tempfile.TemporaryDirectory() as temporary:
        states = asyncio.run(run(options, options.home or Path(temporary)))
    print(file=sys.stderr)
    lines = [[label, *measured.figures(), *run_figures(trained)] for label, trained, measured in states]
    print(table([*COLUMNS, *RUN_COLUMNS], lines))
    for label, _, measured in states[1:]:
        print(f"\nGeneral probe, {label}: {by_category(states[0][2].probed, measured.probed)}.")
    if options.details:
        found = [
            {"state": label, "answers": [
                {"request": a.question, "answer": a.answer, "follows": follows_format(a.answer), "date": date}
                for a, date in measured.answers
            ]}
            for label, _, measured in states
        ]  # fmt: skip
        options.details.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
