"""Which wordings of short facts are held out? Every fact is learned; it is proven by a wording that was not.

A held-out fact could never be answered, so facts are not split like other rows: of several wordings
one or two are held out, and a fact told in one wording is asked in a made one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from adapters.data.near_duplicates import normalised
from adapters.data.splitting_rows import Shares, key_text
from adapters.data.wordings import wordings
from adapters.rows import Row, Split, Turn

ASKED = {"test": 50, "validation": 20}  # facts asked in each held-out split, where there are so many
MADE = 6  # wordings looked at for the held-out ones: those that training does not use


def split_facts(rows: Sequence[Row], shares: Shares, seed: int, learned: int) -> list[Row]:
    """All rows with their split, and made wordings of facts that have no wording to spare.

    `learned` is how many wordings of each row training will have (see wordings.reworded): a held-out
    one is none of them.
    """
    facts: dict[str, list[Row]] = {}
    for row in rows:
        facts.setdefault(row.origin.group or normalised(key_text(row)), []).append(row)
    order = sorted(facts, key=lambda key: hashlib.sha256(f"{seed}\n{key}".encode()).hexdigest())
    wanted = {"test": _wanted("test", shares.test, len(order)), "validation": 0}
    wanted["validation"] = _wanted("validation", shares.validation, len(order))
    split: list[Row] = []
    for key in order:
        names: list[Split] = [name for name in ("test", "validation") if wanted[name] > 0]
        found = _one_fact(facts[key], names, seed, learned)
        for row in found:
            if row.split != "train":
                wanted[row.split] -= 1
        split += found
    return split


def _one_fact(rows: Sequence[Row], names: list[Split], seed: int, learned: int) -> list[Row]:
    """The wordings of one fact: those to spare, or made ones, go to the splits in `names`."""
    spare = min((len(rows) - 1) // 2, len(names))
    ranked = sorted(rows, key=lambda row: hashlib.sha256(f"{seed}\n{key_text(row)}".encode()).hexdigest())
    held = [replace(row, split=name) for row, name in zip(ranked[:spare], names, strict=False)]
    kept = [replace(row, split="train") for row in rows if not any(row is other for other in ranked[:spare])]
    made = _made(kept[0], names[spare:], seed, max(learned, 1))
    return [*kept, *held, *made]


def _made(row: Row, names: list[Split], seed: int, learned: int) -> list[Row]:
    """One more wording of `row` for each split, none of those it is learned in."""
    place = next(number for number, turn in enumerate(row.turns) if turn.role == "user")
    found = wordings(row.turns[place].content, learned - 1 + MADE, seed)[learned - 1 :]
    return [
        replace(
            row,
            split=name,
            turns=(*row.turns[:place], Turn("user", wording), *row.turns[place + 1 :]),
            origin=replace(row.origin, id=f"{row.origin.id}~{name}"),
        )
        for name, wording in zip(names, found, strict=False)
    ]


def _wanted(name: str, share: float, facts: int) -> int:
    return max(round(share * facts), min(ASKED[name], facts)) if share else 0
