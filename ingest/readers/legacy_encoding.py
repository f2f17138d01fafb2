"""Which of the encodings from before Unicode a text is in, judged by the letters that its language uses most."""

from __future__ import annotations

import re

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")  # long runs where the whole script lies beyond ASCII
_COMMON = "“”„’‘–—…«»°§€·\u00a0"
_LATIN = "áéíóúäöüß" + _COMMON
# The first of equal candidates wins. Sources of the orders are the languages' letter frequencies.
_LATIN_SCRIPTS = {
    "cp1252": "èàçêâîôûùëïñãõåæøœòìÀÉÈÇÊÄÖÜÅØÆÓÁÍÚÑ¿¡£" + _LATIN,
    "cp1250": "ąęłńśźżćčďěňřšťůýžőűôŁŚŻČŘŠŽ" + _LATIN,
    "iso8859_2": "ąęłńśźżćčďěňřšťůýžőűôŁŚŻČŘŠŽ" + _LATIN,
    "cp1254": "çğıöşüâîİŞĞÇÖÜ" + _COMMON,
}
_OTHER_SCRIPTS = {
    "cp1251": "оеаинтсрвл" + _COMMON,
    "koi8_r": "оеаинтсрвл",
    "cp866": "оеаинтсрвл",
    "cp1253": "αοιετσνηυρ" + _COMMON,
    "cp1255": "יוהלאמרבתש" + _COMMON,
    "cp1256": "اليمنوتربعة" + _COMMON,
}
_ENOUGH = 0.5  # share of the letters beyond ASCII that must be among the common ones
_FEWEST = 3


def legacy_encoding(sample: bytes) -> str:
    """The name of the encoding, "" when none fits well or the sample is nearly ASCII."""
    runs = _BEYOND_ASCII.findall(sample)
    if not runs:
        return ""
    beyond_ascii = b"".join(runs)
    candidates = _LATIN_SCRIPTS if len(runs) * 2 >= len(beyond_ascii) else _OTHER_SCRIPTS
    shares = {name: _share(beyond_ascii, name, frozenset(letters)) for name, letters in candidates.items()}
    best = max(shares, key=shares.__getitem__)
    if len(beyond_ascii) < _FEWEST:
        return best if shares[best] == 1 else ""
    return best if shares[best] >= _ENOUGH else ""


def _share(beyond_ascii: bytes, encoding: str, letters: frozenset[str]) -> float:
    text = beyond_ascii.decode(encoding, "replace")
    return sum(character in letters for character in text) / len(beyond_ascii)
