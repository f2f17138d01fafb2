"""Does one question under the shell prompt stream its answer, and can it be copied, stopped, or gone on with?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.safe_text import safe_text
from assistant.tui.inline import InlineApp

from .conftest import configure, until


async def test_an_answer_streams_with_its_sources_and_is_copied(home: Path, tmp_path: Path) -> None:
    """Its sources stand below it; c copies it, s with its sources; o gives back that the app is wanted."""
    configure(home)
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month. The landlord is Mr Osei.")
    with (home / "config.toml").open("a") as file:
        file.write('[keys]\ninline.copy = "y"\n')
    async with opened(load_config(home)) as core:
        async for _ in core.pipeline.ingest([tmp_path / "lease.txt"]):
            pass
        app = InlineApp(core, "What is the rent a month?")
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda: app._answer is not None)
            await pilot.pause()
            told = "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
            assert "What is the rent a month?" in told and "lease.txt" in told and "y Copy" in told
            await pilot.press("y")
            assert app.clipboard == safe_text(app._text) and "[~1]" in app.clipboard
            await pilot.press("s")
            assert app.clipboard.startswith(safe_text(app._text)) and "lease.txt" in app.clipboard
            await pilot.press("o")
        assert app.return_value is True
        chats = await core.conversations.recent()
        assert [each.title for each in chats] == ["What is the rent a month?"]


async def test_a_question_is_typed_and_its_answer_stopped(home: Path) -> None:
    """Without a question there is a line for it; Esc stops an answer, then closes; hostile text stays text."""
    configure(home, text="word " * 400, tokens_per_second=50.0)
    async with opened(load_config(home)) as core:
        app = InlineApp(core)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("q", "[", "/", "enter")
            await until(lambda: "word" in app._text)
            await pilot.press("escape")
            await until(lambda: not app.answering)
            assert (await core.conversations.recent())[0].title == "q[/"
            await pilot.press("escape")
        assert app.return_value is False


def test_it_needs_a_terminal(run: Callable[..., tuple[int, str, str]]) -> None:
    """In a pipe one line says so."""
    code, _, err = run("ask", "--inline", "Hello")
    assert code == 2 and "--inline needs a terminal" in err
