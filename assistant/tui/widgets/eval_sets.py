"""The first page of evaluation: the sets, what is in them, and how far one that is asked has come."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import DataTable

from assistant.drafting import draft_pairs, drafts_file
from assistant.errors import UsageError
from assistant.evaluation.building import SetRequest, build_set
from assistant.evaluation.running import RunRequest
from assistant.safe_text import safe_line, safe_text
from assistant.scoring.comparing import BASE
from assistant.storage.evaluation_sets import StoredSet, list_sets, load_set, remove_set, set_file
from assistant.tui.evaluation_text import set_content
from assistant.tui.path_completion import expanded
from assistant.tui.screens.dialogs import AskLine
from assistant.tui.screens.review_drafts import review
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.evaluation_job import EvaluationJob

COLUMNS = ("Set", "Questions", "Placed", "Tags")
REFRESH_SECONDS = 0.25
DRAFTED = 20  # passages, spread over the documents
NO_SETS = (
    "No evaluation sets yet.\n\nA set is a list of questions with known answers, which models and adapters are asked. "
    "n makes one: of a file (JSON lines with question, answers, and the document they stand in), or of answers that "
    "you scored well or corrected; g lets the model draft one from documents, for you to review. From the shell: "
    "assistant eval build NAME FILE"
)


class SetTable(ChoiceTable):
    """Enter asks the set under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Ask it", id="list.choose")]


class SetsPane(Container):
    """One row a set; the one under the cursor in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", id="evaluation.sets.new"),
        Binding("f", "draft", "From documents", id="evaluation.sets.draft"),
        Binding("m", "search", "Search alone", id="evaluation.sets.search"),
        Binding("x", "stop", "Stop", id="evaluation.sets.stop"),
        Binding("d,delete", "remove", "Delete", key_display="d", id="evaluation.sets.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: EvaluationJob, wanted: str = "") -> None:
        """`wanted` is the set to stand on first."""
        super().__init__(id="eval-sets")
        self._core, self._job, self._wanted = core, job, wanted
        self._known: list[StoredSet] = []
        self._drafting = False

    def compose(self) -> ComposeResult:
        """How far the run is, the table, one set."""
        yield Plain(id="eval-progress")
        yield SetTable(id="eval-set-list")
        with MovingScroll(id="eval-set-detail"):
            yield Plain(NO_SETS, id="eval-set-facts")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        for label in COLUMNS:
            table.add_column(label, key=label)
        self.reload()
        self.set_interval(REFRESH_SECONDS, self._look)

    def reload(self) -> None:
        """Read the sets again; a file that is no set is told."""
        self._known = []
        for name in list_sets(self._core.config.home):
            try:
                self._known.append(load_set(self._core.config.home, name))
            except USER_ERRORS as error:
                self.app.say(told(error), "warning")
        table = self.query_one(SetTable)
        row = table.cursor_row
        table.clear()
        for place, each in enumerate(self._known):
            table.add_row(*_cells(each), key=each.questions.name)
            row = place if each.questions.name == self._wanted else row
        self._wanted = ""
        table.move_cursor(row=row)
        table.display = bool(self._known)
        self._show_detail()

    def focus_first(self) -> None:
        """Ready to choose."""
        self.query_one("#eval-set-list" if self._known else "#eval-set-detail").focus()

    @property
    def chosen(self) -> StoredSet | None:
        """The set under the cursor."""
        row = self.query_one(SetTable).cursor_row
        return self._known[row] if 0 <= row < len(self._known) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action == "stop":
            return self._job.running or self._drafting
        return bool(self._known) or action in ("new", "draft")

    @on(DataTable.RowHighlighted)
    def _show_detail(self) -> None:
        stored = self.chosen
        bad = [f"left out: {each}" for each in stored.bad[:3]] if stored else []
        shown = set_content(stored.questions, "\n".join(bad)) if stored else Content(NO_SETS)
        self.query_one("#eval-set-facts", Plain).update(shown)
        self.refresh_bindings()

    def _look(self) -> None:
        line = self.query_one("#eval-progress", Plain)
        progress = self._job.progress
        shown = f"{self._job.name}: {progress.line if progress else 'beginning…'}" if self._job.running else ""
        if line.display != bool(shown):
            line.display = bool(shown)
            self.refresh_bindings()
        line.update(safe_line(shown))

    @on(DataTable.RowSelected)
    @work(group="eval-work", exclusive=True)
    async def _ask(self, event: DataTable.RowSelected) -> None:
        stored = self.chosen
        if stored is None:
            return
        note = (
            "Adapters with a comma between, `base` for none; `now` is what is on in the chat. With `nodocs` behind, "
            "no documents are searched. What was asked before is not asked again."
        )
        typed = await self.app.push_screen_wait(
            AskLine(f"Who answers {stored.questions.name}?", "now", note, path=False)
        )
        if typed is not None:
            self._job.start(request_of(stored.questions.name, typed))

    @work(group="eval-work", exclusive=True)
    async def action_new(self) -> None:
        """Make a set of a file, of scored answers, or of reviewed drafts."""
        name = await self.app.push_screen_wait(AskLine("A new evaluation set", "my-questions", "Its name.", path=False))
        if name is None:
            return
        note = (
            "A file of questions; or `scores`: answers you scored well or corrected; or `drafts NAME`: reviewed pairs."
        )
        typed = await self.app.push_screen_wait(AskLine(f"What is {name} made of?", "~/", note, path=True))
        if typed is None:
            return
        built = await build_set(self._core, source_of(name, typed))
        self._wanted = name
        self.reload()
        self.focus_first()
        left = f", {len(built.bad):,} bad rows left out: {built.bad[0]}" if built.bad else ""
        self.app.say(f"{name} has {len(built.questions.questions):,} questions{left}.")

    @work(group="eval-draft", exclusive=True)
    async def action_draft(self) -> None:
        """Let the model draft questions from documents, and review them; what is kept becomes a set."""
        name = await self.app.push_screen_wait(AskLine("A set from documents", "my-documents", "Its name.", path=False))
        note = f"Titles or numbers with a comma between, * for all. The model drafts from up to {DRAFTED} passages."
        typed = name and await self.app.push_screen_wait(AskLine("From which documents?", "*", note, path=False))
        if not (name and typed):
            return
        set_file(self._core.config.home, name)
        path = drafts_file(self._core.config.home, name)
        self._drafting = True
        try:
            await self._draft(path, await self._documents(typed))
        finally:
            self._drafting = False
            self._show_detail()
        if await review(self.app, path):
            built = await build_set(self._core, SetRequest(name, drafts=(name,), add=True))
            self._wanted = name
            self.reload()
            self.focus_first()
            self.app.say(f"{name} has {len(built.questions.questions):,} questions.")

    async def _documents(self, typed: str) -> list[str]:
        if typed.strip() != "*":
            return [each.strip() for each in typed.split(",") if each.strip()]
        return [str(each.id) for each in await self._core.library.documents() if each.state == "ready"]

    async def _draft(self, path: Path, documents: list[str]) -> None:
        """Draft until the passages end or x is pressed; what was drafted is kept."""
        facts = self.query_one("#eval-set-facts", Plain)
        self.refresh_bindings()
        async with contextlib.aclosing(draft_pairs(self._core, path, documents, limit=DRAFTED)) as drafting:
            async for told_now in drafting:
                pairs = len(told_now.drafts)
                facts.update(f"Drafting: {told_now.done:,} of {told_now.total:,} passages, {pairs:,} pairs. x stops.")
                if not self._drafting:
                    return

    @work(group="eval-work", exclusive=True)
    async def action_search(self) -> None:
        """How well the search finds the places of this set, below it."""
        from assistant.evaluation.report_text import retrieval_lines
        from assistant.evaluation.retrieval import score_retrieval

        stored = self.chosen
        if stored is None:
            return
        facts = self.query_one("#eval-set-facts", Plain)
        facts.update("Searching…")
        try:
            found = await score_retrieval(self._core, stored.questions)
            facts.update(safe_text("\n".join(retrieval_lines(found))))
        except USER_ERRORS as error:
            facts.update(safe_text(told(error)))

    @work(group="eval-stop", exclusive=True)
    async def action_stop(self) -> None:
        """Stop drafting after this passage, or stop asking; the next start goes on there."""
        if self._drafting:
            self._drafting = False
            return
        await self._job.stop()
        self.app.say(f"{self._job.name} is stopped. Asking it in the same way goes on where it was.")

    @work(group="eval-work", exclusive=True)
    async def action_remove(self) -> None:
        """Delete the set, after asking."""
        stored = self.chosen
        if stored is None:
            return
        name = stored.questions.name
        if await self.app.confirmed(
            f"Delete the set {name}?", "Its questions are gone; what was answered to it stays."
        ):
            remove_set(self._core.config.home, name)
            self.reload()


def request_of(name: str, typed: str) -> RunRequest:
    """Whom a line names: `now`, `base, style:0.7`, `base nodocs`."""
    text = typed.strip()
    documents = not text.endswith("nodocs")
    mixes = [each.strip() for each in text.removesuffix("nodocs").split(",") if each.strip() not in ("", "now")]
    return RunRequest(name, tuple(each for each in mixes if each != BASE), BASE in mixes, documents=documents)


def source_of(name: str, typed: str) -> SetRequest:
    """What a line says a set is made of.

    Raises:
        UsageError: `drafts` without a name.
    """
    word, _, rest = typed.strip().partition(" ")
    if word == "scores":
        return SetRequest(name, scores=True)
    if word == "drafts":
        if not rest.strip():
            raise UsageError("Which drafts?", "Type drafts NAME; `assistant dataset draft NAME` makes some.")
        return SetRequest(name, drafts=(rest.strip(),))
    return SetRequest(name, files=(Path(expanded(typed)),))


def _cells(stored: StoredSet) -> tuple[Text, ...]:
    questions = stored.questions.questions
    placed = sum(bool(each.gold) for each in questions)
    return (
        Text(safe_line(stored.questions.name)[:30]),
        Text(f"{len(questions):,}", justify="right"),
        Text(f"{placed:,}", justify="right"),
        Text(safe_line(", ".join(stored.questions.tags))[:44]),
    )
