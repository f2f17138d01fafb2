"""How is a comparison of base and adapter told: the verdict, its figures with intervals, the worst answers?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.content import Content

from assistant.safe_text import safe_line, safe_text

if TYPE_CHECKING:
    from adapters.proof.evaluation import Evaluation, Example
    from adapters.proof.intervals import Figure

MARKS = {"proven": ("✔ proven", "$text-success"), "rejected": ("✘ rejected", "$text-error")}
UNDECIDED = ("? undecided", "$text-warning")
NAMES = {
    "exact_match": "exact match", "token_f1": "token F1", "rouge_l": "ROUGE-L", "probe": "general probe",
    "copied": "copied text", "pairs_won": "pairs won", "ratings_told": "good above bad", "likelier": "chosen likelier",
    "answers_preferred": "own preferred", "followed": "followed",
}  # fmt: skip
LONGEST = 600  # characters shown of an answer


def verdict_content(evaluation: Evaluation) -> Content:
    """The verdict in words, then one line a figure: base, adapter, and the interval of the difference."""
    mark, style = MARKS.get(evaluation.verdict.decision, UNDECIDED)
    asked = f"{evaluation.rows:,} held-out rows of {safe_line(evaluation.dataset)}, base {safe_line(evaluation.base)}"
    lines = [
        Content.assemble((mark, f"bold {style}"), f"  {safe_text(evaluation.verdict.reason)}"),
        Content.styled(asked, "$text-muted"),
        Content.styled(f"{'':<16}{'base':>8}{'adapter':>10}  95 % of the difference", "$text-muted"),
    ]
    lines += [figure_line(figure, figure.name == evaluation.primary) for figure in evaluation.figures]
    lines += [figure_line(evaluation.probe, True)]
    lines += [figure_line(figure, indent="  ") for figure in evaluation.categories]
    if evaluation.scope:
        lines.append(Content.styled(evaluation.scope, "$text-muted"))
    if agreed := evaluation.parity.get("text"):
        lines.append(Content.styled(safe_line(str(agreed)), "$text-muted"))
    return Content("\n").join(lines)


def figure_line(figure: Figure, decides: bool = False, indent: str = "") -> Content:
    """`token F1  12.0  85.3  +60.1 to +81.9`: points of 100, except for the loss; bold where it decides."""
    factor = 1 if figure.name == "loss" else 100
    base, adapter, low, high = (factor * value for value in (figure.base, figure.adapter, figure.low, figure.high))
    name = indent + safe_line(NAMES.get(figure.name, figure.name))
    better = (low > 0) - (high < 0)
    better = -better if figure.name in ("loss", "copied", "looping") else better
    told, style = {1: ("better", "$text-success"), -1: ("worse", "$text-error")}.get(better, ("", "$text-muted"))
    return Content.assemble(
        (f"{name:<16}{base:>8.1f}{adapter:>10.1f}" if factor > 1 else f"{name:<16}{base:>8.2f}{adapter:>10.2f}",
         "bold" if decides else ""),
        (f"  {low:+.2f} to {high:+.2f} {told}", style),
    )  # fmt: skip


def worst_table(examples: Sequence[Example]) -> Table:
    """What got worse: each question, then base and adapter side by side."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    if examples:
        table.add_row(Text("base", style="bold"), Text("adapter", style="bold"))
    for example in examples:
        question = f"{'probe: ' if example.source == 'probe' else ''}{_short(example.question)}"
        expected = f"expected: {_short(example.expected)}" if example.expected else ""
        table.add_row(Text(question, style="dim"), Text(expected, style="dim"))
        table.add_row(Text(_short(example.base) or "(nothing)"), Text(_short(example.adapter) or "(nothing)"))
        table.add_row("", "")
    return table


def _short(text: str) -> str:
    text = safe_line(" ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
