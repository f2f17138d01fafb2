"""From which rows does the starter adapter learn? Builds rows.jsonl, deterministic by its seed.

    python tools/starter/build.py --data DIR --out rows.jsonl [--scale 1.0] [--without FILE] [--rows N]

DIR/train/ holds the licensed sets as JSON lines, xz; $ASSISTANT_DATA names it too. The first N training rows are a
balanced sample of all, for every N.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from adapters.rows import Row, Split, row_from_json  # noqa: E402 - the repository has to be importable first
from tools.starter.items import Item, as_row  # noqa: E402
from tools.starter.near import nouns_of  # noqa: E402
from tools.starter.paper_items import Papers  # noqa: E402
from tools.starter.planted import planted  # noqa: E402
from tools.starter.pool import Pool  # noqa: E402
from tools.starter.reading import FAMILIES, Reading, load  # noqa: E402
from tools.starter.reading_items import Readings, choose, usable  # noqa: E402
from tools.starter.talk_items import talk, untold  # noqa: E402
from tools.starter.talk_summaries import abstract, conversation, headline  # noqa: E402

SEED = 20_240
HELD_OUT = 0.025  # share of the groups for validation, and again for the test


def reading_items(folder: Path, scale: float, chance: random.Random) -> list[Item]:
    """Items of the licensed sets; `scale` multiplies the counts of the full mixture."""
    sets = {name: load(folder, name) for name in FAMILIES}
    pool = Pool((each.family, each.article, each.context) for readings in sets.values() for each in readings)
    nouns = {
        family: nouns_of(each for readings in sets.values() for each in readings if each.family == family)
        for family in sorted(set(FAMILIES.values()))
    }
    make = Readings(pool, nouns, chance)
    made: list[Item] = []
    for name, way, count, wanted in _plan(make):
        readings = _wanted(sets[name], wanted)
        limit, have = round(count * scale), 0
        queue = choose(readings, len(readings), random.Random(f"{name} {wanted}"), _sort(name))
        if way in (make.removed, make.elsewhere):  # questions of their own; changed ones stand beside the plain ones
            queue.reverse()
        for reading in queue:
            item = way(reading) if have < limit else None
            if item is not None:
                made.append(item)
                have += 1
    return made


def _plan(make: Readings) -> list[tuple[str, Callable[[Reading], Item | None], int, str]]:
    """(set, what to make, how many, of which): the mixture of the reading part."""
    return [
        ("adversarialqa_train_part", make.answered, 500, "span"),
        ("adversarialqa_train_part", make.changed, 420, "span"),
        ("adversarialqa_train_part", make.removed, 250, "span"),
        ("quoref_train_part", make.answered, 190, "span"),
        ("quoref_train_part", make.changed, 90, "span"),
        ("fairytaleqa_train", make.answered, 1700, "span"),
        ("fairytaleqa_train", make.answered, 900, "free"),
        ("fairytaleqa_train", make.changed, 750, "span"),
        ("fairytaleqa_train", make.changed, 200, "free"),
        ("fairytaleqa_train", make.removed, 550, "any"),
        ("wiki_derived_fact", make.answered, 1900, "span"),
        ("wiki_derived_fact", make.changed, 450, "span"),
        ("wiki_derived_fact", make.removed, 450, "span"),
        ("wiki_derived_fact", make.elsewhere, 250, "span"),
        ("wiki_derived_unanswerable", make.unanswerable, 950, "own"),
        ("factbook_derived", make.answered, 400, "span"),
        ("factbook_derived", make.removed, 120, "span"),
        ("covidqa", make.answered, 350, "span"),
        ("covidqa", make.removed, 120, "span"),
        ("covidqa", make.changed, 130, "span"),
        ("fairytaleqa_train", make.elsewhere, 200, "any"),
        ("boolq_train_part", make.answered, 500, "even"),
        ("boolq_train_part", make.elsewhere, 80, "even"),
        ("wiki_derived_definition", make.answered, 350, "short"),
        ("openstax_summary_glossary", make.answered, 250, "short"),
        ("wikinews_headline_derived", lambda each: headline(each, make.chance), 180, "all"),
        ("scitldr_a_train", lambda each: abstract(each, make.chance), 220, "all"),
    ]


def _wanted(readings: list[Reading], wanted: str) -> list[Reading]:
    if wanted == "own":  # the passage is about what is asked
        plain = [each for each in readings if not each.question.startswith(("How much", "How high"))]
        return [each for each in plain if _subject(each.question) in each.context[:200].lower()]
    if wanted == "even":
        return [each for each in readings if each.answer in ("Yes", "No")]
    if wanted == "short":
        return [each for each in readings if 3 <= len(each.answer.split()) <= 22 and "Learning Obj" not in each.context]
    if wanted == "all":
        return readings
    return usable(readings, span={"span": True, "free": False}.get(wanted))


def _subject(question: str) -> str:
    names = [word for word in question.rstrip("?").split()[2:] if word[0].isupper() or word[0].isdigit()]
    return " ".join(names).lower() or "\0"


def _sort(name: str) -> Callable[[Reading], str]:
    """What a set is spread evenly over: kinds of questions, answers, or articles."""
    if name == "boolq_train_part":
        return lambda each: each.answer
    if name in ("wiki_derived_fact", "wiki_derived_unanswerable"):
        return lambda each: " ".join(each.question.split()[:2])
    return lambda each: each.question.split()[0] if name == "fairytaleqa_train" else each.article


def own_items(scale: float, chance: random.Random) -> list[Item]:
    """Items of our own making: papers, conversations, small talk."""
    papers = Papers(chance)
    ways = (
        (papers.value, 950), (papers.missing, 520), (papers.wrong_thing, 420), (papers.elsewhere, 180),
        (papers.check, 260), (papers.two, 240), (papers.listed, 200), (papers.disagreement, 320),
        (papers.follow_up, 360), (papers.summary, 110),
    )  # fmt: skip
    made = [way() for way, count in ways for _ in range(round(count * scale))]
    made += [conversation(number, chance) for number in range(round(450 * scale))]
    small = [*talk(), *untold(90, chance)]
    return made + (small if scale >= 1 else chance.sample(small, round(len(small) * scale)))


def with_orders(items: list[Item], scale: float, chance: random.Random) -> list[Item]:
    """Some of the items again, with orders planted in a passage, in place of the plain ones."""
    fit = [place for place, item in enumerate(items) if (item.gold or item.others) and not item.kind.startswith("summ")]
    chosen = set(chance.sample(fit, min(len(fit), round(480 * scale))))
    return [planted(item, chance) if place in chosen else item for place, item in enumerate(items)]


def ordered(items: list[Item], chance: random.Random) -> list[Item]:
    """All items so that every beginning holds each kind of each source in its share."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.kind, item.source), []).append(item)
    placed: list[tuple[float, int, Item]] = []
    for group in groups.values():
        chance.shuffle(group)
        placed += [((n + chance.random()) / len(group), len(placed) + n, item) for n, item in enumerate(group)]
    return [item for _, _, item in sorted(placed, key=lambda each: each[:2])]


def split_of(item: Item) -> Split:
    """Train, validation or test, by the group alone."""
    share = int.from_bytes(hashlib.sha256(item.group.encode()).digest()[:4], "big") / 2**32
    return "test" if share < HELD_OUT else "validation" if share < 2 * HELD_OUT else "train"


def rows_of(items: list[Item], seed: int) -> list[Row]:
    """The rows in order: train, then validation, then test."""
    chance = random.Random(seed)
    rows = [
        replace(as_row(item, number, chance), split=split_of(item))
        for number, item in enumerate(ordered(items, chance), 1)
    ]
    fresh = list({_key(row): row for row in reversed(rows)}.values())[::-1]
    return [row for split in ("train", "validation", "test") for row in fresh if row.split == split]


def _key(row: Row) -> str:
    """The whole row but for its marker."""
    return re.sub(r"<<<\w{8}|\w{8}>>>", "", " ".join(turn.content for turn in row.turns))


def fresh_rows(rows: list[Row], known: list[Row], count: int) -> list[Row]:
    """The first `count` training rows (0: all) whose question and answer are not among the known; all held-out ones."""
    seen = {_asked(row) for row in known}
    train = [row for row in rows if row.split == "train" and _asked(row) not in seen]
    return (train[:count] if count else train) + [row for row in rows if row.split != "train"]


def _asked(row: Row) -> tuple[str, str]:
    return row.question.rpartition("Question:")[2].strip(), row.answer


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the data of the starter adapter.")
    parser.add_argument("--data", type=Path, default=os.environ.get("ASSISTANT_DATA"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("rows.jsonl"), metavar="FILE")
    parser.add_argument("--scale", type=float, default=1.0, help="of the full mixture (default 1)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--without", type=Path, metavar="FILE", help="rows that were learned before and are left out")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="at most so many training rows")
    options = parser.parse_args()
    if options.data is None or not (Path(options.data) / "train").is_dir():
        parser.error("name the folder with train/: --data DIR or ASSISTANT_DATA")
    return options


def main() -> int:
    """Build, write, count."""
    options = arguments()
    chance = random.Random(options.seed)
    items = reading_items(Path(options.data) / "train", options.scale, chance)
    items = with_orders([*items, *own_items(options.scale, chance)], options.scale, chance)
    lines = options.without.read_text(encoding="utf-8").splitlines() if options.without else []
    known = [row_from_json(json.loads(line)) for line in lines]
    rows = fresh_rows(rows_of(items, options.seed), known, options.rows)
    text = "".join(json.dumps(row.as_json(), ensure_ascii=False) + "\n" for row in rows)
    options.out.write_text(text, encoding="utf-8")
    licences = {item.source: item.licence for item in items}
    for (split, name), count in sorted(Counter((row.split, row.origin.name) for row in rows).items()):
        print(f"{split:11} {name:32} {count:6,}  {licences[name]}")
    for kind, count in Counter(row.origin.id.rsplit("-", 1)[0] for row in rows if row.split == "train").most_common():
        print(f"{kind:22} {count:6,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
