"""What a chat is called until its owner names it: the first question, without what is only politeness."""

from __future__ import annotations

import re

TITLE_LENGTH = 60  # characters
LEAD_IN = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there| everyone)?\s*[,.!]+\s*"
    r"|(?:can|could|would|will) you (?:please |kindly )?(?=\w)"
    r"|i(?:'d| would) like (?:you )?to (?:know )?"
    r"|i want (?:you )?to (?:know )?"
    r"|(?:please|kindly),? "
    r"|(?:tell|show) me (?:about )?)",
    re.IGNORECASE,
)
FENCE = re.compile(r"^(```|~~~).*?(^\1|\Z)", re.MULTILINE | re.DOTALL)


def title_of(question: str) -> str:
    """A title of at most 60 characters: the first line that asks something, cut at a word."""
    prose = FENCE.sub("", question).strip() or question.replace("```", "").replace("~~~", "")
    lines = [" ".join(line.split()) for line in prose.splitlines()]
    told = [shortened for line in lines if (shortened := _without_lead_in(line))]
    line = next(iter(told or [line for line in lines if line]), " ".join(question.split()))
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rsplit(' ', 1)[0]}…"


def _without_lead_in(line: str) -> str:
    rest = line.lstrip("#>*- ")
    while (match := LEAD_IN.match(rest)) is not None:
        rest = rest[match.end() :]
    return rest if rest == line else rest[:1].upper() + rest[1:]
