"""How is an adapter told on the screen: its row in the list, its facts, its strength as a bar?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.content import Content

from assistant.safe_text import safe_line, safe_text

if TYPE_CHECKING:
    from adapters.versions.registered import Adapter

COLUMNS = ("On", "Adapter", "State", "Task", "Probe", "Size", "Base", "Made")
STATES = {
    "proven": ("✔ proven", "green"), "rejected": ("✘ rejected", "red"), "trained": ("? not proven", "yellow"),
    "retired": ("– retired", "dim"), "loose": ("  your file", ""),
}  # fmt: skip
KINDS = {"model": "a whole model", "prompt": "a soft prompt"}
BAR, FULL = 24, 2.0  # characters of the strength's bar, and the strength at its end
STEP = 0.05


def cells(adapter: Adapter, strength: float | None) -> list[Text]:
    """A row of the table; `strength` is None where the adapter is off."""
    state, colour = STATES.get(adapter.state, (adapter.state, ""))
    primary = str(adapter.scores.get("primary", ""))
    base = adapter.facts.base_name if adapter.facts else ""
    return [
        Text("" if strength is None else f"● {strength:.2f}", style="bold"),
        Text(_cut(safe_line(adapter.label), 24)),
        Text(state, style=colour),
        Text(change(adapter.scores.get(primary))),
        Text(change(adapter.scores.get("probe"))),
        Text(megabytes(adapter.size), justify="right"),
        Text(_cut(safe_line(base), 24)),
        Text(safe_line(adapter.created[:16].replace("T", " "))),
    ]


def change(pair: Any) -> str:
    """`12 → 85`, points of 100 before and after; "" where nothing was measured."""
    if not isinstance(pair, Sequence) or len(pair) != 2:
        return ""
    before, after = (100 * float(value) for value in pair)
    return f"{before:.0f} → {after:.0f}"


def strength_content(strength: float | None) -> Content:
    """`strength 0.70 ━━━━━━━━│────`, with a mark at 1."""
    if strength is None:
        return Content.styled("off   Enter puts it on, Space adds it to what is on", "$text-muted")
    filled = round(min(strength, FULL) / FULL * BAR)
    bar = "".join("│" if place == BAR // 2 else "━" if place < filled else "─" for place in range(BAR))
    return Content.assemble((f"strength {strength:.2f} ", "bold"), (bar, "$text-accent"), ("  ← →", "$text-muted"))


def facts_content(adapter: Adapter, *, told: bool = False) -> Content:
    """From where it is, on what, how; why it has its state, unless that was `told`; what its maker claims."""
    facts = adapter.facts
    lines = [Content.assemble((safe_line(adapter.label), "bold"), f"  {_state(adapter)}")]
    if adapter.reason and not told:
        lines.append(Content(safe_text(adapter.reason)))
    if facts is not None:
        what = KINDS.get(facts.kind, f"LoRA, rank {facts.rank}")
        origin = "trained here" if facts.origin == "trained" else "imported"
        lines.append(_field("kind", f"{what} ({facts.method}), {origin} {facts.created[:10]}"))
        lines.append(_field("base", f"{facts.base_name} ({facts.base_sha256[:12] or 'unknown weights'})"))
        lines.append(_field("data", f"{facts.dataset or 'unknown'} ({facts.dataset_sha256[:12] or 'unknown'})"))
        lines.append(_field("recipe", _figures(facts.recipe)))
        lines.append(_field("run", _figures(facts.training)))
    lines.append(_field("file", f"{adapter.path} ({megabytes(adapter.size)})"))
    if adapter.claims:
        lines.append(_field("its maker claims", _claims(adapter.claims)))
    return Content("\n").join(lines)


def card_lines(card: dict[str, Any]) -> Content:
    """The data card of what it learned from, in two lines."""
    rows = card.get("rows") or {}
    told = ", ".join(f"{count} {name}" for name, count in rows.items()) if isinstance(rows, dict) else ""
    sources = ", ".join(map(str, card.get("sources") or ()))
    licence = f" · licence {card['licence']}" if card.get("licence") else ""
    return _field("data card", f"{card.get('name', '')}: {told or 'no counts'} · {sources or 'no sources'}{licence}")


def history_content(mixes: Sequence[tuple[str, str]]) -> Content:
    """What was on and since when (ISO 8601), the newest first; the first entry is in force."""
    told = [f"{mix or 'nothing'} ({datetime.fromisoformat(since).astimezone():%-d %b %H:%M})" for mix, since in mixes]
    return _field("on before", " ‹ ".join(told) or "nothing yet")


def megabytes(size: int) -> str:
    """`9.8 MB`; "" for nothing."""
    return f"{size / 1e6:,.1f} MB" if size else ""


def _state(adapter: Adapter) -> str:
    return STATES.get(adapter.state, (adapter.state, ""))[0].strip()


def _field(name: str, value: str) -> Content:
    return Content.assemble((f"{name}  ", "$text-muted"), safe_line(value))


def _claims(claims: Mapping[str, Any]) -> str:
    """Figures of base and adapter as `0.1 → 0.5`; anything else as it stands."""
    told = (
        f"{key.replace('_', ' ')} {' → '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for key, value in claims.items()
    )
    return ", ".join(told)[:300]


def _figures(known: Mapping[str, Any]) -> str:
    """What is a number or a name, one behind the other; lists, curves and what is off or unknown are left out."""
    told = {key: value for key, value in known.items() if isinstance(value, int | float | str) and value is not False}
    return ", ".join(
        f"{key.replace('_', ' ')} {value:,.6g}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value}"
        for key, value in told.items()
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
