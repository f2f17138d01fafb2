"""Are chats listed in groups, and does a persona answer in its own chat alone?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.chat_groups import checked_name, grouped
from assistant.config import load_config
from assistant.conversation import Conversation
from assistant.errors import UsageError

Run = Callable[..., tuple[int, str, str]]
NOW = datetime(2026, 5, 21, 9, 0, tzinfo=timezone(timedelta(hours=2)))


def chat(number: int, ago: timedelta, **facts: object) -> Conversation:
    return Conversation(number, f"chat {number}", updated_at=(NOW - ago).astimezone(UTC).isoformat(), **facts)  # type: ignore[arg-type]  # fields of it


def test_pinned_then_own_groups_then_by_day() -> None:
    """Days are those of the user's clock; what is pinned is listed once; the order within a group stays."""
    chats = [
        chat(1, timedelta(hours=8), group="flat"), chat(2, timedelta(hours=8)), chat(3, timedelta(hours=10)),
        chat(4, timedelta(days=6)), chat(5, timedelta(days=8), pinned=True, group="flat"),
        chat(6, timedelta(days=8)), chat(7, timedelta(days=-3)), chat(8, timedelta(days=40), group="Flat"),
        chat(9, timedelta(days=400), group="Today"),
    ]  # fmt: skip
    found = [(name, [each.id for each in own]) for name, own in grouped(chats, NOW)]
    assert found[0] == ("Pinned", [5]) and sorted(found[1:3]) == [("Flat", [8]), ("flat", [1])]
    assert found[3:] == [("Today", [9]), ("Today", [2, 7]), ("This week", [3, 4]), ("Older", [6])]
    assert grouped([], NOW) == []


def test_a_name_is_one_short_line() -> None:
    """Blanks between words are one; what is too long is refused."""
    assert checked_name("  my \n flat ") == "my flat"
    for wrong in ("  ", "x" * 41):
        with pytest.raises(UsageError):
            checked_name(wrong)


async def test_a_persona_is_the_system_prompt_of_its_chat_alone(home: Path) -> None:
    """It stands in the prompt as sent, also where it is the persona of a prompt of the library; off takes it back."""
    from assistant.personas import choose_persona

    async with opened(load_config(home)) as core:
        named = next(each for each in await core.prompts.all() if each.persona)
        own, other = await core.conversations.create(), await core.conversations.create()

        async def system(number: int) -> str:
            *_, last = [event async for event in core.engine.ask(number, "Who are you?")]
            return (await core.conversations.message(last.message.id)).system

        assert await choose_persona(core, own.id, "You are a pirate.") == "You are a pirate."
        assert "You are a pirate." in await system(own.id)
        assert "You are a pirate." not in await system(other.id)
        assert await choose_persona(core, own.id, named.name) == named.persona.strip()
        assert named.persona.strip() in await system(own.id)
        assert await choose_persona(core, own.id, "off") == "" and await system(own.id) == await system(other.id)
        with pytest.raises(UsageError):
            await choose_persona(core, own.id, "x" * 5000)


def test_groups_and_personas_from_the_shell(run: Run, home: Path) -> None:
    """Set, listed, taken back; what is refused changes nothing; a chat that is not there is exit 3."""

    async def make() -> None:
        async with opened(load_config(home)) as core:
            await core.conversations.create("one")

    asyncio.run(make())
    assert "listed in my flat" in run("chats", "group", "1", "my", "flat")[1]
    assert json.loads(run("chats", "persona", "1", "You are a pirate.", "--json")[1])["persona"] == "You are a pirate."
    listed = json.loads(run("chats", "--json")[1])[0]
    assert (listed["group"], listed["persona"]) == ("my flat", "You are a pirate.")
    assert "[my flat]" in run("chats")[1]
    assert run("chats", "group", "1", "x" * 41)[0] == 2 and run("chats", "group", "9", "flat")[0] == 3
    assert run("chats", "group", "1", "off")[0] == 0 and json.loads(run("chats", "--json")[1])[0]["group"] == ""
