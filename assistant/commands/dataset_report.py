"""What the shell prints of a dataset: its counts, lengths, warnings, advice, and rows with their learned tokens."""

from __future__ import annotations

import os
import sys

from adapters.data.dataset import Card
from adapters.data.preview import Preview, runs
from assistant.output import say
from assistant.safe_text import safe_line, safe_text

BAR = 40  # characters of the histogram's longest bar
LEARNED, PLAIN = "\033[1;32m", "\033[0m"


def say_card(card: Card) -> None:
    """The whole card, for a person."""
    counts = ", ".join(f"{count:,} {name}" for name, count in card.rows.items())
    say(f"{card.name}: {counts}; {card.tokens:,} tokens" + (f"  {card.sha256[:12]}" if card.sha256 else ""))
    for source in card.sources:
        say(f"  from {safe_line(source)}")
    removed = [f"{count:,} {name}" for name, count in _removed(card) if count]
    if removed:
        say(f"  left out: {', '.join(removed)}")
    for line in card.bad[:10]:
        say(f"    {safe_line(line)}")
    _say_lengths(card)
    for warning in card.warnings:
        say(f"! {safe_line(warning)}")
    for sentence in card.advice:
        say(safe_line(sentence))


def _removed(card: Card) -> tuple[tuple[str, int], ...]:
    count = card.removed.get
    return ("equal rows", count("exact", 0)), ("nearly equal rows", count("near", 0)), ("bad rows", count("bad", 0))


def _say_lengths(card: Card) -> None:
    histogram = card.lengths.get("histogram", ())
    most = max((rows for _, rows in histogram), default=0)
    if most:
        shortest, longest, half = (card.lengths[name] for name in ("shortest", "longest", "median"))
        say(f"  tokens a row: {shortest:,} to {longest:,}, half of the rows up to {half:,}")
    for limit, rows in histogram:
        say(f"    up to {limit:>6,}  {'█' * max(1, rows * BAR // most)} {rows:,}")


def say_preview(shown: Preview) -> None:
    """A row's tokens: the learned ones green and bold in a terminal, in [[brackets]] in a pipe."""
    cut = f"; {shown.cut:,} tokens cut at the {shown.side}" if shown.cut else ""
    say(f"── {safe_line(shown.label)} ({shown.split}, {len(shown.tokens):,} tokens, {shown.learned:,} learned{cut})")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    before, after = (LEARNED, PLAIN) if colour else ("[[", "]]")
    for text, learned in runs(shown.tokens):
        print(f"{before}{safe_text(text)}{after}" if learned else safe_text(text), end="")
    print(flush=True)
