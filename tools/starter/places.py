"""In which file, on which page and under which headings does a passage stand?"""

from __future__ import annotations

import random
import re

from assistant.citations import Span, sentences
from tools.starter.items import Piece
from tools.starter.words import WORDS

NAME = re.compile(r"[A-Z][\w'’.-]*(?:\s+(?:of|the|de|and|van|von|&)(?=\s+[A-Z])|\s+[A-Z][\w'’.-]*){0,4}")
ENDINGS = ("txt", "md", "pdf", "html", "docx")
PLAIN_NAMES = {
    "encyclopedia": ("articles", "reading", "notes", "history-course", "clippings", "encyclopedia", "saved-page"),
    "stories": ("fairy-tales", "stories", "reading-book", "bedtime-stories", "tales", "book"),
    "science": ("paper", "report", "article", "study", "review"),
    "textbook": ("textbook", "lecture-notes", "course", "chapter", "reader"),
    "news": ("news", "clippings", "press", "article"),
}  # fmt: skip
OPENINGS = frozenset(WORDS["openings"])
SHORTEST = 120  # characters that a trimmed passage keeps at least


def placed(text: str, family: str, chance: random.Random) -> Piece:
    """A passage of a text of this family in an invented file."""
    title = title_of(text)
    ending = chance.choice(ENDINGS)
    named = family in ("encyclopedia", "news", "textbook") and title and chance.random() < 0.55
    stem = _slug(title, chance) if named else chance.choice(PLAIN_NAMES[family])
    if not named and chance.random() < 0.4:
        stem = f"{stem}{chance.choice(['-', '_', ''])}{chance.randint(1, 40)}"
    page = chance.randint(1, 30) if ending == "pdf" else None
    headings = (title,) if title and not named and chance.random() < 0.3 else ()
    return Piece(f"{stem}.{ending}", text, page, headings)


def title_of(text: str) -> str:
    """The name a text begins with, "" if it begins with none."""
    found = NAME.search(text[:60])
    name = found.group().strip(" .'’-") if found and found.start() < 6 else ""
    name = re.sub(r"^(?:The|An?|In|On|At)\s+", "", name)
    return name if len(name) > 5 and name.split()[0].lower() not in OPENINGS and " " in name else ""


def _slug(title: str, chance: random.Random) -> str:
    words = re.findall(r"\w+", title)
    joined = chance.choice(["-", "_", " "]).join(words)
    return joined if chance.random() < 0.4 else joined.lower()


def window(text: str, answer: str, question: str, limit: int, chance: random.Random) -> str:
    """Whole sentences around the answer, at most about `limit` characters; "" if the answer is not there."""
    spans = sentences(text)
    wanted = answer.lower()
    holding = [place for place, span in enumerate(spans) if wanted in text[span.start : span.end].lower()]
    if not holding:
        return text if wanted in text.lower() and len(text) <= limit else ""
    asked = set(re.findall(r"\w{4,}", question.lower()))
    centre = max(holding, key=lambda place: len(asked & _words(text, spans[place])))
    return _grown(text, spans, centre, limit, chance)


def shortened(text: str, limit: int, chance: random.Random) -> str:
    """Some whole sentences of a text, at most about `limit` characters."""
    spans = sentences(text)
    return _grown(text, spans, chance.randrange(len(spans)), limit, chance) if spans else ""


def _grown(text: str, spans: list[Span], centre: int, limit: int, chance: random.Random) -> str:
    first = last = centre
    while True:
        sides = [side for side in (-1, 1) if 0 <= (first - 1 if side < 0 else last + 1) < len(spans)]
        if not sides:
            break
        side = -1 if -1 in sides and chance.random() < 0.6 else sides[-1]
        start, end = (first - 1, last) if side < 0 else (first, last + 1)
        if spans[end].end - spans[start].start > limit:
            break
        first, last = start, end
    return text[spans[first].start : spans[last].end]


def _words(text: str, span: Span) -> set[str]:
    return set(re.findall(r"\w{4,}", text[span.start : span.end].lower()))
