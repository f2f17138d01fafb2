"""Can text from outside steer the terminal, be read as markup, or crash anything, wherever it is shown?"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Input, Label, OptionList, RichLog, Static, TextArea

from adapters.data.building import Options
from assistant.conversation import Citation, Conversation, Message
from assistant.curation import DatasetRequest, build_dataset
from assistant.drafting import Draft
from assistant.evaluation.question import Question
from assistant.prompts.prompt import Example, Prompt, Variable
from assistant.safe_text import safe_line
from assistant.storage.evaluation_sets import save_set
from assistant.tui.commands import Suggestion
from assistant.tui.opening import SCREENS
from assistant.tui.safe_filter import SafeFilter
from assistant.tui.screens.add_documents import AddDocuments
from assistant.tui.screens.build_dataset import BuildDataset
from assistant.tui.screens.compare import CompareScreen
from assistant.tui.screens.dialogs import AskLine, ChooseDialog, ConfirmDialog, LinkDialog, ReadDialog
from assistant.tui.screens.message_menu import MessageMenu
from assistant.tui.screens.prompt_history import PromptHistory
from assistant.tui.screens.review_drafts import ReviewDrafts
from assistant.tui.screens.rewrite import RewriteScreen
from assistant.tui.screens.score import ScoreScreen
from assistant.tui.screens.search import SearchScreen
from assistant.tui.screens.use_prompt import UsePrompt
from assistant.tui.widgets.chat_title import ChatTitle
from assistant.tui.widgets.hints import Hints
from assistant.tui.widgets.markdown import AnswerMarkdown
from assistant.tui.widgets.messages import AnswerView, NoticeView, QuestionView
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import Status, StatusLine
from assistant.tui.widgets.tick import Tick
from assistant.tui.widgets.token_flow import TokenFlow
from tests.made_scores import another

from .conftest import Running, running, until
from .hostile import STRINGS, WORST, harm_on, hostile_names, hostile_strings

SHOWN_AT_ONCE = 20


class Gallery(App[None]):
    """Every kind of widget that shows text from outside, with the app's filter."""

    remapped: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  # as the app has it
    status = Status()

    def get_line_filters(self) -> list[Any]:
        return [SafeFilter()]

    def compose(self) -> ComposeResult:
        yield VerticalScroll()

    async def show(self, texts: list[str]) -> None:
        place = self.query_one(VerticalScroll)
        text = " ".join(texts)
        citation = Citation(1, 1, text, f"/p/{text}", 1, 0, 4, text, 0.5, attributed=True, answer_end=len(text))
        asked = Message(2, 1, None, "user", text)
        answer = Message(1, 1, None, "assistant", text, citations=(citation,), trace=text, notices=tuple(texts))
        streamed = AnswerView(Message(3, 1, None, "assistant", "", "partial"))
        table: DataTable[Text] = DataTable()
        log, title, hints, flow = RichLog(markup=False), ChatTitle(), Hints(), TokenFlow(id="flow")
        flow.styles.height = 3
        self.status = Status(model=text, adapter=text, training=text, ingest=text)
        with self.batch_update():
            await place.remove_children()
            await place.mount_all(
                [
                    streamed, Plain(text), Plain(Content(text)), QuestionView(asked), NoticeView(text),
                    AnswerView(answer), AnswerMarkdown(text), Static(text, markup=False), Label(text, markup=False),
                    TextArea(text), Input(text.replace("\n", " ")), OptionList(*texts, markup=False), table, log,
                    Tick(text), title, hints, StatusLine(), flow,
                ]
            )  # fmt: skip
        table.add_column("c")
        for each in texts:
            table.add_row(Text(each))
            streamed.feed(each)
        await streamed._draw_pending()
        await streamed.finish(replace(answer, id=3))
        log.write(Text(text))
        title.show(Conversation(1, text, collections=tuple(texts)))
        hints.show([Suggestion(each, each, each) for each in texts[:4]])
        flow.show([safe_line(each) for each in texts], [False] * len(texts), [True] * len(texts))
        self.notify(text, markup=False, timeout=0.2)


@pytest.mark.parametrize(
    "examples", [10, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])], ids=["some", "10,000"]
)
async def test_no_string_of_hypothesis_has_an_effect_in_any_widget(examples: int) -> None:
    """Twenty strings at a time in nineteen kinds of widgets and a notice: seen, without effect, without a crash."""
    app, seen = Gallery(), 0
    loop = asyncio.get_running_loop()
    async with app.run_test(size=(80, 120), notifications=True) as pilot:

        async def shown(texts: list[str]) -> list[str]:
            await app.show(texts)
            await pilot.pause()
            return harm_on(app)

        @settings(
            max_examples=examples, derandomize=True, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategies.lists(STRINGS, min_size=SHOWN_AT_ONCE, max_size=SHOWN_AT_ONCE))
        def holds(texts: list[str]) -> None:
            nonlocal seen
            assert asyncio.run_coroutine_threadsafe(shown(texts), loop).result(120) == []
            seen += len(texts)

        await asyncio.to_thread(holds)
    assert seen >= examples * SHOWN_AT_ONCE


async def test_without_the_filter_and_with_markup_harm_would_be_found() -> None:
    """The check sees what it looks for."""

    class Bare(Gallery):
        def get_line_filters(self) -> list[Any]:
            return []

    app = Bare()
    async with app.run_test(size=(80, 120)) as pilot:
        await app.show(["\x1b[2J\x9b2J"])
        await pilot.pause()
        assert any("x1b" in each for each in harm_on(app))
        await app.query_one(VerticalScroll).mount(Static("[on #010203]painted[/] [@click=app.pwn]x[/]"), before=0)
        await pilot.pause()
        assert any("painted" in each for each in harm_on(app)) and any("action" in each for each in harm_on(app))


async def filled(run: Running, folder: Path, names: int) -> None:
    """Everything a home can hold, with hostile words wherever words can come from outside."""
    core = run.app.core
    folder.mkdir()
    for number, name in enumerate(hostile_names(names)):
        (folder / os.fsdecode(name)).write_text(f"Note {number} on gardens and boilers. {WORST}\n", errors="replace")
    (folder / "broken [on #010203].pdf").write_bytes(b"no page at all")
    await run.ingest(folder, collection="papers")
    view = await run.ask(f"gardens and boilers {WORST}")
    await core.conversations.rename(view.message.conversation_id, WORST)
    await core.scores.change(view.message.id, good=True, note=WORST, better=WORST)
    second = await another(core, view.message.id, f"Another answer. {WORST}", model=WORST, adapter=WORST)
    await core.comparisons.add([view.message.id, second], [1, 2], note=WORST)
    await core.teachings.add(WORST, WORST)
    await build_dataset(core, DatasetRequest("facts", teachings=True, options=Options(anyway=True)))
    await core.prompts.save(hostile_prompt())
    save_set(core.config.home, "flat", [Question("one", WORST, (WORST,), tags=(WORST[:30],))])
    run.prompt.replace_text(f"a draft {WORST}")
    await run.session.reopen()


def hostile_prompt() -> Prompt:
    variable = Variable("word", "text", WORST, WORST)
    return Prompt(
        "evil", "instruction", f"Say {{{{ word }}}}. {WORST}", WORST, WORST, "", (variable,), (Example(WORST, WORST),)
    )


async def opened(run: Running, name: str) -> None:
    """One of the screens over the chat, with its texts on it."""
    run.app.action_open(name)
    await until(lambda: run.app.screen is not run.app.chat)
    await run.pilot.pause(0.3)


@pytest.mark.parametrize(
    "names", [16, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])], ids=["some", "200"]
)
async def test_hostile_names_and_words_have_no_effect_on_any_screen(home: Path, tmp_path: Path, names: int) -> None:
    """File names that are no UTF-8, titles, notes, prompts, collections, questions: shown on every screen, inert."""
    async with running(home, size=(100, 40)) as run:
        await filled(run, tmp_path / "papers", names)
        showed = set()
        for name in SCREENS:
            await opened(run, name)
            for key in ("", "2", "3"):
                await run.pilot.press(*filter(None, [key]))
                await run.pilot.pause()
                assert harm_on(run.app) == [], f"{name} {key}"
                showed |= {name} if "painted" in run.screen_text() or "gardens" in run.screen_text() else set()
            while run.app.screen is not run.app.chat:
                run.app.pop_screen()
            await run.pilot.pause()
        assert showed >= {"library", "scores", "evaluation", "prompts", "tokens", "playground", "context"}
        answer = run.app.chat.transcript.answers()[-1].message
        drafts = [Draft(WORST, WORST, None, WORST, 0, WORST)]
        for screen in (
            ConfirmDialog(WORST, WORST), ReadDialog(WORST, WORST), LinkDialog(f"http://evil.example/{WORST}"),
            AskLine(WORST, WORST, WORST, path=False), ChooseDialog(WORST, WORST, {"a": WORST}), MessageMenu(answer),
            RewriteScreen(WORST), ReviewDrafts(tmp_path / "drafts.jsonl", drafts), AddDocuments("documents"),
            BuildDataset(run.app.core, await run.app.core.conversations.get(answer.conversation_id)),
            UsePrompt(run.app.core, hostile_prompt(), {"word": WORST}), ScoreScreen(run.app.core, answer, WORST, None),
            CompareScreen(run.app.core, WORST, [answer, answer]), PromptHistory(run.app.core.conversations, "gardens"),
            SearchScreen(run.app.core.conversations, "gardens"),
        ):  # fmt: skip
            run.app.push_screen(screen)
            await until(lambda screen=screen: run.app.screen is screen and screen.is_mounted)  # type: ignore[misc]  # a default binds it
            if isinstance(screen, AddDocuments):
                screen.query_one("#path", Input).value = f"{tmp_path}/papers/"
            await run.pilot.pause(0.3)
            assert harm_on(run.app) == [], type(screen).__name__
            run.app.pop_screen()
            await run.pilot.pause()
        await run.pilot.press("ctrl+o")
        await run.pilot.pause(0.3)
        assert harm_on(run.app) == []
        assert run.app.is_running


async def test_what_a_model_says_has_no_effect_while_it_streams_or_after(home: Path) -> None:
    """Hostile answers of a real model process, and questions with lone surrogates: stored, shown, inert."""
    said = " ".join(hostile_strings(60)).encode("utf-8", "ignore").decode()  # a settings file has no lone surrogates
    async with running(home, size=(80, 24), text=said) as run:
        for question in (WORST, "a lone \udc80 surrogate \ud800", "\x00 and \x1b[2J", "x" * 20_000):
            view = await run.ask(question)
            assert view.message.state == "done", view.message.notices
            assert harm_on(run.app) == []
        await run.session.reopen()
        await run.pilot.pause()
        assert harm_on(run.app) == [] and len(run.app.chat.transcript.answers()) >= 2
