"""The adapters: what there is and what it is worth; on, off, mixed, as strong as wanted, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import DataTable, Footer

from adapters.mix import Share, mix_text
from assistant.safe_text import safe_line
from assistant.tui.adapter_text import COLUMNS, cells
from assistant.tui.screens.adapter_work import AdapterWork, reference
from assistant.tui.widgets.adapter_detail import AdapterDetail, AdapterTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from adapters.versions.registered import Adapter
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.training_job import TrainingJob

SETTLE_SECONDS = 0.3  # without a key before a changed mix is put on
REFRESH_SECONDS = 1.0
STRONGEST = 2.0


class AdaptersScreen(Screen[None]):
    """One row a version."""

    CSS_PATH = ["screens.tcss", "learning.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Adapters"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="screen.back"),
        Binding("space", "mix", "On/off", id="adapters.mix"),
        Binding("c", "chat", "This chat", id="adapters.chat"),
        Binding("f8", "app.roll_back", "Roll back", id="app.roll-back"),
        Binding("p", "prove", "Prove", id="adapters.prove"),
        Binding("t", "retire", "Retire", id="adapters.retire"),
        Binding("d,delete", "remove", "Delete", key_display="d", id="adapters.remove"),
        Binding("i", "bring", "Import", id="adapters.import"),
        Binding("e", "export", "Export", id="adapters.export"),
        Binding("o", "off", "All off", id="adapters.off"),
        Binding("n", "rename", "Rename", id="adapters.rename"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: TrainingJob) -> None:
        super().__init__()
        self._core, self._job = core, job
        self._known: list[Adapter] = []
        self._wanted: dict[str, float] = {}  # what is to be on, by reference; the keys change it first
        self._timer: Timer | None = None
        self._putting_on = asyncio.Lock()
        self._seen = ""  # what the model said is on when the list was read

    def compose(self) -> ComposeResult:
        """The table, and what is told of one."""
        yield Plain(id="adapters-title")
        with Container(id="adapters-body"):
            yield AdapterTable(id="adapters")
            yield AdapterDetail(self._core)
        yield StatusLine()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Fill the table."""
        self._work = AdapterWork(self.app, self._core, self._job)
        table = self.query_one(AdapterTable)
        for label in COLUMNS:
            table.add_column(label, key=label)
        await self.reload()
        (table if self._known else self.query_one(AdapterDetail)).focus()
        self.set_interval(REFRESH_SECONDS, self._refresh_if_changed)

    async def reload(self) -> None:
        """Read the list again; what the keys have changed and is not on yet stays."""
        self._known, self._seen = await self._core.registry.all(), self._state()
        if self._timer is None:
            self._wanted = {reference(each): each.strength for each in self._known if each.strength is not None}
        if not (tables := self.query(AdapterTable)):  # the screen was left meanwhile
            return
        table = tables.first()
        row = table.cursor_row
        table.clear()
        for each in self._known:
            table.add_row(*cells(each, self._wanted.get(reference(each))), key=reference(each))
        table.move_cursor(row=row)
        table.display = bool(self._known)
        self._show_title()
        await self._show_detail()

    def _state(self) -> str:
        """What tells that the list has to be read again."""
        watch = self._job.watch
        return f"{self._core.model.adapter}|{watch.adapter if watch else ''}|{watch.state if watch else ''}"

    async def _refresh_if_changed(self) -> None:
        if self._state() != self._seen and self._timer is None:
            await self.reload()

    @property
    def chosen(self) -> Adapter | None:
        """The adapter under the cursor."""
        row = next((table.cursor_row for table in self.query(AdapterTable)), -1)
        return self._known[row] if 0 <= row < len(self._known) else None

    def _show_title(self) -> None:
        on_now = mix_text([Share(name, scale) for name, scale in self._wanted.items()])
        session = self.app.chat.session
        own = session.conversation.adapters if session and session.conversation else None
        parts: list[str | tuple[str, str]] = [("Adapters", "bold"), f"   on: {safe_line(on_now) or 'none'}"]
        parts += [] if own is None else [(f"   this chat: {safe_line(own) or 'none'}", "$text-warning")]
        for title in self.query("#adapters-title").results(Plain):
            title.update(Content.assemble(*parts))

    @on(DataTable.RowHighlighted)
    async def _highlighted(self) -> None:
        await self._show_detail()

    async def _show_detail(self) -> None:
        adapter = self.chosen
        strength = self._wanted.get(reference(adapter)) if adapter else None
        for detail in self.query(AdapterDetail):
            await detail.show(adapter, strength, self._known)
        self.refresh_bindings()

    # -- what is on ------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        adapter = self.chosen if self.is_mounted else None
        if action in ("mix", "chat", "export"):
            return adapter is not None
        if action in ("prove", "retire", "remove", "rename"):
            return adapter is not None and bool(adapter.id)
        return True

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that waits; an error of ours becomes a notice, and the list is read again."""
        self.run_worker(self._then_reload(work), group="adapters")

    async def _then_reload(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            await self.reload()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self._only()

    def _only(self) -> None:
        """Put this one on alone; off, if it is alone already."""
        if (adapter := self.chosen) is not None:
            name = reference(adapter)
            alone = list(self._wanted) == [name]
            self._do(self._activate({} if alone else {name: self._wanted.get(name, 1.0)}))

    def action_mix(self) -> None:
        """Add this one to what is on, or take it out."""
        if (adapter := self.chosen) is not None:
            name = reference(adapter)
            wanted = {key: scale for key, scale in self._wanted.items() if key != name}
            self._do(self._activate(wanted if name in self._wanted else {**wanted, name: 1.0}))

    def action_off(self) -> None:
        """Take all off."""
        self._do(self._activate({}))

    async def _activate(self, wanted: dict[str, float], *, force: bool = False) -> None:
        async with self._putting_on:
            mix = mix_text([Share(name, scale) for name, scale in wanted.items()])
            await self.app.put_on(mix, force=force)

    @on(AdapterTable.Nudged)
    async def _nudged(self, event: AdapterTable.Nudged) -> None:
        """Another strength: shown at once, put on when the keys rest."""
        adapter = self.chosen
        if adapter is None or reference(adapter) not in self._wanted:
            return
        name = reference(adapter)
        self._wanted[name] = round(min(STRONGEST, max(0.0, self._wanted[name] + event.step)), 2)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SETTLE_SECONDS, self._settled)
        table = self.query_one(AdapterTable)
        table.update_cell(name, COLUMNS[0], cells(adapter, self._wanted[name])[0])
        self.query_one(AdapterDetail).show_strength(self._wanted[name])
        self._show_title()

    def _settled(self) -> None:
        self._timer = None
        self._do(self._activate(dict(self._wanted), force=True))  # they are on: nothing is to be asked again

    # -- what is done to one ------------------------------------------------------

    def action_chat(self) -> None:
        """Let this one answer in the open chat alone, or let the chat follow the others again."""
        self._do_to_chosen(self._work.for_chat)

    def action_prove(self) -> None:
        """Compare it with its base again, in the background."""
        self._do_to_chosen(self._work.prove)

    def action_retire(self) -> None:
        """Put it aside."""
        self._do_to_chosen(self._work.retire)

    def action_remove(self) -> None:
        """Ask, then delete it."""
        self._do_to_chosen(self._work.remove)

    def action_export(self) -> None:
        """Write it to a file that can be passed on."""
        self._do_to_chosen(self._work.export)

    def action_rename(self) -> None:
        """Call all its versions something else."""
        self._do_to_chosen(self._work.rename)

    def action_bring(self) -> None:
        """Take one in from a file."""
        self._do(self._work.bring())

    def _do_to_chosen(self, work: Callable[[Adapter], Coroutine[Any, Any, None]]) -> None:
        if (adapter := self.chosen) is not None:
            self._do(work(adapter))
