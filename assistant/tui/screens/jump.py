"""Jump mode: a letter over every part of the screen that can have the focus; the letter takes it there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from assistant.tui.widgets.plain import Plain

LETTERS = "asdfghjklqwertyuiopzxcvbnm1234567890"  # the home row first


class JumpScreen(ModalScreen[Widget | None]):
    """Lies over the screen, which stays to be seen; any other key leaves it."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back", id="screen.back")]

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets(below), strict=False))

    def compose(self) -> ComposeResult:
        """One letter for each, at its upper left corner; where two would stand on each other, the later moves down."""
        taken: set[Offset] = set()
        for letter, target in self._targets.items():
            place = target.region.intersection(self.app.size.region).offset
            while place in taken:
                place += (0, 1)
            taken.add(place)
            label = Plain(f"[{letter}]", classes="jump-letter")
            label.styles.offset = place
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go where the letter stands; leave with any other key."""
        event.stop()
        self.dismiss(self._targets.get(event.key))


def targets(screen: Screen[object]) -> list[Widget]:
    """What can have the focus and is seen, from above to below, and from left to right."""
    seen = [each for each in screen.focus_chain if each.region.overlaps(screen.region)]
    return sorted(seen, key=lambda each: (each.region.y, each.region.x))
