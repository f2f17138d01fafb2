"""In which language is a text? Told by its script, and by the commonest words of six languages in Latin letters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from adapters.data.near_duplicates import words
from adapters.rows import Row

COMMON = {
    "English": "the of and to in is that it for was with on as you at by this are what how who where",
    "German": "der die das und ist nicht ein eine zu den von mit sich auf für wie was wer wo ich dem",
    "French": "le la les des est une un et dans que qui pour pas sur au du où comment quel je il",
    "Spanish": "el los las es una y del que por con para no su al lo como qué cómo dónde quién mi",
    "Italian": "il di che è la per un non sono con una del della gli chi come dove cosa ho mio nel",
    "Dutch": "de het een en van is dat niet op te zijn voor met er wat wie waar hoe mijn ik aan",
}
SCRIPTS = {
    "CYRILLIC": "Cyrillic", "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew", "CJK": "Chinese",
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "DEVANAGARI": "Devanagari", "THAI": "Thai",
}  # fmt: skip
_SPEAKERS = {
    word: tuple(name for name, common in COMMON.items() if word in common.split())
    for word in " ".join(COMMON.values()).split()
}
SAMPLE = 1_000  # characters looked at


def language(text: str) -> str:
    """The language (of other scripts than Latin: the script) of `text`, "" where it is too short to tell."""
    sample = text[:SAMPLE]
    letters = [character for character in sample if character.isalpha()]
    scripts = Counter(unicodedata.name(character, "").split(" ")[0].split("-")[0] for character in letters[:200])
    if "HIRAGANA" in scripts or "KATAKANA" in scripts:
        return "Japanese"
    main = scripts.most_common(1)[0][0] if scripts else ""
    if main in SCRIPTS:
        return SCRIPTS[main]
    found = Counter(dict.fromkeys(COMMON, 0))
    for word in words(sample):
        found.update(_SPEAKERS.get(word, ()))
    (best, hits), (_, second) = found.most_common(2)
    return best if hits >= 2 and hits > second else ""


def languages(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """The languages of the rows' answers and questions with how many rows, the most frequent first."""
    told = (language(f"{row.question}\n{row.answer}" if row.turns else row.text) for row in rows)
    return Counter(name for name in told if name).most_common()
