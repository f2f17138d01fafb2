"""GGUF files damaged in a known way: in the header, in sizes, in strings, in the chat template, or cut short."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

KINDS = ("header", "sizes", "strings", "template", "truncation")
WILD = (0, 1, 2, 3, 255, 2**16, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1)
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of a value
TEMPLATES = (
    "{{", "{% for m in messages %}", "{% if %}", "{{ messages[", "{% extends 'x' %}", "{% include '/etc/passwd' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ 'A' * 4000000000 }}", "{{ cycler.__init__.__globals__ }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "{{ raise_exception('no') }}",
    "x" * 70_000, "{{ undefined.thing.more }}", "{{ 1/0 }}", "{% set x = namespace() %}{{ x.y.z }}",
)  # fmt: skip


@dataclass
class Layout:
    """Where things stand in a file: offsets of numbers that are sizes, and of texts with their lengths."""

    lengths: list[int] = field(default_factory=list)  # 64-bit lengths of strings, and of lists
    kinds: list[int] = field(default_factory=list)  # 32-bit types of values
    names: list[tuple[int, int]] = field(default_factory=list)  # of keys and tensors: start, length
    shapes: list[tuple[int, int]] = field(default_factory=list)  # of tensors: offset of a 64-bit dimension or place
    types: list[int] = field(default_factory=list)  # of tensors: 32-bit numbers of dimensions, and types
    template: tuple[int, int] = (0, 0)  # its length field, and its length
    end: int = 0  # of the header


def layout(data: bytes) -> Layout:
    """The places of a whole file."""
    found, at = Layout(), 24
    tensors, keys = struct.unpack_from("<QQ", data, 8)

    def string() -> bytes:
        nonlocal at
        (length,) = struct.unpack_from("<Q", data, at)
        found.lengths.append(at)
        at += 8 + length
        return data[at - length : at]

    for _ in range(keys):
        start = at + 8
        key = string()
        found.names.append((start, len(key)))
        found.kinds.append(at)
        (kind,) = struct.unpack_from("<I", data, at)
        at += 4
        if kind == 8:
            place = at
            text = string()
            if key == b"tokenizer.chat_template":
                found.template = (place, len(text))
        elif kind == 9:
            inner, count = struct.unpack_from("<IQ", data, at)
            found.lengths.append(at + 4)
            at += 12
            for _ in range(count if inner == 8 else 0):
                at += 8 + int(struct.unpack_from("<Q", data, at)[0])
            at += SCALARS.get(inner, 0) * count
        else:
            at += SCALARS[kind]
    for _ in range(tensors):
        start = at + 8
        found.names.append((start, len(string())))
        (dimensions,) = struct.unpack_from("<I", data, at)
        found.types += [at, at + 4 + 8 * dimensions]
        found.shapes += [(at + 4 + 8 * place, dimensions) for place in range(dimensions)]
        found.shapes.append((at + 8 + 8 * dimensions, 0))
        at += 16 + 8 * dimensions
    found.end = at
    return found


def damaged(data: bytes, kind: str, chance: random.Random) -> bytes:
    """`data` with one damage of that kind, never the same bytes."""
    places = layout(data)
    ways: dict[str, Callable[[], bytes]] = {
        "header": lambda: _header(data, chance),
        "sizes": lambda: _sizes(data, places, chance),
        "strings": lambda: _strings(data, places, chance),
        "template": lambda: _template(data, places, chance),
        "truncation": lambda: data[: chance.randrange(len(data) - 32)],
    }
    while (result := ways[kind]()) == data:
        pass
    return result


def _put(data: bytes, at: int, layout_: str, value: int) -> bytes:
    changed = bytearray(data)
    size = struct.calcsize(layout_)
    struct.pack_into(layout_, changed, at, value % 2 ** (8 * size))
    return bytes(changed)


def _header(data: bytes, chance: random.Random) -> bytes:
    """Magic, version, and the two counts."""
    at = chance.choice([0, 4, 8, 16])
    if at < 8:
        return _put(data, at, "<I", chance.choice(WILD) if chance.random() < 0.5 else chance.getrandbits(32))
    (count,) = struct.unpack_from("<Q", data, at)
    return _put(data, at, "<Q", chance.choice([count - 1, count + 1, 0, chance.choice(WILD)]))


def _sizes(data: bytes, places: Layout, chance: random.Random) -> bytes:
    """A dimension, a place, a number of dimensions or a type of a tensor, or the length of a list."""
    if chance.random() < 0.4:
        at = chance.choice(places.types)
        return _put(data, at, "<I", chance.choice([0, 1, 2, 3, 4, 5, 8, 14, 77, 2**31]))
    at, _ = chance.choice(places.shapes)
    (value,) = struct.unpack_from("<Q", data, at)
    return _put(data, at, "<Q", chance.choice([value + 1, value * 2, value // 2, value + 32, chance.choice(WILD)]))


def _strings(data: bytes, places: Layout, chance: random.Random) -> bytes:
    """The length of a string or list, the type of a value, a letter of a tensor's name, or bytes that are no text."""
    way = chance.randrange(4)
    if way == 0:
        at = chance.choice(places.lengths)
        (length,) = struct.unpack_from("<Q", data, at)
        return _put(
            data, at, "<Q", chance.choice([length + 1, max(0, length - 1), length * 2 + 1, chance.choice(WILD)])
        )
    if way == 1:
        return _put(data, chance.choice(places.kinds), "<I", chance.choice([0, 4, 6, 7, 8, 9, 12, 13, 99]))
    start, length = chance.choice(places.names)
    changed = bytearray(data)
    changed[start + chance.randrange(length)] = chance.choice([0, 7, 27, 32, 128, 255]) if way == 2 else ord("#")
    return bytes(changed)


def _template(data: bytes, places: Layout, chance: random.Random) -> bytes:
    """Another template, hostile or broken, in place of the good one; the offsets behind it are moved along."""
    at, length = places.template
    text = chance.choice(TEMPLATES).encode()
    if chance.random() < 0.2:
        text = data[at + 8 : at + 8 + length][: chance.randrange(length)] + b"\xff\xfe"
    head = data[:at] + struct.pack("<Q", len(text)) + text + data[at + 8 + length : places.end]
    body = data[places.end + -places.end % 32 :]
    return head + bytes(-len(head) % 32) + body
