"""Do chats leave as files and come back, and do files of others come in, whatever is wrong with them?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant import branching
from assistant.bootstrap import Core
from assistant.chat_files.exporting import exported, form_of
from assistant.chat_files.importing import import_chats
from assistant.chat_files.reading import read_chats
from assistant.errors import AssistantError, UsageError
from assistant.transcript import as_markdown


async def asked(core: Core, chat: int, text: str, instead_of: int | None = None) -> None:
    async for _ in core.engine.ask(chat, text, instead_of=instead_of):
        pass


def written(folder: Path, value: Any, name: str = "conversations.json") -> Path:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def node(key: str, parent: str | None, role: str = "", *parts: Any, **metadata: Any) -> dict[str, Any]:
    """One node of ChatGPT's export, in its form."""
    content = {"content_type": "text", "parts": list(parts)}
    message = (
        {"author": {"role": role}, "content": content, "create_time": 1.7e9, "metadata": metadata} if role else None
    )
    return {"id": key, "parent": parent, "message": message, "children": []}


CHATGPT = {
    "title": "Penguins", "create_time": 1_700_000_000.5, "conversation_id": "abc", "current_node": "a2",
    "mapping": {
        "root": node("root", None),
        "hid": node("hid", "root", "system", ""),
        "q1": node("q1", "hid", "user", "Where do they live?"),
        "t": node("t", "q1", "tool", "searching"),
        "a1": node("a1", "t", "assistant", "In the south."),
        "a1b": node("a1b", "a1", "assistant", "Mostly."),
        "q2": node("q2", "hid", "user", "Where do they swim?", {"content_type": "image_asset_pointer"}),
        "a2": node("a2", "q2", "assistant", "In the sea."),
    },
}  # fmt: skip
CLAUDE = {
    "uuid": "u", "name": "Rent", "created_at": "2026-01-02T03:04:05.678Z",
    "chat_messages": [
        {"uuid": "1", "sender": "human", "text": "", "content": [{"type": "text", "text": "How much?"}],
         "attachments": [{"file_name": "lease.pdf"}]},
        {"uuid": "2", "sender": "assistant", "text": "950 pounds."},
    ],
}  # fmt: skip


async def test_chatgpts_export_comes_in_with_its_branches(core: Core, tmp_path: Path) -> None:
    """Tool steps and hidden messages go, pieces of one answer are joined, and the chat goes on where it did."""
    summary = await import_chats(core, written(tmp_path, [CHATGPT]))
    assert summary.line == "Imported: 1 new with 4 messages."
    [number] = summary.added
    chat = await core.conversations.get(number)
    assert (chat.title, chat.created_at) == ("Penguins", "2023-11-14T22:13:20+00:00")
    thread = await core.conversations.thread(number)
    assert [message.text for message in thread] == ["Where do they swim?\n[image asset pointer]", "In the sea."]
    messages = await core.conversations.branches.messages(number)
    assert "In the south.\n\nMostly." in [message.text for message in messages]
    assert len(await core.conversations.branches.siblings(number)) == 2
    await asked(core, number, "And then?")
    assert len(await core.conversations.thread(number)) == 4
    again = await import_chats(core, tmp_path / "conversations.json")
    assert (again.added, again.known) == ([], 1)


async def test_claudes_export_comes_in(core: Core, tmp_path: Path) -> None:
    """Both places a text can stand in are read, attachments are named."""
    [number] = (await import_chats(core, written(tmp_path, [CLAUDE]))).added
    thread = await core.conversations.thread(number)
    assert [(each.role, each.text) for each in thread] == [
        ("user", "How much?\n[attachment: lease.pdf]"), ("assistant", "950 pounds."),
    ]  # fmt: skip
    assert (await core.conversations.get(number)).title == "Rent"


@pytest.mark.parametrize("form", ["json", "openai", "sharegpt"])
async def test_what_is_exported_can_be_imported(core: Core, tmp_path: Path, form: str) -> None:
    """The branch the chat goes on from comes back in each form; JSON has all branches."""
    chat = (await core.conversations.create()).id
    await asked(core, chat, "one")
    first = (await core.conversations.thread(chat))[0]
    await asked(core, chat, "uno", first.id)
    await branching.choose_branch(core, first.id)
    path = written(tmp_path, await exported(core, chat, form), f"chat.{form}")
    [number] = (await import_chats(core, path)).added
    assert [each.text for each in await core.conversations.thread(number)] == ["one", "You asked: one."]
    assert len(await core.conversations.branches.messages(number)) == (4 if form == "json" else 2)


async def test_the_forms_for_trainers_are_those_they_read(core: Core) -> None:
    """One JSON line a chat, with the system prompt its answers were made with."""
    chat = (await core.conversations.create()).id
    await asked(core, chat, "one")
    openai = json.loads(await exported(core, chat, "openai"))
    assert [each["role"] for each in openai["messages"]] == ["system", "user", "assistant"]
    sharegpt = json.loads(await exported(core, chat, "sharegpt"))
    assert [each["from"] for each in sharegpt["conversations"]] == ["human", "gpt"] and sharegpt["system"]
    thread = await core.conversations.thread(chat)
    assert await exported(core, chat, "markdown") == as_markdown(await core.conversations.get(chat), thread)
    with pytest.raises(UsageError, match="no form html"):
        await exported(core, chat, "html")
    assert [form_of(Path(name)) for name in ("a.JSON", "a.jsonl", "a.txt")] == ["json", "openai", "markdown"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not JSON"), ("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("PK\x03\x04zip", "is packed"),
        ("[]", "no chats in a known form"), ('{"a": 1}', "no chats in a known form"), ("3", "no chats in a known form"),
        ('[{"mapping": 3}]', "no chats in a known form"),
    ],
)  # fmt: skip
async def test_a_bad_file_is_refused_in_one_line(core: Core, tmp_path: Path, content: str, told: str) -> None:
    """It says what is wrong and what is known; nothing is stored."""
    with pytest.raises(AssistantError, match=told) as caught:
        await import_chats(core, written(tmp_path, content))
    assert caught.value.hint and await core.conversations.recent() == []


async def test_a_bad_chat_among_good_ones_is_named_and_left_out(core: Core, tmp_path: Path) -> None:
    """The others come in."""
    ring = {"title": "Ring", "mapping": {"a": node("a", "b", "user", "x"), "b": node("b", "a", "assistant", "y")}}
    bad = [{"title": "Bad", "mapping": {"x": None}}, {"title": "None", "mapping": {}}, 7, ring]
    summary = await import_chats(core, written(tmp_path, [CHATGPT, *bad]))
    assert len(summary.added) == 1 and [why.partition(":")[0] for why in summary.skipped] == [
        "chat 2 “Bad”", "chat 3 “None”", "chat 4", "chat 5 “Ring”",
    ]  # fmt: skip


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and messages have limits, and the line names them."""
    long = {"messages": [{"role": "user", "content": "x" * 1_000_001}]}
    [why] = read_chats(written(tmp_path, long))
    assert isinstance(why, str) and "1,000,001 characters" in why
    monkeypatch.setattr("assistant.chat_files.reading.LARGEST", 1000)
    with pytest.raises(UsageError, match="more than"):
        list(read_chats(tmp_path / "conversations.json"))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_chats(tmp_path / "none.json"))
