"""Source code and configuration: a section for each top-level definition, found by one rule a family."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Document
from ingest.readers.assembly import HeadingPath, Mark, marked_document
from ingest.readers.limits import Limits
from ingest.readers.text import readable_text

_C_SIGNATURE = r"[A-Za-z_][\w \t*&:<>,~\[\]]*?[\w>*&\]][ \t*&]+[~\w:]+[ \t]*\([^;{}\n]*\)?[^;\n]*|[~\w:<>]+::[~\w]+\([^;]*"
_RULES: dict[str, str] = {
    "py pyi pyw": r"(?:async[ ]+)?def[ ]+\w+|class[ ]+\w+|(?:[ ]{4}|\t)(?:async[ ]+)?def[ ]+\w+",
    "js mjs cjs jsx ts tsx vue svelte": r"(?:export[ ]+)?(?:default[ ]+)?(?:declare[ ]+)?(?:abstract[ ]+)?(?:async[ ]+)?"
    r"(?:function\*?[ ]+\w+|class[ ]+\w+|interface[ ]+\w+|enum[ ]+\w+|type[ ]+\w+|namespace[ ]+\w+"
    r"|(?:const|let|var)[ ]+\w+(?=[^=\n]*=[^\n]*(?:=>|function)))",
    "c h cc cpp cxx hpp hh cu": r"(?:typedef[ ]+)?(?:struct|class|enum|union|namespace)[ ]+\w+(?=[^;\n]*$)"
    rf"|#define[ ]+\w+(?=\()|{_C_SIGNATURE}(?=\n?\s*\{{|$)",
    "java kt kts scala groovy cs dart swift": r"(?:(?:public|private|protected|internal|open|abstract|final|static|sealed|data|"
    r"partial|export)[ ]+)*(?:class|interface|enum|record|object|struct|trait|protocol|extension|func|fun|def|namespace)[ ]+\w+"
    r"|[ \t]{1,4}(?:(?:public|private|protected|internal|override|static|final|async|virtual|abstract)[ ]+)+[\w<>\[\],.? ]+\([^;]*",
    "go": r"func[ ]+(?:\([^)]*\)[ ]*)?\w+|type[ ]+\w+",
    "rs": r"(?:pub(?:\([^)]*\))?[ ]+)?(?:async[ ]+|unsafe[ ]+|const[ ]+)*(?:fn|struct|enum|trait|mod|type|union)[ ]+\w+"
    r"|impl\b[^{\n]*|macro_rules![ ]*\w+|[ ]{4}(?:pub(?:\([^)]*\))?[ ]+)?(?:async[ ]+)?fn[ ]+\w+",
    "rb ex exs cr": r"[ ]{0,4}(?:def|class|module|defmodule|defp)[ ]+[\w.:?!]+",
    "php": r"[ \t]{0,4}(?:(?:public|private|protected|static|abstract|final)[ ]+)*(?:function|class|interface|trait)[ ]+\w+",
    "sh bash zsh fish": r"(?:function[ ]+)?[\w:-]+[ ]*\(\)|function[ ]+[\w:-]+",
    "sql": r"(?i:create|alter)[ ]+(?:(?i:or[ ]+replace|unique|temp|temporary)[ ]+)*(?i:table|view|index|function|procedure|"
    r"trigger|type|materialized[ ]+view)[ ]+(?:(?i:if[ ]+not[ ]+exists)[ ]+)?[\w.\"`\[\]]+",
    "toml ini cfg conf properties": r"\[{1,2}[^\]\n]+\]{1,2}",
    "yaml yml": r"[A-Za-z_][\w.-]*(?=:(?:\s|$))",
    "lua": r"(?:local[ ]+)?function[ ]+[\w.:]+",
    "pl pm": r"sub[ ]+\w+|package[ ]+[\w:]+",
    "r": r"[\w.]+[ ]*(?:<-|=)[ ]*function",
    "jl": r"(?:function|struct|module|macro)[ ]+[\w.!]+",
    "proto graphql": r"(?:message|service|enum|type|input|interface|scalar)[ ]+\w+",
    "tf": r"(?:resource|data|module|variable|output|provider)[ ]+\"[^\n{]*",
}
_PATTERNS = {
    f".{suffix}": re.compile(rf"^(?P<name>{rule})", re.M) for suffixes, rule in _RULES.items() for suffix in suffixes.split()
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
        yield Mark(start, path.enter(level, name), "code")


def _with_leading_lines(text: str, start: int, earliest: int) -> int:
    """Where the comments and decorators directly above the line at `start` begin."""
    while start > earliest:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < earliest or not _LEADING.match(text, above, start):
            break
        start = above
    return start
