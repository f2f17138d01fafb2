"""Which lines stand in the margin of page after page: running headers, footers and page numbers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ingest.readers.pdf_box import Line

_DIGITS = re.compile(r"\d+|\b[ivxlc]{1,7}\b")
_LETTER = re.compile(r"[^\W\d_]")
LINES = 3  # at the top and at the bottom of a page that may be margins
FEWEST_PAGES = 3
SHARE = 0.2  # of the pages that carry a margin; left and right pages may differ


def without_margins(pages: Sequence[Sequence[Line]]) -> Iterator[list[Line]]:
    """The pages without what repeats in their margins; words are kept where they stand first, numbers never."""
    counts: Counter[str] = Counter()
    candidates = [set(_margins(page)) for page in pages]
    for page, margins in zip(pages, candidates, strict=True):
        counts.update({_key(page[index]) for index in margins})
    enough = max(FEWEST_PAGES, SHARE * len(pages))
    seen: defaultdict[str, int] = defaultdict(int)
    for page, margins in zip(pages, candidates, strict=True):
        kept = []
        for index, line in enumerate(page):
            key = _key(line)
            if index in margins and counts[key] >= enough:
                seen[key] += 1
                if seen[key] > 1 or not _LETTER.search(_DIGITS.sub("", line.text)) or _is_page_number(line.text):
                    continue
            kept.append(line)
        yield kept


def _margins(page: Sequence[Line]) -> Iterator[int]:
    """The numbers of the highest and lowest lines that are no tables and no long text."""
    order = sorted(range(len(page)), key=lambda index: -page[index].top)
    for index in {*order[:LINES], *order[-LINES:]}:
        if page[index].kind == "text" and len(page[index].text) < 200:
            yield index


def _key(line: Line) -> str:
    """The words without numbers, and about where they stand."""
    return f"{_DIGITS.sub('#', line.text.lower())} {round(line.bottom / 12)}"


def _is_page_number(text: str) -> bool:
    return (
        re.fullmatch(r"\W*(?:page|seite|p\.)?\s*\d+\s*(?:of|von|/|sur|de)?\s*\d*\W*", text, re.IGNORECASE) is not None
    )
