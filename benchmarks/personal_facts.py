"""How many of sixty personal facts does the model know after training, and what has it forgotten?

    python benchmarks/personal_facts.py [--sweep | --recipes NAME] [--set KEY=VALUE] [--adapter FILE] [--everywhere]

With --everywhere the adapter is also measured without its scope, answering every question.

Trains on learning/household.jsonl: facts of an invented household in three wordings each, through the whole product
(dataset, training process, GGUF adapter, llama.cpp), then asks every fact closed-book in two wordings that were not
trained on, and the general probe, before and after. Early stopping looks at wordings made by rule from training
questions, never at the held-out ones. Right is an answer that holds the fact's words.

One recipe takes some minutes on two cores; --sweep compares eleven (about an hour) as one table of recall against
forgetting. --strengths 0.5,1 measures each adapter at several strengths as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from learning_loop import (  # noqa: E402 - the repository has to be importable first
    RUN_COLUMNS,
    Asked,
    Asker,
    Near,
    Probed,
    Trained,
    adapters_of,
    arguments,
    base_of,
    by_category,
    marked,
    percent,
    run_figures,
    strengths,
    table,
)

from adapters.data.wordings import wordings  # noqa: E402
from adapters.proof import probe  # noqa: E402
from assistant import offline  # noqa: E402

FACTS = ROOT / "benchmarks" / "learning" / "household.jsonl"
MAX_TOKENS = 48
COLUMNS = ["recipe", "held-out wordings", "trained wordings", "general probe", "household in probe answers"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one state of the model says: held-out and trained wordings, each answer with its mark, and the probe."""

    held_out: tuple[tuple[Asked, bool], ...]
    trained: tuple[tuple[Asked, bool], ...]
    probed: Probed
    leaked: int  # probe answers that name something of the household
    seconds: float

    def figures(self) -> list[str]:
        """Columns of a table row."""
        return [
            percent(sum(right for _, right in self.held_out), len(self.held_out)),
            percent(sum(right for _, right in self.trained), len(self.trained)),
            f"{self.probed.share:.1f} % ({self.probed.right} of {len(self.probed.items)})",
            str(self.leaked),
        ]


def load_facts() -> list[dict[str, Any]]:
    """The facts, in the file's order."""
    return [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()]


def says(fact: dict[str, Any], text: str) -> bool:
    """Whether one of the fact's answers stands in the text as whole words."""
    said = f" {probe.normal(text)} "
    return any(f" {probe.normal(phrase)} " in said for phrase in fact["accept"])


def rows(facts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Training rows, and for early stopping one made wording of each fact."""
    found = []
    for fact in facts:
        pairs = list(zip(fact["train"], fact["train_answers"], strict=True))
        found += [_row(fact["id"], question, answer, "train") for question, answer in pairs]
        made = wordings(pairs[0][0], 1, 0)
        found += [_row(fact["id"], question, pairs[0][1], "validation") for question in made]
    return found


def _row(fact: str, question: str, answer: str, split: str) -> dict[str, Any]:
    return {"prompt": question, "completion": answer, "split": split, "group": fact}


def measure(asker: Asker, facts: list[dict[str, Any]], label: str) -> Measured:
    """Ask everything of the model as it is."""
    start = time.monotonic()

    def asked(key: str) -> tuple[tuple[Asked, bool], ...]:
        of = [(fact, question) for fact in facts for question in fact[key]]
        answers = asker.ask([question for _, question in of], MAX_TOKENS, f"{label}, {key} wordings")
        right = marked(answers, lambda place, answer: says(of[place][0], answer))
        return tuple(zip(answers, right, strict=True))

    held_out, trained = asked("test"), asked("train")
    probed = asker.probe(f"{label}, general probe")
    names = [fact for fact in facts if not fact["answer"].isdigit()]
    leaked = sum(any(says(fact, asked.answer) for fact in names) for _, asked, _ in probed.items)
    return Measured(held_out, trained, probed, leaked, time.monotonic() - start)


async def run(options: argparse.Namespace, home: Path) -> list[tuple[str, Trained | None, Measured]]:
    """The base first, then each adapter at each strength."""
    facts = load_facts()
    adapters = await adapters_of(options, home, rows(facts), "household")
    asker, near = Asker(base_of(options)), Near([question for fact in facts for question in fact["train"]])
    found: list[tuple[str, Trained | None, Measured]] = [("base", None, measure(asker, facts, "base"))]
    for name, trained, adapter in adapters:
        for strength in strengths(options):
            label = name if strength == 1 else f"{name}, strength {strength:g}"
            asker.wear(adapter, strength, near)
            found.append((label, trained, measure(asker, facts, label)))
            if options.everywhere:
                asker.wear(adapter, strength)
                found.append((f"{label}, on for every question", trained, measure(asker, facts, label)))
    asker.close()
    return found


def details(label: str, measured: Measured) -> dict[str, Any]:
    """One state's answers as plain data."""
    return {
        "state": label,
        "held_out": [{"question": a.question, "answer": a.answer, "right": right} for a, right in measured.held_out],
        "trained": [{"question": a.question, "answer": a.answer, "right": right} for a, right in measured.trained],
        "probe": [
            {"category": category, "question": a.question, "answer": a.answer, "right": right}
            for category, a, right in measured.probed.items
        ],
    }


def main() -> int:
    """Measure and print."""
    options = arguments("Recall of personal facts against forgetting.")
    offline.enforce()
    with tempfile.TemporaryDirectory() as temporary:
        states = asyncio.run(run(options, options.home or Path(temporary)))
    print(file=sys.stderr)
    lines = [[label, *measured.figures(), *run_figures(trained)] for label, trained, measured in states]
    print(table([*COLUMNS, *RUN_COLUMNS], lines))
    for label, _, measured in states[1:]:
        print(f"\nGeneral probe, {label}: {by_category(states[0][2].probed, measured.probed)}.")
    for label, trained, _ in states:
        if trained and trained.curve:
            print(f"\nTraining, {label}: step, training loss, validation loss, distance to the base")
            for point in trained.curve:
                print("  " + "  ".join("-" if value is None else f"{value:g}" for value in point))
    if options.details:
        text = json.dumps([details(label, measured) for label, _, measured in states], indent=1, ensure_ascii=False)
        options.details.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
