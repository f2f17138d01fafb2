"""The second page of scores: which automatic figure agrees with the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import DataTable

from assistant.safe_text import safe_text
from assistant.scoring.agreement import ENOUGH, Agreement, agreement
from assistant.tui.keys import with_keys
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingTable
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core

COLUMNS = ("Figure", "Spearman", "95 % interval", "Answers", "It")
COLOURS = {"agrees with you": "green", "goes against you": "red"}
ABOUT = (
    "Each figure ranks your scored answers. Spearman's correlation says how far its order is yours: 1 the same, 0 no "
    "link, -1 the reverse. An interval above 0 means that it agrees with you beyond chance. "
    f"{ENOUGH} answers are needed.\n\nROUGE, BLEU, chrF, exact match and token F1 need a better answer, or another one "
    "scored well, to the same question; p asks the model for perplexity, which is low where it finds an answer likely."
)
NOTHING = "No answer has points, or good or bad. {chat.good} and {chat.bad} in the chat score the last one."


class AgreementPane(Container):
    """A table of figures, measured when the page is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "ask", "Perplexity", id="scores.agreement.ask")]

    def __init__(self, core: Core) -> None:
        super().__init__(id="agreement")
        self._core = core

    def compose(self) -> ComposeResult:
        """What is measured, the table, and how to read it."""
        yield Plain(id="agreement-told")
        yield MovingTable(id="agreement-list", cursor_type="none")
        yield Plain(ABOUT, id="agreement-about")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(DataTable)
        for label in COLUMNS:
            table.add_column(label, key=label)

    def focus_first(self) -> None:
        """Ready to scroll."""
        self.query_one(DataTable).focus()

    def action_ask(self) -> None:
        """Ask the model for the perplexity of the answers that have none yet."""
        self.reload(ask=True)

    @work(group="agreement", exclusive=True)
    async def reload(self, ask: bool = False) -> None:
        """Measure the scored answers and fill the table."""
        self._tell("Measuring…")
        try:
            found = await agreement(self._core, self._count, ask=ask)
        except USER_ERRORS as error:
            self._tell(told(error))
            return
        self._show(found)

    def _show(self, found: list[Agreement]) -> None:
        if not (tables := self.query(DataTable)):  # the screen was left meanwhile
            return
        table = tables.first()
        table.clear()
        for each in found:
            table.add_row(*agreement_cells(each))
        self._tell("" if found else with_keys(self.app, NOTHING))
        table.display = bool(found)

    def _count(self, done: int, total: int) -> None:
        self._tell(f"Measuring {done:,} of {total:,}…")

    def _tell(self, text: str) -> None:
        for line in self.query("#agreement-told").results(Plain):
            line.display = bool(text)
            line.update(safe_text(text))


def agreement_cells(found: Agreement) -> tuple[str | Text, ...]:
    """The cells of COLUMNS."""
    told = ("", "")
    if found.rho is not None:
        told = (f"{found.rho:+.2f}", f"{found.low:+.2f} to {found.high:+.2f}")
    says = Text(found.says, COLOURS.get(found.says, "dim"))
    return (found.metric, *told, Text(f"{found.count:,}", justify="right"), says)
