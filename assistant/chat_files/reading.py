"""From a file to chats: which of the known forms it has, and what in it cannot be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.chat_files.imported_chat import ImportedChat, Node, chat_of
from assistant.errors import UsageError

LARGEST = 256 * 2**20  # bytes of a file
KNOWN = (
    "Known: JSON of `assistant chats export`, conversations.json of ChatGPT or Claude, OpenAI or ShareGPT JSON lines."
)


def read_chats(path: Path) -> Iterator[ImportedChat | str]:
    """The chats of a file, and for each that cannot be read, which one and why.

    Raises:
        UsageError: the file cannot be read, is too large, or has none of the known forms.
    """
    entries = _entries(path)
    parse = _parser(entries)
    if parse is None:
        raise UsageError(f"{path.name} holds no chats in a known form.", KNOWN)
    for number, entry in enumerate(entries, 1):
        try:
            yield parse(entry)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            title = entry.get("title") or entry.get("name") if isinstance(entry, dict) else None
            why = str(error) if type(error) is ValueError else "it has not the form of the others"
            yield f"chat {number}{f' “{title}”' if isinstance(title, str) and title else ''}: {why}"


def _entries(path: Path) -> list[Any]:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(
                f"{path.name} has {size / 2**20:,.0f} MiB, more than {LARGEST // 2**20}.", "Split it first."
            )
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Give the path of a file.") from error
    if data.startswith(b"PK\x03\x04"):
        raise UsageError(f"{path.name} is packed.", "Unpack it, and import the conversations.json inside.")
    text = data.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        entries = _lines(text)
        if entries is None:
            raise UsageError(f"{path.name} is not JSON: {error}.", KNOWN) from error
        return entries
    return value if isinstance(value, list) else [value]


def _lines(text: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()] or None
    except (ValueError, RecursionError):
        return None


def _parser(entries: list[Any]) -> Callable[[Any], ImportedChat] | None:
    """The way the first entry that has any form is read."""
    for entry in entries:
        for key, parse in _FORMS.items():
            if isinstance(entry, dict) and isinstance(entry.get(key), (list, dict)):
                return parse
    return None


def _chatgpt(entry: Mapping[str, Any]) -> ImportedChat:
    nodes = []
    for key, each in entry["mapping"].items():
        message = each.get("message") or {}
        hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
        role = "" if hidden else str((message.get("author") or {}).get("role", ""))
        nodes.append(
            Node(key, each.get("parent"), role, _parts(message.get("content") or {}), _time(message.get("create_time")))
        )
    name = str(entry.get("conversation_id") or entry.get("id") or _hash(entry))
    created = _time(entry.get("create_time"))
    return chat_of(f"chatgpt:{name}", str(entry.get("title") or ""), created, nodes, entry.get("current_node"))


def _parts(content: Mapping[str, Any]) -> str:
    """The text of a message; pictures and files are named by what they are."""
    if content.get("content_type") not in ("text", "multimodal_text", "code"):
        return ""
    parts = content.get("parts", [content.get("text", "")])
    told = [
        part if isinstance(part, str) else f"[{str(part.get('content_type', 'attachment')).replace('_', ' ')}]"
        for part in parts
        if isinstance(part, (str, dict))
    ]
    return "\n".join(part for part in told if part)


def _claude(entry: Mapping[str, Any]) -> ImportedChat:
    nodes, before = [], None
    for number, message in enumerate(entry["chat_messages"]):
        key = str(message.get("uuid") or number)
        parent = message.get("parent_message_uuid", before)
        text = str(message.get("text") or "") or "\n\n".join(
            str(part.get("text", "")) for part in message.get("content") or [] if part.get("type") == "text"
        )
        files = [str(each.get("file_name", "")) for each in message.get("attachments") or []]
        text = "\n".join([text, *(f"[attachment: {name}]" for name in files if name)])
        nodes.append(Node(key, parent, str(message.get("sender", "")), text, _time(message.get("created_at"))))
        before = key
    current = entry.get("current_leaf_message_uuid") or before
    name = str(entry.get("uuid") or _hash(entry))
    return chat_of(f"claude:{name}", str(entry.get("name") or ""), _time(entry.get("created_at")), nodes, current)


def _ours_or_openai(entry: Mapping[str, Any]) -> ImportedChat:
    """`messages` with `id` and `parent_id` (ours), or with `content`, one below the other (OpenAI)."""
    nodes, before = [], None
    for number, message in enumerate(entry["messages"]):
        key = str(message.get("id", number))
        parent = message.get("parent_id", before)
        text = message.get("text", message.get("content"))
        if isinstance(text, list):
            text = "\n".join(str(part.get("text", "")) for part in text if part.get("type") == "text")
        created = _time(message.get("created_at"))
        role = str(message.get("role", ""))
        nodes.append(Node(key, None if parent is None else str(parent), role, str(text or ""), created))
        before = key
    leaf = entry.get("leaf")
    current = str(leaf) if leaf is not None else before
    title = str(entry.get("title") or "")
    return chat_of(f"file:{_hash(entry['messages'])}", title, _time(entry.get("created_at")), nodes, current)


def _sharegpt(entry: Mapping[str, Any]) -> ImportedChat:
    nodes = [
        Node(str(number), str(number - 1) if number else None, str(each.get("from", "")), str(each.get("value", "")))
        for number, each in enumerate(entry["conversations"])
    ]
    origin = f"file:{_hash(entry['conversations'])}"
    return chat_of(origin, str(entry.get("title") or ""), "", nodes, str(len(nodes) - 1))


_FORMS: dict[str, Callable[[Any], ImportedChat]] = {
    "mapping": _chatgpt, "chat_messages": _claude, "messages": _ours_or_openai, "conversations": _sharegpt,
}  # fmt: skip


def _hash(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=12).hexdigest()


def _time(value: Any) -> str:
    """Seconds since 1970 or ISO 8601, as it is stored; "" for anything else."""
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
        return datetime.fromisoformat(str(value)).astimezone(UTC).isoformat(timespec="seconds") if value else ""
    except (ValueError, OverflowError, OSError):
        return ""
