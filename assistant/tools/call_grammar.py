"""Which texts are a call of one of these tools? Their JSON schemas as one grammar, so that a call always parses.

A small part of JSON schema is understood (https://json-schema.org/understanding-json-schema/reference): objects,
arrays, texts, numbers, truth values, null, enum, const, anyOf, references to $defs, and patterns of one character
class. Texts and arrays are bounded, so that a model that repeats itself comes to an end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from assistant.backends.form import literal
from assistant.errors import UsageError
from assistant.tools.tool import Tool

LONGEST_TEXT = 300  # characters of a text
LONGEST_ARRAY = 16
MOST_PROPERTIES, MOST_CHOICES, DEEPEST, MOST_TOOLS = 32, 200, 6, 32
CLASS = re.compile(r"\^(\[\^?[^\[\]\\\"\n]+\])(?:\{(\d{1,3}),(\d{1,3})\}|[+*])\$")
SHARED = r"""
char ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]
text ::= "\"" char{0,LONGEST} "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,14})
number ::= integer ("." [0-9]{1,15})?
truth ::= "true" | "false"
""".replace("LONGEST", str(LONGEST_TEXT))
SIMPLE = {"string": "text", "integer": "integer", "number": "number", "boolean": "truth", "null": '"null"'}


def call_grammar(tools: Sequence[Tool], *, text: bool = False) -> str:
    """GBNF of `{"name": …, "arguments": …}` for one of the tools; with `text` also of any answer that is no call.

    Raises:
        UsageError: too many tools, or a schema says something that is not understood.
    """
    if not 0 < len(tools) <= MOST_TOOLS:
        raise UsageError(f"{len(tools)} tools cannot be offered at once.", f"Offer 1 to {MOST_TOOLS}.")
    calls = [_call(tool) for tool in tools]
    free = r"| [^{ \t\r\n] .*" if text else ""
    grammar = f"root ::= {' | '.join(calls)} {free}\n{SHARED}"
    return grammar.encode("utf-8", "replace").decode()  # half a surrogate pair is no text


def _call(tool: Tool) -> str:
    try:
        arguments = _Schema(tool.parameters).rule({"type": "object", **tool.parameters})
    except UsageError as error:
        raise UsageError(f"The parameters of the tool {tool.name[:60]} cannot be used: {error}") from error
    return " ".join((literal(f'{{"name": {_json(tool.name)}, "arguments": '), arguments, literal("}")))


class _Schema:
    """Turns the parts of one schema into right-hand sides of GBNF rules."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def rule(self, schema: Any, depth: int = 0) -> str:
        if not isinstance(schema, Mapping) or depth > DEEPEST:
            raise UsageError("it is nested too deeply, or is no schema.")
        if "$ref" in schema:
            return self.rule(self._referred(schema["$ref"]), depth + 1)
        if "const" in schema or "enum" in schema:
            return _choices(schema["enum"] if "enum" in schema else [schema["const"]])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                parts = _listed(schema[key])
                if key == "allOf" and len(parts) > 1:
                    break
                return f"({' | '.join(self.rule(part, depth + 1) for part in parts)})"
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return f"({' | '.join(self.rule({**schema, 'type': each}, depth + 1) for each in _listed(kind))})"
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            item = self.rule(schema.get("items", {"type": "string"}), depth + 1)
            return f'"[" ({item} (", " {item}){{0,{LONGEST_ARRAY - 1}}})? "]"'
        if kind == "string" and "pattern" in schema:
            return _pattern(str(schema["pattern"]))
        if kind in SIMPLE:
            return SIMPLE[str(kind)]
        raise UsageError(f"{_json(schema)[:80]} is not understood.")

    def _referred(self, reference: Any) -> Any:
        found: Any = self._root
        for name in str(reference).removeprefix("#/").split("/"):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        """Required properties first; the others may be left out, unless none is required."""
        properties = schema.get("properties", {})
        if not isinstance(properties, Mapping) or len(properties) > MOST_PROPERTIES:
            raise UsageError(f"an object may have up to {MOST_PROPERTIES} properties.")
        pairs = {
            name: f"{literal(_json(str(name)) + ': ')} {self.rule(part, depth + 1)}"
            for name, part in properties.items()
        }
        required = [name for name in pairs if name in _names(schema.get("required", ()))] or list(pairs)
        first = ' ", " '.join(pairs[name] for name in required)
        rest = " ".join(f'(", " {pair})?' for name, pair in pairs.items() if name not in required)
        return f'"{{" {first} {rest} "}}"'


def _choices(values: Any) -> str:
    return f"({' | '.join(literal(_json(value)) for value in _listed(values))})"


def _pattern(pattern: str) -> str:
    """A pattern of one character class, such as ^[0-9]{1,8}$; those of another form leave any text."""
    found = CLASS.fullmatch(pattern)
    if found is None:
        return "text"
    least, most = int(found[2] or 0), min(int(found[3] or LONGEST_TEXT), LONGEST_TEXT)
    return rf'"\"" {found[1]}{{{min(least, most)},{most}}} "\""'


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, list) or not 0 < len(values) <= MOST_CHOICES:
        raise UsageError(f"a list in it must have 1 to {MOST_CHOICES} entries.")
    return values


def _names(values: Any) -> Sequence[Any]:
    return values if isinstance(values, (list, tuple)) else ()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
