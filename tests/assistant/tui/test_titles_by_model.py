"""Are new chats named by the model in a quiet moment, and never against the user's will?"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.tui import title_job

from .conftest import Running, configure, running, until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(title_job, "QUIET", 0.05)


def by_model(home: Path, text: str = "The rent of the flat", **script: object) -> None:
    configure(home, text=text, **script)
    with (home / "config.toml").open("a") as file:
        file.write('[interface]\ntitles = "model"\n')


async def title(run: Running) -> str:
    return (await run.app.core.conversations.get(run.session.conversation.id)).title


async def named(run: Running, wanted: str) -> None:
    """Wait for the title to stand above the chat."""
    await until(lambda: run.screen_text().splitlines()[0].strip().startswith(wanted))
    assert await title(run) == wanted


async def test_a_new_chat_is_named_once_nobody_types(home: Path) -> None:
    """Its first question is the title until then."""
    by_model(home)
    async with running(home) as run:
        await run.ask("What is the rent?")
        await named(run, "The rent of the flat")


async def test_what_is_typed_and_named_meanwhile_stays(home: Path) -> None:
    """While the prompt holds text nothing is asked; the title that the user gives is the last one."""
    by_model(home)
    async with running(home) as run:
        await run.ask("What is the rent?")
        run.prompt.replace_text("more")
        chat = run.session.conversation.id
        await run.app.core.conversations.rename(chat, "Mine")
        run.prompt.replace_text("")
        await until(lambda: not [each for each in run.app.workers if each.group == "title" and each.is_running])
        assert await title(run) == "Mine"


async def test_the_next_question_cancels_it(home: Path) -> None:
    """A title that is being written gives way at once, and the question is answered."""
    by_model(home, text="One word and another. " * 3, tokens_per_second=8)
    async with running(home) as run:
        await run.ask("What is the rent?")
        worker = next(each for each in run.app.workers if each.group == "title")
        await run.ask("And the deposit?")
        assert worker.is_cancelled
        assert await title(run) == "What is the rent?"


async def test_without_the_setting_the_question_stays_the_title(home: Path) -> None:
    """As shipped; /rename without a title has the model write one."""
    async with running(home, text="The rent of the flat") as run:
        await run.ask("What is the rent?")
        assert not [each for each in run.app.workers if each.group == "title"]
        assert await title(run) == "What is the rent?"
        await run.send("/rename")
        await named(run, "The rent of the flat")
