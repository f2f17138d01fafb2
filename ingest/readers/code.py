"""Source code and configuration: a section for each top-level definition, found by one rule a family."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import HeadingPath, Mark, marked_document
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_WORDS = r"(?:[a-z]+[ ]+){0,6}"  # modifiers such as "export default async"
_RULES: dict[str, str] = {
    "py pyi pyw": r"(?:[ ]{4}|\t)?(?:async[ ]+)?def[ ]+\w+|class[ ]+\w+",
    "js mjs cjs jsx ts tsx vue svelte": rf"{_WORDS}(?:function\*?|class|interface|enum|type|namespace)[ ]+\w+"
    r"|(?:export[ ]+)?(?:const|let|var)[ ]+\w+(?=[^=\n]{0,200}=[^\n]{0,200}(?:=>|function))",
    "c h cc cpp cxx hpp hh cu": rf"{_WORDS}(?:struct|class|enum|union|namespace)[ ]+\w+(?=[^;\n]{{0,200}}$)"
    r"|[A-Za-z_][^;=#\n\"]{0,120}\([^;\n\"]{0,200}$",
    "java kt kts scala groovy cs dart swift": rf"{_WORDS}"
    r"(?:class|interface|enum|record|object|struct|trait|protocol|extension|func|fun|def|namespace)[ ]+\w+"
    r"|[ \t]{1,4}(?:public|private|protected|internal|override|static)[ ]+[^;=\n(]{1,120}\([^;\n]{0,200}$",
    "go": r"func[ ]+(?:\([^)\n]*\)[ ]*)?\w+|type[ ]+\w+",
    "rs": r"(?:[ ]{4})?(?:pub(?:\([^)\n]*\))?[ ]+)?(?:async[ ]+|unsafe[ ]+|const[ ]+){0,3}fn[ ]+\w+"
    r"|(?:pub(?:\([^)\n]*\))?[ ]+)?(?:struct|enum|trait|mod|type|union)[ ]+\w+|impl\b[^{\n]*|macro_rules![ ]*\w+",
    "rb ex exs cr": r"[ ]{0,4}(?:def|class|module|defmodule|defp)[ ]+[\w.:?!]+",
    "php": rf"[ \t]{{0,4}}{_WORDS}(?:function|class|interface|trait)[ ]+\w+",
    "sh bash zsh fish": r"(?:function[ ]+)?[\w:-]+[ ]*\(\)|function[ ]+[\w:-]+",
    "sql": r"(?i:(?:create|alter)[ ]+(?:or[ ]+replace[ ]+|unique[ ]+|temp(?:orary)?[ ]+|materialized[ ]+){0,3}"
    r"(?:table|view|index|function|procedure|trigger|type)[ ]+(?:if[ ]+not[ ]+exists[ ]+)?)[\w.\"`\[\]]+",
    "toml ini cfg conf properties": r"\[{1,2}[^\]\n]+\]{1,2}",
    "lua": r"(?:local[ ]+)?function[ ]+[\w.:]+",
    "pl pm": r"sub[ ]+\w+|package[ ]+[\w:]+",
    "r": r"[\w.]+[ ]*(?:<-|=)[ ]*function",
    "jl": r"(?:function|struct|module|macro)[ ]+[\w.!]+",
    "proto graphql": r"(?:message|service|enum|type|input|interface|scalar)[ ]+\w+",
    "tf": r"(?:resource|data|module|variable|output|provider)[ ]+\"[^\n{]*",
}
_PATTERNS = {
    f".{suffix}": re.compile(rf"^(?P<name>{rule})", re.MULTILINE)
    for suffixes, rule in _RULES.items()
    for suffix in suffixes.split()
}
_NOT_A_DEFINITION = re.compile(r"\s*(?:if|else|for|while|switch|return|case|do|new|throw|await|goto|using|sizeof)\b")
_LEADING = re.compile(r"[ \t]*(?://|#(?!include|define|if|endif|else)|/?\*|@|--|;|\"\"\"|template\b|\[\w)")
MAX_DEFINITIONS = 20_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The file's own text; a definition's comments and decorators belong to its section.

    Raises:
        UnreadableError: binary, empty, or too long.
    """
    text, notes = readable_text(data, limits)
    return marked_document(stem + suffix, text, [Mark(0, (), "code"), *_marks(text, suffix)], notes)


def _marks(text: str, suffix: str) -> Iterator[Mark]:
    pattern = _PATTERNS.get(suffix)
    if pattern is None:
        return
    path, last = HeadingPath(), 0
    for count, found in enumerate(pattern.finditer(text)):
        name = found["name"]
        if count >= MAX_DEFINITIONS:
            return
        if _NOT_A_DEFINITION.match(name):
            continue
        start = _with_leading_lines(text, found.start(), last)
        level = 2 if name[0] in " \t" else 1
        last = found.end()
        yield Mark(start, path.enter(level, name.rstrip(" \t{(")), "code")


def _with_leading_lines(text: str, start: int, earliest: int) -> int:
    """Where the comments and decorators directly above the line at `start` begin."""
    while start > earliest:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < earliest or not _LEADING.match(text, above, start):
            break
        start = above
    return start
