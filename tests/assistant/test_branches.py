"""Is a chat a tree in which nothing is overwritten: asked anew, rewritten, forked, taken back, searched by branch?"""

from __future__ import annotations

import pytest

from assistant import branching
from assistant.bootstrap import Core
from assistant.conversation import Message
from assistant.errors import NotFoundError, UsageError
from assistant.events import Completed
from assistant.titles import TITLE_LENGTH, title_of


async def asked(core: Core, chat: int, text: str, instead_of: int | None = None) -> Message:
    """The stored answer."""
    events = [event async for event in core.engine.ask(chat, text, instead_of=instead_of)]
    assert isinstance(events[-1], Completed)
    return events[-1].message


async def texts(core: Core, chat: int) -> list[str]:
    return [message.text for message in await core.conversations.thread(chat)]


async def test_a_question_asked_in_another_way_stands_beside_the_old_one(core: Core) -> None:
    """The chat goes on from the new one; the old one, with all that followed on it, is one choice away."""
    chat = (await core.conversations.create()).id
    first = await asked(core, chat, "one")
    later = await asked(core, chat, "two")
    question = (await core.conversations.thread(chat))[0]
    new = await asked(core, chat, "one, but better", instead_of=question.id)
    assert await texts(core, chat) == ["one, but better", "You asked: one, but better."]
    siblings = await core.conversations.branches.siblings(chat)
    assert siblings == {question.id: (question.id, new.parent_id), new.parent_id: (question.id, new.parent_id)}
    await branching.choose_branch(core, question.id)
    assert (await core.conversations.thread(chat))[-1].id == later.id
    assert (await core.conversations.thread(chat))[1].id == first.id


async def test_only_a_question_of_the_chat_can_be_asked_anew(core: Core) -> None:
    """An answer, or a question of another chat, is refused, and nothing is stored."""
    chat, other = (await core.conversations.create()).id, (await core.conversations.create()).id
    answer = await asked(core, chat, "one")
    for wrong in (answer.id, (await asked(core, other, "x")).parent_id):
        with pytest.raises(UsageError, match="question of this chat"):
            await asked(core, chat, "two", instead_of=wrong)
    assert await texts(core, chat) == ["one", "You asked: one."]


async def test_an_answer_is_rewritten_beside_the_models_own(core: Core) -> None:
    """Both stay, the chat goes on from the user's, and it says whose words they are."""
    chat = (await core.conversations.create()).id
    answer = await asked(core, chat, "one")
    mine = await branching.rewrite_answer(core, answer.id, " It is two. [9] ")
    assert (mine.text, mine.notices, mine.model) == ("It is two.", ("You wrote this answer.",), "")
    assert await texts(core, chat) == ["one", "It is two."]
    assert (await core.conversations.message(answer.id)).text == "You asked: one."
    with pytest.raises(UsageError):
        await branching.rewrite_answer(core, answer.id, "  ")
    with pytest.raises(UsageError):
        await branching.rewrite_answer(core, answer.parent_id or 0, "a question")


async def test_a_fork_is_a_chat_of_its_own(core: Core) -> None:
    """It holds copies up to the message; what is asked in it leaves the old chat alone."""
    chat = (await core.conversations.create(collections=["letters"])).id
    first = await asked(core, chat, "one")
    await asked(core, chat, "two")
    made = await branching.fork(core, first.id)
    assert (made.title, made.collections, made.messages) == ("one (fork)", ("letters",), 2)
    await asked(core, made.id, "three")
    assert await texts(core, made.id) == ["one", "You asked: one.", "three", "You asked: three."]
    assert await texts(core, chat) == ["one", "You asked: one.", "two", "You asked: two."]
    await core.conversations.delete_for_good(chat)
    assert len(await texts(core, made.id)) == 4
    with pytest.raises(NotFoundError):
        await branching.fork(core, first.id)


async def test_a_turn_is_taken_back_and_brought_back(core: Core) -> None:
    """Undo goes on from before the last question; redo returns; the first question has nothing before it."""
    chat = (await core.conversations.create()).id
    await asked(core, chat, "one")
    await asked(core, chat, "two")
    taken = await branching.undo(core, chat)
    assert taken.text == "two" and await texts(core, chat) == ["one", "You asked: one."]
    with pytest.raises(UsageError, match="Nothing stands before"):
        await branching.undo(core, chat)
    last = await branching.redo(core, chat)
    assert last.text == "You asked: two." and len(await texts(core, chat)) == 4
    with pytest.raises(UsageError, match="Nothing was taken back"):
        await branching.redo(core, chat)
    await branching.undo(core, chat)
    await asked(core, chat, "three")
    assert await texts(core, chat) == ["one", "You asked: one.", "three", "You asked: three."]


async def test_pinned_chats_come_first_and_stay_until_unpinned(core: Core) -> None:
    """A pin is kept with the chat."""
    old, new = await core.conversations.create("old"), await core.conversations.create("new")
    await core.conversations.pin(old.id, True)
    assert [chat.title for chat in await core.conversations.recent()] == ["old", "new"]
    await core.conversations.pin(old.id, False)
    assert [chat.id for chat in await core.conversations.recent()] == [new.id, old.id]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Where do penguins live?", "Where do penguins live?"),
        ("Hello! Can you please tell me about the lease?", "The lease?"),
        ("I would like to know when the flat is inspected.", "When the flat is inspected."),
        ("```python\nprint(1)\n```\nWhy does this fail?", "Why does this fail?"),
        ("hi", "hi"),
        ("   \n\n  # Plan\nmore", "Plan"),
        ("```\nonly code\n```", "only code"),
        ("Kannst du mir die Miete nennen?", "Kannst du mir die Miete nennen?"),
        ("Please", "Please"),
    ],
)
def test_a_title_is_what_was_asked_without_politeness(question: str, title: str) -> None:
    """Greetings and requests go, the matter stays; nothing is made up."""
    assert title_of(question) == title


def test_a_long_title_is_cut_at_a_word() -> None:
    """At most sixty characters, with an ellipsis."""
    cut = title_of("word " * 40)
    assert len(cut) <= TITLE_LENGTH and cut.endswith("word…")
