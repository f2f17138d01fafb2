"""Linked folders: how each stands, what it holds that cannot be read, linking, syncing, unlinking."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from assistant.safe_text import safe_line, safe_text
from assistant.tui.folder_text import STATES, folder_name, plan_line, plan_lines, state_line
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.moving import MovingTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.folder_job import FolderJob
    from assistant.tui.ingest_job import IngestJob
    from ingest.folders import LinkedFolder
    from ingest.progress import Failure

REFRESH_SECONDS = 1.0
MOST_FAILURES = 50  # that are listed below a folder
EMPTY = """No folder is linked.

Press  l  to link one: whatever changes in it follows into the library.

Its files are read where they lie; nothing is copied or changed. What its
.gitignore or .assistantignore files name is left out."""


class FoldersScreen(Screen[None]):
    """One row a folder; below it, what the chosen one has to say."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Linked folders"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="screen.back"),
        Binding("l", "link", "Link", id="folders.link"),
        Binding("s", "sync", "Sync", id="folders.sync"),
        Binding("p", "preview", "Preview", id="folders.preview"),
        Binding("r", "retry", "Retry failed", id="folders.retry"),
        Binding("y", "remove_vanished", "Remove vanished", id="folders.remove-vanished"),
        Binding("u", "unlink", "Unlink", id="folders.unlink"),
        Binding("x", "cancel", "Stop", id="folders.stop"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: IngestJob, folders: FolderJob) -> None:
        super().__init__()
        self._core, self._job, self._keeping = core, job, folders
        self._folders: list[LinkedFolder] = []
        self._failures: list[Failure] = []
        self._seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Counts, the table, what the chosen row has to say, progress."""
        yield Plain("Linked folders", id="library-title")
        yield Plain(EMPTY, id="library-empty")
        yield MovingTable(id="documents", cursor_type="row", zebra_stripes=False)
        yield Plain(id="folder-detail")
        yield StatusLine()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Fill the table, and keep it up to date."""
        table = self.query_one(DataTable)
        for label in ("Folder", "State", "Documents", "Failed", "Synced", "Collection"):
            table.add_column(label, key=label)
        await self._look()
        table.focus()
        self.set_interval(REFRESH_SECONDS, self._look)

    async def _look(self) -> None:
        """Read the folders again if something may have changed."""
        self.refresh_bindings()
        seen = (self._job.changes, self._job.running, self._keeping.watching, *self._keeping.polled)
        if seen == self._seen and not self._job.running:
            return
        self._seen = seen
        self._folders = await self._core.folders.all()
        table = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        for folder in self._folders:
            table.add_row(*_cells(folder, self._job.running), key=str(folder.id))
        table.move_cursor(row=row)
        table.display = bool(self._folders)
        self.query_one("#library-empty").display = not self._folders
        self._show_title()
        await self._show_detail()

    def _show_title(self) -> None:
        count = len(self._folders)
        documents = sum(folder.documents for folder in self._folders)
        told = f"   {count} folder{'s' * (count != 1)} · {documents:,} documents"
        if count:
            told += f" · {'changes are followed' if self._keeping.watching else 'changes are not followed now'}"
        self.query_one("#library-title", Plain).update(Content.assemble(("Linked folders", "bold"), told))

    async def _show_detail(self) -> None:
        folder = self._chosen()
        if folder is None:
            self.query_one("#folder-detail", Plain).update("")
            return
        self._failures = await self._core.folders.failures([folder]) if folder.failed else []
        lines = [Content.styled(safe_line(folder.path), "$foreground 60%")]
        lines.append(Content(state_line(folder, self._keeping.polled.get(folder.path, ""), self._job.running)))
        for failure in self._failures[:MOST_FAILURES]:
            name = safe_line(failure.path.removeprefix(folder.path).lstrip("/"))
            lines.append(Content.assemble((name, "$text-error"), f"  {safe_text(failure.reason)}"))
        if len(self._failures) > MOST_FAILURES:
            lines.append(Content(f"and {len(self._failures) - MOST_FAILURES:,} more"))
        self.query_one("#folder-detail", Plain).update(Content("\n").join(lines))

    def _chosen(self) -> LinkedFolder | None:
        row = self.query_one(DataTable).cursor_row
        return self._folders[row] if 0 <= row < len(self._folders) else None

    @on(DataTable.RowHighlighted)
    async def _row_highlighted(self) -> None:
        await self._show_detail()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        folder = self._chosen()
        if action == "cancel":
            return self._job.running
        if action == "retry":
            return folder is not None and folder.failed > 0
        if action == "remove_vanished":
            return folder is not None and folder.withheld > 0
        return folder is not None or action not in ("sync", "preview", "unlink")

    def action_back(self) -> None:
        """Close."""
        self.dismiss()

    def action_sync(self) -> None:
        """Bring the chosen folder in step now."""
        if (folder := self._chosen()) is not None:
            self._keeping.sync([folder])

    def action_retry(self) -> None:
        """Read the failed files of the chosen folder again."""
        if (folder := self._chosen()) is not None:
            self._keeping.sync([folder], retry=True)

    async def action_cancel(self) -> None:
        """Stop; what is done stays, and changes wait until a sync is asked for."""
        self._keeping.stop()
        await self._job.cancel()
        self.app.say("Stopped. What was indexed so far can be searched; s goes on.")

    @work(group="folders")
    async def action_preview(self) -> None:
        """Show what a sync would do."""
        folder = self._chosen()
        if folder is None:
            return
        try:
            [(_, plan)] = await self._core.folders.preview([folder])
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        from assistant.tui.screens.dialogs import ReadDialog

        self.app.push_screen(ReadDialog(f"What a sync of {folder_name(folder.path)} would do", plan_lines(plan)))

    @work(group="folders")
    async def action_link(self) -> None:
        """Choose a folder, hear what that brings in, and link it."""
        from assistant.tui.path_completion import expanded
        from assistant.tui.screens.add_documents import AddDocuments

        wanted = await self.app.push_screen_wait(AddDocuments("documents", folders_only=True))
        if wanted is None:
            return
        path, collection = expanded(wanted[0]), wanted[1]
        try:
            absolute = await self._core.folders.check(path, collection)
            self.query_one("#library-title", Plain).update(f"Looking through {safe_line(absolute)}…")
            plan = await self._core.pipeline.preview([Path(absolute)], collection)
            self._show_title()
            question = f"Link {absolute} into “{collection}”?"
            if await self.app.confirmed(
                question, f"{plan_line(plan)}\nFrom then on the library follows what changes in it."
            ):
                await self._keeping.link(Path(absolute), collection)
        except USER_ERRORS as error:
            self._show_title()
            self.app.tell(error)

    @work(group="folders")
    async def action_unlink(self) -> None:
        """Ask whether its documents stay, then forget the link. Files are never touched."""
        from assistant.tui.screens.dialogs import ChooseDialog

        folder = self._chosen()
        if folder is None:
            return
        keys = {"k": "keep its documents", "r": "remove them"}
        note = f"Its {folder.documents:,} documents stay in the library or leave it; the files stay where they are."
        answer = await self.app.push_screen_wait(ChooseDialog(f"Unlink {folder.path}?", note, keys))
        if answer is None:
            return
        try:
            removed = await self._keeping.unlink(folder, remove=answer == "r")
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        left = f" {removed:,} documents left the library." if answer == "r" else ""
        self.app.say(f"{folder_name(folder.path)} is not linked any more.{left}")

    @work(group="folders")
    async def action_remove_vanished(self) -> None:
        """Ask, then remove the documents whose files are gone."""
        folder = self._chosen()
        if folder is None:
            return
        question = f"Remove {folder.withheld:,} documents of {folder.path}?"
        consequence = "Their files are not there any more. If a drive is missing, say no and plug it in."
        if await self.app.confirmed(question, consequence):
            self._keeping.sync([folder], confirmed=True)


def _cells(folder: LinkedFolder, running: bool) -> list[Text]:
    told, colour = STATES[folder.state]
    if folder.state == "syncing" and running:
        told, colour = "syncing…", "cyan"
    synced = f"{datetime.fromisoformat(folder.synced_at).astimezone():%d %b %H:%M}" if folder.synced_at else "–"
    return [
        Text(folder_name(folder.path)),
        Text(told, style=colour),
        Text(f"{folder.documents:,}", justify="right"),
        Text(f"{folder.failed:,}" if folder.failed else "–", style="red" if folder.failed else "", justify="right"),
        Text(synced),
        Text(safe_line(folder.collection)),
    ]
