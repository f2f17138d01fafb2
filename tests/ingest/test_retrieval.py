"""Retrieval: words and meaning together, the floor, collections, repeats, and life without the index."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlite_utils
from hypothesis import given, settings
from hypothesis import strategies as st
from made_library import MadeLibrary, make_library

from assistant.errors import AssistantError, LibraryError, WorkerError
from assistant.search_text import told
from ingest import fulltext
from ingest.errors import IngestError
from ingest.fusion import DEFAULT_WEIGHTS, Candidate, averaged, fuse, supported, with_near
from ingest.reranking import OverlapReranker, open_reranker
from ingest.retrieval import FLOOR, Retriever
from ingest.schema import migrations
from ingest.scope import Scope
from ingest.search_trace import BEYOND, GIVEN, REPEATED, WEAK, SearchTrace

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTS = {
    "rent": "The monthly rent is 1,120 pounds and is due on the third day of the month.",
    "bicycle": "The bicycle is insured against theft up to 900 pounds, frame number 4711.",
    "cake": "Halve the plums, knead flour and butter, and bake the cake for an hour.",
    "boiler": "The boiler is serviced every October by Thornbury Heating.",
}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[MadeLibrary]:
    """Four short documents; the cake stands in the collection `recipes`."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / f"{name}.txt").write_text(text)
    made = await make_library(tmp_path / "home")
    await made.ingest(*(folder / f"{name}.txt" for name in DOCUMENTS if name != "cake"))
    await made.ingest(folder / "cake.txt", collection="recipes")
    yield made
    await made.close()


async def test_the_passage_with_the_rare_words_comes_first(made: MadeLibrary) -> None:
    """The best passage shares the question's rare words; it brings all three scores and its exact text."""
    result = await made.retriever.search("what is the frame number of the bicycle?")
    best = result.passages[0]
    assert (best.document, best.text) == ("bicycle.txt", DOCUMENTS["bicycle"])
    assert best.score >= FLOOR
    assert best.bm25 is not None
    assert best.bm25 > 0
    assert best.similarity is not None
    assert result.searched_chunks == 4


async def test_a_question_is_understood_behind_the_one_before_it(made: MadeLibrary) -> None:
    """“And how much exactly?” finds the rent it follows on; a change of subject finds what it would find alone."""
    before = "What is the monthly rent due on the third day of the month?"
    result = await made.retriever.search("And how much exactly?", before=before)
    assert result.passages[0].document == "rent.txt"
    assert result.trace is not None
    assert [wording.text for wording in result.trace.wordings] == [
        "And how much exactly?",
        f"{before}\nAnd how much exactly?",
    ]
    assert (await made.retriever.search("And how much exactly?")).passages == ()
    changed = await made.retriever.search("What is the frame number of the bicycle?", before=before)
    assert changed.passages[0].document == "bicycle.txt"


async def test_a_trace_tells_what_became_of_each_passage(made: MadeLibrary, tmp_path: Path) -> None:
    """Every passage considered has its places, scores and end; what was given is what the result holds."""
    (tmp_path / "files" / "copy.txt").write_text(DOCUMENTS["bicycle"] + "\n")
    await made.ingest(tmp_path / "files" / "copy.txt")
    result = await made.retriever.search("bicycle frame number", k=1)
    trace = result.trace
    assert trace is not None
    assert trace.passed
    assert trace.wordings[0].words == {"bicycle": 2, "frame": 2, "number": 2}
    outcomes = {each.document: each.outcome for each in trace.considered}
    assert sorted(outcomes.values())[-2:] == [GIVEN, REPEATED] or BEYOND in outcomes.values()
    assert outcomes["cake.txt"] == WEAK
    given = [each.chunk_id for each in trace.considered if each.outcome == GIVEN]
    assert given == [passage.chunk_id for passage in result.passages]
    assert trace.considered[0].by_words == trace.considered[0].by_meaning == 1
    assert trace.considered[0].near == 0.5  # “frame number”; the bicycle stands further away
    assert SearchTrace.from_json(json.loads(json.dumps(trace.as_json()))) == trace
    refused = (await made.retriever.search("which senators voted on the lunar treaty?")).trace
    assert refused is not None
    assert not refused.passed
    assert {each.outcome for each in refused.considered} == {WEAK}


async def test_nothing_is_found_for_a_question_about_something_else(made: MadeLibrary) -> None:
    """No passage is given where none is near, although passages were searched; without a floor there are some."""
    question = "which senators voted on the lunar treaty?"
    result = await made.retriever.search(question)
    assert result.passages == ()
    assert result.searched_chunks == 4
    assert len((await made.retriever.search(question, floor=0.0)).passages) == 4


@pytest.mark.parametrize("text", ["hello", "Thank you!", "", "   ", "?!", "tell me more", "😀"])
async def test_small_talk_finds_nothing(made: MadeLibrary, text: str) -> None:
    """A message without a word that means something gets no passages."""
    assert (await made.retriever.search(text)).passages == ()


async def test_a_search_stays_within_its_collections(made: MadeLibrary) -> None:
    """Only named collections are searched; none named means none; an unknown one is said."""
    question = "how long to bake the plums cake?"
    for collections, documents in (
        (None, ["cake.txt"]),
        (("recipes",), ["cake.txt"]),
        (("documents",), []),
        ((), []),
        (("documents", "recipes"), ["cake.txt"]),
    ):
        result = await made.retriever.search(question, scope=collections)
        assert [passage.document for passage in result.passages][:1] == documents
    result = await made.retriever.search(question, scope=("recipes", "nothere"))
    assert result.searched_chunks == 1
    assert "nothere" in result.notes[0]


async def test_copies_and_overlapping_chunks_are_given_once(made: MadeLibrary, tmp_path: Path) -> None:
    """A copied file takes no second place among the k passages."""
    (tmp_path / "files" / "copy.txt").write_text(DOCUMENTS["bicycle"] + "\n")
    await made.ingest(tmp_path / "files" / "copy.txt")
    result = await made.retriever.search("bicycle frame number theft", floor=0.0, k=10)
    texts = [passage.text.strip() for passage in result.passages]
    assert len(texts) == len(set(texts)) == 4


async def test_k_is_the_most_that_is_given(made: MadeLibrary) -> None:
    """k passages are given where there are that many, also k = 0."""
    for k in (0, 1, 3, 50):
        assert len((await made.retriever.search("pounds boiler cake", k=k, floor=0.0)).passages) == min(k, 4)


async def test_an_empty_library_is_searched_without_starting_anything(tmp_path: Path) -> None:
    """With no passages there is nothing to embed: the index process is not even called."""
    made = await make_library(tmp_path / "home")
    result = await made.retriever.search("anything")
    assert (result.passages, result.searched_chunks) == ((), 0)
    assert made.index.calls == []
    await made.close()


async def test_words_alone_are_searched_without_the_index_process(
    made: MadeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the index process cannot run, words still find the passage, and a note says what is missing."""

    async def dead(*_: object, **__: object) -> None:
        raise WorkerError("The index process died.")

    monkeypatch.setattr(made.index, "call", dead)
    result = await made.retriever.search("bicycle frame number theft insured")
    assert result.passages[0].document == "bicycle.txt"
    assert result.passages[0].similarity is None
    assert "words only" in result.notes[0]


async def test_a_killed_index_process_is_started_again(tmp_path: Path) -> None:
    """SIGKILL of the index child between two searches is not noticed by the user."""
    file = tmp_path / "rent.txt"
    file.write_text(DOCUMENTS["rent"])
    made = await make_library(tmp_path / "home", children=True)
    await made.ingest(file)
    before = await made.retriever.search("when is the rent due?")
    os.kill(made.index.pid, signal.SIGKILL)
    after = await made.retriever.search("when is the rent due?")
    assert after == before
    assert after.passages[0].similarity is not None
    await made.close()


async def test_the_sample_library_with_the_real_embedder(tmp_path: Path) -> None:
    """On the shipped examples the document with the answer is among the four passages for every question,
    and questions about other things, or about nothing, get no passage."""
    made = await make_library(tmp_path / "home", embedder="minilm")
    await made.ingest(EXAMPLES / "library")
    questions = [entry for entry in json.loads((EXAMPLES / "questions.json").read_text()) if entry.get("document")]
    asked = {entry["id"]: entry["question"] for entry in questions}
    missed = []
    for entry in questions:
        result = await made.retriever.search(entry["question"], before=asked.get(entry.get("follows"), ""))
        if entry["document"] not in [os.path.relpath(p.path, EXAMPLES / "library") for p in result.passages]:
            missed.append(entry["question"])
    assert len(missed) <= 1, missed
    for question in ("hello", "who are you?", "why is the sky blue?", "which airline did I fly with to Lisbon?"):
        assert (await made.retriever.search(question)).passages == ()
    await made.close()


def full_text(texts: list[str]) -> sqlite_utils.Database:
    """A full-text index of texts, numbered from 1."""
    db = sqlite_utils.Database(memory=True)
    migrations.apply(db)
    db.conn.execute("INSERT INTO collections (name) VALUES ('c')")
    db.conn.execute("INSERT INTO documents (collection_id, path, title, state) VALUES (1, x'61', 'a', 'ready')")
    db.conn.executemany(
        'INSERT INTO chunks (document_id, start, "end", text) VALUES (1, 0, 1, ?)', [(text,) for text in texts]
    )
    return db


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_no_question_is_a_syntax_error(question: str) -> None:
    """Whatever a user types is searched for as words, never read as FTS5 syntax."""
    db = full_text(["one fish", "two fish"])
    counts = fulltext.word_counts(db, fulltext.query_words(question))
    fulltext.search_words(db, counts, 10, None)
    fulltext.search_words(db, counts, 10, Scope("d.id = ?", (1,)))


@pytest.mark.parametrize("question", ['fish" OR "x', "NEAR(fish)", "fish*", "text:fish", "fish AND NOT two", "(fish"])
def test_operators_are_words(question: str) -> None:
    """FTS5 operators in a question neither fail nor change what the word `fish` finds."""
    db = full_text(["one fish", "two fish", "a cat"])
    hits = fulltext.search_words(db, fulltext.word_counts(db, fulltext.query_words(question)), 10, None)
    assert {hit.chunk_id for hit in hits} == {1, 2}


def test_words_match_by_their_stem_and_without_accents() -> None:
    """`Rénts` finds `rent`."""
    db = full_text(["the rent is due", "a cat"])
    hits = fulltext.search_words(db, fulltext.word_counts(db, fulltext.query_words("Rénts")), 10, None)
    assert [hit.chunk_id for hit in hits] == [1]


def test_frequent_words_are_left_out_only_of_a_large_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit of scored passages the rare words decide alone, and the rarest is always searched."""
    db = full_text(["fish rare", "fish", "fish", "fish"])
    counts = fulltext.word_counts(db, ["fish", "rare"])
    assert list(counts.items()) == [("rare", 1), ("fish", 4)]
    assert len(fulltext.search_words(db, counts, 10, None)) == 4
    monkeypatch.setattr(fulltext, "MAX_SCORED", 2)
    assert [hit.chunk_id for hit in fulltext.search_words(db, counts, 10, None)] == [1]
    assert len(fulltext.search_words(db, {"fish": 4}, 10, None)) == 4


@given(st.lists(st.sampled_from(["rent", "cat", "fish", "due", "rent rent"]), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_no_passage_exceeds_the_best_possible_bm25(texts: list[str]) -> None:
    """The bound that scores are divided by is an upper bound."""
    db = full_text(texts)
    counts = fulltext.word_counts(db, ["rent", "fish", "absent"])
    bound = fulltext.best_possible_bm25(counts, len(texts))
    assert all(hit.bm25 <= bound for hit in fulltext.search_words(db, counts, 10, None))


def test_fused_scores_rise_with_either_part_and_stay_within_one() -> None:
    """More word evidence or a nearer vector never lowers a passage; a passage found by one search only takes part."""
    ranking = fuse(
        {1: 9.0, 2: 3.0, 3: 3.0}, {1: 0.9, 2: 0.5, 3: 0.1, 4: 0.7, 5: -0.3}, best_bm25=10.0, words=6, total=100
    )
    assert [found.chunk_id for found in ranking] == [1, 2, 4, 3, 5]
    assert all(0 <= found.score <= 1 for found in ranking)
    assert ranking[2].bm25 is None
    assert fuse({}, {}, 0.0, 0, 0) == []


def test_one_matching_word_proves_less_than_many() -> None:
    """The same share of matched words scores higher for a longer question."""
    (short,) = fuse({1: 5.0}, {}, best_bm25=10.0, words=1, total=100)
    (long,) = fuse({1: 5.0}, {}, best_bm25=10.0, words=8, total=100)
    assert short.score < long.score


def candidates(*scores: float) -> list[Candidate]:
    """Passages 1, 2, … with these scores, best first."""
    return [Candidate(number, score, None, None, order=score) for number, score in enumerate(scores, 1)]


def test_words_that_stand_together_raise_a_passage() -> None:
    """The share of pairs adds to the score and may change the ranking, never beyond one."""
    better = with_near(candidates(0.5, 0.49, 0.99), {2: 1.0, 3: 1.0}, 8, DEFAULT_WEIGHTS)
    assert [found.chunk_id for found in better] == [3, 2, 1]
    assert better[0].score == 1.0
    assert better[2].score == 0.5


def test_wordings_of_one_question_share_a_ranking() -> None:
    """A passage has the mean of its scores, with 0 where a wording did not find it."""
    merged = averaged([[Candidate(1, 0.6, 0.5, None), Candidate(2, 0.5, None, 3.0)], [Candidate(2, 0.4, 0.2, None)]])
    assert [(found.chunk_id, found.score) for found in merged] == [(2, 0.45), (1, 0.3)]
    assert (merged[0].similarity, merged[0].bm25) == (0.2, 3.0)


def test_like_passages_support_each_other_where_the_scores_decide_little() -> None:
    """With ten passages alike in score one with strong company rises, but never before the best, however poor the
    company of that one; with one far ahead nothing changes."""
    flat = candidates(*(0.5 - 0.001 * place for place in range(12)))
    company = {found.chunk_id: [(12, 0.5)] for found in flat} | {5: [(1, 0.9)]}
    ranking = supported(flat, company, DEFAULT_WEIGHTS)
    assert [found.chunk_id for found in ranking[:3]] == [1, 5, 2]
    assert {found.score for found in ranking} == {found.score for found in flat}
    ahead = candidates(0.9, *(0.02 - 0.001 * place for place in range(11)))
    assert [found.chunk_id for found in supported(ahead, company, DEFAULT_WEIGHTS)] == list(range(1, 13))
    assert supported(flat, {}, DEFAULT_WEIGHTS) == flat


async def test_a_reranker_orders_the_best_anew_and_may_fail(made: MadeLibrary, tmp_path: Path) -> None:
    """The order is the reranker's, scores and floor stay; one that cannot be used is told of, and nothing is lost."""
    plain = await made.retriever.search("When does the engineer come to service the boiler?", 4, floor=0.0)
    service = made.index.service
    service._reranker_name = "overlap"
    reranking = Retriever(made.database, made.index, crashed=AssistantError, unusable=LibraryError)
    query = "monthly rent and boiler"
    found = await reranking.search(query, 4, floor=0.01)
    assert (
        found.trace is not None and found.trace.best == (await made.retriever.search(query, 4, floor=0.01)).trace.best
    )  # type: ignore[union-attr]
    ranked = [each.reranked for each in found.trace.considered if each.reranked is not None]
    assert ranked and ranked == sorted(ranked, reverse=True)
    shares = OverlapReranker().scores(query, [passage.text for passage in found.passages])
    assert max(shares) <= max(ranked)
    assert "· reranked " in "\n".join(told(found.trace)) and SearchTrace.from_json(found.trace.as_json()) == found.trace
    del service.__dict__["_reranker"]
    service._reranker_name = str(tmp_path / "nothing")
    failing = await reranking.search("When does the engineer come to service the boiler?", 4, floor=0.001)
    assert [passage.chunk_id for passage in failing.passages] == [passage.chunk_id for passage in plain.passages]
    assert failing.notes[0].startswith("Not reranked: There is no reranker")


def test_a_cross_encoder_in_a_folder_scores_each_passage(tmp_path: Path) -> None:
    """A tiny random model of the user's is opened offline; another kind, pickles and own code are refused in words."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path / "model"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rent", "is", "due", "in", "may", "bread", "when", "?"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(folder)
    texts = ["rent is due in may", "bread", "rent " * 500, "half a pair: \ud83d", ""]
    scores = open_reranker(str(folder)).scores("when is rent due ?", texts)
    assert len(scores) == 5 and all(0 <= score <= 1 for score in scores)
    same = CrossEncoder(str(folder), device="cpu", local_files_only=True).predict([("when is rent due ?", texts[0])])
    assert scores[0] == pytest.approx(float(same[0]), abs=1e-4)
    assert open_reranker(str(folder)).scores("when?", []) == []
    config_file = folder / "config.json"
    good = config_file.read_text()
    for wrong, reason in (
        (good.replace('"model_type"', '"auto_map": {}, "model_type"'), "own code"),
        (json.dumps({**json.loads(good), "id2label": {"0": "no", "1": "yes"}}), "gives 2 figures"),
        ("{", "not a cross-encoder"),
    ):
        config_file.write_text(wrong)
        with pytest.raises(IngestError, match=reason):
            open_reranker(str(folder))
    with pytest.raises(IngestError, match="no reranker"):
        open_reranker("nonsense")
