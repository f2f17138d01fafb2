"""What an answer stands on: a list of sources, and the page of the chosen one with the quote highlighted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line, safe_text
from assistant.tui.sources import Page, Source, page_around, scores
from assistant.tui.widgets.moving import MovingList, MovingScroll
from assistant.tui.widgets.plain import Plain
from ingest.document import place_label

if TYPE_CHECKING:
    from ingest.library import Library

HIGHLIGHT = "underline $text on $warning-muted"
LINES_ABOVE = 3  # kept in view over the highlighted quote


class SourcesPanel(Vertical):
    """The sources of one answer."""

    BINDING_GROUP_TITLE = "Sources"
    DEFAULT_CSS = """
    SourcesPanel { width: 46%; padding: 0 1; border-left: vkey $panel; }
    SourcesPanel .panel-title { text-style: bold; padding: 0 1; height: 1; }
    SourcesPanel .sources-list {
        height: auto; max-height: 40%; border: none; margin: 1 0; padding: 0; background: $background;
        scrollbar-size-vertical: 1;
    }
    SourcesPanel .sources-list:focus { border: none; }
    SourcesPanel .page-title { padding: 0 1; margin-bottom: 1; height: auto; }
    SourcesPanel .page-scroll { height: 1fr; background: $surface; scrollbar-size-vertical: 1; }
    SourcesPanel .page { padding: 1 2; height: auto; }
    """

    def __init__(self, library: Library, sources: Sequence[Source], mark: int = 0) -> None:
        """`mark` is the one to show first; 0 is the first there is."""
        super().__init__(classes="sources-panel")
        self._library = library
        self._sources = sources
        self._mark = mark

    def compose(self) -> ComposeResult:
        """The list above, the page below."""
        cited = sum(source.cited for source in self._sources)
        yield Plain(f"Sources · {cited} cited of {len(self._sources)} found", classes="panel-title")
        yield MovingList(*(Option(_label(source)) for source in self._sources), markup=False, classes="sources-list")
        yield Plain(classes="page-title")
        with MovingScroll(classes="page-scroll"):
            yield Plain(classes="page")

    def on_mount(self) -> None:
        """Show the wanted source."""
        if not self._sources:
            self.query_one(".page", Plain).update("This answer stands on no passages from your documents.")
            return
        wanted = [index for index, source in enumerate(self._sources) if source.mark == self._mark]
        self.query_one(OptionList).highlighted = wanted[0] if wanted else 0

    def focus_list(self) -> None:
        """Make the arrow keys walk through the sources."""
        self.query_one(OptionList).focus()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show(self._sources[event.option_index])

    @work(group="page", exclusive=True)
    async def _show(self, source: Source) -> None:
        page = page_around(await self._library.document_text(source.document_id), source)
        self.query_one(".page-title", Plain).update(_title(source, page))
        text = safe_text(page.text)  # character for character, so that offsets stay
        content = Content(text)
        if source.passage is not None and source.cited:
            content = _faint_outside(content, page, source)
        self.query_one(".page", Plain).update(content.stylize(HIGHLIGHT, page.start, page.end))
        self.call_after_refresh(self._bring_into_view, text, page.start)

    def _bring_into_view(self, text: str, position: int) -> None:
        width = max(self.query_one(".page", Plain).content_size.width, 1)
        rows = len(Content(text[:position]).wrap(width)) - 1 if position else 0
        self.query_one(".page-scroll").scroll_to(y=max(rows - LINES_ABOVE, 0), animate=False)


def _faint_outside(content: Content, page: Page, source: Source) -> Content:
    """The passage the model read stands in the usual colour, the rest of the page behind it."""
    assert source.passage is not None
    first = page.start - (source.start - source.passage.start)
    last = first + len(source.passage.text)
    if page.notice or first < 0:
        return content
    return content.stylize("$foreground 60%", 0, first).stylize("$foreground 60%", last)


def _label(source: Source) -> Content:
    mark = f"[~{source.mark}]" if source.attributed else f"[{source.mark}]"
    label = safe_line(place_label(source.page, source.place, "page"))
    place = f" · {label}" if label else ""
    name = safe_line(PurePath(source.path).name or source.document)
    told = "attributed" if source.attributed else "cited" if source.cited else "not cited"
    line = Content.assemble((mark, "$text-accent" if source.cited else "$foreground 60%"), f" {name}{place}")
    numbers = f" · {scores(source.passage)}" if source.passage is not None else ""
    return Content.assemble(line, "\n  ", (f"{told}{numbers}", "$foreground 60%"))


def _title(source: Source, page: Page) -> Content:
    path, label = safe_line(source.path), safe_line(place_label(source.page, source.place, "page"))
    where = f"{path} · {label}" if label else path
    return Content.assemble((where, "bold"), (f"\n{page.notice}", "$text-warning") if page.notice else "")
