"""Answers to one question beside each other: which is best is said before it is told who wrote which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer

from assistant.citations import with_marks
from assistant.conversation import Message
from assistant.safe_text import safe_line, safe_text
from assistant.scoring.comparing import settle
from assistant.scoring.comparison import ranks_of_pick
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

LETTERS = "ABCD"


class AnswerPane(MovingScroll):
    """One answer under its letter."""

    BINDING_GROUP_TITLE = "Answer"

    def __init__(self, letter: str, answer: Message) -> None:
        super().__init__(classes="compared")
        self._letter, self._answer = letter, answer

    def compose(self) -> ComposeResult:
        """The letter, then the text as the chat shows it."""
        from assistant.tui.widgets.markdown import AnswerMarkdown

        yield Plain(Content.styled(f" {self._letter} ", "reverse bold"), classes="compared-letter")
        yield AnswerMarkdown(safe_text(with_marks(self._answer.text, self._answer.citations)))


class CompareScreen(Screen[tuple[int, ...] | None]):
    """Gives the ranks of the answers in the order shown, or None for no vote; a vote is stored before it closes."""

    CSS_PATH = ["screens.tcss", "scores.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Compare"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                f"{letter.lower()},{number}",
                f"pick({number - 1})",
                f"{letter} is best",
                key_display=letter.lower(),
                id=f"compare.pick-{letter.lower()}",
            )
            for number, letter in enumerate(LETTERS, 1)
        ),
        Binding("r", "rank", "Rank all", id="compare.rank"),
        Binding("t", "tie(False)", "Tie", id="compare.tie"),
        Binding("x", "tie(True)", "None will do", id="compare.none-will-do"),
        Binding("tab", "app.focus_next", "Next", show=False, id="screen.next-field"),
        Binding("escape", "leave", "No vote", id="screen.back"),
        Binding("ctrl+g", "guide", "Guide", id="screen.scoring-guide"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, question: str, answers: Sequence[Message]) -> None:
        """`answers` are two to four, in an order that says nothing of who wrote them."""
        super().__init__()
        self._core, self._question, self._answers = core, question, answers
        self._order: list[int] | None = None  # while all are ranked: the places chosen so far, the best first

    def compose(self) -> ComposeResult:
        """The question, the answers, the keys."""
        yield Plain(id="compare-title")
        with Grid(id="compare", classes=f"-of-{len(self._answers)}"):
            for letter, answer in zip(LETTERS, self._answers, strict=False):
                yield AnswerPane(letter, answer)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to scroll the first."""
        self._ask()
        self.query(AnswerPane).first().focus()

    def _ask(self) -> None:
        asked = "Which is best?" if not self._order else "Which is next?"
        ranked = ", ".join(f"{place} {LETTERS[each]}" for place, each in enumerate(self._order or (), 1))
        told = f"  ({ranked})" if ranked else "  (the best first)" if self._order is not None else ""
        title = Content.assemble((f"{asked}{told}   ", "bold"), safe_line(self._question))
        self.query_one("#compare-title", Plain).update(title)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only letters of answers that are there; two are ranked by picking one."""
        if action == "rank":
            return len(self._answers) > 2 and self._order is None
        return action != "pick" or int(str(parameters[0])) < len(self._answers)

    def action_pick(self, place: int) -> None:
        """This one is the best, or the next best where all are ranked."""
        count = len(self._answers)
        if self._order is None:
            self._store(ranks_of_pick(count, place), False)
        elif place not in self._order:
            self._order.append(place)
            self._ask()
            if len(self._order) == count - 1:
                order = [*self._order, *(each for each in range(count) if each not in self._order)]
                self._store(tuple(1 + order.index(each) for each in range(count)), False)

    def action_rank(self) -> None:
        """Put all of them in an order, the best first."""
        self._order = []
        self._ask()
        self.refresh_bindings()

    def action_leave(self) -> None:
        """Give up the order, else the vote."""
        if self._order is None:
            self.dismiss(None)
            return
        self._order = None
        self._ask()
        self.refresh_bindings()

    def action_tie(self, all_bad: bool) -> None:
        """They are equally good, or none will do."""
        self._store(ranks_of_pick(len(self._answers), None), all_bad)

    def action_guide(self) -> None:
        """How to score."""
        from assistant.tui.screens.score import GuideScreen

        self.app.push_screen(GuideScreen())

    @work(group="compare", exclusive=True)
    async def _store(self, ranks: tuple[int, ...], all_bad: bool) -> None:
        try:
            await settle(self._core, self._answers, ranks, all_bad=all_bad)
        except USER_ERRORS as error:
            self.app.tell(error)
        else:
            self.dismiss(ranks)
