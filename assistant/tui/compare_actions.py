"""Comparing from the chat: answers that are there, or one more from each mix of adapters, blind."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.conversation import Message
from assistant.errors import UsageError
from assistant.scoring.comparing import all_same, contenders, existing
from assistant.scoring.comparison import check_count
from assistant.scoring.preferences import writer
from assistant.tui.told import USER_ERRORS, told

if TYPE_CHECKING:
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.session import ChatSession


class CompareActions:
    """Compares answers to the question of the chosen or last answer."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def run(self, mixes: Sequence[str]) -> None:
        """Compare what is there, or with `mixes` an answer from each; what goes wrong is told."""
        session = self._screen.session
        assert session is not None
        try:
            shown = self._shown(session)
            if mixes:
                answers = await self._answered(session, shown, mixes)
            else:
                answers = await existing(session.core, shown.id)
            if all_same(answers):
                raise UsageError("The answers are the same.", "There is nothing to choose.")
            await self._compare(session, shown, answers)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")

    def _shown(self, session: ChatSession) -> Message:
        """The answer whose question it is about.

        Raises:
            UsageError: there is none, or it is under way.
        """
        view = self._screen.transcript.chosen(self._screen.focused)
        if view is None:
            raise UsageError("There is no answer yet.", "Ask something first.")
        if session.answering is not None:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")
        return view.message

    async def _answered(self, session: ChatSession, shown: Message, mixes: Sequence[str]) -> list[Message]:
        """One answer from each contender, shown nowhere; the chat stays where it was, with its own adapters."""
        check_count(range(len(mixes)))
        known = await contenders(session.core, mixes)
        last = (await session.core.conversations.thread(shown.conversation_id))[-1]
        answers = []
        try:
            for number, each in enumerate(random.sample(known, len(known)), 1):
                self._screen.composer.tell(f"Answering {number} of {len(known)}, unseen. Esc stops.")
                sampling = each.sampling(session.core.engine.sampling)
                answer = await session.answer_unseen(shown, each.mix, sampling)
                if answer is None or answer.state != "done":
                    raise UsageError("An answer was not finished.", "Nothing was compared.")
                answers.append(answer)
        finally:
            await session.core.conversations.go_on_from(last)
            await session.core.adapters.before_answer(await session.core.conversations.get(last.conversation_id))
        self._screen.composer.tell("")
        return answers

    async def _compare(self, session: ChatSession, shown: Message, answers: list[Message]) -> None:
        """Show them in random order; afterwards the chat, at the answer it goes on from, and who wrote which."""
        from assistant.tui.screens.compare import LETTERS, CompareScreen

        question = (await session.core.conversations.message(shown.parent_id or 0)).text
        random.shuffle(answers)
        ranks = await self._screen.app.push_screen_wait(CompareScreen(session.core, question, answers))
        if ranks is None:
            self._screen.composer.tell("No vote.")
            return
        await session.open_id(shown.conversation_id)
        writers = [writer(answer, "setting") for answer in answers]
        who = ", ".join(f"{letter} was {writer}" for letter, writer in zip(LETTERS, writers, strict=False))
        self._screen.composer.tell(f"{who}. {{app.scores}} has the leaderboard.")
        self._screen.scoring.hint()
