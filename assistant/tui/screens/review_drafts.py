"""Question-answer pairs that the model drafted, one by one beside their passage: keep, edit or drop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from assistant.drafting import Draft, read_drafts, reviewed, save_drafts
from assistant.safe_text import safe_line, safe_text
from assistant.tui.keys import key_line
from assistant.tui.screens.dialogs import AskLine
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp

UNGROUNDED = 0.5  # below this share of its words in the passage, an answer is pointed out


class ReviewDrafts(ModalScreen[int]):
    """Shows the pairs of a file that nobody has decided; closes with how many are kept in all."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide(True)", "Keep", id="review-drafts.keep"),
        Binding("n", "decide(False)", "Drop", id="review-drafts.drop"),
        Binding("e", "edit", "Edit and keep", id="review-drafts.edit"),
        Binding("escape", "close", "Later", id="screen.back"),
    ]
    app: AssistantApp

    def __init__(self, path: Path, drafts: list[Draft]) -> None:
        """`drafts` are those in the file `path`, which is written after each decision."""
        super().__init__()
        self._path, self._drafts = path, drafts

    def compose(self) -> ComposeResult:
        """The pair, its passage, the keys."""
        with MovingScroll(classes="help"):
            yield Plain(id="draft-shown")
            told = {"keep": "keep", "drop": "drop", "edit": "edit and keep"}
            keys = {f"review_drafts__{name}": each for name, each in told.items()}
            yield Plain(key_line(self.app, **keys, screen__back="later"), classes="dialog-keys")

    def on_mount(self) -> None:
        """The first that waits."""
        self._show()

    @property
    def _place(self) -> int | None:
        """Where the first pair stands that nobody has decided."""
        return next((place for place, draft in enumerate(self._drafts) if draft.keep is None), None)

    def _show(self) -> None:
        place = self._place
        if place is None:
            self.action_close()
            return
        draft = self._drafts[place]
        doubt = f"Only {draft.grounded:.0%} of the answer's words stand in the passage.\n"
        parts: list[str | tuple[str, str]] = [
            (f"{place + 1} of {len(self._drafts)}, from {safe_line(draft.document)}\n\n", "$foreground 60%"),
            (f"{safe_text(draft.question)}\n", "bold"), f"{safe_text(draft.answer)}\n",
            (doubt if draft.grounded < UNGROUNDED else "", "$text-warning"),
            (f"\n{safe_text(draft.passage)}", "$foreground 60%"),
        ]  # fmt: skip
        self.query_one("#draft-shown", Plain).update(Content.assemble(*parts))

    @work(group="review", exclusive=True)
    async def action_decide(self, keep: bool) -> None:
        """Keep or drop the pair that is shown."""
        if (place := self._place) is not None:
            await self._decided(place, keep)

    @work(group="review", exclusive=True)
    async def action_edit(self) -> None:
        """Mend question and answer, then keep them."""
        place = self._place
        if place is None:
            return
        draft = self._drafts[place]
        question = await self.app.push_screen_wait(AskLine("Question", draft.question, "", path=False))
        answer = await self.app.push_screen_wait(AskLine("Answer", draft.answer, "", path=False)) if question else None
        if question and answer:
            await self._decided(place, True, question, answer)

    async def _decided(self, place: int, keep: bool, question: str = "", answer: str = "") -> None:
        self._drafts = reviewed(self._drafts, place, keep, question, answer)
        await asyncio.to_thread(save_drafts, self._path, self._drafts)
        self._show()

    def action_close(self) -> None:
        """What was decided is stored already."""
        self.dismiss(sum(draft.keep is True for draft in self._drafts))


async def review(app: AssistantApp, path: Path) -> int:
    """Let the user decide on the pairs of a file; how many are kept. Only from within a worker.

    Raises:
        DatasetError: the file is none of drafts.
    """
    drafts = await asyncio.to_thread(read_drafts, path)
    return await app.push_screen_wait(ReviewDrafts(path, drafts))
