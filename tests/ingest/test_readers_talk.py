"""Talk (.srt, .vtt, chats of WhatsApp, Signal, Telegram, Slack, ChatGPT): who said what, and when."""

from __future__ import annotations

import json

import pytest

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits


def read(data: str, suffix: str) -> Document:
    return read_document(data.encode(), "name", suffix, Limits())


def found(document: Document) -> list[tuple[str, tuple[str, ...], str]]:
    return [(s.place, s.headings, document.text[s.start : s.end]) for s in document.sections]


def test_subtitles() -> None:
    """Cues become running text with their times, without numbers, tags and repeated lines."""
    srt = (
        "1\n00:00:12,000 --> 00:00:14,000\n<i>The rent</i>\n\n2\n00:00:14,000 --> 00:00:20,500\nThe rent\nis due.\n\n"
        "3\n01:00:00,000 --> 01:00:02,000\nThe end.\n"
    )
    document = read(srt, ".srt")
    assert found(document) == [("0:12–1:00:02", (), "The rent\nis due.\nThe end.")]
    long = "".join(
        f"00:{n:02}:00.000 --> 00:{n:02}:30.000\n<v Anna>{f'Words {n} of the talk ' * 10}end.\n\n" for n in range(9)
    )
    parts = found(read(f"WEBVTT\n\nNOTE hidden\n\n{long}", ".vtt"))
    assert len(parts) == 5 and parts[0][0] == "0:00–1:30" and parts[0][2].startswith("Anna: Words")
    with pytest.raises(UnreadableError, match="holds no subtitles"):
        read("just words", ".srt")


@pytest.mark.parametrize(
    "line", ["{d}/05/26, 10:0{m} - {w}: {t}", "[{d}.05.26, 10:0{m}:00] {w}: {t}", "[2026-05-{d}, 10:0{m}] {w}: {t}"]
)
def test_chats_of_phones(line: str) -> None:
    """The forms in which phones export chats are understood; a message may have several lines."""
    said = [
        ("01", 1, "Anna", "Is the rent due?"),
        ("01", 2, "Ole", "Yes,\non the third."),
        ("02", 3, "Anna", "Thanks: paid."),
    ]
    text = "\n".join(line.format(d=d, m=m, w=w, t=t) for d, m, w, t in said)
    document = read(text, ".txt")
    assert [body for _, _, body in found(document)][
        1
    ] == "[10:01] Anna: Is the rent due?\n\n[10:02] Ole: Yes,\non the third."
    assert found(document)[-1][0].endswith("10:03") and found(document)[-1][2] == "[10:03] Anna: Thanks: paid."
    assert len({headings for _, headings, _ in found(document)}) == 2  # a heading for each day


def test_a_text_with_times_is_no_chat() -> None:
    """A diary with a line that looks like a message stays the text it is."""
    text = "My notes\n\n01/05/26, 10:01 - Anna: hello\n\nand much more\nof other things\n"
    assert read(text, ".txt").text == text


def test_chatgpt() -> None:
    """Conversations stand under their titles; only the branch that was kept is read, without the system's words."""

    def message(role: str, text: str) -> dict[str, object]:
        return {"author": {"role": role}, "create_time": 1777629720, "content": {"parts": [text]}}

    mapping = {
        "a": {"message": message("system", "You are"), "parent": None},
        "b": {"message": message("user", "When is the rent due?"), "parent": "a"},
        "c": {"message": message("assistant", "Another answer"), "parent": "b"},
        "d": {"message": message("assistant", "On the third."), "parent": "b"},
    }
    export = [{"title": "The lease", "mapping": mapping, "current_node": "d"}]
    document = read(json.dumps(export), ".json")
    assert document.text == (
        "The lease\n\n2026-05-01\n\n[10:02] user: When is the rent due?\n\n[10:02] assistant: On the third."
    )
    assert document.sections[-1].headings == ("The lease", "2026-05-01")
    loop = [{"title": "x", "mapping": {"a": {"message": message("user", "hi"), "parent": "a"}}, "current_node": "a"}]
    assert "hi" in read(json.dumps(loop), ".json").text


def test_slack_telegram_and_signal() -> None:
    """The exports of other chats are read as chats too."""
    slack = [{"ts": "1777629720.0", "user": "U1", "text": "See <https://x.org|the lease> <@U2>"}]
    telegram = {
        "name": "Flat",
        "messages": [{"date": "2026-05-01T10:02:00", "from": "Anna", "text": ["Hi ", {"text": "Ole"}]}],
    }
    signal = '{"date": "2026-05-01T10:02:00", "sender": "Anna", "body": "Hi"}\n' * 2
    assert read(json.dumps(slack), ".json").text == "2026-05-01\n\n[10:02] U1: See the lease @U2"
    assert read(json.dumps(telegram), ".json").text == "Flat\n\n2026-05-01\n\n[10:02] Anna: Hi Ole"
    assert read(signal, ".jsonl").text == "2026-05-01\n\n[10:02] Anna: Hi\n\n[10:02] Anna: Hi"
