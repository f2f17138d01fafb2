"""Which lines stand in the margin of page after page: running headers, footers and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ingest.readers.pdf_box import Line

_NUMBER = re.compile(r"\d{1,4}")
_ROMAN = re.compile(r"\W*[ivxlc]{1,7}\W*", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|pagina|página|p\.)?\s*#\s*(?:(?:of|von|sur|de|di|/)\s*\d+)?\W*", re.IGNORECASE
)
LINES = 2  # at the top and at the bottom of a page that may be margins
FEWEST_PAGES = 3
SHARE = 0.2  # of the pages that carry a margin; left and right pages may differ


def without_margins(pages: Sequence[Sequence[Line]]) -> Iterator[list[Line]]:
    """The pages without what repeats in their margins; words are kept where they stand first, page numbers never.

    A line repeats if it is the same on other pages, but for a number that counts with the pages.
    """
    candidates = [
        {place: set(_keys(page[place], number)) for place in _margins(page)} for number, page in enumerate(pages)
    ]
    counts = Counter(key for page in candidates for key in set().union(*page.values()))
    enough = max(FEWEST_PAGES, SHARE * len(pages))
    seen: set[str] = set()
    for page, margins in zip(pages, candidates, strict=True):
        kept: list[Line] = []
        for place, line in enumerate(page):
            repeated = {key for key in margins.get(place, ()) if counts[key] >= enough}
            if not repeated or (not _is_number(repeated) and seen.isdisjoint(repeated)):
                kept.append(line)
            seen |= repeated
        yield kept


def _margins(page: Sequence[Line]) -> Iterator[int]:
    """The numbers of the highest and lowest lines that are no tables and no long text."""
    order = sorted(range(len(page)), key=lambda index: -page[index].top)
    for index in {*order[:LINES], *order[-LINES:]}:
        if page[index].kind == "text" and len(page[index].text) < 200:
            yield index


def _keys(line: Line, page: int) -> Iterator[str]:
    """What a line has in common with those of other pages: its text, and its text around a number of the page."""
    place = f" @{round(line.bottom / 12)}"
    text = " ".join(line.text.lower().split())
    if _ROMAN.fullmatch(text):
        yield "roman"
    elif _LETTERS.search(text):
        yield text + place
    for found in _NUMBER.finditer(text):
        yield f"{text[: found.start()]}#{text[found.end() :]}{place} {int(found[0]) - page}"


def _is_number(keys: set[str]) -> bool:
    return any(key == "roman" or _PAGE_NUMBER.fullmatch(key.partition(" @")[0]) for key in keys)
