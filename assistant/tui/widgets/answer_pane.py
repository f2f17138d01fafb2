"""One setting of the playground and the answer it gives, token by token."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from assistant.playground import Decoded
from assistant.safe_text import safe_line
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.token_flow import TokenFlow


class AnswerPane(Vertical):
    """The setting to type, the tokens of its answer, and how the answer ended."""

    class Submitted(Message):
        """Enter was pressed in a setting."""

    def __init__(self, number: int, setting: str) -> None:
        super().__init__(classes="play-pane")
        self.decoded: Decoded | None = None
        self._number, self._setting = number, setting

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Input(self._setting, compact=True, placeholder="all knobs off", select_on_focus=False)
        yield TokenFlow(id=f"play-flow-{self._number}")
        yield Plain(classes="play-end")

    @property
    def setting(self) -> str:
        """As it is typed now."""
        return self.query_one(Input).value

    @property
    def flow(self) -> TokenFlow:
        """The tokens."""
        return self.query_one(TokenFlow)

    def clear(self) -> None:
        """Nothing is answered yet."""
        self.decoded = None
        self.flow.place = 0
        self.flow.show((), (), ())
        self.tell("")

    def show(self, decoded: Decoded) -> None:
        """The answer as far as it has come."""
        self.decoded = decoded
        pieces = decoded.pieces
        self.flow.show(
            [safe_line(piece.shown) for piece in pieces],
            [each.end for each in decoded.tokens],
            [piece.text.endswith("\n") for piece in pieces],
        )
        done = decoded.done
        if done is None:
            self.tell(f"{len(pieces)} tokens…")
        else:
            why = {"stop": "ended by itself", "length": "at its longest", "cancelled": "stopped"}[done.finish]
            self.tell(f"{len(pieces)} tokens, {why}, seed {done.seed}")

    def tell(self, text: str) -> None:
        """A line below the answer."""
        self.query_one(".play-end", Plain).update(safe_line(text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())
