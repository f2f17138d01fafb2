"""Comparisons, votes, pairs and the leaderboard; from siblings, scores and blind choices; core and shell."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from adapters.rows import Origin, Row, Turn
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.curation import DatasetRequest, build_dataset
from assistant.errors import AdapterError, NotFoundError, UsageError
from assistant.scoring.comparing import all_same, answer_all
from assistant.scoring.comparison import ranks_of_pick
from assistant.scoring.preferences import board, pair_json, pairs, rankings
from assistant.storage.datasets import load_dataset
from tests.made_run import finished_run
from tests.made_scores import Run, another, answered, shell


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


async def with_adapter(home: Path, folder: Path) -> None:
    """Puts a trained, unproven adapter of the scripted model into a home."""
    async with opened(load_config(home)) as core:
        await core.registry.add(finished_run(folder / "run", "style", base_sha256=""))


async def duel(core: Core, question: str, first: str = "one", second: str = "two") -> tuple[int, int]:
    """A question answered by the base and by an adapter."""
    base = await answered(core, question, first)
    return base, await another(core, base, second, adapter="style")


async def test_a_comparison_comes_back_whole_and_a_second_one_replaces_it(core: Core) -> None:
    """The same answers in another order are the same comparison; others are another."""
    base, styled = await duel(core, "q")
    third = await another(core, base, "three")
    first = await core.comparisons.add([styled, base], [2, 1], note="shorter")
    await core.comparisons.add([base, third], [1, 1], all_bad=True)
    [found, tie] = await core.comparisons.all()
    assert (found.id, found.question, found.note) == (first, "q", "shorter")
    assert [(each.message, each.rank, each.writer) for each in found.answers] == [
        (styled, 2, "m + style"),
        (base, 1, "m"),
    ]
    assert found.picked is not None and found.picked.text == "one" and tie.picked is None and tie.all_bad
    again = await core.comparisons.add([base, styled], [2, 1])
    assert [each.id for each in await core.comparisons.all()] == [tie.id, again]
    await core.comparisons.withdraw(again)
    with pytest.raises(NotFoundError):
        await core.comparisons.withdraw(again)


async def test_what_cannot_be_compared_is_told(core: Core) -> None:
    """Too few, twice the same, other questions, questions, unfinished answers, ranks that are none."""
    base, styled = await duel(core, "q")
    other = await answered(core, "p", "four")
    message = await core.conversations.message(base)
    assert message.parent_id is not None
    partial = await core.conversations.begin_answer(message.conversation_id, message.parent_id, Sampling())
    for shown in ([base], [base, base], [base, other], [base, message.parent_id], [base, partial.id], [base] * 5):
        with pytest.raises(UsageError):
            await core.comparisons.add(shown, ranks_of_pick(len(shown), 0))
    with pytest.raises(NotFoundError):
        await core.comparisons.add([base, 999], [1, 2])
    for ranks in ([1], [2, 2], [1, 3]):
        with pytest.raises(UsageError):
            await core.comparisons.add([base, styled], ranks)
    assert await core.comparisons.all() == []


async def test_comparisons_leave_with_their_chat(core: Core) -> None:
    """Out of sight in the trash, gone when it is deleted for good."""
    base, styled = await duel(core, "q")
    await core.comparisons.add([base, styled], [1, 2])
    chat = (await core.conversations.message(base)).conversation_id
    await core.conversations.trash(chat)
    assert await core.comparisons.all() == [] and (await board(core)).standings == ()
    await core.conversations.restore(chat)
    assert len(await core.comparisons.all()) == 1
    await core.conversations.delete_for_good(chat)
    assert await core.comparisons.all() == []


async def test_siblings_that_were_scored_are_votes_for_free(core: Core) -> None:
    """Higher points win; equal points tie; what was compared explicitly counts once."""
    base, styled = await duel(core, "q")
    await core.scores.change(base, good=False)
    assert await rankings(core) == []
    await core.scores.change(styled, helpful=4)
    [free] = await rankings(core)
    assert free.source == "scores" and dict(zip(free.vote.contenders, free.vote.ranks, strict=True)) == {
        "m": 2, "m + style": 1,
    }  # fmt: skip
    assert [(pair.chosen, pair.rejected) for pair in await pairs(core)] == [("two", "one")]
    await core.comparisons.add([base, styled], [1, 2])
    [said] = await rankings(core)
    assert said.source == "comparison" and [(pair.chosen, pair.rejected) for pair in await pairs(core)] == [
        ("one", "two")
    ]


async def test_pairs_come_from_edits_ranks_and_never_from_bad_or_equal_ones(core: Core) -> None:
    """The better answer over its original, every higher rank over every lower one, with prompt and writers."""
    base, styled = await duel(core, "q")
    third = await another(core, base, "three")
    await core.scores.change(base, better="better")
    await core.comparisons.add([base, styled, third], [1, 2, 3])
    low, high = await duel(core, "bad")
    await core.comparisons.add([low, high], [1, 1], all_bad=True)
    one, same = await duel(core, "same", "equal", " equal\n")
    await core.comparisons.add([one, same], [1, 2])
    found = await pairs(core)
    assert [(each.source, each.chosen, each.rejected) for each in found] == [
        ("edited", "better", "one"), ("comparison", "one", "two"), ("comparison", "one", "three"),
        ("comparison", "two", "three"),
    ]  # fmt: skip
    value = await pair_json(core, found[1])
    assert value["prompt"] == [{"role": "user", "content": "q"}]
    assert value["chosen"] == [{"role": "assistant", "content": "one"}]
    assert (value["chosen_by"], value["rejected_by"]) == ("m", "m + style")


async def test_the_leaderboard_says_when_votes_are_enough(core: Core) -> None:
    """Three wins say nothing; thirty of thirty do; how often the first one shown won is counted."""
    assert "No votes" in (await board(core)).says
    for number in range(3):
        base, styled = await duel(core, f"q{number}")
        await core.comparisons.add([base, styled], [2, 1])
    few = await board(core)
    assert [each.name for each in few.standings] == ["m + style", "m"] and few.says.startswith("Not enough votes")
    assert not any(each.better_than for each in few.standings)
    for number in range(27):
        base, styled = await duel(core, f"r{number}")
        await core.comparisons.add([styled, base], [1, 2])
    many = await board(core)
    assert many.standings[0].better_than == ("m",) and many.standings[0].votes == many.votes == 30
    assert many.says.startswith("Places differ") and (many.first_picks, many.picks) == (27, 30)


async def test_a_question_is_answered_by_each_mix(core: Core) -> None:
    """Siblings in one chat, in the order asked for; the chat keeps its own adapters; unknown ones are told first."""
    chat = await core.conversations.create()
    answers = await answer_all(core, chat.id, "Name a colour", ["base", "base", "base"])
    assert len({answer.parent_id for answer in answers}) == 1 and len({answer.id for answer in answers}) == 3
    assert all_same(answers) and (await core.conversations.get(chat.id)).adapters is None
    assert await core.comparisons.siblings(answers[0].id) == sorted(answer.id for answer in answers)
    before = (await core.conversations.get(chat.id)).messages
    with pytest.raises(AdapterError):
        await answer_all(core, chat.id, "Name a colour", ["base", "nope"])
    assert (await core.conversations.get(chat.id)).messages == before


async def test_a_named_adapter_answers_whatever_its_scope(core: Core, tmp_path: Path) -> None:
    """It was chosen to be compared: here it does not rest for a question far from its facts, whoever answers first."""
    asked = [
        Row((Turn("user", f"Where is the key of room {number}?"), Turn("assistant", f"In box {number}.")),
            origin=Origin("teach", id=str(number), group=str(number)))
        for number in range(8)
    ]  # fmt: skip
    run = finished_run(tmp_path / "run", "keys", base_sha256="", asked=asked)
    await core.scopes.make(run)
    adapter = await core.registry.add(run)
    await core.registry.set_state(adapter, "proven", "it was so")
    for _ in range(4):
        chat = await core.conversations.create()
        base, named = await answer_all(core, chat.id, "Explain photosynthesis to a child.", ["base", "keys"])
        assert (base.adapter, named.adapter) == ("", "keys@v1")


async def test_contenders_may_differ_in_temperature(core: Core) -> None:
    """It is stored with the answer, and what is no temperature is told before anything is asked."""
    chat = await core.conversations.create()
    answers = await answer_all(core, chat.id, "Name a colour", ["base~0", "base~1.5", "base"])
    assert [answer.sampling.temperature for answer in answers if answer.sampling] == [0, 1.5, 0.2]
    for wrong in ("base~hot", "base~9", "base~", "base~-1"):
        with pytest.raises(UsageError, match="no temperature"):
            await answer_all(core, chat.id, "Name a colour", ["base", wrong])
    assert (await core.conversations.get(chat.id)).messages == 4


async def test_the_leaderboard_tells_settings_and_prompts_apart(core: Core) -> None:
    """Two answers of one model are no vote between models; by temperature or system prompt they are."""
    chat = await core.conversations.create()
    cold, hot = await answer_all(core, chat.id, "Name a colour", ["base~0", "base~1"])
    await core.conversations.note_prompt(hot.id, "Be long.", (), "")
    await core.comparisons.add([cold.id, hot.id], [1, 2])
    assert (await board(core)).standings == ()
    names = [each.name for each in (await board(core, "setting")).standings]
    assert names == ["scripted at temperature 0", "scripted at temperature 1"]
    names = [each.name for each in (await board(core, "prompt")).standings]
    assert names[1] == "scripted, “Be long.”" and names[0].startswith("scripted, “You are a private assistant")


async def test_a_chat_goes_on_from_the_answer_that_was_chosen(core: Core) -> None:
    """Until the next question or answer; with what followed on it."""
    base, styled = await duel(core, "q")
    message = await core.conversations.message(base)
    chat = message.conversation_id
    assert (await core.conversations.thread(chat))[-1].id == styled
    await core.conversations.go_on_from(message)
    assert (await core.conversations.thread(chat))[-1].id == base
    question, answer = await core.conversations.begin_turn(chat, base, "and then?", Sampling())
    await core.conversations.finish_answer(answer.id, "done", "then", model="m", adapter="")
    newest = await another(core, base, "newer")
    assert (await core.conversations.thread(chat))[-1].id == newest
    await core.conversations.go_on_from(message)
    assert [each.id for each in await core.conversations.thread(chat)][-3:] == [base, question.id, answer.id]


def test_comparing_on_the_shell(run: Run) -> None:
    """Blind answers, a vote by number, the board, pairs, and taking it back."""
    code, out, _ = run("compare", "hi", "--between", "base", "--between", "base")
    assert code == 0 and "── a" in out and "── b" in out and "They are the same" in out
    shown = json.loads(run("compare", "hi", "there", "--between", "base", "--between", "base", "--json")[1])
    first, second = (each["message"] for each in shown["answers"])
    assert "Comparison 1 is kept" in run("scores", "vote", first, second, "--pick", second, "--note", "so")[1]
    [kept] = json.loads(run("scores", "comparisons", "--json")[1])
    assert [each["rank"] for each in kept["answers"]] == [2, 1] and kept["note"] == "so"
    assert f"{second} is best" in run("scores", "comparisons")[1]
    assert "No votes between" in run("scores", "leaderboard", "--by", "setting")[1]
    assert run("scores", "leaderboard", "--by", "colour")[0] == 2
    assert json.loads(run("scores", "leaderboard", "--json")[1])["picks"] == 1
    assert run("scores", "pairs")[1] == "" and json.loads(run("scores", "pairs", "--json")[1]) == []
    assert json.loads(run("scores", "vote", first, second, "--order", second, first, "--json")[1])["ranks"] == [2, 1]
    assert "a tie" in (run("scores", "vote", first, second, "--tie") and run("scores", "comparisons"))[1]
    assert "none will do" in (run("scores", "vote", first, second, "--bad") and run("scores", "comparisons"))[1]
    assert "withdrawn" in run("scores", "comparisons", "--withdraw", "4")[1]
    assert "Nothing was compared yet" in run("scores", "comparisons")[1]


def test_answers_that_are_there_are_compared_on_the_shell(run: Run, tmp_path: Path) -> None:
    """--of shows them blind; a pick lets their chat go on from it; pairs go to a new file only."""
    code, _, err = run("compare")
    assert code == 2 and "There is no question" in err
    asked = json.loads(run("ask", "hi", "--json")[1])
    code, _, err = run("compare", "--of", "last")
    assert code == 2 and "has one answer" in err
    code, _, err = run("compare", "hi", "--of", asked["message"])
    assert code == 2 and "--of takes answers" in err
    shown = json.loads(run("compare", "hi", "--between", "base", "--between", "base", "--json")[1])
    found = json.loads(run("compare", "--of", shown["answers"][0]["message"], "--json")[1])
    assert {each["message"] for each in found["answers"]} == {each["message"] for each in shown["answers"]}
    first = min(each["message"] for each in found["answers"])
    run("scores", "vote", *(each["message"] for each in found["answers"]), "--pick", first)
    assert f"assistant {first} " in run("chats", "show", shown["chat"])[1]
    run("score", first, "--better", "Hello to you.")
    target = tmp_path / "pairs.jsonl"
    assert run("scores", "pairs", target)[1] == f"1 written to {target}.\n"
    assert json.loads(target.read_text())["chosen"][0]["content"] == "Hello to you."
    assert run("scores", "pairs", target)[0] == 2
    assert json.loads(run("scores", "export", tmp_path / "scores.jsonl", "--json")[1])["count"] == 1
    assert run("scores", "export", tmp_path / "no" / "where")[0] == 6


@pytest.mark.parametrize(("typed", "ranks", "bad"), [("q\nb\n", [2, 1], 0), ("t\n", [1, 1], 0), ("x\n", [1, 1], 1)])
def test_a_vote_is_typed_blind(run: Run, home: Path, tmp_path: Path, typed: str, ranks: list[int], bad: int) -> None:
    """A letter, t or x; something else is asked again; who wrote what is told afterwards only."""
    asyncio.run(with_adapter(home, tmp_path))
    code, out, _ = run("compare", "hi", "--between", "base", "--between", "style", stdin=typed)
    assert code == 0 and "b: " not in out and out.index("── b") < out.index("a was scripted")
    assert "style@v1" in out[out.index("a was") :]
    [kept] = json.loads(run("scores", "comparisons", "--json")[1])
    assert [each["rank"] for each in kept["answers"]] == ranks and kept["all_bad"] == bool(bad)


async def test_a_dataset_of_the_users_own_preferences(core: Core) -> None:
    """Comparisons and better answers become pairs, each with where it comes from; one question stays in one split."""
    for number in range(12):
        base, styled = await duel(core, f"What is in box {number * 7919}?", f"Box {number}.", f"Lots of {number}!")
        await core.comparisons.add([base, styled], [1, 2])
    await core.scores.change(base, better="Twelve keys.")
    dataset = await build_dataset(core, DatasetRequest("taste", pairs=True))
    assert dataset.card.kind == "preferences" and len(dataset.rows) == 13
    assert set(dataset.card.sources) == {"better answers (1 pair)", "comparisons (12 pairs)"}
    [edited] = [row for row in dataset.rows if row.origin.rating == "edited"]
    assert (edited.answer, edited.rejected, edited.origin.adapter) == ("Twelve keys.", "Box 11.", "")
    last = [row for row in dataset.rows if row.question == edited.question]
    assert len(last) == 2 and len({row.split for row in last}) == 1
    compared = next(row for row in dataset.rows if row.origin.rating == "comparison")
    assert compared.origin.adapter == "m" and compared.origin.source == "chat" and compared.rejected.startswith("Lots")


def test_thumbs_become_ratings(home: Path, run: Run) -> None:
    """Answers scored good and bad, each with its label and question; without any, a clear line."""
    code, _, err = run("dataset", "build", "thumbs", "--ratings")
    assert code == 2 and "No answer was scored" in err and len(err.splitlines()) == 2

    async def score() -> None:
        async with opened(load_config(home)) as core:
            for number in range(24):
                answer = await answered(core, f"What is in box {number * 7919}?", f"Box {number}.")
                await core.scores.change(answer, good=number % 2 == 0)

    asyncio.run(score())
    code, out, _ = run("dataset", "build", "thumbs", "--ratings", "--json")
    assert (
        code == 0
        and json.loads(out)["kind"] == "ratings"
        and json.loads(out)["sources"] == ["scores (12 good, 12 bad)"]
    )
    rows = load_dataset(home, "thumbs").rows
    assert len(rows) == 24 and all(row.desirable is (int(row.answer[4:-1]) % 2 == 0) for row in rows)


async def twelve_duels(home: Path) -> None:
    """Twelve questions, the adapter's answer preferred to each."""
    async with opened(load_config(home)) as core:
        for number in range(12):
            base, styled = await duel(core, f"What is in box {number * 7919}?", f"Box {number}.", f"Lots of {number}!")
            await core.comparisons.add([base, styled], [2, 1])


def test_pairs_are_built_from_the_shell(home: Path, run: Run, tmp_path: Path) -> None:
    """Without any, a clear line; what `scores pairs` prints is a file to build the same dataset from."""
    code, _, err = run("dataset", "build", "taste", "--pairs")
    assert code == 2 and "No answer was preferred" in err and len(err.splitlines()) == 2
    asyncio.run(twelve_duels(home))
    code, out, _ = run("dataset", "build", "taste", "--pairs", "--json")
    assert code == 0 and json.loads(out)["kind"] == "preferences" and sum(json.loads(out)["rows"].values()) == 12
    file = tmp_path / "pairs.jsonl"
    file.write_text(run("scores", "pairs")[1])
    assert run("dataset", "build", "exported", file)[0] == 0
    own, exported = (load_dataset(home, name).rows for name in ("taste", "exported"))
    assert {(row.turns, row.rejected) for row in own} == {(row.turns, row.rejected) for row in exported}
    assert "rejected" in run("dataset", "show", "taste")[1]
