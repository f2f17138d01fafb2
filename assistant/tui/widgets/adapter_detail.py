"""The list of adapters, in which left and right change a strength, and all that is told of one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from adapters.mix import Share, mix_text
from assistant.tui.adapter_text import STEP, card_lines, facts_content, history_content, strength_content
from assistant.tui.verdict_text import verdict_content, worst_table
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from adapters.versions.registered import Adapter
    from assistant.bootstrap import Core

SHOWN_MIXES = 6
PARTS = ("strength", "verdict", "facts", "history", "worst")
EMPTY = """No adapters yet.

F4 trains one from your data; i takes one in (an exported folder or .zip, or a GGUF LoRA file).
Files in the folder “adapters” of the home are listed too."""


class AdapterTable(ChoiceTable):
    """A table in which left and right change a strength."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Only this", id="list.choose")]

    class Nudged(Message):
        """The strength of the row under the cursor is to change."""

        def __init__(self, step: float) -> None:
            super().__init__()
            self.step = step

    def action_cursor_left(self) -> None:
        """Weaker."""
        self.post_message(self.Nudged(-STEP))

    def action_cursor_right(self) -> None:
        """Stronger."""
        self.post_message(self.Nudged(STEP))


class AdapterDetail(MovingScroll):
    """Strength, figures, facts, what was on before, what got worse."""

    def __init__(self, core: Core) -> None:
        super().__init__(id="adapter-detail")
        self._core = core

    def compose(self) -> ComposeResult:
        """One part below the other."""
        for part in PARTS:
            yield Plain(id=f"adapter-{part}")

    async def show(self, adapter: Adapter | None, strength: float | None, known: Sequence[Adapter]) -> None:
        """Tell of this one; of None, that there is none. `known` gives the history its names."""
        if not self.query(Plain):
            return
        if adapter is None:
            for part in PARTS:
                self._part(part).display = part == "facts"
            self._part("facts").update(EMPTY)
            return
        self.show_strength(strength)
        card = await asyncio.to_thread(_card, adapter)
        reports = await self._core.registry.evaluations(adapter) if adapter.id else []
        history = await self._history(known)
        if not self.query(Plain):  # the screen was left meanwhile
            return
        self._part("facts").update(
            Content("\n").join([facts_content(adapter, told=bool(reports)), *([card_lines(card)] if card else [])])
        )
        self._show_proof(reports)
        self._part("history").display = True
        self._part("history").update(history_content(history))

    def show_strength(self, strength: float | None) -> None:
        """How strongly it is on; None where it is off."""
        self._part("strength").display = True
        self._part("strength").update(strength_content(strength))

    def _show_proof(self, reports: Sequence[dict[str, Any]]) -> None:
        from adapters.proof.evaluation import evaluation_from_json

        verdict, worst = self._part("verdict"), self._part("worst")
        verdict.display = worst.display = bool(reports)
        if reports:
            evaluation = evaluation_from_json(reports[0])
            verdict.update(verdict_content(evaluation))
            worst.update(worst_table(evaluation.worst))

    async def _history(self, known: Sequence[Adapter]) -> list[tuple[str, str]]:
        """The mixes as text, each with the time from which it was on."""
        names: dict[int | str, str] = {each.id: each.label for each in known if each.id}
        return [
            (mix_text([Share(names.get(part, str(part)), scale) for part, scale in mix]), since)
            for mix, since in await self._core.registry.log.entries(SHOWN_MIXES)
        ]

    def _part(self, name: str) -> Plain:
        return self.query_one(f"#adapter-{name}", Plain)


def _card(adapter: Adapter) -> dict[str, Any]:
    try:
        value = json.loads((adapter.folder / "card.json").read_bytes()) if adapter.id else {}
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
