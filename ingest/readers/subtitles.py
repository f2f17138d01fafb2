"""Subtitles and transcripts (.srt, .vtt): what is said, with the time at which it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,]\d{1,3}"
_TIMES = re.compile(rf"^[ \t]*{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}[^\n]*$", re.MULTILINE)
_SPEAKER = re.compile(r"<v(?:\.[^ >]*)?[ ]+([^>]{1,80})>")
_TAGS = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|\{\\[^{}]{0,80}\}")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]*$")
PASSAGE = 400  # characters after which a passage ends with its sentence
LONGEST = 800


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int  # seconds
    end: int
    text: str


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """Running text in passages of about half a minute; each is a place such as "0:12–0:40".

    Raises:
        UnreadableError: no text, no times, or too long.
    """
    text, notes = readable_text(data, limits)
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    for cues in _passages(_cues(text)):
        assembly.place(f"{clock(cues[0].start)}–{clock(cues[-1].end)}")
        assembly.block("\n".join(cue.text for cue in cues))
    if not assembly.length:
        raise UnreadableError("holds no subtitles")
    return assembly.document(stem)


def clock(seconds: int) -> str:
    """ "0:12", "12:04", "1:02:03"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cues(text: str) -> Iterator[_Cue]:
    """The cues; one that only repeats the last (as captions that roll up do) is left out."""
    times = list(_TIMES.finditer(text))
    ends = [found.start() for found in times[1:]] + [len(text)] * bool(times)
    before: list[str] = []
    for found, end in zip(times, ends, strict=True):
        body = text[found.end() : end].strip("\n")
        body = body.split("\n\n")[0] if "\n\n" in body else re.sub(r"\n[ \t]*\d+[ \t]*$", "", f"\n{body}")
        lines = [line for line in map(_plain, body.split("\n")) if line]
        fresh = [line for line in lines if line not in before]
        before = lines
        if fresh:
            numbers = [int(number or 0) for number in found.groups()]
            yield _Cue(_seconds(numbers[:3]), _seconds(numbers[3:]), " ".join(fresh))


def _seconds(numbers: list[int]) -> int:
    hours, minutes, seconds = numbers
    return hours * 3600 + minutes * 60 + seconds


def _plain(line: str) -> str:
    line = _SPEAKER.sub(lambda found: f"{found[1]}: ", line)
    return " ".join(_TAGS.sub("", line).replace("&nbsp;", " ").replace("&amp;", "&").split())


def _passages(cues: Iterator[_Cue]) -> Iterator[list[_Cue]]:
    passage: list[_Cue] = []
    length = 0
    for cue in cues:
        passage.append(cue)
        length += len(cue.text) + 1
        if length >= LONGEST or (length >= PASSAGE and _SENTENCE_END.search(cue.text)):
            yield passage
            passage, length = [], 0
    if passage:
        yield passage
