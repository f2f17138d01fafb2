"""How one question, one answer and one notice look in the transcript."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as UiMessage
from textual.timer import Timer

from assistant.safe_text import safe_line, safe_text
from assistant.tui.widgets.plain import Plain
from ingest.document import place_label

if TYPE_CHECKING:
    from assistant.conversation import Citation, Message
    from assistant.scoring.score import Score
    from assistant.tui.widgets.markdown import AnswerMarkdown

FLUSH_SECONDS = 0.08  # streamed text reaches the screen at most 12 times a second
REST = 3.0  # times as long as drawing took, keys have the screen to themselves: wide tables are drawn less often
LONGEST_REST = 2.0  # seconds


class MenuWanted(UiMessage):
    """The user wants to do something with a message."""

    def __init__(self, view: MessageView) -> None:
        super().__init__()
        self.view = view


MESSAGE_KEYS: list[BindingType] = [
    Binding("enter", "menu", "All that can be done", id="message.menu"),
    Binding("left", "screen.sibling(-1)", "Version before", key_display="←", id="message.version-before"),
    Binding("right", "screen.sibling(1)", "Version after", key_display="→", id="message.version-after"),
]


class QuestionView(Plain, can_focus=True):
    """What the user asked."""

    BINDING_GROUP_TITLE = "Your message"
    BINDINGS: ClassVar[list[BindingType]] = MESSAGE_KEYS

    def __init__(self, message: Message) -> None:
        super().__init__(safe_text(message.text), classes="question")
        self.message = message

    def show_place(self, place: tuple[int, int] | None) -> None:
        """Say below the text which of how many versions this is, counted from 1; None: it is the only one."""
        text = safe_text(self.message.text)
        self.update(Content.assemble(text, (f"\n{_place(place)}", "$text-accent")) if place else text)

    def action_menu(self) -> None:
        """Say what can be done with it."""
        self.post_message(MenuWanted(self))


class NoticeView(Plain):
    """A line from the assistant itself, not from the model."""

    def __init__(self, text: str, severity: str = "information") -> None:
        super().__init__(safe_text(text), classes=f"notice -{severity}")


class SourceLine(Plain):
    """One cited place under an answer; a click opens it."""

    class Chosen(UiMessage):
        """The user wants to see a cited passage."""

        def __init__(self, mark: int) -> None:
            super().__init__()
            self.mark = mark

    def __init__(self, citation: Citation) -> None:
        super().__init__(_source_line(citation), classes="source-line")
        self._mark = citation.mark

    def on_click(self, event: events.Click) -> None:
        """Open the sources at this mark."""
        event.stop()
        self.post_message(self.Chosen(self._mark))


class AnswerView(Vertical, can_focus=True):
    """An answer: its text, where it comes from, and what the assistant has to say about it."""

    BINDING_GROUP_TITLE = "Answer"
    BINDINGS: ClassVar[list[BindingType]] = [
        *MESSAGE_KEYS,
        Binding("space", "sources", "Sources", id="message.sources"),
        Binding("alt+y", "screen.score(True)", "Good", key_display="alt+y", id="chat.good"),
        Binding("alt+n", "screen.score(False)", "Bad", key_display="alt+n", id="chat.bad"),
        Binding("alt+s", "screen.score(None)", "Score", key_display="alt+s", id="chat.score"),
    ]

    class SourcesWanted(UiMessage):
        """The user wants to see what an answer stands on; `mark` 0 means all of it."""

        def __init__(self, message: Message, mark: int = 0) -> None:
            super().__init__()
            self.message = message
            self.mark = mark

    def __init__(self, message: Message) -> None:
        super().__init__(classes="answer")
        self.message = message
        self.text = message.text
        self._trace = Plain(classes="trace")
        self._told, self._place = "", ""
        self._score = Plain(classes="score")
        self._below = Vertical(classes="below")
        self._markdown: AnswerMarkdown
        self._resting_until = 0.0  # monotonic seconds
        self._pending = [message.text] if message.state == "partial" and message.text else []
        self._flushing: Timer | None = None

    def compose(self) -> ComposeResult:
        """The text, the trace, then citations and notices."""
        # markdown-it is not needed before the first answer is shown.
        from assistant.tui.widgets.markdown import AnswerMarkdown

        self._markdown = AnswerMarkdown("" if self._pending else safe_text(_shown(self.message)))
        yield self._markdown
        yield self._trace
        yield self._score
        with self._below:
            yield from _lines_below(self.message)

    def on_mount(self) -> None:
        """Show the trace of a stored answer, or get ready to stream."""
        self._show_trace(_trace(self.message))
        self._score.display = bool(self._score.content)
        if self.message.state == "partial":
            self._flushing = self.set_interval(FLUSH_SECONDS, self._draw_pending)

    def feed(self, text: str) -> None:
        """Add streamed text; it is drawn with the next flush."""
        self.text += text
        self._pending.append(text)

    def show_progress(self, text: str) -> None:
        """Say in the trace line what is going on."""
        self._show_trace(safe_line(text))

    def show_place(self, place: tuple[int, int] | None) -> None:
        """Say before the trace which of how many versions this is, counted from 1; None: it is the only one."""
        self._place = _place(place)
        self._show_trace(self._told)

    def show_score(self, score: Score | None) -> None:
        """Say below the answer what the user thinks of it."""
        self._score.display = score is not None
        self._score.update(f"Scored: {safe_line(score.line)}" if score else "")

    async def finish(self, message: Message) -> None:
        """Show the stored answer in place of the streamed one."""
        if self._flushing is not None:
            self._flushing.stop()
        self.message, self.text, self._pending = message, message.text, []
        await self._markdown.show(safe_text(_shown(message)))
        self._show_trace(_trace(message))
        await self._below.remove_children()
        await self._below.mount_all(_lines_below(message))

    def action_menu(self) -> None:
        """Say what can be done with it."""
        self.post_message(MenuWanted(self))

    def action_sources(self) -> None:
        """Open the sources panel for this answer."""
        self.post_message(self.SourcesWanted(self.message))

    def on_source_line_chosen(self, event: SourceLine.Chosen) -> None:
        """A line under the answer was clicked."""
        event.stop()
        self.post_message(self.SourcesWanted(self.message, event.mark))

    async def _draw_pending(self) -> None:
        began = time.monotonic()
        if not self._pending or began < self._resting_until:
            return
        self._resting_until = began + LONGEST_REST  # unless it is on the screen before
        text, self._pending = "".join(self._pending), []
        await self._markdown.append(safe_text(text))
        self.call_after_refresh(self._drawn, began)

    def _drawn(self, began: float) -> None:
        now = time.monotonic()
        self._resting_until = now + min(REST * (now - began), LONGEST_REST)

    def _show_trace(self, text: str) -> None:
        self._told = text
        self._trace.display = bool(text or self._place)
        self._trace.update(Content.assemble((f"{self._place}  " if self._place else "", "$text-accent"), text))


MessageView = QuestionView | AnswerView


def _shown(message: Message) -> str:
    """Marks of sentences the assistant attributed are put in for display only."""
    from assistant.citations import with_marks

    return with_marks(message.text, message.citations)


def _lines_below(message: Message) -> Iterable[Plain]:
    seen: set[tuple[int, str]] = set()
    for citation in message.citations:
        place = place_label(citation.page, citation.place)
        if (citation.mark, place) not in seen:
            seen.add((citation.mark, place))
            yield SourceLine(citation)
    for notice in message.notices:
        yield NoticeView(notice, "error" if message.state == "error" else "information")
    if message.state == "interrupted":
        yield NoticeView("This answer was interrupted. /continue answers the question again.", "warning")


def _place(place: tuple[int, int] | None) -> str:
    return f"< {place[0]}/{place[1]} >" if place else ""


def _trace(message: Message) -> str:
    stopped = {"stopped": "stopped", "error": "not finished", "interrupted": "interrupted"}.get(message.state, "")
    return safe_line(" · ".join(part for part in (message.trace, stopped) if part))


def _source_line(citation: Citation) -> Content:
    mark = f"[~{citation.mark}]" if citation.attributed else f"[{citation.mark}]"
    name = safe_line(PurePath(citation.path).name or citation.document)
    label = safe_line(place_label(citation.page, citation.place, "page"))
    place = f" · {label}" if label else ""
    how = "  found by the assistant" if citation.attributed else ""
    return Content.assemble((mark, "$text-accent"), f" {name}{place}", (how, "$foreground 60%"))
