"""Does the builder of the starter adapter's data make rows that are true, cited, balanced and the same every time?"""

import json
import lzma
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistant.prompting import question_with_passages
from tools.starter import build
from tools.starter.items import DECLINE, Item, Piece, as_row, cited, declined
from tools.starter.near import could_answer, other_opposite, other_year
from tools.starter.paper_items import Papers
from tools.starter.papers import kinds, paper
from tools.starter.places import window
from tools.starter.planted import planted
from tools.starter.pool import Pool
from tools.starter.reading import FAMILIES, Reading, load
from tools.starter.talk_items import talk, untold
from tools.starter.talk_summaries import conversation
from tools.starter.threshold import alone

BLOCK = re.compile(r"^\[(\d)\] (.*?)(?=^\[\d\] |^[0-9a-f]{8}>>>)", re.DOTALL | re.MULTILINE)
TOWNS = ["Ashby", "Birk", "Calder", "Denby", "Elton", "Farley", "Goole", "Hull", "Ilkley", "Keld", "Louth", "Malton"]


def blocks(row):
    return {int(number): text for number, text in BLOCK.findall(row.question)}


def plain(answer):
    return re.sub(r"\s*(\[\d\])+\.?$", "", answer).rstrip(".").lower()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder like the shared one, with a few made-up rows in each set."""
    folder = tmp_path_factory.mktemp("data") / "train"
    folder.mkdir()
    for name in FAMILIES:
        rows = []
        for number, town in enumerate(TOWNS):
            context = (
                f"{town} Hall is the oldest house of {town}. It was built in {1500 + number * 7} by Lady Rowena. "
                f"The roof of slate weighs {number + 20} tons and is repaired each winter by masons of the guild. "
                f"Visitors find the famous library of {town} on the largest floor, where bells ring at noon."
            )
            rows += [
                {"question": f"When was {town} Hall built?", "answer": str(1500 + number * 7)},
                {"question": f"What is the oldest house of {town}?", "answer": f"{town} Hall"},
                {"question": f"Who repairs the roof of {town} Hall?", "answer": "masons of the guild"},
            ]
            rows[-3:] = [{"context": context, "licence": "made up", "task": "", **row} for row in rows[-3:]]
        if name == "boolq_train_part":
            rows = [{**row, "answer": "Yes" if place % 2 else "No"} for place, row in enumerate(rows)]
        with lzma.open(folder / f"{name}.jsonl.xz", "wt") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.fixture(scope="module")
def rows(data):
    """Rows of the made-up sets and of our own papers."""
    chance = random.Random(1)
    items = [*build.reading_items(data, 0.02, chance), *build.own_items(0.05, chance)]
    return build.rows_of(build.with_orders(items, 0.05, chance), 1)


def test_the_same_seed_makes_the_same_rows(data, rows):
    """Building again gives the same rows in the same order."""
    chance = random.Random(1)
    items = [*build.reading_items(data, 0.02, chance), *build.own_items(0.05, chance)]
    assert build.rows_of(build.with_orders(items, 0.05, chance), 1) == rows


def test_marks_point_to_passages_that_hold_the_answer(rows):
    """Each mark is a passage of the prompt, and a span stands in the cited one."""
    checked = 0
    for row in rows:
        there = blocks(row)
        marks = [int(mark) for mark in re.findall(r"\[(\d)\]", row.answer)]
        assert set(marks) <= set(there) or row.origin.id.startswith("summary-talk")
        if row.origin.id.startswith(("span", "value")):
            assert plain(row.answer) in " ".join(there[marks[0]].lower().split())
            checked += 1
    assert checked > 20


def test_declining_is_one_sentence_without_marks(rows):
    """Whatever the reason, the answer is the same; about a third of the rows decline."""
    declining = [row for row in rows if row.origin.id.startswith(("decline", "planted-decline", "untold"))]
    assert {row.answer for row in declining} == {DECLINE}
    assert 0.2 < len(declining) / len(rows) < 0.5


def test_every_beginning_is_a_sample_of_the_whole(rows):
    """The first half of the training rows holds each kind in about its share."""
    train = [row.origin.id.rsplit("-", 1)[0] for row in rows if row.split == "train"]
    whole, half = Counter(train), Counter(train[: len(train) // 2])
    assert all(abs(half[kind] - count / 2) <= 2 for kind, count in whole.items())


def test_groups_stay_together(rows):
    """What must not be torn apart is in one split only."""
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row.origin.group, set()).add(row.split)
    assert all(len(split) == 1 for split in splits.values())


def test_the_prompt_is_the_one_of_the_chat():
    """A row's last message is what the chat builds of the same passages."""
    item = Item(
        "span", "made", "made", "g", "How high is it?", cited("12 metres"), (Piece("mast.pdf", "12 metres.", 3),)
    )
    row = as_row(item, 1, random.Random(5))
    passage = build_passage("mast.pdf", "12 metres.", 3)
    assert row.question == question_with_passages("How high is it?", [passage])
    assert row.answer == "12 metres [1]."


def build_passage(document, text, page):
    from ingest.document import Passage

    return Passage(1, 1, document, document, text, 0, len(text), page)


def test_the_threshold_is_found_with_the_passages_as_the_chat_gives_them():
    """A row's prompt with several passages becomes one prompt for each, the chat's own."""
    texts = ("Rent: £950.\n\nDue on the 1st.", "As in [1] the\nlease says.", "x")
    passages = [build_passage(f"paper {page}.pdf", text, page) for page, text in enumerate(texts, 1)]
    question = "When is it due?\nAnd how much?"
    assert alone(question_with_passages(question, passages)) == [
        question_with_passages(question, [p]) for p in passages
    ]


def test_earlier_answers_of_a_conversation_are_not_learned():
    """They were given from passages that the prompt no longer shows."""
    item = Papers(random.Random(2)).follow_up()
    row = as_row(item, 1, random.Random(2))
    assert row.only_last and len(row.turns) == 4
    assert "<<<" not in row.turns[0].content and "<<<" in row.turns[2].content


def test_papers_do_not_hold_what_they_are_said_to_lack():
    """A missing fact's value stands in no passage; a value asked for stands in the cited one."""
    papers = Papers(random.Random(3))
    for _ in range(60):
        item = papers.missing()
        assert item.answer == DECLINE and item.others and not item.gold
        told = papers.value()
        assert told.gold[0].holds(re.sub(r"\s*\[#0\]\.?$", "", told.answer))


def test_every_kind_of_paper_can_be_written():
    """All fields of all kinds fill their names and hold their value."""
    for kind in kinds():
        written = paper(kind, random.Random(kind), facts=99)
        assert "{" not in written.piece().text and not written.missing
        assert all(fact.asked and "{" not in " ".join(fact.asked) for fact in written.facts)


def test_the_later_of_two_papers_is_answered_and_the_other_named():
    """A disagreement cites both."""
    papers = Papers(random.Random(4))
    items = [item for item in (papers.disagreement() for _ in range(20)) if item.kind == "disagreement"]
    assert items and all("[#0]; the earlier paper of " in item.answer and "[#1]." in item.answer for item in items)


def test_planted_orders_leave_the_answer_as_it_is():
    """A passage that gives orders changes nothing but itself."""
    item = Papers(random.Random(6)).value()
    changed = planted(item, random.Random(6))
    assert (changed.answer, changed.question) == (item.answer, item.question)
    assert [*changed.gold, *changed.others] != [*item.gold, *item.others]


def test_a_question_becomes_one_that_is_not_answered():
    """An opposite or another year that the passage does not know."""
    reading = Reading(
        "made", "", "encyclopedia", "", "The first bridge of 1887 is the largest.", "Who built the largest bridge?", "x"
    )
    assert other_opposite(reading) == "Who built the smallest bridge?"
    asked = Reading("made", "", "encyclopedia", "", reading.context, "What was built in 1887?", "bridge")
    changed = other_year(asked, random.Random(1))
    assert changed and "1887" not in changed
    assert could_answer("A bridge stands here.", asked)
    assert not could_answer("A tower stands here.", asked)


def test_a_window_holds_the_answer_in_whole_sentences():
    """A long text is cut around the sentence that answers."""
    text = " ".join(f"Sentence number {number} tells of weather." for number in range(60))
    cut = window(text, "number 31", "Which number?", 200, random.Random(1))
    assert "number 31" in cut and len(cut) <= 200 and cut.endswith(".")


def test_the_pool_finds_texts_by_rare_words():
    """The text with the question's rare words comes first, of the right family only."""
    pool = Pool(
        [("a", "one", "The heron eats fish."), ("a", "two", "The fish swims."), ("b", "three", "A heron flies.")]
    )
    assert pool.similar("What does the heron eat?", "a") == ["The heron eats fish."]
    assert pool.same_article("two") == ["The fish swims."]


def test_what_needs_no_documents_has_none():
    """Small talk is answered, private facts are declined, both without passages."""
    assert all(not item.gold and not item.others for item in [*talk(), *untold(40, random.Random(1))])
    assert {item.answer for item in untold(40, random.Random(1))} == {DECLINE}


def test_conversations_are_filled_in():
    """No placeholder is left in a conversation or its summary."""
    chance = random.Random(8)
    for number in range(60):
        item = conversation(number, chance)
        told = item.question + item.answer + "".join(piece.text for piece in item.gold)
        assert not re.search(r"\{\w+\}| \| ", told)


def test_a_decline_keeps_nothing_as_gold(data):
    """Taking the passage away leaves passages that do not answer."""
    reading = load(data, "adversarialqa_train_part")[0]
    item = declined(Item("", "", "", "", reading.question, "x", (Piece("a", "b"),)), "decline-removed", [])
    assert item.declines and not item.gold
