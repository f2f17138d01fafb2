"""How do rows from everywhere become one dataset: checked, without duplicates, split, reworded, measured?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from adapters.data.dataset import Card, Dataset, check_name, plain, split_counts
from adapters.data.formats import BadRow
from adapters.data.languages import languages
from adapters.data.lengths import Measure, by_words, cut_warning, lengths
from adapters.data.near_duplicates import similar_pairs
from adapters.data.privacy import findings
from adapters.data.routing import RECALLED, Advice, advise, kind_of
from adapters.data.row_checks import (
    NEARLY_EQUAL,
    contradictions,
    distinct,
    require_both,
    require_consistent,
    require_enough,
)
from adapters.data.row_formats import Given
from adapters.data.splitting_facts import split_facts
from adapters.data.splitting_rows import Shares, key_text, split_rows
from adapters.data.wordings import reworded
from adapters.errors import DatasetError
from adapters.rows import Row

MAX_TOKENS = 1024  # as in the default recipe
HoldOut = Literal["auto", "wordings", "rows"]
FACT_WORDINGS = 3  # each question of a fact is learned in so many
MOST_FACTS = 1_000  # more short questions than this are a task to be generalised, not facts to be recalled
JUDGED_SHARES = Shares(0.1, 0.2)  # of pairs and ratings: each tells the proof one bit, so it needs more of them
LONGER = (
    0.7  # share of the pairs in which the chosen answer is the longer one, from which length may be what is learned
)
BAD_SHOWN = 50  # rows that were left out, named in the card


@dataclass(frozen=True, slots=True)
class Options:
    """How to build. `wordings` 0 means: several for facts, one for everything else. `shares` None: a tenth for
    validation and a tenth for the proof, of pairs and ratings a fifth.
    """

    seed: int = 0
    wordings: int = 0
    shares: Shares | None = None
    hold_out: HoldOut = "auto"  # wordings of what is learned (facts), or whole rows (everything else)
    max_tokens: int = MAX_TOKENS
    anyway: bool = False  # also with too few or contradictory rows
    licence: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            DatasetError: a number of wordings or tokens out of range.
        """
        if not 0 <= self.wordings <= 12:
            raise DatasetError(f"There can be 1 to 12 wordings, not {self.wordings}.")
        if not 16 <= self.max_tokens <= 131_072:
            raise DatasetError(f"The longest row must have 16 to 131,072 tokens, not {self.max_tokens}.")


@dataclass(frozen=True, slots=True)
class Material:
    """What a dataset is made of: rows, those that could not be read, where they come from, what to say of them.

    `in_documents` counts facts whose answer stands in the library, which retrieval serves better.
    """

    rows: tuple[Given, ...]
    bad: tuple[BadRow, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    in_documents: int = 0


def build(name: str, material: Material, options: Options, measure: Measure) -> Dataset:
    """The dataset, not yet written: its card has no hash and no time. The same input gives the same rows.

    Raises:
        DatasetError: no rows, too few of them, or too many that contradict each other.
    """
    check_name(name)
    if not material.rows:
        raise DatasetError("There are no rows to build a dataset from.", "Name files, chats, teachings or documents.")
    _require_one_kind(material.rows)
    kept = distinct(material.rows)
    plain_rows = [given.row for given in kept.rows]
    advice = advise(plain_rows, material.in_documents)
    warnings = [*material.notes, *_bad_warning(material), *_checked(plain_rows, advice, options)]
    by_wording = _by_wording(plain_rows, advice, options)
    count = _wordings(plain_rows, by_wording, options)
    split = _split(kept.rows, by_wording, options, count)
    rows = _reworded(split, count, options)
    measured = lengths(measure(rows), options.max_tokens)
    private = findings(plain_rows)
    warnings += [*_split_warnings(split, kept.rows), *_language_warning(plain_rows), *_length_warning(plain_rows)]
    warnings.append(cut_warning(measured))
    warnings += [f"Private text will be learned: {finding}." for finding in private]
    card = Card(
        name=name, rows=split_counts(rows), tokens=measured.total, sources=material.sources,
        warnings=tuple(warning for warning in warnings if warning), licence=options.licence, kind=advice.kind,
        advice=advice.sentences, lengths=measured.as_json(),
        removed={"exact": kept.exact, "near": kept.near, "bad": len(material.bad)},
        bad=tuple(str(bad) for bad in material.bad[:BAD_SHOWN]),
        privacy=tuple(finding.as_json() for finding in private), options=asdict(options),
    )  # fmt: skip
    return Dataset(card, tuple(rows))


def _require_one_kind(rows: Sequence[Given]) -> None:
    """Refuse pairs or ratings among answers: each is trained in its own way.

    Raises:
        DatasetError: there are both.
    """
    told = {
        "pairs of a chosen and a rejected answer": sum(given.row.is_pair for given in rows),
        "rated good or bad": sum(given.row.desirable is not None for given in rows),
    }
    for what, count in told.items():
        if 0 < count < len(rows):
            raise DatasetError(
                f"{count:,} of {len(rows):,} rows are {what}, the others are not: they are learned in different ways.",
                "Build one dataset of the pairs, one of the ratings, and one of the rest.",
            )


def _checked(rows: Sequence[Row], advice: Advice, options: Options) -> list[str]:
    """Warnings of too little or contradictory data; refused unless it is to be built anyway."""
    found = contradictions(rows)
    warnings = [f"Contradiction: {entry}." for entry in found[:5]]
    if len(found) > 5:
        warnings.append(f"There are {len(found) - 5:,} more contradictions.")
    try:
        enough = require_enough(rows, advice.kind)
        require_consistent(found, rows)
        require_both(rows)
    except DatasetError as refusal:
        if not options.anyway:
            raise
        return [*warnings, str(refusal)]
    return [*warnings, enough]


def _by_wording(rows: Sequence[Row], advice: Advice, options: Options) -> bool:
    """Whether every row is learned and other wordings are held out, instead of whole rows."""
    if options.hold_out != "auto":
        return options.hold_out == "wordings"
    return advice.kind in RECALLED and len(rows) <= MOST_FACTS


def _wordings(rows: Sequence[Row], by_wording: bool, options: Options) -> int:
    """How many wordings each training row gets; facts are learned in several even where they were given in some."""
    return options.wordings or (FACT_WORDINGS if by_wording else 1)


def _split(given: Sequence[Given], by_wording: bool, options: Options, count: int) -> list[Row]:
    """Facts by wording, everything else by unit; what was split by hand stays so."""
    shares = options.shares or (JUDGED_SHARES if _judged(given[0].row) else Shares())
    if not by_wording or any(entry.placed for entry in given):
        return split_rows(given, shares, options.seed)
    groups = {entry.row.origin.group for entry in given if kind_of(entry.row) in RECALLED}
    facts = [entry.row for entry in given if _recalled(entry.row, groups)]
    others = [entry for entry in given if not _recalled(entry.row, groups)]
    return [
        *split_facts(facts, shares, options.seed, count),
        *split_rows(others, shares, options.seed),
    ]


def _judged(row: Row) -> bool:
    return row.is_pair or row.desirable is not None


def _recalled(row: Row, groups: set[str]) -> bool:
    """Whether a row is a fact: by itself, or because it is another wording of one."""
    return kind_of(row) in RECALLED or (bool(row.turns) and row.origin.group != "" and row.origin.group in groups)


def _reworded(rows: list[Row], count: int, options: Options) -> list[Row]:
    """The rows with their wordings; a made one that is held out is not learned."""
    held = {plain(key_text(row)) for row in rows if row.split != "train"}
    given = set(map(id, rows))
    return [row for row in reworded(rows, count, options.seed) if id(row) in given or plain(key_text(row)) not in held]


def _split_warnings(rows: Sequence[Row], given: Sequence[Given]) -> list[str]:
    counts = split_counts(rows)
    if not counts["train"]:
        raise DatasetError("No row is left to learn from: all of them are held out.", "Give some the split “train”.")
    missing = " or ".join(name for name in ("validation", "test") if not counts[name])
    warnings = [f"Nothing is held out for {missing}: the rows hang together, or are too few."] if missing else []
    if any(entry.placed for entry in given):
        leaks = _across(rows)
        if leaks:
            warnings.append(
                f"{leaks:,} held-out rows ask nearly what a training row asks (the split is the file's own)."
            )
    return warnings


def _across(rows: Sequence[Row]) -> int:
    pairs = similar_pairs([key_text(row) for row in rows], NEARLY_EQUAL)
    crossing = [pair for pair in pairs if (rows[pair[0]].split == "train") != (rows[pair[1]].split == "train")]
    return len({number for pair in crossing for number in pair if rows[number].split != "train"})


def _language_warning(rows: Sequence[Row]) -> list[str]:
    told = languages(rows)
    if len(told) < 2 or told[1][1] * 20 < sum(count for _, count in told):
        return []
    shown = ", ".join(f"{count:,} {name}" for name, count in told[:4])
    return [f"The rows are in several languages ({shown}): the model may answer in the wrong one."]


def _length_warning(rows: Sequence[Row]) -> list[str]:
    """Whether the chosen answers differ from the rejected ones by their length already."""
    told = [len(row.answer) > len(row.rejected) for row in rows if row.is_pair]
    if not told or max(sum(told), len(told) - sum(told)) < LONGER * len(told):
        return []
    longer, share = (True, sum(told) / len(told)) if sum(told) * 2 > len(told) else (False, 1 - sum(told) / len(told))
    what = "longer" if longer else "shorter"
    return [f"The chosen answer is the {what} one in {share:.0%} of the pairs: that is learned too."]


def _bad_warning(material: Material) -> list[str]:
    if not material.bad:
        return []
    count = len(material.bad)
    left = "1 row was left out" if count == 1 else f"{count:,} rows were left out"
    return [f"{left}; {'it' if count == 1 else 'the first'} is {material.bad[0]}."]


def with_rows(dataset: Dataset, rows: Sequence[Row]) -> Dataset:
    """The dataset with some of its rows gone (see forgetting); its old hash is remembered, its tokens are estimated."""
    earlier = tuple(dict.fromkeys((*dataset.card.earlier, dataset.card.sha256)))
    words = [sum(entry.tokens for entry in by_words(MAX_TOKENS)(some)) for some in (rows, dataset.rows)]
    tokens = dataset.card.tokens * words[0] // max(1, words[1])
    card = replace(dataset.card, rows=split_counts(rows), tokens=tokens, lengths={}, earlier=earlier)
    return Dataset(card, tuple(rows))
