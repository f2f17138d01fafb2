"""Is a cited passage shown in its page, with the very characters highlighted?"""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.content import Content
from textual.widgets import OptionList

from assistant.conversation import Citation
from assistant.tui.screens.sources import SourcesScreen
from assistant.tui.sources import Source, page_around, scores, sources_of
from assistant.tui.widgets.messages import SourceLine
from assistant.tui.widgets.plain import Plain
from ingest.document import Passage
from ingest.library import DocumentText

from .conftest import Running, running, until

QUOTE = "The deposit is 1,290 pounds and is paid back within ten days."
TEXT = f"First page, about keys.\fSecond page.\n\n{QUOTE}\n\nMore on the second page.\fThird page."
STARTS = (0, TEXT.index("Second"), TEXT.index("Third"))


def document(text: str = TEXT, starts: tuple[int, ...] = STARTS) -> DocumentText:
    return DocumentText(1, "Lease", "/papers/lease.pdf", text, starts)


def source(start: int = TEXT.index(QUOTE), quote: str = QUOTE) -> Source:
    return Source(1, 1, "Lease", "/papers/lease.pdf", 2, start, start + len(quote), quote, True)


def test_the_page_of_a_quote_is_cut_out_and_the_quote_found_in_it() -> None:
    """Only the second page, with offsets into it."""
    page = page_around(document(), source())
    assert page.text.startswith("Second page.") and "Third" not in page.text and "First" not in page.text
    assert page.text[page.start : page.end] == QUOTE and page.notice == ""


def test_a_changed_document_is_told_and_the_quote_still_shown() -> None:
    """Moved text is found again; vanished text is shown as it was cited; so is a removed document's."""
    moved = page_around(document("Some new words. " + TEXT, ()), source())
    assert moved.text[moved.start : moved.end] == QUOTE and moved.notice == ""
    changed = page_around(document("Nothing of it.", ()), source())
    assert changed.text == QUOTE and "changed" in changed.notice
    removed = page_around(None, source())
    assert removed.text == QUOTE and "no longer" in removed.notice


def test_a_long_page_is_cut_around_the_quote() -> None:
    """A text without pages of a million characters does not become one widget."""
    text = "Filler line.\n" * 50_000 + QUOTE + "\nFiller line." * 50_000
    page = page_around(document(text, ()), source(text.index(QUOTE)))
    assert len(page.text) < 8_000 and page.text[page.start : page.end] == QUOTE


def test_cited_sources_come_first_then_what_was_retrieved_beside_them() -> None:
    """One row for each cited place; passages without a citation follow as such."""
    passages = [Passage(n, 1, "Lease", "/p/lease.pdf", f"text {n}", n * 10, n * 10 + 6) for n in (1, 2, 3)]
    cited = Citation(2, 1, "Lease", "/p/lease.pdf", None, 20, 26, "text 2", 0.5)
    listed = sources_of([cited, cited], passages)
    assert [(each.mark, each.cited) for each in listed] == [(2, True), (1, False), (3, False)]


def test_missing_scores_are_dashes() -> None:
    """A passage found by words alone has no similarity."""
    assert scores(Passage(1, 1, "a", "a", "t", 0, 1, score=0.5, bm25=3.14)) == "score 0.50, meaning –, words 3.1"


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    path = tmp_path / "lease.txt"
    path.write_text(f"About keys and doors.\n\n{QUOTE}\n\nAbout the garden.\n")
    return path


def highlighted(page: Plain) -> list[str]:
    """The texts that the page highlights."""
    content = page.content
    assert isinstance(content, Content)
    return [content.plain[span.start : span.end] for span in content.spans if "warning" in str(span.style)]


async def ask_about_the_deposit(run: Running, lease: Path) -> None:
    await run.ingest(lease)
    view = await run.ask(QUOTE)
    assert view.message.citations


async def test_a_wide_terminal_shows_the_quote_beside_the_conversation(home: Path, lease: Path) -> None:
    """Ctrl+O: the list with scores, and the page with the quote highlighted; Esc closes."""
    answer = "The deposit is 1,290 pounds [1]. It is paid back within ten days."
    async with running(home, size=(140, 40), text=answer) as run:
        await ask_about_the_deposit(run, lease)
        await run.pilot.press("ctrl+o")
        await until(lambda: run.app.chat.query(".page") and highlighted(run.app.chat.query_one(".page", Plain)))
        await run.pilot.pause()
        assert highlighted(run.app.chat.query_one(".page", Plain)) == [QUOTE]
        shown = run.screen_text()
        assert "About the garden." in shown and "cited · score" in shown and "meaning" in shown
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.query(".page"))


async def test_a_narrow_terminal_shows_the_quote_on_its_own_screen(home: Path, lease: Path) -> None:
    """At 80 columns the panel takes the screen; /sources opens it too."""
    async with running(home, size=(80, 24), text="The deposit is 1,290 pounds [1].") as run:
        await ask_about_the_deposit(run, lease)
        await run.send("/sources")
        await until(lambda: isinstance(run.app.screen, SourcesScreen))
        await until(lambda: highlighted(run.app.screen.query_one(".page", Plain)) == [QUOTE])
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)


async def test_marks_and_source_lines_can_be_clicked(home: Path, lease: Path) -> None:
    """The line under the answer and the mark in its text lead to the same source."""
    async with running(home, size=(140, 40), text="The deposit is 1,290 pounds [1].") as run:
        await ask_about_the_deposit(run, lease)
        await run.pilot.click(SourceLine)
        await until(lambda: run.app.chat.query(".sources-list"))
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.query(".sources-list"))
        paragraph = run.app.chat.query("AnswerMarkdown MarkdownParagraph").last()
        column = "The deposit is 1,290 pounds [1]".index("[1]") + 1
        await run.pilot.click(paragraph, offset=(column, 0))
        await until(lambda: run.app.chat.query(".sources-list"))


async def test_an_attributed_sentence_is_shown_as_such(home: Path, lease: Path) -> None:
    """A sentence the model left unmarked carries [~n] and says who found its source."""
    async with running(home, size=(140, 40), text=QUOTE) as run:
        await ask_about_the_deposit(run, lease)
        shown = run.screen_text()
        assert "[~1]" in shown and "found by the assistant" in shown


async def test_an_answer_without_documents_says_so_in_the_panel(home: Path) -> None:
    """Nothing retrieved is a state of its own, not an empty list."""
    async with running(home, size=(140, 40)) as run:
        await run.ask("hello")
        await run.pilot.press("ctrl+o")
        await until(lambda: "stands on no passages" in run.screen_text())
        assert run.app.chat.query_one(OptionList) is not None
