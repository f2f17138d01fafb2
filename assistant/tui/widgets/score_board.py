"""The third page of scores: which model and adapter wins, whether the votes say so, and what was compared."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import DataTable

from assistant.safe_text import safe_line, safe_text
from assistant.scoring.files import pair_values
from assistant.scoring.preferences import Board, By, board
from assistant.tui.keys import with_keys
from assistant.tui.score_actions import export
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.score_list import ScoreList

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.scoring.comparison import Comparison
    from assistant.tui.app import AssistantApp

BY: tuple[By, ...] = ("adapter", "setting", "prompt")
COMPARED = ("Best", "Others", "Question")
COLUMNS = ("Place", "Points", "95 % interval", "Votes", "Won", "Model and adapters")
ABOUT = (
    "Points are Bradley–Terry strengths around 1,000; 400 more are ten times as strong. {chat.compare} and /compare "
    "base style vote; so do answers to the same question that were scored apart."
)


class ComparisonTable(ChoiceTable):
    """Enter compares the same answers again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Compare again", id="list.choose")]


class BoardPane(Container):
    """A table of contenders, counted when the page is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "by", "By setting, prompt", id="scores.leaderboard.by"),
        Binding("o", "open_chat", "Its chat", id="scores.leaderboard.open-chat"),
        Binding("d,delete", "withdraw", "Withdraw", key_display="d", id="scores.leaderboard.withdraw"),
        Binding("e", "export", "Export pairs", id="scores.leaderboard.export"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__(id="leaderboard")
        self._core = core
        self._compared: list[Comparison] = []
        self._by = 0  # a place in BY

    def compose(self) -> ComposeResult:
        """What the votes say, the table, and how to read it."""
        yield Plain(id="board-told")
        yield MovingTable(id="board-list", cursor_type="none")
        yield ComparisonTable(id="comparison-list")
        yield Plain(with_keys(self.app, ABOUT), id="board-about")

    def on_mount(self) -> None:
        """Columns."""
        for name, labels in (("board", COLUMNS), ("comparison", COMPARED)):
            table = self.query_one(f"#{name}-list", DataTable)
            for label in labels:
                table.add_column(label, key=label)

    def focus_first(self) -> None:
        """Ready to choose a comparison."""
        self.query_one("#comparison-list").focus()

    def action_by(self) -> None:
        """Tell apart by the next one of adapter, setting and system prompt."""
        self._by = (self._by + 1) % len(BY)
        self.reload()

    @property
    def chosen(self) -> Comparison | None:
        """The comparison under the cursor."""
        row = self.query_one("#comparison-list", ChoiceTable).cursor_row
        return self._compared[row] if 0 <= row < len(self._compared) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        return bool(self._compared) if action in ("open_chat", "withdraw") else True

    @work(group="board", exclusive=True)
    async def reload(self) -> None:
        """Count the votes and fill the table."""
        self._tell("Counting…")
        try:
            self._show(await board(self._core, BY[self._by]), list(reversed(await self._core.comparisons.all())))
        except USER_ERRORS as error:
            self._tell(told(error))

    def _show(self, found: Board, compared: list[Comparison]) -> None:
        if not self.query(ChoiceTable):  # the screen was left meanwhile
            return
        self._show_compared(compared)
        table = self.query_one("#board-list", DataTable)
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
        self._tell(f"By {BY[self._by]}: {found.says}{first}")

    def _show_compared(self, compared: list[Comparison]) -> None:
        self._compared = compared
        table = self.query_one("#comparison-list", ChoiceTable)
        table.clear()
        for each in compared:
            best = each.picked
            said = "none will do" if each.all_bad else safe_line(best.writer) if best else "tie"
            others = ", ".join(safe_line(answer.writer) for answer in each.answers if answer is not best)
            table.add_row(*(Text(part) for part in (said, others, safe_line(each.question)[:120])))
        table.display = bool(compared)
        self.refresh_bindings()

    @on(DataTable.RowSelected, "#comparison-list")
    @work(group="board-work", exclusive=True)
    async def _again(self, event: DataTable.RowSelected) -> None:
        from assistant.tui.screens.compare import CompareScreen

        if (chosen := self.chosen) is not None:
            answers = [await self._core.conversations.message(answer.message) for answer in chosen.answers]
            random.shuffle(answers)
            await self.app.push_screen_wait(CompareScreen(self._core, chosen.question, answers))
            self.reload()

    @work(group="board-work", exclusive=True)
    async def action_withdraw(self) -> None:
        """Take the comparison back, after asking."""
        chosen = self.chosen
        if chosen is not None and await self.app.confirmed("Withdraw this comparison?", chosen.question):
            await self._core.comparisons.withdraw(chosen.id)
            self.reload()

    @work(group="board-work", exclusive=True)
    async def action_open_chat(self) -> None:
        """Go to the chat of this comparison."""
        if (chosen := self.chosen) is not None:
            question = await self._core.conversations.message(chosen.question_id)
            self.post_message(ScoreList.ChatWanted(question.conversation_id))

    @work(group="board-work", exclusive=True)
    async def action_export(self) -> None:
        """Write what is preferred to what into a file."""
        await export(self.app, "Export pairs", "pairs.jsonl", await pair_values(self._core))

    def _tell(self, text: str) -> None:
        for line in self.query("#board-told").results(Plain):
            line.update(safe_text(text))
