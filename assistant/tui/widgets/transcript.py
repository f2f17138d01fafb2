"""The conversation on the screen: only a window of its messages are widgets, and it moves with the view."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from assistant.tui.keys import with_keys
from assistant.tui.widgets.messages import AnswerView, MessageView, NoticeView, QuestionView
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.conversation import Message
    from assistant.scoring.score import Score
    from assistant.storage.branches import Siblings

SHOWN = 8  # messages mounted when a chat is opened, and with each step of the window; an answer is a tree of widgets
MOST = 32  # messages mounted at once
NEAR = 3  # rows from an end of the window at which it moves on
WELCOME = """It answers on this computer, from its own model and your own documents. Nothing leaves the machine.

Just ask. To have your files read, type  /add  and a folder, or press {app.library} for the library.

Enter sends · Esc stops an answer · / lists commands · {app.help} shows all keys"""


class Beyond(Plain):
    """Stands for messages that are not mounted; a click mounts some of them."""

    def __init__(self, count: int, *, earlier: bool) -> None:
        told = "earlier messages · click or press Page Up" if earlier else "later messages · click or press Page Down"
        super().__init__(f"{count:,} {told}", classes="earlier" if earlier else "later")
        self._earlier = earlier

    async def on_click(self, event: events.Click) -> None:
        """Show the next of them."""
        event.stop()
        transcript = self.query_ancestor(Transcript)
        await (transcript.show_earlier() if self._earlier else transcript.show_later())


class Transcript(VerticalScroll, can_focus=False):
    """Questions and answers, the newest at the bottom, which stays in view unless the user scrolls."""

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self._stored: Sequence[Message] = ()  # the thread as it was when it was shown, oldest first
        self._begun: list[Message] = []  # what was added to it since
        self._changed: dict[int, Message] = {}  # as their views knew them before they were taken off the screen
        self._first = self._end = 0  # those that are mounted
        self._moving = False
        self._showing = asyncio.Lock()  # one chat replaces another whole
        self._scores: Mapping[int, Score] = {}
        self._siblings: Siblings = {}

    def on_mount(self) -> None:
        """Follow the end from the start."""
        self.anchor()

    # -- what is shown -----------------------------------------------------------

    async def show(self, messages: Sequence[Message], at: int = 0) -> None:
        """Replace what is shown by these messages, or by the welcome if there are none; `at` is the id of the message
        to begin with, 0 for the end."""
        async with self._showing:
            self._stored, self._begun, self._changed = messages, [], {}
            place = next((index for index, message in enumerate(messages) if message.id == at), -1) if at else -1
            self._end = len(messages) if place < 0 else min(len(messages), max(place - 1, 0) + SHOWN)
            self._first = max(self._end - SHOWN, 0)
            with self.app.batch_update():
                await self.remove_children()
                if messages:
                    await self.mount_all([*self._line(True), *self._views(self._first, self._end), *self._line(False)])
                    self._mark()
                else:
                    title = Content.styled("Your private assistant", "bold $text-primary")
                    await self.mount(
                        Plain(Content.assemble(title, f"\n\n{with_keys(self.app, WELCOME)}"), classes="welcome")
                    )
            if place < 0:
                self.anchor()
                self.call_after_refresh(self._fill)
            else:
                self.anchor(False)
                self.call_after_refresh(self._go_to, at)

    async def _fill(self) -> None:
        """Short messages may leave rows empty on a large screen."""
        if self._first and self.max_scroll_y == 0:
            await self.show_earlier()
            self.anchor()

    def _go_to(self, message_id: int) -> None:
        view = next((view for view in self.views() if view.message.id == message_id), None)
        if view is not None:
            view.focus(scroll_visible=False)
            self.scroll_to_widget(view, animate=False, top=True)

    async def show_earlier(self) -> None:
        """Mount the next older messages above the others, and keep the view where it is."""
        if self._first == 0 or self._moving:
            return
        self._moving = True
        top = max(self._first - SHOWN, 0)
        anchor = self.views()[0]
        before = anchor.virtual_region.y - self.scroll_y
        more = self._views(top, self._first)
        with self.app.batch_update():
            await self.query(".earlier").remove()
            self._first = top
            await self.mount_all([*self._line(True), *more], before=0)
            if not self._streaming:
                await self._unmount(self.views()[MOST:], at_end=True)
            self._mark()
        self.call_after_refresh(self._hold, anchor, before)

    async def show_later(self) -> None:
        """Mount the next newer messages below the others, and keep the view where it is."""
        if self._end == self._count or self._moving:
            return
        self._moving = True
        anchor = self.views()[-1]
        before = anchor.virtual_region.y - self.scroll_y
        more = self._views(self._end, min(self._end + SHOWN, self._count))
        with self.app.batch_update():
            await self.query(".later").remove()
            self._end = min(self._end + SHOWN, self._count)
            await self.mount_all([*more, *self._line(False)])
            await self._unmount(self.views()[:-MOST], at_end=False)
            self._mark()
        self.call_after_refresh(self._hold, anchor, before)

    def _hold(self, anchor: Widget, before: float) -> None:
        """A message that was on the screen stands where it stood."""
        if anchor.is_attached:
            self.scroll_to(y=anchor.virtual_region.y - before, animate=False, force=True)
        self._moving = False

    async def _unmount(self, views: Sequence[MessageView], *, at_end: bool) -> None:
        if not views:
            return
        self._changed |= {view.message.id: view.message for view in views}
        if at_end:
            self._end -= len(views)
        else:
            self._first += len(views)
        await self.query(".later" if at_end else ".earlier").remove()
        for view in views:
            await view.remove()
        await self.mount_all(self._line(not at_end), **({} if at_end else {"before": 0}))

    @property
    def _streaming(self) -> bool:
        return any(view.message.state == "partial" for view in self.answers())

    def _line(self, earlier: bool) -> Iterator[Widget]:
        count = self._first if earlier else self._count - self._end
        if count:
            yield Beyond(count, earlier=earlier)

    @property
    def _count(self) -> int:
        return len(self._stored) + len(self._begun)

    def _at(self, index: int) -> Message:
        """A message of the thread as it is known best."""
        stored = len(self._stored)
        message = self._stored[index] if index < stored else self._begun[index - stored]
        return self._changed.get(message.id, message)

    def _views(self, first: int, end: int) -> list[Widget]:
        messages = [self._at(index) for index in range(first, end)]
        return [QuestionView(message) if message.role == "user" else AnswerView(message) for message in messages]

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Near an end of the window, move it on."""
        super().watch_scroll_y(old, new)
        if new < old and new <= NEAR and self._first:
            self.run_worker(self.show_earlier(), group="window")
        elif new > old and new >= self.max_scroll_y - NEAR and self._end < self._count:
            self.run_worker(self.show_later(), group="window")

    # -- what changes -------------------------------------------------------------

    async def begin(self, question: Message | None, answer: Message) -> AnswerView:
        """Add a question (None: it is there already) and the answer that will be streamed."""
        if self._end < self._count:
            await self.show(self.messages if self._begun else self._stored)
        await self.query(".welcome").remove()
        new = [answer] if question is None else [question, answer]
        self._begun += new
        views = self._views(self._end, self._end + len(new))
        self._end += len(new)
        await self.mount_all(views)
        self._mark()
        self.anchor()
        view = views[-1]
        assert isinstance(view, AnswerView)
        return view

    async def say(self, text: str, severity: str = "information") -> None:
        """Add a line from the assistant itself."""
        await self.mount(NoticeView(text, severity))
        self.anchor()

    def show_notes(self, scores: Mapping[int, Score], siblings: Siblings) -> None:
        """Show scores and places among siblings, both by message, at their messages, and none at the others."""
        self._scores, self._siblings = scores, siblings
        self._mark()

    def _mark(self) -> None:
        for view in self.views():
            group = self._siblings.get(view.message.id, ())
            view.show_place((group.index(view.message.id) + 1, len(group)) if group else None)
            if isinstance(view, AnswerView):
                view.show_score(self._scores.get(view.message.id))

    # -- which message -------------------------------------------------------------

    def views(self) -> list[MessageView]:
        """The messages that are mounted, oldest first."""
        return [child for child in self.children if isinstance(child, MessageView)]

    def answers(self) -> list[AnswerView]:
        """The answers that are mounted, oldest first."""
        return list(self.query(AnswerView))

    @property
    def messages(self) -> list[Message]:
        """All messages of the thread, oldest first."""
        return list(self.newest_first())[::-1]

    def newest_first(self) -> Iterator[Message]:
        """The messages of the thread, each made when it is looked at."""
        known = {view.message.id: view.message for view in self.views()}
        for index in range(self._count - 1, -1, -1):
            message = self._at(index)
            yield known.get(message.id, message)

    def last(self, role: str) -> Message | None:
        """The newest answer or question of the thread, mounted or not."""
        return next((message for message in self.newest_first() if message.role == role), None)

    def focused_view(self, focused: Widget | None) -> MessageView | None:
        """The message that has the focus."""
        return focused if isinstance(focused, MessageView) else None

    def versioned(self, focused: Widget | None) -> Message | None:
        """The message that has the focus, else the last one that has other versions, else the last one."""
        if (view := self.focused_view(focused)) is not None:
            return view.message
        several = (message for message in self.newest_first() if message.id in self._siblings)
        return next(several, None) if self._siblings else next(self.newest_first(), None)

    def chosen(self, focused: Widget | None) -> AnswerView | None:
        """The answer that has the focus, else the last one."""
        answers = self.answers()
        return focused if isinstance(focused, AnswerView) else answers[-1] if answers else None

    async def neighbour(self, focused: Widget | None, step: int) -> MessageView | None:
        """The message above or below the one that has the focus; None is below the last."""
        views = self.views()
        if views and focused is views[0] and step < 0:
            await self.show_earlier()
        elif views and focused is views[-1] and step > 0:
            await self.show_later()
        views = self.views()
        place = next((place for place, view in enumerate(views) if view is focused), len(views))
        return views[max(place + step, 0)] if views and place + step < len(views) else None

    async def page(self, step: int) -> None:
        """Scroll by a page; at an end of the window, show what is beyond it."""
        if step < 0 and self.scroll_y == 0:
            await self.show_earlier()
        elif step > 0 and self.scroll_y >= self.max_scroll_y:
            await self.show_later()
        elif step < 0:
            self.scroll_page_up(animate=False)
        else:
            self.scroll_page_down(animate=False)
