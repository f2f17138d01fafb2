"""Building a dataset: its name, and what it is made of; refusals are shown where they can be mended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Select

from adapters.errors import DatasetError
from assistant.safe_text import safe_line, safe_text
from assistant.tui.keys import key_line
from assistant.tui.path_completion import expanded
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.path_suggester import PathSuggester
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Conversation
    from assistant.curation import DatasetRequest


class BuildDataset(ModalScreen[str | None]):
    """Gives the name of the dataset that was built, or None."""

    CSS_PATH = ["screens.tcss", "learning.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="screen.back"),
        Binding("f5", "build", "Build", id="build-dataset.build"),
    ]

    def __init__(self, core: Core, conversation: Conversation | None) -> None:
        """`conversation` is the open chat."""
        super().__init__()
        self._core, self._conversation = core, conversation

    def compose(self) -> ComposeResult:
        """One row a source."""
        with Vertical(classes="dialog"):
            yield Plain("Build a dataset", classes="dialog-title")
            yield from _row("Name", Input(id="dataset-name", compact=True, placeholder="style, household, …"))
            yield from _row("Teachings", Tick("what was taught with /teach", id="teachings", compact=True))
            yield from _row("Scores", Tick("answers scored well, and better ones", id="scores", compact=True))
            title = safe_line(self._conversation.title)[:44] if self._conversation else "no chat is open"
            yield from _row("Pairs", Tick("what you preferred to what", id="pairs", compact=True))
            yield from _row("Ratings", Tick("answers scored good, and bad", id="ratings", compact=True))
            chat = Tick(f"this chat: {title}", id="chat", compact=True, disabled=self._conversation is None)
            yield from _row("Chat", chat)
            file = Input(id="file", compact=True, placeholder="JSONL, JSON, CSV, text", suggester=PathSuggester())
            yield from _row("File", file)
            collections = Select[str]([], prompt="none", id="collection-choice", compact=True)
            yield from _row("Collection", collections)
            drafts = Input(
                id="drafts", compact=True, placeholder="reviewed pairs: their name (assistant dataset draft)"
            )
            yield from _row("Drafts", drafts)
            yield from _row("Anyway", Tick("also with too few or contradictory rows", id="anyway", compact=True))
            yield Plain(id="build-told")
            told = key_line(self.app, build_dataset__build="build", screen__back="cancel")
            yield Plain(f"{told}   Tab  next   Space  tick   →  complete", classes="dialog-keys")

    async def on_mount(self) -> None:
        """What there is to build from."""
        from assistant.scoring.preferences import pairs, rated_rows

        self.query_one("#dataset-name").focus()
        known = await self._core.library.collections()
        taught = len(await self._core.teachings.all())
        preferred, rated = len(await pairs(self._core)), await rated_rows(self._core)
        good = sum(row.desirable is True for row in rated)
        scored = sum(bool(each.score.better) or each.score.well for each in await self._core.scores.all())
        if not self.query("#teachings"):  # it was left meanwhile
            return
        self.query_one("#collection-choice", Select).set_options(
            [(Content(f"{safe_line(each.name)} ({each.documents:,} documents)"), each.name) for each in known]
        )
        box = self.query_one("#teachings", Tick)
        box.label = f"what was taught with /teach ({taught:,})"
        box.value, box.disabled = taught > 0, not taught
        box = self.query_one("#scores", Tick)
        box.label, box.disabled = f"answers scored well, and better ones ({scored:,})", not scored
        box = self.query_one("#pairs", Tick)
        box.label, box.disabled = f"what you preferred to what ({preferred:,})", not preferred
        box = self.query_one("#ratings", Tick)
        box.label, box.disabled = f"answers scored good ({good:,}), and bad ({len(rated) - good:,})", not rated

    def request(self) -> DatasetRequest:
        """What is to be built.

        Raises:
            DatasetError: nothing was named.
        """
        from adapters.data.building import Options
        from assistant.curation import DatasetRequest

        file = self.query_one("#file", Input).value.strip()
        collection = self.query_one("#collection-choice", Select).value
        drafts = self.query_one("#drafts", Input).value.strip()
        chat = self._conversation if self.query_one("#chat", Tick).value else None
        request = DatasetRequest(
            self.query_one("#dataset-name", Input).value.strip(),
            files=(expanded(file),) if file else (),
            chats=(chat.id,) if chat else (),
            teachings=self.query_one("#teachings", Tick).value,
            scores=self.query_one("#scores", Tick).value,
            pairs=self.query_one("#pairs", Tick).value,
            ratings=self.query_one("#ratings", Tick).value,
            collections=(collection,) if isinstance(collection, str) else (),
            drafts=(drafts,) if drafts else (),
            options=Options(anyway=self.query_one("#anyway", Tick).value),
        )
        if not request.name:
            raise DatasetError("The dataset needs a name.", "Type one in the first field.")
        return request

    @on(Input.Submitted)
    def action_build(self) -> None:
        """Build, and close when it is done."""
        self._build()

    def action_leave(self) -> None:
        """Build nothing, or give up what is being built."""
        self.dismiss(None)

    @work(group="build", exclusive=True)
    async def _build(self) -> None:
        from assistant.curation import build_dataset

        said = self.query_one("#build-told", Plain)
        try:
            request = self.request()
            said.update("Reading, checking and splitting the rows…")
            await asyncio.sleep(0)
            await build_dataset(self._core, request)
        except USER_ERRORS as error:
            said.update(safe_text(told(error)))
        except OSError as error:
            said.update(safe_text(f"It could not be written: {error.strerror or error}."))
        else:
            self.dismiss(request.name)


def _row(label: str, field: Widget) -> ComposeResult:
    with Horizontal(classes="field"):
        yield Plain(label, classes="field-name")
        yield field
