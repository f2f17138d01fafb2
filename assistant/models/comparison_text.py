"""Models beside each other on a text, as a table and a plot of characters."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.models.made_model import Measured
from assistant.models.memory import gigabytes
from assistant.safe_text import safe_line

NAME, BAR = 22, 40  # columns
FULL = "█"


def comparison_lines(models: Sequence[Measured]) -> list[str]:
    """Table, plot and notes; changes are against the first. At most 76 columns."""
    first = models[0]
    head = f"{'model':<{NAME}}{'size':>8}{'bits':>6}{'perplexity':>15}{'change':>9}{'read/s':>8}{'write/s':>8}"
    return [head, *(_row(each, first) for each in models), "", *plot(models), *_notes(models)]


def plot(models: Sequence[Measured]) -> list[str]:
    """Two bars a model: its size, and how far its perplexity is above the lowest; each against the largest."""
    size = max(each.size for each in models)
    lowest = min(each.perplexity for each in models)
    worst = max(each.perplexity - lowest for each in models) or 1.0
    lines = [f"{'':<{NAME}}size {FULL} and perplexity above the lowest ▒"]
    for each in models:
        above = each.perplexity - lowest
        lines.append(f"{_name(each):<{NAME}}{_bar(each.size / size, FULL)} {gigabytes(each.size)}")
        lines.append(f"{'':<{NAME}}{_bar(above / worst, '▒')} +{above:.2f}")
    return lines


def _row(each: Measured, first: Measured) -> str:
    change = "" if each is first else f"{100 * (each.perplexity / first.perplexity - 1):+.1f} %"
    value = f"{each.perplexity:.2f} ± {each.error:.2f}"
    return (
        f"{_name(each):<{NAME}}{gigabytes(each.size):>8}{each.bits:>6.2f}{value:>15}{change:>9}"
        f"{each.reads:>8.0f}{each.writes:>8.0f}"
    )


def _name(each: Measured) -> str:
    """What tells it from the others: the end of a long name."""
    name = safe_line(each.name)
    return name if len(name) < NAME else f"…{name[-(NAME - 2) :]}"


def _bar(share: float, mark: str) -> str:
    return mark * round(share * BAR) or "▏"


def _notes(models: Sequence[Measured]) -> list[str]:
    tokens = {each.tokens for each in models}
    notes = [f"{min(tokens):,} tokens scored, each after at least 255; ± is one standard error."]
    if len({each.vocabulary for each in models}) > 1 or len(tokens) > 1:
        notes.append("Their tokenizers differ, so these perplexities cannot be held against each other.")
    return notes
