"""Scoring one answer: good or bad, three aspects, nonsense, a note, and the better answer typed in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from assistant.conversation import Message
from assistant.safe_text import safe_line, safe_text
from assistant.scoring.guide import MEANINGS, guide
from assistant.scoring.score import ASPECTS, Score
from assistant.tui.keys import key_line
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_row import Choice, ChoiceRow
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

VERDICTS = (Choice("b", "bad"), Choice("g", "good"))
NONSENSE = (Choice("f", "F", "makes no sense"),)


class ScoreScreen(ModalScreen[bool]):
    """Gives whether something was stored; what is typed stays on the screen until it is, or is given up."""

    CSS_PATH = ["screens.tcss", "scores.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Score"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s,enter", "save", "Save", key_display="f5", id="score.save"),
        Binding("g", "pick('verdict', 1)", "Good", id="score.good"),
        Binding("b", "pick('verdict', 0)", "Bad", id="score.bad"),
        Binding("f", "pick('nonsense', 0)", "Nonsense", id="score.nonsense"),
        Binding("ctrl+g", "guide", "Guide", id="screen.scoring-guide"),
        Binding("question_mark", "guide", "Guide", show=False, id="score.guide"),
        Binding("ctrl+d", "withdraw", "Withdraw", id="score.withdraw"),
        Binding("escape", "leave", "Cancel", id="screen.back"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, message: Message, question: str, score: Score | None) -> None:
        """`score` is what was said of the answer before."""
        super().__init__()
        self._core, self._message, self._question = core, message, question
        self._known, self._score = score is not None, score or Score(message.id)
        self._shown = self._score.better or message.text

    def compose(self) -> ComposeResult:
        """The question, one row a judgement, the note, the answer to be mended."""
        score = self._score
        with Vertical(classes="dialog", id="score"):
            writer = " + ".join(filter(None, (self._message.model, self._message.adapter)))
            title = Content.assemble(("Score this answer", "bold"), (f"   {safe_line(writer)}", "$foreground 60%"))
            yield Plain(title, classes="score-line")
            yield Plain(safe_line(self._question), classes="score-line score-question")
            yield ChoiceRow("Verdict", VERDICTS, None if score.good is None else int(score.good), id="verdict")
            for name in ASPECTS:
                choices = [Choice(str(number), str(number), text) for number, text in enumerate(MEANINGS[name], 1)]
                points = score.points(name)
                yield ChoiceRow(name.capitalize(), choices, points - 1 if points else None, id=name)
            yield ChoiceRow("Nonsense", NONSENSE, 0 if score.nonsense else None, id="nonsense")
            with Horizontal(classes="field"):
                yield Plain("Note", classes="field-name")
                yield Input(score.note, id="note", compact=True, placeholder="why")
            yield Plain("The better answer: change what is wrong below", classes="score-line dialog-note")
            yield TextArea(self._shown, id="better", soft_wrap=True, show_line_numbers=False, compact=True)
            yield Plain(id="score-told")
            told = {"score__save": "save", "screen__scoring_guide": "guide", "score__withdraw": "withdraw"}
            yield Plain(key_line(self.app, **told, screen__back="cancel"), classes="dialog-keys")

    def on_mount(self) -> None:
        """Ready to judge."""
        self.query_one("#verdict").focus()

    def changes(self) -> dict[str, Any]:
        """The fields of Score as they stand on the screen; an answer that was not edited is no better one."""
        verdict = self._row("verdict").picked
        points = {name: None if (place := self._row(name).picked) is None else place + 1 for name in ASPECTS}
        area = self.query_one("#better", TextArea)
        return {
            "good": None if verdict is None else bool(verdict), **points,
            "nonsense": self._row("nonsense").picked is not None, "note": self.query_one("#note", Input).value.strip(),
            "better": area.text if area.text != self._shown else self._score.better,
        }  # fmt: skip

    def _row(self, name: str) -> ChoiceRow:
        return self.query_one(f"#{name}", ChoiceRow)

    def action_pick(self, row: str, place: int) -> None:
        """A key that belongs to one row works from all of them."""
        self._row(row).action_pick(place)

    def action_guide(self) -> None:
        """How to score."""
        self.app.push_screen(GuideScreen())

    @on(Input.Submitted)
    def action_save(self) -> None:
        """Store what stands here."""
        self._save()

    @work(group="score", exclusive=True)
    async def _save(self) -> None:
        try:
            await self._core.scores.change(self._message.id, **self.changes())
        except USER_ERRORS as error:
            self.query_one("#score-told", Plain).update(safe_text(told(error)))
        else:
            self.dismiss(True)

    @work(group="score", exclusive=True)
    async def action_withdraw(self) -> None:
        """Take the score back."""
        try:
            if self._known:
                await self._core.scores.withdraw(self._message.id)
        except USER_ERRORS as error:
            self.query_one("#score-told", Plain).update(safe_text(told(error)))
        else:
            self.dismiss(self._known)

    @work(group="score", exclusive=True)
    async def action_leave(self) -> None:
        """Leave without storing; what was typed is asked about."""
        before, now = self._score, self.changes()
        typed = now["note"] != before.note or now["better"] != before.better
        if not typed or await self.app.confirmed("Leave without saving?", "What you typed here is lost then."):
            self.dismiss(False)


class GuideScreen(ModalScreen[None]):
    """The guide to scoring."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+g,question_mark,q,enter", "dismiss", "Back", id="screen.back")
    ]

    def compose(self) -> ComposeResult:
        """One column that scrolls."""
        with MovingScroll(classes="help"):
            yield Plain(guide())
            yield Plain(key_line(self.app, screen__back="back"), classes="dialog-keys")
