"""One line of a form: a name and a few choices, picked by their own key or with left and right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content

from assistant.tui.widgets.plain import Plain

NAME_WIDTH = 11


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: the key that picks it, how it is shown, and what it means."""

    key: str
    shown: str
    meaning: str = ""


class ChoiceRow(Plain, can_focus=True):
    """At most one choice is picked; picking it again, or Backspace, takes it back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Less", show=False, id="choice.less"),
        Binding("right", "move(1)", "More", show=False, id="choice.more"),
        Binding("up", "app.focus_previous", "Up", show=False, id="choice.field-above"),
        Binding("down", "app.focus_next", "Down", show=False, id="choice.field-below"),
        Binding("backspace,delete", "pick(-1)", "Take back", show=False, id="choice.take-back"),
    ]

    def __init__(self, name: str, choices: Sequence[Choice], picked: int | None, *, id: str) -> None:  # as every widget
        """`picked` is the place of a choice, None for none."""
        super().__init__(id=id, classes="choice-row")
        self._label, self._choices = name, choices
        self.picked = picked

    def on_mount(self) -> None:
        """Show what is picked."""
        self._draw()

    def on_focus(self) -> None:
        """The meaning of what is picked shows with the focus."""
        self._draw()

    def on_key(self, event: events.Key) -> None:
        """A choice's own key picks it, wherever the focus is in this row."""
        place = next((place for place, each in enumerate(self._choices) if each.key == event.character), None)
        if place is not None:
            event.stop()
            self.action_pick(place)

    def action_pick(self, place: int) -> None:
        """Pick a choice; the picked one again, or -1, leaves none."""
        self.picked = None if place in (self.picked, -1) else place
        self._draw()

    def action_move(self, step: int) -> None:
        """Pick the choice beside the picked one; from none, the first or the last."""
        last = len(self._choices) - 1
        start = -1 if step > 0 else last + 1
        self.picked = min(last, max(0, (start if self.picked is None else self.picked) + step))
        self._draw()

    def _draw(self) -> None:
        parts: list[str | tuple[str, str]] = [self._label.ljust(NAME_WIDTH)]
        for place, choice in enumerate(self._choices):
            parts += [(f"[{choice.shown}]", "reverse bold") if place == self.picked else f" {choice.shown} "]
        if self.picked is not None and (meaning := self._choices[self.picked].meaning):
            parts += [(f"  {meaning}", "$foreground 60%")]
        self.update(Content.assemble(*parts))
