"""Building a dataset: split, wordings, kind and advice, warnings, the file and its hash."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.data.building import Material, Options, build, with_rows
from adapters.data.dataset import (
    Card,
    card_bytes,
    check_name,
    holding,
    load,
    load_card,
    parse_rows,
    rows_bytes,
    sha256_of,
)
from adapters.data.formats import BadRow
from adapters.data.lengths import Measured, by_words, cut_warning, lengths
from adapters.data.near_duplicates import jaccard, shingles
from adapters.data.preview import runs, spread
from adapters.data.routing import advise, has_format, kind_of
from adapters.data.row_formats import Given
from adapters.data.splitting_rows import SAME_QUESTION, Shares, key_text, split_rows
from adapters.data.wordings import reworded, wordings
from adapters.errors import DatasetError
from adapters.rows import Origin, Row, Turn

COUNT = by_words(1024)
QUESTIONS = ["the red door", "a blue lamp by the window", "what is it", "who", "key key key"]
GROUPS = ["", "a", "b", "c"]
NOUNS = ["door", "lamp", "gate", "roof", "boat", "barn", "well", "mill", "shop", "yard"]


def row(question, answer="Yes.", split="train", **origin):
    return Row((Turn("user", question), Turn("assistant", answer)), "", Origin(**{"source": "file", **origin}), split)


def facts(count):
    asked = [f"Where does person {n} keep the {NOUNS[n % 10]} key?" for n in range(count)]
    return [row(text, f"In box {n}.", name="f", id=str(n), group=f"f:{n}") for n, text in enumerate(asked)]


def style(count):
    told = [f"{NOUNS[n % 10]} {n * 7919} {NOUNS[n // 10 % 10]} {n * 104729}\nRewrite this." for n in range(count)]
    return [row(text, f"[LOG] entry {n} | done", name="s", id=str(n), group=f"s:{n}") for n, text in enumerate(told)]


def made(rows, placed=False, **options):
    material = Material(tuple(Given(entry, placed) for entry in rows), sources=("x",))
    return build("x", material, Options(**options), COUNT)


def test_style_rows_are_held_out_whole_with_a_few_in_each_split():
    """Of 60 rows, six are held out for each split; every row is in one place only."""
    dataset = made(style(60))
    assert dataset.card.rows == {"train": 48, "validation": 6, "test": 6}
    assert len({entry.origin.id for entry in dataset.rows}) == 60
    assert dataset.card.kind == "style" and "right tool" in " ".join(dataset.card.advice)
    assert made(style(20)).card.rows == {"train": 12, "validation": 4, "test": 4}


def test_every_fact_is_learned_and_asked_in_wordings_that_were_not():
    """Facts told once get three wordings to learn and others for the proof."""
    dataset = made(facts(12))
    assert dataset.card.kind == "facts"
    learned = {key_text(entry) for entry in dataset.split("train")}
    assert {entry.origin.group for entry in dataset.split("train")} == {f"f:{n}" for n in range(12)}
    assert (
        len(dataset.split("train")) == 36
        and len(dataset.split("test")) == 12
        and len(dataset.split("validation")) == 12
    )
    assert not learned & {key_text(entry) for entry in dataset.rows if entry.split != "train"}


def test_facts_with_several_wordings_hold_out_their_own():
    """Of five wordings one goes to validation and one to test; made ones are learned only."""
    ways = ("Where is key", "Which box has key", "What holds key", "Is there key", "Who has key")
    rows = [row(f"{way} {n}?", f"Box {n}.", name="f", group=f"f:{n}") for n in range(6) for way in ways]
    dataset = made(rows)
    assert dataset.card.rows == {"train": 3 * 18, "validation": 6, "test": 6}
    assert {entry.origin.group for entry in dataset.split("test")} == {f"f:{n}" for n in range(6)}


def test_rows_that_name_their_split_keep_it_and_near_copies_across_are_told():
    """A split by hand is honoured; a held-out row that nearly repeats a training row is a warning."""
    rows = [Row(entry.turns, "", entry.origin, "test" if n < 3 else "train") for n, entry in enumerate(style(20))]
    long = "Please tell me in which year the old stone bridge over the river at the mill was built by the town "
    rows += [row(long + "once", "In 1901."), row(long + "then", "Well, in 1901.", split="test")]
    dataset = made(rows, placed=True)
    assert dataset.card.rows == {"train": 18, "validation": 0, "test": 4}
    warnings = " ".join(dataset.card.warnings)
    assert "1 held-out rows ask nearly" in warnings and "Nothing is held out for validation" in warnings


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(QUESTIONS), st.integers(0, 9), st.sampled_from(GROUPS)), max_size=30))
def test_no_group_and_no_near_duplicate_is_ever_divided(entries):
    """Whatever the rows, a group or a pair of nearly equal questions lies in one split; the same seed splits alike."""
    rows = [row(f"{text} {number}", group=group) for text, number, group in entries]
    split = split_rows([Given(entry) for entry in rows], Shares(), 1)
    assert split == split_rows([Given(entry) for entry in rows], Shares(), 1)
    assert not rows or any(entry.split == "train" for entry in split)
    for one in split:
        for other in split:
            together = one.origin.group and one.origin.group == other.origin.group
            if together or key_text(one) == key_text(other):
                assert one.split == other.split


def test_near_duplicates_stay_on_one_side():
    """Rows whose questions share most word pairs are never learned and tested."""
    long = "Please tell me in which year the old stone bridge over the river at the mill was built "
    rows = [row(f"{long}{n % 3}", f"In 19{n:02}.") for n in range(3)] + style(40)
    split = split_rows([Given(entry) for entry in rows], Shares(), 3)
    for one in split:
        for other in split:
            if jaccard(shingles(key_text(one)), shingles(key_text(other))) >= SAME_QUESTION:
                assert one.split == other.split


def test_a_single_book_is_divided_between_its_parts():
    """Text of one document holds out runs of neighbouring passages; of three documents one whole one."""

    def text(document, count):
        told = [f"Passage {n} of {document} tells of the {NOUNS[n % 10]} number {n * 7919}." for n in range(count)]
        return [Row(text=line, origin=Origin("document", document, str(n), document)) for n, line in enumerate(told)]

    one = made(text("book", 80))
    assert one.card.kind == "text" and one.card.rows["validation"] == one.card.rows["test"] == 8
    three = made([*text("a", 30), *text("b", 10), *text("c", 20)])
    for document in "abc":
        assert len({entry.split for entry in three.rows if entry.origin.group == document}) == 1
    assert three.card.rows["test"] and three.card.rows["validation"]


def test_one_row_and_ten_thousand_copies_of_it_are_refused_with_the_number():
    """Too little says how many are there and how many are needed; nothing at all says what to name."""
    for rows in ([style(1)[0]], style(1) * 10_000):
        with pytest.raises(DatasetError, match="1 example is too few to learn from: at least 10 are needed"):
            made(rows)
    assert made(style(1) * 10, anyway=True).card.removed == {"exact": 9, "near": 0, "bad": 0}
    with pytest.raises(DatasetError, match="no rows to build"):
        made([])


def test_warnings_name_bad_rows_languages_private_text_and_contradictions():
    """Everything a person should know stands in the card, each in one line."""
    rows = [row(f"What is the number of the {NOUNS[n]} with {n * 7919}?", f"# {n}") for n in range(10)]
    rows += [row(f"Wie ist der Name von dem Hund {n * 7919}?", "Der Hund ist das nicht.") for n in range(9)]
    rows += [row("My mail?", "me@example.org")]
    material = Material(tuple(map(Given, rows)), (BadRow("f", 3, "the answer is empty"),))
    card = build("x", material, Options(), COUNT).card
    said = "\n".join(card.warnings)
    assert "1 row was left out; it is f:3: the answer is empty." in said
    assert "several languages" in said and "9 German" in said
    assert "1 mail address in 1 row" in said and "me@example.org" not in said
    assert card.bad == ("f:3: the answer is empty",)


def test_what_is_cut_is_told_with_its_side_and_the_histogram_counts_every_row():
    """Rows that are too long lose their beginning (turns) or end (text)."""
    found = lengths([Measured(10), Measured(100), Measured(2_000, 976, "start"), Measured(3_000, 1_976, "end")], 1024)
    assert found.histogram == ((16, 1), (128, 1), (2048, 1), (4096, 1)) and found.total == 5_110
    said = cut_warning(found)
    assert "1 row loses the beginning (early turns) and 1 row loses the end, 2,952 tokens in all." in said


@given(st.text(min_size=1, max_size=200).filter(str.strip), st.integers(1, 8), st.integers(0, 3))
def test_wordings_are_different_texts_that_hold_the_question_s_words(question, count, seed):
    """At most as many as asked for, none twice, none the question itself, the same for the same seed."""
    found = wordings(question, count, seed)
    assert len(found) == len(set(found)) <= count and question not in found
    assert found == wordings(question, count, seed)


def test_only_training_questions_are_reworded():
    """Held-out rows and plain text stay; a wording keeps answer, group and origin."""
    rows = [
        row("Where is the key?", "Here.", id="1", group="g"),
        row("Where is it?", split="test"),
        Row(text="Some text."),
    ]
    found = reworded(rows, 3, 0)
    assert len(found) == 5 and [entry.origin.id for entry in found[:3]] == ["1", "1~2", "1~3"]
    assert {entry.answer for entry in found[:3]} == {"Here."} and {entry.origin.group for entry in found[:3]} == {"g"}
    assert "Can you tell me where the key is?" in wordings("Where is the key?", 20, 0)
    assert wordings("Sum this up:\n\nA long text.", 9, 0)[0].count("A long text.") == 1


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (row("What is our dog called?", "Oskibar."), "facts"),
        (row("dog's name", "Oskibar.", source="teach"), "facts"),
        (row("What does BRK stand for?", "Berkshire."), "vocabulary"),
        (row("Write a poem about rain.", "Rain falls " * 20), "style"),
        (row("Who was he?", "In 1901 John Smith of Boston met Anna May of London in 1905. " * 8), "passages"),
        (row("What is said?", "Much.", source="document"), "passages"),
        (Row(text="Some text."), "text"),
    ],
)
def test_kinds_of_rows_are_told(entry, kind):
    """By question, answer and source."""
    assert kind_of(entry) == kind


def test_the_right_tool_is_named_with_a_reason():
    """Facts in documents go to retrieval, short facts and style to an adapter; a task of few classes is no fact."""
    documents = advise([row(f"What {n}?", "Much.", source="document") for n in range(10)])
    assert documents.tool == "retrieval" and "assistant ingest" in " ".join(documents.sentences)
    assert advise(facts(10)).tool == "adapter" and advise(facts(10)).kind == "facts"
    known = advise(facts(10), in_documents=9)
    assert known.tool == "retrieval" and "9 facts stand in your documents already" in " ".join(known.sentences)
    assert advise([row(f"Is review {n} good or bad?", "good" if n % 2 else "bad") for n in range(20)]).kind == "style"
    assert has_format(["- a\n- b", "- c\n- d", "x"]) and not has_format(["One.", "Two.", "Three."])


def test_a_dataset_survives_the_disk_and_a_changed_one_is_refused(tmp_path):
    """rows.jsonl and card.json come back equal; rows that do not fit the hash are not learned from."""
    dataset = made(style(20), licence="CC0")
    data = rows_bytes(dataset.rows)
    card = Card(**{**dataset.card.as_json(), "sha256": sha256_of(data)})
    (tmp_path / "rows.jsonl").write_bytes(data)
    (tmp_path / "card.json").write_bytes(card_bytes(card))
    found = load(tmp_path)
    assert found.rows == dataset.rows == parse_rows(data, "x")
    assert (found.card.licence, found.card.rows, found.card.warnings) == (
        "CC0",
        dataset.card.rows,
        dataset.card.warnings,
    )
    (tmp_path / "rows.jsonl").write_bytes(data + data[:200])
    with pytest.raises(DatasetError, match="not those it was built with"):
        load(tmp_path)
    (tmp_path / "card.json").write_text("[]")
    assert load_card(tmp_path) is None


def test_the_next_card_holds_when_a_crash_left_the_old_one(tmp_path):
    """Between the rows and the card a crash leaves both cards; the one whose hash fits is right."""
    old, new = made(style(20)), made(style(30))
    data = rows_bytes(new.rows)
    (tmp_path / "rows.jsonl").write_bytes(data)
    (tmp_path / "card.json").write_bytes(card_bytes(old.card))
    (tmp_path / "card.next.json").write_bytes(card_bytes(Card(**{**new.card.as_json(), "sha256": sha256_of(data)})))
    assert load(tmp_path).card.rows == new.card.rows


def test_a_text_is_found_in_turns_text_and_the_name_of_its_source_and_its_rows_can_go():
    """Case and spacing make no difference; the dataset without them remembers its old hash."""
    rows = [row("Who?", "John  SMITH it is"), Row(text="by john smith"), row("x", name="John Smith.pdf"), row("y")]
    assert holding(rows, " john smith ") == tuple(rows[:3])
    dataset = made(style(20))
    shorter = with_rows(dataset, dataset.rows[:10])
    assert sum(shorter.card.rows.values()) == 10 and shorter.card.earlier == (dataset.card.sha256,)
    assert 0 < shorter.card.tokens < dataset.card.tokens


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "a..b", "a b"])
def test_names_that_are_no_folders_are_refused(name):
    """A dataset's name can never leave its folder."""
    with pytest.raises(DatasetError, match="cannot be the name"):
        check_name(name)


@given(st.lists(st.tuples(st.text(max_size=5), st.booleans()), max_size=20))
def test_runs_of_tokens_join_to_the_same_text(tokens):
    """Neighbours of one kind become one text, nothing is lost, no two neighbours are alike."""
    joined = runs(tokens)
    assert "".join(text for text, _ in joined) == "".join(text for text, _ in tokens)
    assert all(one[1] != other[1] for one, other in pairwise(joined))
    assert len(spread(list(range(7)), 3)) == 3 and spread([], 3) == []


def test_the_same_input_gives_the_same_bytes():
    """Rows, wordings and splits depend on the input and the seed only."""
    assert rows_bytes(made(facts(12), seed=5).rows) == rows_bytes(made(facts(12), seed=5).rows)
    assert rows_bytes(made(facts(12), seed=5).rows) != rows_bytes(made(facts(12), seed=6).rows)
    assert json.loads(card_bytes(made(facts(12)).card))["options"]["seed"] == 0


def preferred(count, longer=False):
    """Pairs of different questions, the chosen answer the shorter one in half of them, or never."""
    rows = []
    for n in range(count):
        short, long = f"In {NOUNS[n % 10]} {n}.", f"That would be in {NOUNS[n % 10]} {n}."
        chosen, rejected = (long, short) if longer or n % 2 else (short, long)
        asked = f"{NOUNS[n % 10]} {n * 7919} {NOUNS[n // 10 % 10]} {n * 104729}?"
        rows.append(replace(row(asked, chosen, name="p", id=str(n)), rejected=rejected, only_last=True))
    return rows


def test_pairs_are_a_kind_of_their_own_with_more_held_out_for_the_proof():
    """A fifth is held out for the proof unless a share is named; the advice says how they are learned."""
    dataset = made(preferred(60))
    assert dataset.card.kind == "preferences" and "DPO" in " ".join(dataset.card.advice)
    assert dataset.card.rows == {"train": 42, "validation": 6, "test": 12}
    assert all(entry.rejected for entry in dataset.rows)
    assert parse_rows(rows_bytes(dataset.rows), "x") == dataset.rows
    assert made(preferred(60), shares=Shares(0.1, 0.1)).card.rows["test"] == 6


def test_pairs_of_one_question_are_never_torn_apart():
    """Rankings give several pairs of a question: they stand in one split."""
    rows = preferred(40)
    rows += [replace(entry, rejected=f"No idea, {n}.") for n, entry in enumerate(rows)]
    dataset = made(rows)
    places = {}
    for entry in dataset.rows:
        places.setdefault(entry.question, set()).add(entry.split)
    assert len(dataset.rows) == 80 and all(len(splits) == 1 for splits in places.values())


def test_pairs_and_answers_are_not_mixed():
    """They are learned in different ways; the line says how many there are and what to do."""
    with pytest.raises(DatasetError, match=r"40 of 50 rows are pairs") as refused:
        made([*preferred(40), *style(10)])
    assert "one dataset of the pairs" in refused.value.hint


def test_what_is_judged_both_ways_is_refused():
    """The same two answers, each chosen over the other once."""
    rows = preferred(20)
    back = [replace(entry.other, rejected=entry.answer) for entry in rows[:3]]
    with pytest.raises(DatasetError, match="3 questions are judged both ways"):
        made([*rows, *back])
    warned = made([*rows, *back], anyway=True)
    assert any("judged both ways in p:0 and p:0" in warning for warning in warned.card.warnings)
    assert len(warned.rows) == 23


def test_equal_pairs_go_and_others_with_the_same_answer_stay():
    """A pair is equal to another by question and both answers."""
    rows = preferred(20)
    dataset = made([*rows, rows[0], replace(rows[1], rejected="Somewhere else, I suppose.")])
    assert dataset.card.removed["exact"] == 1 and len(dataset.rows) == 21


def test_a_preference_for_length_is_pointed_at():
    """Pairs in which the chosen answer is nearly always the longer one teach length."""
    assert any("longer one in 100% of the pairs" in warning for warning in made(preferred(20, True)).card.warnings)
    assert not any("longer one" in warning for warning in made(preferred(20)).card.warnings)


def test_what_is_searched_for_is_found_in_rejected_answers_too():
    """Forgetting takes both answers into account."""
    rows = [replace(entry, rejected=f"Ask Oskibar, {n}.") for n, entry in enumerate(preferred(12))]
    assert len(holding(rows, "oskibar")) == 12


def rated(count, good=lambda n: n % 2 == 0):
    """Answers to different questions, rated good or bad."""
    return [replace(entry.other, desirable=good(n), only_last=True) for n, entry in enumerate(preferred(count))]


def test_ratings_are_a_kind_of_their_own():
    """A fifth is held out; the labels survive the file; the advice says how they are learned."""
    dataset = made(rated(60))
    assert dataset.card.kind == "ratings" and "KTO" in " ".join(dataset.card.advice)
    assert dataset.card.rows["test"] == 12 and {row.desirable for row in dataset.rows} == {True, False}
    assert parse_rows(rows_bytes(dataset.rows), "x") == dataset.rows


def test_ratings_of_one_kind_and_of_both_kinds_at_once_are_refused():
    """Only good answers teach no difference, and the same answer cannot be both; nor are ratings mixed with others."""
    with pytest.raises(DatasetError, match="40 good and 0 bad answers") as refused:
        made(rated(40, lambda n: True))
    assert "--scores" in refused.value.hint
    rows = rated(40)
    with pytest.raises(DatasetError, match="4 questions are judged both ways"):
        made([*rows, *(replace(entry, desirable=not entry.desirable) for entry in rows[:4])])
    with pytest.raises(DatasetError, match="40 of 50 rows are rated good or bad"):
        made([*rows, *style(10)])
