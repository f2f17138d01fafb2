"""Marks, quotes and attribution."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assistant.attribution import Evidence, passage_sentences
from assistant.citations import bound, content_words, sentences, with_marks
from ingest.document import Passage

LEASE = "The tenancy begins on 1 May. The rent is 950 pounds a month, due on the first. Pets need consent."
BOILER = "Hold the reset button for five seconds. The boiler then restarts."
PASSAGES = [
    Passage(1, 7, "Lease", "/lease.pdf", LEASE, 100, 100 + len(LEASE), page=2, score=0.9),
    Passage(2, 8, "Boiler manual", "/boiler.pdf", BOILER, 0, len(BOILER), page=5, score=0.5),
]


def cited(text):
    return bound(text, PASSAGES)


def split(text):
    return [text[span.start : span.end] for span in sentences(text)]


def test_sentences_keep_their_marks_and_survive_abbreviations():
    """A mark behind the full stop belongs to the sentence before it; titles and numbers do not end one."""
    text = "Dr. Hill paid £9.50 e.g. on 3.4.2024 [1]. Then he\nleft. [2]\n- a list line\n\nIs it so? Yes!"
    assert split(text) == [
        "Dr. Hill paid £9.50 e.g. on 3.4.2024 [1].", "Then he\nleft. [2]", "- a list line", "Is it so?", "Yes!",
    ]  # fmt: skip


@given(st.text(max_size=400))
def test_sentences_lose_nothing(text):
    """Every visible character is in exactly one sentence, in order."""
    spans = sentences(text)
    assert "".join("".join(text[span.start : span.end].split()) for span in spans) == "".join(text.split())
    assert all(left.end <= right.start for left, right in pairwise(spans))


def test_a_mark_becomes_the_very_sentence_of_the_document():
    """The citation's offsets point at the sentence of the passage that says it."""
    _, [citation] = cited("The rent is 950 pounds [1].")
    assert citation.quote == "The rent is 950 pounds a month, due on the first."
    assert LEASE[citation.start - 100 : citation.end - 100] == citation.quote
    assert (citation.document, citation.page, citation.mark, citation.attributed) == ("Lease", 2, 1, False)


def test_marks_that_point_nowhere_are_dropped():
    """[9] and [0] leave the text, also out of a list of marks; real ones stay."""
    text, found = cited("The rent is 950 pounds [1, 9]. Hold the reset button [2][0]. Pets need consent [7].")
    assert text == "The rent is 950 pounds [1]. Hold the reset button [2]. Pets need consent."
    assert [citation.mark for citation in found] == [1, 2]


def test_a_mark_on_a_passage_that_shares_no_word_is_dropped():
    """A sentence about the moon cannot cite the boiler manual."""
    text, found = cited("The moon is made of cheese [2].")
    assert (text, found) == ("The moon is made of cheese.", [])


def test_a_mark_moves_to_the_only_passage_that_says_it():
    """What is copied from the lease is cited as the lease's; where both or none say it all, the model's mark stands."""
    text, [rent, reset] = cited("The rent is 950 pounds [2]. Hold the reset button for five seconds [2].")
    assert text == "The rent is 950 pounds [1]. Hold the reset button for five seconds [2]."
    assert (rent.document, rent.quote) == ("Lease", "The rent is 950 pounds a month, due on the first.")
    assert reset.mark == 2
    for untouched in ("The boiler needs consent [2].", "The rent restarts [1].", "Yes [2]."):
        assert cited(untouched)[0] == untouched


def test_yes_and_no_keep_their_marks():
    """A sentence without a word of meaning has nothing a passage could share; a mark alone stands for nothing."""
    text, [citation] = cited("Yes [1].")
    assert (text, citation.quote, citation.mark) == ("Yes [1].", LEASE, 1)
    assert cited("[1]") == ("", [])


def test_code_and_links_are_not_marks():
    """An index in code and a Markdown link stay as they are."""
    text = "Use rent[1] and [1](https://example.org) for the rent."
    assert cited(text) == (text, [])


def attributed(text, similarity):
    text, found = cited(text)
    places = passage_sentences(PASSAGES)
    return text, Evidence(
        text, PASSAGES, places, {span: [similarity] * len(places) for span in sentences(text)}
    ).citations(found)


def test_an_unmarked_sentence_is_attributed_where_words_and_meaning_agree():
    """The app finds the passage itself, and shows the mark as its own."""
    text, [citation] = attributed("Hold the reset button for five seconds.", 0.8)
    assert (citation.mark, citation.attributed, citation.quote) == (2, True, "Hold the reset button for five seconds.")
    assert with_marks(text, [citation]) == "Hold the reset button for five seconds. [~2]"


def test_words_without_meaning_or_meaning_without_words_are_not_enough():
    """Below either threshold the sentence is left bare."""
    assert attributed("Hold the reset button for five seconds.", 0.1)[1] == []
    assert attributed("Elephants live in Africa and eat grass.", 0.9)[1] == []


def test_a_number_that_stands_in_no_passage_is_never_attributed():
    """A wrong amount must not look sourced."""
    assert attributed("The rent is 1,200 pounds a month, due on the first.", 0.9)[1] == []


def test_what_says_nothing_needs_no_source():
    """Questions, introductions, list numbers, greetings, echoed titles and repetitions are left alone."""
    for text in (
        "Is the rent 950 pounds a month?",
        "The rent is 950 pounds a month:",
        "1.",
        "Yours, Lease",
        "Boiler manual",
    ):
        assert attributed(text, 0.9)[1] == [], text
    twice = "Hold the reset button for five seconds. Hold the reset button for five seconds."
    assert len(attributed(twice, 0.9)[1]) == 1


def test_a_short_value_is_attributed():
    """A bare number that stands in a passage is an answer."""
    [citation] = attributed("950 pounds.", 0.9)[1]
    assert citation.quote.startswith("The rent is 950 pounds")


def test_meaning_sharpens_the_quote_of_a_mark():
    """Where two sentences share as many words, the one closer in meaning is quoted."""
    text, found = cited("It is due on the first of May [1].")
    places = passage_sentences(PASSAGES)
    row = [0.2, 0.9, 0.1, 0.0, 0.0]
    [citation] = Evidence(text, PASSAGES, places, dict.fromkeys(sentences(text), row)).citations(found)
    assert citation.quote == places[1].text and not citation.attributed


def test_content_words_meet_in_any_form():
    """Plurals, endings and separators in numbers do not keep words apart."""
    assert content_words("The tenancies, paying 1,250.50") == ["tenancy", "pay", "1250.50"]


@given(st.text(max_size=300))
def test_any_answer_can_be_bound(text):
    """No text breaks binding; citations stay inside text and passage."""
    cleaned, found = cited(text)
    assert all(0 <= c.answer_start < c.answer_end <= len(cleaned) for c in found)
