"""Scoring from the chat: one key for good, one for bad, one for all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.tui.told import USER_ERRORS, told

if TYPE_CHECKING:
    from assistant.storage.scores import Scores
    from assistant.tui.app import AssistantApp
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.widgets.messages import AnswerView

SCORED = {True: "Good. {chat.score} says more.", False: "Bad. {chat.score}: what was wrong, and the better answer."}


async def export(app: AssistantApp, title: str, name: str, values: Sequence[dict[str, Any]]) -> None:
    """Ask for a file and write values to it as JSON lines; only from within a worker."""
    from assistant.scoring.files import save_lines
    from assistant.tui.path_completion import expanded
    from assistant.tui.screens.dialogs import AskLine

    if not values:
        app.say("There is nothing to export yet.", "warning")
        return
    note = f"{len(values):,} lines of JSON, with questions and answers: keep the file to yourself."
    typed = await app.push_screen_wait(AskLine(title, str(Path.cwd() / name), note, path=True))
    if typed is not None:
        path = expanded(typed).absolute()
        await save_lines(path, values)
        app.say(f"{len(values):,} written to {path}.")


class ScoreActions:
    """What the keys for scoring do to the chosen or last answer of the open chat."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def verdict(self, good: bool) -> None:
        """Call the answer good or bad; the same again takes it back."""
        try:
            view = self._view()
            before = await self._scores.of(view.message.id)
            same = before is not None and before.good is good
            score = await self._scores.change(view.message.id, good=None if same else good)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")
            return
        view.show_score(score)
        self._screen.composer.tell("No longer scored good or bad." if same else SCORED[good])
        self.hint()

    def hint(self) -> None:
        """Tell, once, that there is enough to learn from."""
        from assistant.tui.learn_actions import hint

        self._screen.run_worker(hint(self._screen.app), group="hint", exclusive=True)

    async def more(self) -> None:
        """All that can be said of the answer."""
        from assistant.tui.screens.score import ScoreScreen

        try:
            view = self._view()
            message = view.message
            score = await self._scores.of(message.id)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")
            return
        session = self._screen.session
        assert session is not None
        question = (await session.core.conversations.message(message.parent_id)).text if message.parent_id else ""
        if await self._screen.app.push_screen_wait(ScoreScreen(session.core, message, question, score)):
            await self.show()

    async def show(self) -> None:
        """Show the scores of the open chat's answers, and which messages have other versions."""
        session = self._screen.session
        if session is not None and session.conversation is not None:
            chat = session.conversation.id
            scores = await session.core.scores.of_chat(chat)
            self._screen.transcript.show_notes(scores, await session.core.conversations.branches.siblings(chat))

    def _view(self) -> AnswerView:
        """The chosen or last answer.

        Raises:
            UsageError: there is none, or it is under way.
        """
        view = self._screen.transcript.chosen(self._screen.focused)
        if view is None:
            raise UsageError("There is no answer yet.", "Ask something first.")
        if view.message.state == "partial":
            raise UsageError("This answer is under way.", "Score it when it is finished.")
        return view

    @property
    def _scores(self) -> Scores:
        assert self._screen.session is not None
        return self._screen.session.core.scores
