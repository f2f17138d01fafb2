"""A question, from the prompt to a stored, cited answer."""

import asyncio
import json

import pytest

from assistant.backends.base import NullAnswer
from assistant.bootstrap import opened
from assistant.chat import SAVE_SECONDS
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.events import Cancelled, Completed, Failed, Retrieved, Started, Token
from assistant.passage_reading import most_certain
from assistant.prompt_fitting import fitted
from assistant.prompting import NOT_FOUND, system_prompt
from ingest.document import Passage

LETTER = "Dear tenant, the rent of the flat in Mill Lane is 950 pounds a month. It is due on the first day."
GREEDY = Sampling(temperature=0, max_tokens=48)


async def add(core, folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return [event async for event in core.pipeline.ingest([folder])][-1]


async def ask(core, text, **options):
    chat = options.pop("chat", None) or (await core.conversations.create()).id
    return [event async for event in core.engine.ask(chat, text, **options)]


@pytest.fixture
def scripted(home):
    """A home whose model answers as told."""

    def write(**script):
        model = json.dumps("scripted:" + json.dumps(script))
        (home / "config.toml").write_text(f"[model]\nname = {model}\n[documents]\nembedder = 'hashed'\n")
        return opened(load_config(home))

    return write


async def test_the_starter_adapter_reads_passages_one_at_a_time(real_home, tmp_path):
    """Two letters fit; the one that answers is what the model is asked with, and what is cited."""
    async with opened(load_config(real_home)) as core:
        garage = "Dear tenant, the rent of the garage in Hill Street is 85 pounds a month. It is due on the last day."
        await add(core, tmp_path / "docs", flat=LETTER, garage=garage)
        for place, price in (("garage in Hill Street", "85"), ("flat in Mill Lane", "950")):
            events = await ask(core, f"How much is the rent of the {place}?", sampling=GREEDY)
            message = events[-1].message
            assert message.adapter.startswith("starter") and message.trace.startswith("2 passages from 2 files")
            assert message.trace.endswith("read one at a time")
            [passage] = await core.conversations.passages(message.id)
            assert place in passage.text and price in message.text
            assert {citation.document for citation in message.citations} == {passage.document}
            assert message.usage.seconds_to_first_token > 0.05


async def test_the_passage_that_answers_is_chosen_in_any_order(real_home):
    """The garage's letter is read for the garage's rent, stand it first or last; once stopped, the first is taken."""
    garage = "Dear tenant, the rent of the garage in Hill Street is 85 pounds a month. It is due on the last day."
    question = "How much is the rent of the garage in Hill Street?"
    async with opened(load_config(real_home)) as core:
        await core.model.use_adapter("starter")
        letters = [Passage(1, 1, "flat.txt", "", LETTER, 0, len(LETTER)), Passage(2, 2, "garage.txt", "", garage, 0, 9)]
        prompts = [await fitted(core.model, system_prompt(""), (), question, [letter], 48) for letter in letters]
        null, going, stopped = NullAnswer(NOT_FOUND, 1.0), asyncio.Event(), asyncio.Event()
        stopped.set()
        assert await most_certain(core.model, prompts, null, going) is prompts[1]
        assert await most_certain(core.model, prompts[::-1], null, going) is prompts[1]
        assert await most_certain(core.model, prompts, null, stopped) is prompts[0]


async def test_the_embedded_model_answers_from_a_document_and_cites_it(real_home, tmp_path):
    """With the real model and the real embedder: retrieved, streamed, cited to the very characters, stored."""
    async with opened(load_config(real_home)) as core:
        await add(core, tmp_path / "docs", letter=LETTER, recipe="Whisk the eggs with sugar and fold in the flour.")
        events = await ask(core, "How much is the rent a month?", sampling=GREEDY)
        kinds = [type(event) for event in events]
        assert kinds[:2] == [Started, Retrieved] and kinds[-1] is Completed
        assert set(kinds[2:-1]) == {Token}
        message = events[-1].message
        assert "950" in message.text
        assert [citation.document for citation in message.citations]
        for citation in message.citations:
            assert LETTER[citation.start : citation.end] == citation.quote
        assert message.trace.startswith("1 passage from 1 file, best 0.")
        assert message.model == "starter" and message.usage.prompt_tokens > 50
        assert (
            "".join(event.text for event in events if isinstance(event, Token)).split()[:3] == message.text.split()[:3]
        )
        stored = await core.conversations.thread(message.conversation_id)
        assert stored[-1] == message


async def test_a_second_turn_evaluates_new_tokens_only(real_home):
    """The prefix of the chat stays in the cache between turns."""
    async with opened(load_config(real_home)) as core:
        chat = (await core.conversations.create(collections=[])).id
        first = (await ask(core, "Name three colours.", chat=chat, sampling=GREEDY))[-1].message
        second = (await ask(core, "And one more?", chat=chat, sampling=GREEDY))[-1].message
        assert first.usage.cached_tokens < 5
        assert second.usage.cached_tokens >= first.usage.prompt_tokens + first.usage.completion_tokens - 3


async def test_marks_that_point_nowhere_are_dropped_and_bare_sentences_attributed(scripted, tmp_path):
    """The answer's own marks are checked; an unmarked supported sentence gets the app's mark, an invented one none."""
    answer = "The rent of the flat is 950 pounds [1][7]. It is due on the first day. Elephants sing at night [3]."
    async with scripted(text=answer) as core:
        await add(core, tmp_path / "docs", letter=LETTER)
        message = (await ask(core, "What is the rent of the flat in Mill Lane, and when is it due on?"))[-1].message
    assert (
        message.text == "The rent of the flat is 950 pounds [1]. It is due on the first day. Elephants sing at night."
    )
    assert [(c.attributed, c.quote) for c in message.citations] == [
        (False, LETTER.split(". ")[0] + "."), (True, "It is due on the first day."),
    ]  # fmt: skip


async def test_an_answer_that_no_passage_backs_is_said_to_be_so(scripted, tmp_path):
    """An invented answer carries no citation, but a notice with the sentence closest to the question."""
    async with scripted(text="Penguins own it.") as core:
        await add(core, tmp_path / "docs", letter=LETTER)
        message = (await ask(core, "What is the rent of the flat in Mill Lane?"))[-1].message
    assert message.citations == ()
    assert "No passage supports this answer" in message.notices[0] and "950 pounds a month" in message.notices[0]


async def test_an_answer_that_declines_shows_what_came_closest(scripted, tmp_path):
    """The fixed sentence of a model that found nothing claims nothing: no warning, but a place to look."""
    async with scripted(text=NOT_FOUND) as core:
        await add(core, tmp_path / "docs", letter=LETTER)
        message = (await ask(core, "What is the rent of the flat in Mill Lane?"))[-1].message
    assert message.citations == ()
    assert message.notices[0].startswith("Closest to your question, in letter") and "950 pounds" in message.notices[0]


async def test_nothing_found_is_said(scripted, tmp_path):
    """When no passage passes the floor, the answer is marked as the model's own, or not given at all."""
    async with scripted(text="Paris.") as core:
        await add(core, tmp_path / "docs", letter=LETTER)
        message = (await ask(core, "zebra quantum xylophone"))[-1].message
        assert message.trace == "nothing found in 1 passages" and message.text == "Paris."
        assert "the model's own" in message.notices[0]
        core.engine.settings = type(core.engine.settings)(
            **{
                **{name: getattr(core.engine.settings, name) for name in core.engine.settings.__slots__},
                "without_documents": False,
            }
        )
        message = (await ask(core, "zebra quantum xylophone"))[-1].message
        assert (message.text, message.state) == (NOT_FOUND, "done")


async def test_a_chat_scoped_to_no_collection_does_not_search(core, tmp_path):
    """Scope () means: the model alone; a named collection is searched alone."""
    await add(core, tmp_path / "docs", letter=LETTER)
    empty = (await core.conversations.create(collections=[])).id
    assert (await ask(core, "the rent of the flat", chat=empty))[-1].message.trace == "documents not used"
    other = (await core.conversations.create(collections=["documents"])).id
    assert "1 passage" in (await ask(core, "the rent of the flat", chat=other))[-1].message.trace


async def test_stop_keeps_what_was_streamed(scripted):
    """Esc ends the answer at once; the partial text is stored as stopped and the next question works."""
    async with scripted(text="word " * 500, tokens_per_second=60) as core:
        chat = (await core.conversations.create()).id
        events = []
        async for event in core.engine.ask(chat, "talk"):
            events.append(event)
            if sum(isinstance(each, Token) for each in events) == 5:
                core.engine.stop()
        assert isinstance(events[-1], Cancelled)
        message = events[-1].message
        assert message.state == "stopped" and 3 <= len(message.text.split()) < 100
        assert isinstance((await ask(core, "again", chat=chat, sampling=Sampling(max_tokens=3)))[-1], Completed)


async def test_the_text_is_on_disk_while_it_streams(scripted):
    """The question before the first token, the answer at least every half second."""
    async with scripted(text="word " * 100, tokens_per_second=40) as core:
        chat = (await core.conversations.create()).id
        seen = []
        async for event in core.engine.ask(chat, "talk"):
            thread = await core.conversations.thread(chat)
            if isinstance(event, Started):
                assert [message.state for message in thread] == ["done", "partial"]
            if isinstance(event, Token):
                seen.append(len(thread[-1].text.split()))
        assert max(seen) >= 100 - 40 * (SAVE_SECONDS + 0.5) and sorted(seen) == seen


async def test_a_model_that_dies_keeps_the_text_and_the_next_answer_works(scripted):
    """A crash of the model process is a Failed event with words; the chat goes on."""
    async with scripted(text="one two three four five six", tokens_per_second=50, crash_at_token=4) as core:
        chat = (await core.conversations.create()).id
        last = (await ask(core, "talk", chat=chat))[-1]
        assert (
            isinstance(last, Failed) and "model process died" in last.error.message and "SIGKILL" in last.error.message
        )
        assert last.message.state == "error" and last.message.text.startswith("one two")
        assert isinstance((await ask(core, "hm", chat=chat, sampling=Sampling(max_tokens=2)))[-1], Completed)


async def test_two_questions_at_once_are_refused_in_words(scripted):
    """One answer at a time; the one under way is not disturbed."""
    async with scripted(text="word " * 50, tokens_per_second=100) as core:
        chat = (await core.conversations.create()).id
        running = asyncio.create_task(ask(core, "first", chat=chat))
        await asyncio.sleep(0.3)
        with pytest.raises(UsageError, match="under way"):
            await ask(core, "second", chat=chat)
        assert isinstance((await running)[-1], Completed)


async def test_leaving_in_the_middle_stores_the_answer_as_stopped(scripted):
    """When the task is cancelled (the app quits), what was streamed is kept."""
    async with scripted(text="word " * 500, tokens_per_second=100) as core:
        chat = (await core.conversations.create()).id
        running = asyncio.create_task(ask(core, "talk", chat=chat))
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        message = (await core.conversations.thread(chat))[-1]
        assert message.state == "stopped" and message.text
        assert not core.engine.busy


async def test_regenerating_adds_a_sibling(core):
    """Both answers stay; the question is not repeated."""
    first = (await ask(core, "hello"))[-1].message
    events = [event async for event in core.engine.regenerate(first.id)]
    second = events[-1].message
    assert second.parent_id == first.parent_id and second.id != first.id
    assert len(await core.conversations.thread(first.conversation_id)) == 2


async def test_an_empty_question_is_refused(core):
    """Nothing is stored for nothing."""
    with pytest.raises(UsageError):
        await ask(core, "  \n ")
    assert (await core.conversations.recent())[0].messages == 0
