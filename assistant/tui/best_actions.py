"""The best of several answers, from the chat: more are written unseen, and the chat goes on from the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.conversation import Message
from assistant.errors import UsageError
from assistant.scoring.best_of import Ranker, checked_count, ranker, settle_best, warmed
from assistant.tui.told import USER_ERRORS, told

if TYPE_CHECKING:
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.session import ChatSession

USUAL = 4  # answers, the one that is there among them


class BestActions:
    """Chooses between answers to the question of the chosen or last answer."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def run(self, rest: str) -> None:
        """`[N] [WHAT]`: so many answers, chosen by the reward model or an adapter's reward; what goes wrong is told."""
        session = self._screen.session
        assert session is not None
        try:
            count, name = _parsed(rest)
            shown = self._shown(session)
            self._screen.composer.tell("Learning what you prefer…")
            chosen = await ranker(session.core, name)
            best = await self._best(session, shown, chosen, count)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")
            return
        await session.open_id(best.conversation_id)
        kept = "the one that was there" if best.id == shown.id else "another one than was there"
        self._screen.composer.tell(f"The best of {count} answers is {kept}.")

    def _shown(self, session: ChatSession) -> Message:
        view = self._screen.transcript.chosen(self._screen.focused)
        if view is None:
            raise UsageError("There is no answer yet.", "Ask something first.")
        if session.answering is not None:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")
        return view.message

    async def _best(self, session: ChatSession, shown: Message, chosen: Ranker, count: int) -> Message:
        """More answers by the adapters that answer in this chat, then the best; stopped, all is as before."""
        core, answers = session.core, [shown]
        last = (await core.conversations.thread(shown.conversation_id))[-1]
        try:
            for place in range(1, count):
                self._screen.composer.tell(f"Answering {place + 1} of {count}, unseen. Esc stops.")
                answer = await session.answer_unseen(shown, None, warmed(core.engine.sampling, place))
                if answer is None or answer.state != "done":
                    raise UsageError("An answer was not finished.", "Nothing was chosen.")
                answers.append(answer)
            self._screen.composer.tell("Choosing…")
            return await settle_best(core, chosen, answers)
        except BaseException:
            await core.conversations.go_on_from(last)
            raise


def _parsed(rest: str) -> tuple[int, str]:
    """A count and a name, each of which may be left out."""
    words = rest.split()
    count = USUAL
    if words and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 4:
        count = int(words.pop(0))
    if len(words) > 1:
        raise UsageError(f"/best does not understand {rest[:60]!r}.", "Write it as in: /best 4, or /best 4 reward")
    return checked_count(count), words[0] if words else ""
