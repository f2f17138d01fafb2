"""The third page of scores: which model and adapter wins, and whether the votes are enough to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container

from assistant.safe_text import safe_line, safe_text
from assistant.scoring.preferences import Board, board
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core

COLUMNS = ("Place", "Points", "95 % interval", "Votes", "Won", "Model and adapters")
ABOUT = (
    "Points are Bradley–Terry strengths around 1,000; 400 more are ten times as strong. Votes come from comparing "
    "(Alt+V: the answers to a question; /compare base style: an answer from each), and from answers to the same "
    "question that were scored apart. Who is shown first is chance: picked far more often than others, it tells of "
    "your habit."
)


class BoardPane(Container):
    """A table of contenders, counted when the page is shown."""

    def __init__(self, core: Core) -> None:
        super().__init__(id="leaderboard")
        self._core = core

    def compose(self) -> ComposeResult:
        """What the votes say, the table, and how to read it."""
        yield Plain(id="board-told")
        yield ChoiceTable(id="board-list")
        yield Plain(ABOUT, id="board-about")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(ChoiceTable)
        for label in COLUMNS:
            table.add_column(label, key=label)

    def focus_first(self) -> None:
        """Ready to scroll."""
        self.query_one(ChoiceTable).focus()

    @work(group="board", exclusive=True)
    async def reload(self) -> None:
        """Count the votes and fill the table."""
        self._tell("Counting…")
        try:
            self._show(await board(self._core))
        except USER_ERRORS as error:
            self._tell(told(error))

    def _show(self, found: Board) -> None:
        if not (tables := self.query(ChoiceTable)):  # the screen was left meanwhile
            return
        table = tables.first()
        table.clear()
        for each in found.standings:
            numbers = (
                f"{each.points:.0f}",
                f"{each.low:.0f} to {each.high:.0f}",
                f"{each.votes:,}",
                f"{each.wins:.0%}",
            )
            place = str(each.place) if any(other.better_than for other in found.standings) else "-"
            table.add_row(
                Text(place), *(Text(number, justify="right") for number in numbers), Text(safe_line(each.name))
            )
        table.display = bool(found.standings)
        first = (
            f"\nThe answer shown first was picked {found.first_picks:,} of {found.picks:,} times."
            if found.picks
            else ""
        )
        self._tell(found.says + first)

    def _tell(self, text: str) -> None:
        for line in self.query("#board-told").results(Plain):
            line.update(safe_text(text))
