"""Duplicates, contradictions, private text, languages: what is found in rows before they are learned."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.data.languages import language
from adapters.data.near_duplicates import jaccard, near_clusters, normalised, shingles
from adapters.data.privacy import findings, iban, luhn, masked, private_parts
from adapters.data.row_checks import contradictions, distinct, require_consistent, require_enough
from adapters.data.row_formats import Given
from adapters.errors import DatasetError
from adapters.rows import Origin, Row, Turn

WORDS = [f"w{number}" for number in range(2_000)]


def row(question, answer="Yes.", **origin):
    return Row((Turn("user", question), Turn("assistant", answer)), origin=Origin(**{"source": "file", **origin}))


def test_near_duplicates_are_found_among_thousands_in_seconds():
    """One changed word in sixty is found for every text; unrelated texts stay apart; equal ones cost little."""
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=60)) for _ in range(1_500)]
    changed = [" ".join([*text.split()[:30], "other", *text.split()[31:]]) for text in texts]
    begun = time.process_time()
    clusters = near_clusters([*texts, *changed], 0.7)
    assert clusters == [*range(1_500), *range(1_500)]
    assert len(set(near_clusters(["The same sentence again and again."] * 10_000, 0.7))) == 1
    assert time.process_time() - begun < 20


@given(st.text(max_size=80), st.text(max_size=80))
def test_similarity_is_symmetric_and_whole_for_equal_texts(left, right):
    """Jaccard of any two texts is from 0 to 1, the same both ways, and 1 for texts that differ in case only."""
    assert 0 <= jaccard(shingles(left), shingles(right)) == jaccard(shingles(right), shingles(left)) <= 1
    assert jaccard(shingles(left), shingles(left)) == 1
    assert normalised(normalised(left)) == normalised(left)


def test_equal_and_nearly_equal_rows_are_left_out_but_different_facts_stay():
    """White space makes no difference, numbers and short answers do; wordings of a group stay."""
    base = "Please tell me in which year the old stone bridge over the river at the mill was built by the town"
    rows = [
        row("Who?"), row("Who? "), row(base, "In 1901."), row(base + " then", "In 1901."),
        row(base + " now", "In 1902."),
        row("Room 12 on the second floor of the old house by the lake?", "Blue."),
        row("Room 13 on the second floor of the old house by the lake?", "Blue."),
    ]  # fmt: skip
    kept = distinct([Given(entry) for entry in rows])
    assert (kept.exact, kept.near) == (1, 1)
    assert [given.row for given in kept.rows] == [rows[0], rows[2], *rows[4:]]
    grouped = [row(base, "In 1901.", group="g"), row(base + " then", "In 1901.", group="g")]
    assert len(distinct([Given(entry) for entry in grouped]).rows) == 2


def test_of_equal_rows_the_held_out_one_stays():
    """A row that stands in train and in test is tested, not learned."""
    train, test = row("Who?"), Row(row("Who?").turns, origin=Origin("file"), split="test")
    assert [given.row.split for given in distinct([Given(train, True), Given(test, True)]).rows] == ["test"]


def test_contradictions_name_both_rows_and_many_are_refused_with_the_number():
    """The same question with two short answers; long answers may differ."""
    rows = [
        row("Who is it?", "Tom.", name="a", id="1"),
        row("who is it", "Tim.", name="a", id="2"),
        row("Why?", "x" * 300),
    ]
    rows += [row("Why?", "y" * 300)]
    [found] = contradictions(rows)
    assert str(found) == "“who is it” is answered differently in a:1 and a:2"
    with pytest.raises(DatasetError, match="1 question is answered differently, of at most 0 in 3"):
        require_consistent([found], rows)
    require_consistent([found], rows + [row(f"Question {number}?") for number in range(40)])


def test_too_little_is_refused_with_the_number_needed():
    """The least differs by kind; facts count once in all their wordings."""
    facts = [row(f"{number}?", group=f"g{number // 3}") for number in range(12)]
    with pytest.raises(DatasetError, match="4 facts are too few to learn from: at least 5") as caught:
        require_enough(facts, "facts")
    assert "Add 1 more" in caught.value.hint
    with pytest.raises(DatasetError, match="1 example is too few to learn from: at least 10"):
        require_enough(facts[:1], "style")
    assert "50 or more work better" in require_enough(facts, "style")
    assert require_enough(facts * 5, "style") == ""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to jane.doe+x@mail.example.co.uk today", "mail address"),
        ("Call +44 20 7946 0958 now", "phone number"),
        ("Call 030/1234567-0 now", "phone number"),
        ("Call (020) 7946 0958", "phone number"),
        ("Call 555-123-4567.", "phone number"),
        ("Card 4111 1111 1111 1111, valid", "card number"),
        ("DE89 3704 0044 0532 0130 00", "bank account"),
        ("gb82west12345698765432", "bank account"),
        ("sk-proj-abcdefghij0123456789", "access key"),
        ("ghp_abcdefghij0123456789ABCDEFGHIJ", "access key"),
        ("AKIAIOSFODNN7EXAMPLE", "access key"),
        ("password: hunter22", "password"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", "private key"),
    ],
)
def test_private_text_is_found_and_never_shown(text, kind):
    """Addresses, numbers with check digits, keys: the kind, the row, and a masked sample."""
    assert [found for found, _ in private_parts(text)] == [kind]
    [finding] = findings([row(text, name="a", id="3")])
    assert (finding.kind, finding.count, finding.labels) == (kind, 1, ("a:3",))
    secret = next(text for _, text in private_parts(text))
    assert secret not in str(finding) and finding.samples[0].endswith("•••") and len(finding.samples[0]) <= 7


@pytest.mark.parametrize(
    "text",
    ["On 2024-05-06 at 10:30", "06.05.2024 - 2025", "12 * 100 / 20 = 60", "1,234,567.89 pounds",
     "ISBN 978-3-16-148410-0", "4111 1111 1111 1112", "DE89 3704 0044 0532 0130 02",
     "order 12345678", "0.12345678", "at home @ 5", "a@b"],
)  # fmt: skip
def test_dates_sums_and_wrong_check_digits_are_not_private(text):
    """What only looks like a number of somebody is left alone."""
    assert list(private_parts(text)) == []


@given(st.text(alphabet="0123456789 -+()./@aA_.e:=", max_size=2_000))
def test_the_search_for_private_text_ends_on_anything(text):
    """No text makes the patterns slow or fail, and a mask never shows more than a quarter."""
    for _, found in private_parts(text):
        assert len(masked(found)) - 3 <= len(found) // 4


def test_check_digits():
    """Luhn and mod 97 on published examples."""
    assert luhn("4012888888881881") and not luhn("4012888888881882") and not luhn("0000000000000000")
    assert iban("GB82 WEST 1234 5698 7654 32") and not iban("GB82 WEST 1234 5698 7654 33")


@pytest.mark.parametrize(
    ("text", "name"),
    [("What is the name of the dog?", "English"), ("Wie ist der Name von dem Hund?", "German"),
     ("Кто это?", "Cyrillic"), ("猫の名前は何ですか", "Japanese"),
     ("Quel est le nom du chien ?", "French"), ("12345", "")],
)  # fmt: skip
def test_languages_are_told(text, name):
    """By script, and by common words; numbers have none."""
    assert language(text) == name
