"""Exported chats (WhatsApp, Signal, Telegram, Slack, ChatGPT): who wrote what, day by day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.document import Document
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits

# WhatsApp on Android "31/12/20, 23:59 - Anna: Hi", on iOS "[31/12/20, 23:59:59] Anna: Hi", Signal exports
# "[2020-12-31, 23:59] Anna: Hi"; some locales write "31.12.20", "12/31/20" and "11:59 PM".
_MESSAGE = re.compile(
    r"^(?:\[(?P<in>[^\]\n]{8,30})\]|(?P<out>\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?[ ]\d{1,2}[:.]\d{2}[^-\n]{0,12}?)[ ]-)[ ]"
    r"(?P<rest>[^\n]*)$",
    re.MULTILINE,
)
_STAMP = re.compile(r"(\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?\s(\d{1,2}[:.]\d{2})")
_WRITER = re.compile(r"(?P<who>[^:\n]{1,60}): ?(?P<text>.*)")
_SLACK_MARK = re.compile(r"<(?:[@#!][^|>]*\|)?([^|>]*)(?:\|([^>]*))?>")
FEWEST = 3  # messages that make a text a chat


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What somebody wrote; `time` as "2026-05-01 10:02" where the export says it so, else in its own form."""

    time: str
    who: str
    text: str
    conversation: str = ""


def add_chat(assembly: Assembly, messages: Iterable[ChatMessage], limits: Limits) -> None:
    """Add messages in small groups that stay within a conversation and a day; the place is their time."""
    group: list[ChatMessage] = []
    length = 0
    opened: tuple[str, str] | None = None
    for message in messages:
        key = (message.conversation, message.time.partition(" ")[0])
        if group and (key != opened or length + len(message.text) > limits.table_characters):
            _add_group(assembly, group)
            group, length = [], 0
        if key != opened:
            _open(assembly, key, opened)
            opened = key
        group.append(message)
        length += len(message.text) + len(message.who) + 8
    if group:
        _add_group(assembly, group)


def _open(assembly: Assembly, key: tuple[str, str], before: tuple[str, str] | None) -> None:
    conversation, day = key
    assembly.place("")
    if before is None or before[0] != conversation:
        assembly.close_headings()
        assembly.heading(1, conversation)
    assembly.heading(2, day)


def _add_group(assembly: Assembly, group: list[ChatMessage]) -> None:
    first, last = group[0].time, group[-1].time
    clock = last.partition(" ")[2]
    assembly.place(first if first == last or not clock else f"{first}–{clock}")
    for message in group:
        clock = message.time.partition(" ")[2]
        head = " ".join(filter(None, (f"[{clock}]" if clock else "", f"{message.who}:" if message.who else "")))
        assembly.block(f"{head} {message.text.strip()}".strip())


def is_chat(text: str) -> bool:
    """Whether a text begins as the chats do that WhatsApp and Signal export."""
    lines = [line for line in text[:4000].split("\n") if line.strip()][:20]
    marked = [line for line in lines if (found := _MESSAGE.match(_bare(line))) and _STAMP.search(found[0])]
    return len(marked) >= FEWEST and len(marked) * 4 >= len(lines)


def chat_document(stem: str, text: str, notes: Iterable[str], limits: Limits) -> Document:
    """The document of such a text."""
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    add_chat(assembly, messages_of_text(text), limits)
    return assembly.document(stem)


def messages_of_text(text: str) -> Iterator[ChatMessage]:
    """The messages of such a text; lines without a time belong to the message above."""
    text = _bare(text)
    found = [each for each in _MESSAGE.finditer(text) if _STAMP.search(each["in"] or each["out"])]
    ends = [each.start() for each in found[1:]] + [len(text)] * bool(found)
    for each, end in zip(found, ends, strict=True):
        stamp = _STAMP.search(each["in"] or each["out"])
        written = _WRITER.match(each["rest"])
        body = text[each.end() : end]
        time = f"{stamp[1]} {stamp[2]}" if stamp else ""
        if written:
            yield ChatMessage(time, written["who"].strip(), written["text"] + body)
        else:
            yield ChatMessage(time, "", each["rest"] + body)


def _bare(text: str) -> str:
    """Without the marks of direction and narrow spaces that phones put around times."""
    return text.replace("\u200e", "").replace("\u202f", " ").replace("\u00a0", " ")


def messages_of_json(value: Any) -> list[ChatMessage]:
    """The messages if JSON is an export of ChatGPT, Slack, Telegram or Signal, [] if it is something else."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        name = str(value.get("name") or "")
        return [each for entry in value["messages"] if (each := _message(entry, name)) is not None]
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        return []
    if all("mapping" in entry for entry in value):
        return [message for entry in value for message in _chatgpt(entry)]
    messages = [_message(entry, "") for entry in value]
    found = [each for each in messages if each is not None]
    return found if len(found) * 2 > len(messages) else []


def _message(entry: Any, conversation: str) -> ChatMessage | None:
    """One entry of Slack ("ts", "user"), Telegram ("date", "from", "text") or Signal ("date", "sender", "body")."""
    if not isinstance(entry, dict):
        return None
    if "ts" in entry and "text" in entry:
        profile = entry.get("user_profile")
        named = profile.get("real_name") if isinstance(profile, dict) else ""
        said = _SLACK_MARK.sub(lambda found: found[2] or found[1], str(entry["text"]))
        return ChatMessage(_time(entry["ts"]), str(named or entry.get("username") or entry.get("user") or ""), said)
    text = entry.get("text", entry.get("body"))
    who = entry.get("from", entry.get("sender", entry.get("actor")))
    if text is None or who is None or "date" not in entry:
        return None
    if isinstance(text, list):  # Telegram keeps links and emphasis apart
        text = "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in text)
    return ChatMessage(_time(entry["date"]), str(who), str(text), conversation)


def _chatgpt(conversation: dict[str, Any]) -> Iterator[ChatMessage]:
    """The branch that ends at the current message, from the first one on."""
    mapping, node = conversation.get("mapping"), conversation.get("current_node")
    if not isinstance(mapping, dict):
        return
    branch: list[dict[str, Any]] = []
    while isinstance(node, str) and isinstance(entry := mapping.get(node), dict) and len(branch) <= len(mapping):
        branch.append(entry)
        node = entry.get("parent")
    for entry in reversed(branch) if branch else mapping.values():
        message = entry.get("message") if isinstance(entry, dict) else None
        if isinstance(message, dict) and (text := _parts(message)):
            author = message.get("author")
            role = str(author.get("role", "")) if isinstance(author, dict) else ""
            if role in {"user", "assistant"}:
                title = str(conversation.get("title") or "")
                yield ChatMessage(_time(message.get("create_time")), role, text, title)


def _parts(message: dict[str, Any]) -> str:
    content = message.get("content")
    if not isinstance(content, dict):
        return ""
    parts = content.get("parts")
    texts = [part for part in parts if isinstance(part, str)] if isinstance(parts, list) else [content.get("text", "")]
    return "\n".join(str(text) for text in texts).strip()


def _time(value: Any) -> str:
    """A time as seconds (or milliseconds) since 1970, or as text, in UTC where it was a number."""
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (TypeError, ValueError, OverflowError, OSError):
        return str(value or "")[:16].replace("T", " ")
