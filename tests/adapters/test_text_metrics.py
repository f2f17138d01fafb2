"""ROUGE, BLEU, chrF, exact match and token F1 against hand-checked values and the published implementations."""

from __future__ import annotations

import random
import re
import string
from collections import Counter

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from adapters.proof.answer_metrics import best, exact_match, token_f1
from adapters.proof.bleu import bleu, chrf
from adapters.proof.measuring_worker import MeasuringWorker
from adapters.proof.rank_correlation import ranks, spearman, spearman_interval
from adapters.proof.rouge import Overlap, rouge_l, rouge_n, tokens

PAIRS = 1_000
VOCABULARY = """the a an cat's dog, it-is Outside! COLD cold (warm) cup of tea 1,000 U.S. don't x_y "said" ... drinking
    I am is very and und 3.5 e-mail rent's 950 [1] it It's thing. another"""


def random_pairs(seed: int) -> list[tuple[str, str]]:
    """Pairs that share words in other orders and numbers, some of them empty."""
    draw = random.Random(seed)
    return [
        tuple(" ".join(draw.choices(VOCABULARY.split(), k=draw.randrange(0, 25))) for _ in range(2))  # type: ignore[misc]
        for _ in range(PAIRS)
    ]


def test_rouge_is_that_of_the_package_on_english_pairs() -> None:
    """Precision, recall and F1 of ROUGE-1, 2 and L, to the last bit, without the stemmer."""
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for answer, reference in random_pairs(1):
        theirs = scorer.score(reference, answer)
        ours = {"rouge1": rouge_n(answer, reference, 1), "rouge2": rouge_n(answer, reference, 2),
                "rougeL": rouge_l(answer, reference)}  # fmt: skip
        for name, found in ours.items():
            assert (found.precision, found.recall, found.f1) == tuple(theirs[name]), (name, answer, reference)


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    """Sentence by sentence and as a corpus, with several references."""
    pairs = random_pairs(2)
    for answer, reference in pairs:
        assert bleu([answer], [[reference]]).score == sacrebleu.sentence_bleu(answer, [reference]).score
        assert chrf([answer], [[reference]]).score == sacrebleu.sentence_chrf(answer, [reference]).score
    answers, first, second = [a for a, _ in pairs], [r for _, r in pairs], [r for _, r in random_pairs(3)]
    streams = [first, second]
    both = [[one, other] for one, other in zip(first, second, strict=True)]
    assert bleu(answers, both).score == sacrebleu.corpus_bleu(answers, streams).score
    assert chrf(answers, both).score == sacrebleu.corpus_chrf(answers, streams).score


def squad_f1(answer: str, expected: str) -> tuple[float, float]:
    """Exact match and F1 by the definition of SQuAD 2.0's evaluation, in its own order of steps: lower case,
    no punctuation, no articles, single blanks; F1 over the clipped counts; two empty texts are equal."""

    def normal(text: str) -> list[str]:
        plain = "".join(character for character in text.lower() if character not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", plain).split()

    given, wanted = normal(answer), normal(expected)
    exact = float(" ".join(given) == " ".join(wanted))
    same = sum((Counter(given) & Counter(wanted)).values())
    if not given or not wanted:
        return exact, float(given == wanted)
    if not same:
        return exact, 0.0
    precision, recall = same / len(given), same / len(wanted)
    return exact, 2 * precision * recall / (precision + recall)


def test_exact_match_and_f1_are_those_of_squad() -> None:
    """To the last bit; with several references the best one counts."""
    for answer, reference in random_pairs(4):
        assert (exact_match(answer, reference), token_f1(answer, reference)) == squad_f1(answer, reference)
    assert best(token_f1, "in May", ["June", "in May 2026"]) == pytest.approx(0.8)
    assert best(token_f1, "in May", []) == 0.0


def test_it_is_cold_outside() -> None:
    """One word too many: all of the reference is there; two of three pairs are; the order is kept."""
    answer, reference = "It is very cold outside.", "It is cold outside."
    assert rouge_n(answer, reference, 1) == Overlap(4 / 5, 4 / 4, 2 * 0.8 / 1.8)
    assert rouge_n(answer, reference, 2) == Overlap(2 / 4, 2 / 3, pytest.approx(4 / 7))  # type: ignore[arg-type]
    assert rouge_l(answer, reference) == Overlap(4 / 5, 4 / 4, 2 * 0.8 / 1.8)
    assert rouge_n("cold cold cold", reference, 1) == Overlap(1 / 3, 1 / 4, pytest.approx(2 / 7))  # type: ignore[arg-type]
    assert rouge_l("outside cold is it", reference).recall == 1 / 4


def test_i_am_drinking_a_warm_cup_of_tea() -> None:
    """BLEU by hand: 7/7 words, 5/6 pairs, 3/5 threes, 1/4 fours, seven words for eight."""
    answer, reference = "I am drinking a cup of tea", "I am drinking a warm cup of tea"
    brevity, precisions = 2.718281828459045 ** (1 - 8 / 7), 1 * 5 / 6 * 3 / 5 * 1 / 4
    found = bleu([answer], [[reference]])
    assert found.score == pytest.approx(100 * brevity * precisions**0.25)
    assert found.score == pytest.approx(51.545, abs=0.001)
    assert "tok:13a" in found.signature and "version:" in found.signature
    assert bleu([reference], [[reference]]).score == pytest.approx(100)
    assert rouge_n(answer, reference, 1) == Overlap(1.0, 7 / 8, 2 * 0.875 / 1.875)
    assert rouge_l(answer, reference).recall == 7 / 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天很冷。", ["今", "天", "很", "冷"]),
        ("外は寒いです", ["外", "は", "寒", "い", "で", "す"]),
        ("데이터가 있다", ["데이터가", "있다"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ที่นี่หนาว", ["ที่", "นี่", "ห", "น", "า", "ว"]),
        ("Straße, ÜBER 5 km", ["straße", "über", "5", "km"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("GPT4很冷", ["gpt4", "很", "冷"]),
        ("don't", ["don", "t"]),
        ("…", []),
    ],
)
def test_words_of_every_script(text: str, expected: list[str]) -> None:
    """Characters where no spaces are written, words elsewhere; a mark stays with its letter."""
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ["今天很冷", "外は寒い", "आज ठंड है", "Сегодня холодно", "ที่นี่หนาวมาก", "오늘은 춥다"])
def test_a_text_is_like_itself_in_every_script(text: str) -> None:
    """Where the package says 0 for two identical Chinese texts."""
    assert rouge_n(text, text, 1).f1 == rouge_l(text, text).f1 == 1.0
    found = MeasuringWorker().measure([text], [[text]])[0]
    assert all(value == pytest.approx(1.0) for value in found.values()), found


def test_chinese_bleu_counts_characters() -> None:
    """One character of four differs: three of four, and the signature says how it was counted."""
    found = bleu(["今天很冷"], [["今天真冷"]])
    assert 0 < found.score < 100 and "tok:char" in found.signature


def test_the_worker_takes_the_best_reference_and_leaves_out_what_has_none() -> None:
    """Shares from 0 to 1; an empty answer scores 0 and fails nothing."""
    alone, none, empty = MeasuringWorker().measure(["in May", "x", ""], [["June", "in May"], [], ["in May"]])
    assert alone["ROUGE-1"] == alone["token F1"] == 1.0 and none == {}
    assert set(empty.values()) == {0.0}
    details = MeasuringWorker().details("in May", ["in May 2026"])
    assert details["ROUGE-1"] == {"precision": 1.0, "recall": 2 / 3} and "nrefs:1" in details["BLEU"]["signature"]


def test_ranks_share_the_mean_of_equal_values() -> None:
    """1, 2.5, 2.5, 4."""
    assert ranks([10, 20, 20, 30]) == [1.0, 2.5, 2.5, 4.0]


def test_spearman_by_hand_and_against_chance() -> None:
    """The textbook's example of IQ and television hours; orders that are the same, reversed, constant."""
    iq = [106, 86, 100, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 0, 27, 50, 28, 29, 20, 12, 6, 17]
    rho = spearman(iq, hours)
    assert rho == pytest.approx(-29 / 165)
    assert rho is not None
    low, high = spearman_interval(rho, len(iq))
    assert -1 < low < rho < 0 < high < 1
    assert spearman([1, 2, 3], [10, 20, 90]) == pytest.approx(1) and spearman([1, 2], [2, 1]) == pytest.approx(-1)
    assert spearman([1, 1], [1, 2]) is None and spearman([], []) is None


def test_the_interval_of_spearman_holds_what_it_says() -> None:
    """Of 1,000 pairs of unrelated orders about one in twenty is called related."""
    draw = random.Random(3)
    wrong = 0
    for _ in range(PAIRS):
        rho = spearman([draw.random() for _ in range(25)], [draw.random() for _ in range(25)])
        assert rho is not None
        low, high = spearman_interval(rho, 25)
        wrong += not low <= 0 <= high
    assert 30 <= wrong <= 70
