"""The conversation on the screen: only its newest messages are widgets, older ones on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from assistant.tui.widgets.messages import AnswerView, NoticeView, QuestionView
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.conversation import Message
    from assistant.scoring.score import Score

SHOWN = 20  # messages mounted at once; each answer is a tree of widgets
WELCOME = """It answers on this computer, from its own model and your own documents. Nothing leaves the machine.

Just ask. To have your files read, type  /add  and a folder, or press Ctrl+L for the library.

Enter sends · Esc stops an answer · / lists commands · F1 shows all keys"""


class Earlier(Plain):
    """Stands for messages that are not mounted; a click mounts some of them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} earlier messages · click or press Page Up at the top", classes="earlier")

    async def on_click(self, event: events.Click) -> None:
        """Show the next of them."""
        event.stop()
        await self.query_ancestor(Transcript).show_earlier()


class Transcript(VerticalScroll, can_focus=False):
    """Questions and answers, the newest at the bottom, which stays in view unless the user scrolls."""

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self._earlier: list[Message] = []
        self._scores: Mapping[int, Score] = {}

    def on_mount(self) -> None:
        """Follow the end from the start."""
        self.anchor()

    async def show(self, messages: Sequence[Message]) -> None:
        """Replace what is shown by these messages, or by the welcome if there are none."""
        self._earlier = list(messages[:-SHOWN])
        with self.app.batch_update():
            await self.remove_children()
            if messages:
                await self.mount_all([*self._earlier_line(), *(_view(message) for message in messages[-SHOWN:])])
            else:
                title = Content.styled("Your private assistant", "bold $text-primary")
                await self.mount(Plain(Content.assemble(title, f"\n\n{WELCOME}"), classes="welcome"))
        self.anchor()

    async def show_earlier(self) -> None:
        """Mount the next older messages above the others, and keep the view where it is."""
        more, self._earlier = self._earlier[-SHOWN:], self._earlier[:-SHOWN]
        before = self.max_scroll_y - self.scroll_y
        await self.query(Earlier).remove()
        await self.mount_all([*self._earlier_line(), *(_view(message) for message in more)], before=0)
        self.show_scores(self._scores)
        self.call_after_refresh(lambda: self.scroll_to(y=self.max_scroll_y - before, animate=False))

    async def begin(self, question: Message | None, answer: Message) -> AnswerView:
        """Add a question (None: it is there already) and the answer that will be streamed."""
        await self.query(".welcome").remove()
        view = AnswerView(answer)
        await self.mount_all([view] if question is None else [QuestionView(question.text), view])
        self.anchor()
        return view

    async def drop_last_answer(self) -> None:
        """Take the last answer off the screen, to be replaced by another one."""
        if answers := self.answers():
            await answers[-1].remove()

    async def say(self, text: str, severity: str = "information") -> None:
        """Add a line from the assistant itself."""
        await self.mount(NoticeView(text, severity))
        self.anchor()

    def show_scores(self, scores: Mapping[int, Score]) -> None:
        """Show these scores, by message, below their answers, and none below the others."""
        self._scores = scores
        for view in self.answers():
            view.show_score(scores.get(view.message.id))

    def answers(self) -> list[AnswerView]:
        """The answers on the screen, oldest first."""
        return list(self.query(AnswerView))

    def chosen(self, focused: Widget | None) -> AnswerView | None:
        """The answer that has the focus, else the last one."""
        answers = self.answers()
        return focused if isinstance(focused, AnswerView) else answers[-1] if answers else None

    def neighbour(self, focused: Widget | None, step: int) -> AnswerView | None:
        """The answer above or below the one that has the focus; None is below the last."""
        answers = self.answers()
        place = answers.index(focused) if isinstance(focused, AnswerView) and focused in answers else len(answers)
        return answers[max(place + step, 0)] if place + step < len(answers) else None

    async def page(self, step: int) -> None:
        """Scroll by a page; at the very top, show earlier messages."""
        if step < 0 and self.scroll_y == 0 and self._earlier:
            await self.show_earlier()
        elif step < 0:
            self.scroll_page_up(animate=False)
        else:
            self.scroll_page_down(animate=False)

    def _earlier_line(self) -> Iterator[Widget]:
        if self._earlier:
            yield Earlier(len(self._earlier))


def _view(message: Message) -> Widget:
    return QuestionView(message.text) if message.role == "user" else AnswerView(message)
