"""How is a dataset told on the screen: counts, lengths as bars, warnings, advice, and rows with what is learned?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from assistant.safe_text import safe_line, safe_text

if TYPE_CHECKING:
    from adapters.data.dataset import Card
    from adapters.data.preview import Preview

BAR = 24  # characters of the longest bar
BEGIN, END = "⟦", "⟧"  # around what is learned, so that it is seen without colour
MOST_TOKENS = 600  # of a row that are drawn
KINDS = {
    "style": "style or format", "facts": "short facts", "vocabulary": "words", "passages": "long answers",
    "text": "plain text", "preferences": "preferences", "ratings": "ratings",
}  # fmt: skip


def card_content(card: Card) -> Content:
    """All that a card says, the advice first."""
    parts = [Content.assemble((safe_line(card.name), "bold"), f"  {counts(card)}")]
    parts += [Content(safe_line(sentence)) for sentence in card.advice]
    parts += [Content.styled(f"! {safe_line(warning)}", "$text-warning") for warning in card.warnings]
    parts += [Content.styled(f"  {safe_line(line)}", "$text-muted") for line in card.bad[:5]]
    parts += [Content.styled(f"from {safe_line(source)}", "$text-muted") for source in card.sources]
    if removed := _removed(card):
        parts.append(Content.styled(f"left out: {removed}", "$text-muted"))
    return Content("\n").join([*parts, *histogram(card)])


def counts(card: Card) -> str:
    """`48 to learn, 6 to validate, 6 to test · 4,120 tokens`."""
    train, validation, test = (card.rows.get(name, 0) for name in ("train", "validation", "test"))
    return f"{train:,} to learn, {validation:,} to validate, {test:,} to test · {card.tokens:,} tokens"


def histogram(card: Card) -> list[Content]:
    """Rows by length as bars; the limit is marked where rows are cut."""
    found = [(int(limit), int(rows)) for limit, rows in card.lengths.get("histogram", ())]
    most = max((rows for _, rows in found), default=0)
    if not most:
        return []
    lines = [Content.styled("tokens a row", "$text-muted")]
    for limit, rows in found:
        bar = "█" * max(1, rows * BAR // most)
        over = "  longer than a row may be: cut" if limit > int(card.lengths.get("limit", limit)) else ""
        lines.append(Content.assemble((f"up to {limit:>6,} ", "$text-muted"), (bar, "$accent"), f" {rows:,}{over}"))
    return lines


def preview_content(previews: Sequence[Preview]) -> Content:
    """Rows as the very tokens the model reads, a bar between two; what is learned stands in ⟦ ⟧, bold and coloured."""
    learned = Content.styled(f"{BEGIN}learned{END}", "bold $text-success")
    head = Content.assemble(
        ("What the model reads; ", "$text-muted"), learned, (", the rest is only read", "$text-muted")
    )
    return Content("\n\n").join([head, *(_row(preview) for preview in previews)])


def _row(preview: Preview) -> Content:
    cut = f", {preview.cut:,} cut at the {preview.side}" if preview.cut else ""
    size = f"{len(preview.tokens):,} tokens, {preview.learned:,} learned{cut}"
    told = f"{safe_line(preview.label)} · {preview.split} · {size}"
    parts: list[Content | str | tuple[str, str]] = [(f"{told}\n", "$text-muted")]
    before = False
    for place, (text, learned) in enumerate(preview.tokens[:MOST_TOKENS]):
        if learned != before:
            parts.append((BEGIN if learned else END, "bold $text-success"))
        elif place:
            parts.append(("│", "$foreground 30%"))
        parts.append((_shown(text), "bold $text-success" if learned else ""))
        before = learned
    if before:
        parts.append((END, "bold $text-success"))
    if len(preview.tokens) > MOST_TOKENS:
        parts.append((f" … {len(preview.tokens) - MOST_TOKENS:,} more tokens", "$text-muted"))
    return Content.assemble(*parts)


def _shown(token: str) -> str:
    """A token with its line breaks to be seen."""
    return safe_text(token).replace("\n", "↵\n")


def _removed(card: Card) -> str:
    count = card.removed.get
    named = ((count("exact", 0), "equal"), (count("near", 0), "nearly equal"), (count("bad", 0), "unusable"))
    return ", ".join(f"{number:,} {name}" for number, name in named if number)
