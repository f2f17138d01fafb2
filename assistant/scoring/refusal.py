"""Does an answer decline, and should it have? By the phrases in which models and this assistant decline."""

from __future__ import annotations

import re

FIRST = 240  # characters in which an answer that declines says so; what follows may be advice
DECLINES = re.compile(
    r"""\b(?:
        i\s(?:do\snot|don['’]t|cannot|can['’]t|could\snot|couldn['’]t|am\sunable\sto|am\snot\sable\sto)\s
            (?:\w+\s){0,2}(?:know|answer|find|help|tell|say|provide|determine|see|assist|comply)
      | (?:do|does|did)(?:\snot|n['’]t)\s(?:\w+ly\s)?(?:say|state|mention|contain|include|provide|specify|answer|tell)
      | (?:is|are)(?:\snot|n['’]t)\s(?:\w+ly\s)?(?:mentioned|stated|given|specified|provided|available)
      | (?:is|are)(?:\snot|n['’]t)\sin\s(?:the|your|these|any)\s(?:\w+\s)?(?:documents?|passages?|context|text)
      | (?:there\sis|there['’]s|have|has|found|find|contains?)\s(?:no|nothing)
      | no\s(?:information|mention|answer|passage|document)
      | nothing\s(?:in|about)\b.*\b(?:documents?|passages?)
      | not\senough\sinformation
      | i(?:['’]m|\sam)\ssorry,?\s(?:but\s)?i
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def declines(answer: str) -> bool:
    """Whether an answer says that it cannot or will not answer."""
    return DECLINES.search(" ".join(answer[:FIRST].split())) is not None


def refusal_right(answer: str, *, answerable: bool) -> bool:
    """Whether it declines where there is no answer, and answers where there is one."""
    return declines(answer) is not answerable
