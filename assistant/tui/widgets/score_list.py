"""The first page of scores: one row a score; what was asked, said, and thought of it below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable

from assistant.safe_text import safe_line, safe_text
from assistant.scoring.files import score_values
from assistant.scoring.score import ASPECTS
from assistant.tui.keys import with_keys
from assistant.tui.score_actions import export
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.scoring.score import Scored
    from assistant.tui.app import AssistantApp

COLUMNS = ("Score", "Points", "Answered by", "Question")
SHOWN = 2_000  # characters of an answer
NO_SCORES = (
    "No answer is scored yet.\n\nIn the chat, {chat.good} calls the last answer good and {chat.bad} bad; "
    "{chat.message-above} chooses another. {chat.score} takes points for helpful, truthful and harmless, a note, and "
    "the better answer. From the shell: assistant score last --good"
)


class ScoreTable(ChoiceTable):
    """Enter changes the score under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Change", id="list.choose")]


class ScoreList(Container):
    """One row a score, the newest answer first."""

    class ChatWanted(Message):
        """The chat of an answer is to be opened."""

        def __init__(self, chat: int) -> None:
            super().__init__()
            self.chat = chat

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open_chat", "Its chat", id="scores.list.open-chat"),
        Binding("m", "measure", "Measure", id="scores.list.measure"),
        Binding("v", "judge", "Judge", id="scores.list.judge"),
        Binding("e", "export", "Export", id="scores.list.export"),
        Binding("d,delete", "withdraw", "Withdraw", key_display="d", id="scores.list.withdraw"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__(id="scores")
        self._core = core
        self._known: list[Scored] = []

    def compose(self) -> ComposeResult:
        """The table, and one score in full."""
        yield ScoreTable(id="score-list")
        with MovingScroll(id="score-detail"):
            yield Plain(with_keys(self.app, NO_SCORES), id="score-facts")

    async def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        for label in COLUMNS:
            table.add_column(label, key=label)
        await self.reload()

    async def reload(self) -> None:
        """Read the scores again."""
        self._known = await self._core.scores.all()
        if not (tables := self.query(ChoiceTable)):  # it was left meanwhile
            return
        table = tables.first()
        row = table.cursor_row
        table.clear()
        for scored in self._known:
            table.add_row(*_cells(scored), key=str(scored.score.message))
        table.move_cursor(row=row)
        table.display = bool(self._known)
        self._show_detail()

    def focus_first(self) -> None:
        """Ready to choose."""
        (self.query_one(ChoiceTable) if self._known else self.query_one("#score-detail")).focus()

    @property
    def chosen(self) -> Scored | None:
        """The score under the cursor."""
        row = self.query_one(ChoiceTable).cursor_row
        return self._known[row] if 0 <= row < len(self._known) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        return bool(self._known) if action in ("open_chat", "measure", "judge", "withdraw") else True

    @on(DataTable.RowHighlighted)
    def _show_detail(self) -> None:
        scored = self.chosen
        self.query_one("#score-facts", Plain).update(_detail(scored) if scored else with_keys(self.app, NO_SCORES))
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    @work(group="scores", exclusive=True)
    async def _edit(self, event: DataTable.RowSelected) -> None:
        from assistant.tui.screens.score import ScoreScreen

        scored = self.chosen
        if scored is not None:
            message = await self._core.conversations.message(scored.score.message)
            await self.app.push_screen_wait(ScoreScreen(self._core, message, scored.question, scored.score))
            await self.changed()

    @work(group="scores", exclusive=True)
    async def action_measure(self) -> None:
        """What can be measured of the answer, below it."""
        from assistant.scoring.automatic import lines, measure

        if (scored := self.chosen) is not None:
            self._show_below(scored, "Measuring…")
            self._show_below(scored, "\n".join(lines(await measure(self._core, scored.score.message))))

    @work(group="scores", exclusive=True)
    async def action_judge(self) -> None:
        """What the model would give the answer, below it."""
        from assistant.scoring.judge import judging

        if (scored := self.chosen) is not None:
            self._show_below(scored, "Judging…")
            try:
                async with judging(self._core) as judge:
                    points = await judge.points(scored.score.message)
            except USER_ERRORS as error:
                self._show_below(scored, told(error))
                return
            said = " · ".join(f"{name} {value}" for name, value in points.items()) if points else "too long for it"
            self._show_below(scored, f"The judge: {said}. Page 4 says how far it agrees with you.")

    def _show_below(self, scored: Scored, text: str) -> None:
        """A text below the score, if it is still the chosen one."""
        if self.is_attached and scored is self.chosen:
            self.query_one("#score-facts", Plain).update(Content.assemble(_detail(scored), "\n\n", safe_text(text)))
            self.query_one("#score-detail").scroll_end(animate=False)

    @work(group="scores", exclusive=True)
    async def action_withdraw(self) -> None:
        """Take the score back, after asking."""
        scored = self.chosen
        if scored is not None and await self.app.confirmed(
            f"Withdraw the score of answer {scored.score.message}?", scored.score.line
        ):
            await self._core.scores.withdraw(scored.score.message)
            await self.changed()

    @work(group="scores", exclusive=True)
    async def action_export(self) -> None:
        """Write all scores with their prompts and passages into a file."""
        await export(self.app, "Export scores", "scores.jsonl", await score_values(self._core))

    async def changed(self) -> None:
        """Show what was changed, here and in the chat below."""
        await self.reload()
        await self.app.chat.scoring.show()

    def action_open_chat(self) -> None:
        """Go to the chat of this answer."""
        if (scored := self.chosen) is not None:
            self.post_message(self.ChatWanted(scored.chat))


def _cells(scored: Scored) -> tuple[Any, ...]:
    score = scored.score
    verdict = "nonsense" if score.nonsense else {True: "good", False: "bad", None: ""}[score.good]
    colour = {"good": "green", "": "cyan"}.get(verdict, "red")
    points = [str(score.points(name) or "-") for name in ASPECTS]
    return (
        Text(verdict + (" *" if score.better else ""), colour),
        Text("/".join(points) if set(points) != {"-"} else ""),
        Text(safe_line(scored.writer)[:24]),
        Text(safe_line(scored.question)[:120]),
    )


def _detail(scored: Scored) -> Content:
    score = scored.score
    parts: list[str | tuple[str, str]] = [
        (safe_line(scored.question), "bold"), "\n\n", safe_text(scored.answer)[:SHOWN], "\n\n",
        (f"Scored: {safe_line(score.line)}", "$text-accent"),
    ]  # fmt: skip
    if score.well or score.better:
        learned = "the better answer" if score.better else "it"
        parts += [(f"\n`dataset build NAME --scores` learns {learned}.", "$foreground 60%")]
    if score.better:
        parts += [("\n\nBetter answer\n", "bold"), safe_text(score.better)[:SHOWN]]
    return Content.assemble(*parts)
