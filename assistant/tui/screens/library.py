"""The library: what documents there are, adding and removing them, and a test search with its scores."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line, safe_text
from assistant.tui.folder_text import strip_line
from assistant.tui.ingest_job import IngestJob
from assistant.tui.keys import with_keys
from assistant.tui.sources import scores
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.moving import MovingList, MovingTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine
from ingest.document import place_label
from ingest.scope import split_filters

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.folder_job import FolderJob
    from ingest.document import Passage, SearchResult
    from ingest.library import DocumentSummary
    from ingest.search_trace import SearchTrace

REFRESH_SECONDS = 1.0
MOST_ROWS = 2000  # of the table
FOUND, SHOWN_CHARACTERS = 10, 200  # passages of a test search, and how much of each is listed
STATES = {"ready": ("ready", "green"), "failed": ("failed", "red"), "quarantined": ("set aside", "red")}
EMPTY = """No documents yet.

Press  {library.add}  to add a file or a folder with all that is in it: text, Markdown, HTML, PDF, Word, source code.
Press  {library.folders}  to link a folder: whatever changes in it follows into the library.
Files are read where they lie; nothing is copied or changed."""


class LibraryScreen(Screen[None]):
    """All documents, one row each."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Library"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="screen.back"),
        Binding("a", "add", "Add", id="library.add"),
        Binding("d,delete", "remove", "Remove", key_display="d", id="library.remove"),
        Binding("r", "retry", "Read again", id="library.retry"),
        Binding("f", "folders", "Folders", id="library.folders"),
        Binding("s,slash", "search", "Test search", key_display="s", id="library.search"),
        Binding("f7", "why", "Why", id="app.why"),
        Binding("c", "check", "Check", id="library.check"),
        Binding("x", "cancel", "Stop indexing", id="library.stop"),
        Binding("ctrl+l", "back", "Back", show=False, id="screen.back"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: IngestJob, folders: FolderJob) -> None:
        super().__init__()
        self._core, self._job, self._keeping = core, job, folders
        self._documents: list[DocumentSummary] = []
        self._seen_changes = job.changes
        self._traced: SearchTrace | None = None  # the last test search

    def compose(self) -> ComposeResult:
        """Counts, the table, what the chosen row has to say, the search, progress."""
        yield Plain("Library", id="library-title")
        yield Plain(id="linked")
        yield Plain(with_keys(self.app, EMPTY), id="library-empty")
        yield MovingTable(id="documents", cursor_type="row", zebra_stripes=False)
        yield MovingList(id="found", markup=False)
        yield Plain(id="detail")
        yield Input(
            placeholder="Words to look for; type:pdf path:letters since:2025 narrow it", id="search", compact=True
        )
        yield StatusLine()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Fill the table, and keep it up to date while something is indexed."""
        table = self.query_one(DataTable)
        for label in ("Document", "State", "Pages", "Passages", "Collection"):
            table.add_column(label, key=label)
        self.query_one("#search").display = False
        self.query_one("#found").display = False
        await self.refresh_documents()
        table.focus()
        self.set_interval(REFRESH_SECONDS, self._refresh_while_running)

    async def refresh_documents(self) -> None:
        """Read the list of documents again."""
        documents = await self._core.library.documents()
        self._documents = sorted(
            documents, key=lambda each: (each.state == "ready", each.collection, each.title.lower())
        )
        table = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        for each in self._documents:
            table.add_row(*_cells(each), key=str(each.id))
        table.move_cursor(row=row)
        table.display = bool(documents) and not self.query_one("#found").display
        self.query_one("#library-empty").display = not documents
        self._show_counts()
        linked = self.query_one("#linked", Plain)
        folders = await self._core.folders.all()
        linked.display = bool(folders)
        linked.update(f"Linked: {strip_line(folders)}")
        self._show_detail()

    async def _refresh_while_running(self) -> None:
        if self._job.running or self._job.changes != self._seen_changes:
            self._seen_changes = self._job.changes
            await self.refresh_documents()
        self.refresh_bindings()

    def _show_counts(self) -> None:
        failed = sum(each.state != "ready" for each in self._documents)
        passages = sum(each.passages for each in self._documents)
        collections = len({each.collection for each in self._documents})
        counts = ((len(self._documents), "document"), (passages, "passage"), (collections, "collection"))
        told = " · ".join(_count(number, noun) for number, noun in counts)
        if len(self._documents) > MOST_ROWS:
            told += f" · the first {MOST_ROWS:,} are listed"
        wrong = (f" · {failed} could not be read", "$text-error") if failed else ""
        self.query_one("#library-title", Plain).update(Content.assemble(("Library", "bold"), f"   {told}", wrong))

    def _show_detail(self) -> None:
        document = self._chosen()
        self.query_one("#detail", Plain).update(_detail(document) if document else "")

    def _chosen(self) -> DocumentSummary | None:
        row = self.query_one(DataTable).cursor_row
        return self._documents[row] if 0 <= row < len(self._documents) else None

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now; letters go into the search while it is open."""
        typing = isinstance(self.focused, Input)
        if action == "cancel":
            return self._job.running and not typing
        if action == "retry":
            return not typing and (document := self._chosen()) is not None and document.state != "ready"
        if action == "remove":
            return bool(self._documents) and not typing
        if action == "check":
            return bool(self._documents) and not typing
        if action == "why":
            return self._traced is not None and bool(self.query_one("#search").display)
        return action not in ("add", "search", "folders") or not typing

    async def action_back(self) -> None:
        """Close the search, or the library."""
        if self.query_one("#search").display:
            self.query_one("#search").display = False
            self.query_one("#found").display = False
            self.query_one(DataTable).focus()
            await self.refresh_documents()
        else:
            self.dismiss()

    def action_add(self) -> None:
        """Choose a file or folder and a collection, then index it in the background."""
        from assistant.tui.screens.add_documents import AddDocuments

        def start(wanted: tuple[str, str] | None) -> None:
            if wanted is not None:
                from assistant.tui.path_completion import expanded

                self._job.add([expanded(wanted[0])], wanted[1])

        document = self._chosen()
        self.app.push_screen(AddDocuments(document.collection if document else "documents"), start)

    def action_remove(self) -> None:
        """Ask, then forget the chosen document. The file itself is never touched."""
        if (document := self._chosen()) is not None:
            self.run_worker(self._remove(document), group="remove")

    async def _remove(self, document: DocumentSummary) -> None:
        from assistant.tui.screens.dialogs import ConfirmDialog

        consequence = "Its text, passages and vectors are deleted. The file itself stays where it is."
        if await self._core.folders.holding(document.path, document.collection) is not None:
            consequence += (
                "\nIt lies in a linked folder, which brings it back unless a .assistantignore there names it."
            )
        dialog = ConfirmDialog(f"Remove “{document.title}” from the library?", consequence)
        if await self.app.push_screen_wait(dialog):
            try:
                await self._core.pipeline.remove([document.id])
            except USER_ERRORS as error:
                self.app.tell(error)
            await self.refresh_documents()

    def action_retry(self) -> None:
        """Read the chosen document, which failed, again."""
        if (document := self._chosen()) is not None:
            self._job.add([Path(document.path)], document.collection)

    def action_folders(self) -> None:
        """Open the linked folders."""
        from assistant.tui.screens.folders import FoldersScreen

        self.app.push_screen(FoldersScreen(self._core, self._job, self._keeping))

    async def action_cancel(self) -> None:
        """Stop indexing; what is done stays, and changes of linked folders wait until a sync is asked for."""
        self._keeping.stop()
        await self._job.cancel()
        self.app.say("Indexing was stopped. What was indexed so far can be searched.")
        await self.refresh_documents()

    def action_search(self) -> None:
        """Type words and see which passages they find."""
        search = self.query_one("#search", Input)
        search.display = True
        self.set_focus(search)  # at once: the next key belongs to it

    def action_check(self) -> None:
        """Ask the library about itself."""
        from assistant.tui.screens.library_check import LibraryCheckScreen

        self.app.push_screen(LibraryCheckScreen(self._core))

    def action_why(self) -> None:
        """How the test search came to what it found."""
        from assistant.tui.screens.why import WhyScreen

        if self._traced is not None:
            self.app.push_screen(WhyScreen(self._core, trace=self._traced))

    @on(Input.Submitted, "#search")
    def _search_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._search(event.value)

    @work(group="search", exclusive=True)
    async def _search(self, words: str) -> None:
        try:
            text, filters = split_filters(words)
            result = await self._core.retriever.search(text, FOUND, filters or None)
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        self._traced = result.trace
        self.refresh_bindings()
        found = self.query_one("#found", OptionList)
        found.clear_options()
        found.add_options([Option(_passage(place, each)) for place, each in enumerate(result.passages, 1)])
        found.display, self.query_one(DataTable).display = True, False
        self.query_one("#detail", Plain).update(_found(result))


def _cells(document: DocumentSummary) -> list[Text]:
    told, colour = STATES.get(document.state, (document.state, ""))
    pages = "–" if document.pages is None else str(document.pages)
    name = safe_line(PurePath(document.path).name or document.title)
    return [
        Text(name if len(name) <= 44 else f"{name[:43]}…"),
        Text(told, style=colour),
        Text(pages, justify="right"),
        Text(f"{document.passages:,}", justify="right"),
        Text(safe_line(document.collection)),
    ]


def _detail(document: DocumentSummary) -> Content:
    lines = [Content.styled(safe_line(document.path), "$foreground 60%")]
    if document.reason:
        lines.append(Content.styled(safe_text(document.reason), "$text-error"))
    lines += [Content.styled(safe_line(note), "$text-warning") for note in document.notes]
    return Content("\n").join(lines)


def _passage(place: int, passage: Passage) -> Content:
    label = safe_line(place_label(passage.page, passage.place, "page"))
    text = safe_line(" ".join(passage.text.split()))
    text = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
    head = f"{place}  {safe_line(PurePath(passage.path).name)}{f' · {label}' if label else ''}"
    return Content.assemble((head, "bold"), (f" · {scores(passage)}\n", "$foreground 60%"), f"{text}\n")


def _found(result: SearchResult) -> str:
    best = "" if result.best_similarity is None else f" · closest in meaning {result.best_similarity:.2f}"
    return f"{len(result.passages)} passages above the floor, of {result.searched_chunks:,} searched{best}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
