"""A page of scores: what the loaded model says of answers, whether it says what the user says, what may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from assistant.safe_text import safe_text
from assistant.scoring.best_of import REWARD, rankers
from assistant.scoring.judge_agreement import JudgeReport, judge_report
from assistant.tui.keys import with_keys
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll, MovingTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.score_agreement import COLUMNS, agreement_cells

if TYPE_CHECKING:
    from assistant.bootstrap import Core

ABOUT = (
    "The judge is the chat's model without adapters, in a process of its own. It gives points by the rubric of the "
    "guide ({screen.scoring-guide}) and says which of two answers is better, in both orders; where they disagree "
    "nothing is scored. Grey while it agrees with you no better than chance. {scores.list.judge} on page 1: its points "
    "for one answer."
)
NOTHING = (
    "Nothing is judged yet. {scores.judge.judge} lets the model judge your scored answers and pairs; you can go on "
    "meanwhile."
)


class JudgePane(MovingScroll):
    """Its agreement with the user, from what was judged before; a key judges the rest."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "judge", "Judge", id="scores.judge.judge")]

    def __init__(self, core: Core) -> None:
        super().__init__(id="judge")
        self._core = core

    def compose(self) -> ComposeResult:
        """What is judged, the table, and how to read it."""
        yield Plain(id="judge-told")
        yield MovingTable(id="judge-list", cursor_type="none")
        yield Plain(id="judge-pairs")
        yield Plain(id="judge-reward")
        yield Plain(with_keys(self.app, ABOUT), id="judge-about")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(DataTable)
        for label in ("Aspect", *COLUMNS[1:]):
            table.add_column(label, key=label)

    def focus_first(self) -> None:
        """Ready to scroll; the table need not be there."""
        self.focus()

    def action_judge(self) -> None:
        """Ask the model what it has not been asked before."""
        self.reload(ask=True)

    @work(group="reward", exclusive=True)
    async def _show_rankers(self) -> None:
        """What may choose the best of several answers."""
        self._tell_reward("Choosing answers: learning what you prefer…")
        try:
            found, flag = await rankers(self._core), await self._core.toxicity.flag()
        except USER_ERRORS as error:
            self._tell_reward(told(error))
            return
        lines = [f"{'The reward model' if each.name == REWARD else each.name} is {each.line}." for each in found]
        self._tell_reward("\n".join(["Choosing answers (/best 4):", *lines, flag.says]))

    def _tell_reward(self, text: str) -> None:
        for line in self.query("#judge-reward").results(Plain):
            line.update(safe_text(text))

    @work(group="judge", exclusive=True)
    async def reload(self, ask: bool = False) -> None:
        """Compare what was judged with what the user said."""
        self._show_rankers()
        try:
            found = await judge_report(self._core, self._count if ask else lambda done, total: None, ask=ask)
        except USER_ERRORS as error:
            self._tell(told(error))
            return
        self._show(found)

    def _show(self, found: JudgeReport) -> None:
        if not (tables := self.query(DataTable)):  # the screen was left meanwhile
            return
        table, judged = tables.first(), found.missing < found.total
        table.clear()
        for each in found.points:
            table.add_row(*agreement_cells(each))
        table.display = judged
        self._tell("" if judged and not found.missing else found.left if judged else with_keys(self.app, NOTHING))
        pairs = self.query_one("#judge-pairs", Plain)
        pairs.display = judged
        pairs.set_class(not found.useful, "-grey")
        table.set_class(not found.useful, "-grey")
        pairs.update(safe_text(f"{found.model}: {found.says}\n{found.bias}"))

    def _count(self, done: int, total: int) -> None:
        self._tell(f"Judging {done + 1:,} of {total:,}…")

    def _tell(self, text: str) -> None:
        for line in self.query("#judge-told").results(Plain):
            line.display = bool(text)
            line.update(safe_text(text))
