"""Calendars (.ics) and address books (.vcf): an event or a person after the other, a property a line."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_FOLDED = re.compile(r"\n[ \t]")
_LINE = re.compile(r"(?:[\w-]+\.)?(?P<name>[\w-]+)(?P<parameters>(?:;(?:\"[^\"]*\"|[^\":])*)*):(?P<value>.*)")
_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d)(?::?\d\d)?(Z)?)?")
_ESCAPED = re.compile(r"\\([nN,;:\\])")
_TYPES = re.compile(r"type=([^;]+)", re.IGNORECASE)
_ZONE = re.compile(r"tzid=\"?([^;\"]+)", re.IGNORECASE)
_NAMES = {  # RFC 5545 and RFC 6350; what is not named here is of no use to a reader
    "DTSTART": "Start", "DTEND": "End", "DUE": "Due", "COMPLETED": "Completed", "LOCATION": "Place", "STATUS": "Status",
    "ORGANIZER": "Organizer", "ATTENDEE": "Attendee", "CATEGORIES": "Categories", "RRULE": "Repeats", "URL": "URL",
    "DURATION": "Duration", "PRIORITY": "Priority", "DESCRIPTION": "", "COMMENT": "Comment", "CONTACT": "Contact",
    "ORG": "Organisation", "TITLE": "Title", "ROLE": "Role", "TEL": "Phone", "EMAIL": "Email", "ADR": "Address",
    "BDAY": "Birthday", "ANNIVERSARY": "Anniversary", "NICKNAME": "Nickname", "NOTE": "Note", "IMPP": "Chat",
}  # fmt: skip
_TIMES = frozenset({"DTSTART", "DTEND", "DUE", "COMPLETED", "BDAY", "ANNIVERSARY"})
_CARDS = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VCARD"})


@dataclass(slots=True)
class _Card:
    name: str = ""
    start: str = ""
    lines: list[str] = field(default_factory=list)


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """Each event, task or person under its name; an event's place is its date.

    Raises:
        UnreadableError: neither calendar nor address book, or too long.
    """
    text, notes = readable_text(data, limits)
    if not re.search(r"^BEGIN:V(?:CALENDAR|CARD)", text, re.MULTILINE | re.IGNORECASE):
        raise UnreadableError("is neither a calendar nor an address book, whatever its name says")
    assembly = Assembly(limits)
    assembly.notes.extend(notes)
    for card in _cards(text):
        assembly.place(card.start)
        assembly.heading(1, card.name or "(without a name)")
        assembly.block("\n".join(card.lines))
    return assembly.document(stem)


def _cards(text: str) -> Iterator[_Card]:
    card: _Card | None = None
    inner = 0  # inside an alarm or another part of a card
    for line in _lines(text):
        found = _LINE.fullmatch(line)
        if not found:
            continue
        name, value = found["name"].upper(), found["value"]
        if name == "BEGIN":
            if card is not None:
                inner += 1
            elif value.strip().upper() in _CARDS:
                card, inner = _Card(), 0
        elif name == "END" and card is not None:
            if inner:
                inner -= 1
            else:
                yield card
                card = None
        elif card is not None and not inner:
            _take(card, name, found["parameters"], value)


def _lines(text: str) -> Iterator[str]:
    """The lines, unfolded; those of old cards may go on after a "=" (quoted-printable)."""
    pending = ""
    for line in _FOLDED.sub("", text).split("\n"):
        line = pending + line
        pending = ""
        if "QUOTED-PRINTABLE" in line.partition(":")[0].upper() and line.endswith("="):
            pending = line[:-1]
        else:
            yield line


def _take(card: _Card, name: str, parameters: str, value: str) -> None:
    if "QUOTED-PRINTABLE" in parameters.upper():
        value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    value = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()
    if name in {"SUMMARY", "FN"}:
        card.name = value
    elif name == "N" and not card.name:
        card.name = " ".join(part for part in reversed(value.split(";")[:2]) if part)
    elif name in _NAMES and value:
        shown = _shown(name, parameters, value)
        if name == "DTSTART":
            card.start = shown
        label = _NAMES[name]
        kinds = ", ".join(kind.lower() for kind in _TYPES.findall(parameters) if name in {"TEL", "EMAIL", "ADR"})
        card.lines.append(f"{label}{f' ({kinds})' if kinds else ''}: {shown}" if label else shown)


def _shown(name: str, parameters: str, value: str) -> str:
    if name in _TIMES and (found := _TIME.match(value)):
        year, month, day, hour, minute, utc = found.groups()
        zone = _ZONE.search(parameters)
        clock = f" {hour}:{minute}{' UTC' if utc else f' {zone[1]}' if zone else ''}" if hour else ""
        return f"{year}-{month}-{day}{clock}"
    if name in {"ADR", "ORG"}:
        return ", ".join(part.strip() for part in value.split(";") if part.strip())
    if name in {"ORGANIZER", "ATTENDEE"}:
        who = re.search(r"CN=\"?([^;\":]+)", parameters, re.IGNORECASE)
        address = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
        return f"{who[1]} <{address}>" if who and who[1] != address else address
    return value
