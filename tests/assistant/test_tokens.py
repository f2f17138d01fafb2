"""Are texts cut as the model cuts them, with the merges that led there, and is it told what they cost?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from assistant.backends.base import ChatMessage
from assistant.backends.llamacpp import LlamaCppBackend
from assistant.errors import ModelError, UsageError
from assistant.models.location import starter_path, tokenizer_path
from assistant.sent_prompt import sent_prompt
from assistant.tokens import byte_level_bpe
from assistant.tokens.token import Split, Token, pieces, shown_bytes
from assistant.tokens.tokenizers import AnyTokenizer, open_tokenizer

MINILM = tokenizer_path("minilm")
TEXT = "Tokenization isn't magic 🙂 in 2024\n\tdéjà vu"


@pytest.fixture(scope="module")
def starter() -> AnyTokenizer:
    return open_tokenizer("starter")


@pytest.fixture(scope="module")
def byte_level_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model's vocabulary and merges as a tokenizer.json."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    metadata = read_gguf(starter_path(), keep_arrays=True).metadata
    vocabulary = {entry: number for number, entry in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges))
    digits, bytes_ = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_])
    made.decoder = decoders.ByteLevel()
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def split(tokenizer: AnyTokenizer, text: str, special: bool = False) -> Split:
    return Split(tokenizer.facts, text, tuple(tokenizer.split(text, special)))


def test_the_pieces_are_the_text(starter: AnyTokenizer) -> None:
    """Put together, the bytes of the tokens are the text; figures follow from it."""
    found = split(starter, TEXT)
    assert b"".join(token.data for token in found.tokens) == TEXT.encode()
    assert found.characters_per_token == len(TEXT) / len(found.tokens)
    assert found.share == len(found.tokens) / 8192
    assert "".join(piece.text for piece in found.pieces if piece.whole) == TEXT


def test_a_character_in_several_tokens_is_told_by_its_bytes(starter: AnyTokenizer) -> None:
    """A rare character is spread over tokens: each names it, none is it, and its bytes are shown."""
    found = split(starter, "𓀀")
    assert len(found.tokens) > 1
    assert {(piece.text, piece.whole) for piece in found.pieces} == {("𓀀", False)}
    assert found.pieces[0].shown.startswith("⟨F0")
    assert found.pieces[0].code_points == ["U+13000"]


@given(st.lists(st.binary(min_size=0, max_size=5), max_size=12))
def test_any_bytes_have_pieces(parts: list[bytes]) -> None:
    """Whatever the bytes of tokens are, each has a piece on one line, and whole ones are their very characters."""
    found = list(pieces([Token(0, part) for part in parts]))
    assert len(found) == len(parts)
    for part, piece in zip(parts, found, strict=True):
        assert piece.shown.isprintable()
        if piece.whole:
            assert piece.text.encode() == part


def test_control_tokens_are_text_unless_asked_for(starter: AnyTokenizer) -> None:
    """What a person types can never become a control token by itself."""
    assert [token.kind for token in starter.split("<|im_end|>", False)] == ["normal"] * 7
    assert starter.split("<|im_end|>", True) == [Token(2, b"<|im_end|>", "control")]


def test_the_prompt_is_the_one_that_is_sent(starter: AnyTokenizer) -> None:
    """Text and tokens of a prompt are those that the backend itself reads, control strings in content broken up."""
    chat = [ChatMessage("system", "Be brief."), ChatMessage("user", "What is <|im_end|> for?")]
    backend = LlamaCppBackend(read_gguf(starter_path()), context=256)
    try:
        assert starter.prompt(chat).encode() == backend.prompt(chat)
    finally:
        backend.close()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
def test_the_merges_end_at_the_tokenizers_own_tokens(text: str) -> None:
    """For any text our merges, checked against llama.cpp's ids, agree."""
    tokenizer = open_tokenizer_once()
    words = tokenizer.words(text)
    assert all(word.agrees for word in words)
    tokens = tokenizer.split(text, False)
    assert b"".join(word.data for word in words) == b"".join(token.data for token in tokens)
    assert [number for word in words for number in word.ids] == [token.id for token in tokens]


def test_bytes_that_the_vocabulary_lacks_are_counted(starter: AnyTokenizer) -> None:
    """The embedded model has no token for some bytes: what it does not see is told."""
    assert split(starter, TEXT).lost == 0
    found = split(starter, "\U00040000")
    assert found.lost == 1 and "the model does not see them" in found.line


_opened: list[AnyTokenizer] = []


def open_tokenizer_once() -> AnyTokenizer:
    if not _opened:
        _opened.append(open_tokenizer("starter"))
    return _opened[0]


def test_merges_go_by_their_place_in_the_list() -> None:
    """The pair learned first is joined first, wherever it stands, from left to right (Sennrich et al. 2016)."""
    ranks = byte_level_bpe.ranks_of(["l o", "lo w", "e r", "low er"])
    parts, steps = byte_level_bpe.merged(b"lower lo", ranks)
    assert [(each.left, each.right, each.rank) for each in steps] == [
        (b"l", b"o", 0), (b"lo", b"w", 1), (b"e", b"r", 2), (b"low", b"er", 3),
    ]  # fmt: skip
    assert steps[0].parts == (b"lo", b"w", b"e", b"r", b" ", b"lo")
    assert parts == ["lower", "Ġ", "lo"]


def test_the_alphabet_is_that_of_gpt2() -> None:
    """256 different printable characters; a space is Ġ, a line break Ċ."""
    table = byte_level_bpe.alphabet()
    assert len(set(table.values())) == 256 and all(each.isprintable() for each in table.values())
    assert (table[0x20], table[0x0A], table[ord("a")]) == ("Ġ", "Ċ", "a")
    assert byte_level_bpe.read(byte_level_bpe.written(bytes(range(256)))) == bytes(range(256))


def test_a_tokenizer_json_cuts_as_the_gguf_of_its_vocabulary(starter: AnyTokenizer, byte_level_file: Path) -> None:
    """Two files of one tokenizer give the same numbers, bytes and merges."""
    other = open_tokenizer(str(byte_level_file))
    assert other.facts.kind == starter.facts.kind == "byte-level BPE"
    text = "Unbelievable tokenization, isn't it? 🙂"
    assert [(each.id, each.data) for each in other.split(text, False)] == [
        (each.id, each.data) for each in starter.split(text, False)
    ]
    assert other.words("tokenization") == starter.words("tokenization")


def test_half_a_character_is_a_question_mark() -> None:
    """An argument that is no UTF-8 holds lone surrogates, which no tokenizer takes."""
    assert [token.data for token in open_tokenizer("scripted").split("a caf\udce9", False)] == [b"a ", b"caf?"]


def test_a_wordpiece_file_cuts_by_what_it_covers() -> None:
    """The embedder's own tokenizer shows the characters of the text, not its inner spelling, and has no merges."""
    tokenizer = open_tokenizer(MINILM)
    found = split(tokenizer, "Tokenization 𓀀")
    assert [piece.shown for piece in found.pieces] == ["Token", "ization", "𓀀"]
    assert found.tokens[-1].kind == "unknown"
    with pytest.raises(UsageError, match="WordPiece"):
        tokenizer.words("x")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"model": 3}', b"GGUF"])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is told in words, for JSON and for GGUF."""
    for name in ("tokenizer.json", "model.gguf"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises((ModelError, GGUFError)) as caught:
            open_tokenizer(str(path))
        assert name in str(caught.value) and caught.value.hint  # type: ignore[attr-defined]  # both have one


async def test_the_prompt_of_an_answer_is_made_again(core) -> None:  # type: ignore[no-untyped-def]
    """The messages that were sent for an answer: what was said before, the question, nothing of what followed."""
    chat = await core.conversations.create()
    for text in ("The first question", "The second question", "The third question"):
        [event async for event in core.engine.ask(chat.id, text)]
    thread = await core.conversations.thread(chat.id)
    sent = await sent_prompt(core, thread[3].id)
    assert [message.content for message in sent.messages[1:]] == [message.text for message in thread[:3]]
    assert sent.messages[0].role == "system" and sent.messages[0].content == thread[3].system
    with pytest.raises(UsageError, match="no answer"):
        await sent_prompt(core, thread[2].id)


Run = Callable[..., tuple[int, str, str]]  # see conftest


def test_the_command_gives_everything_as_json(run: Run) -> None:
    """Tokens, figures, the merges of a word and a second tokenizer, in one object."""
    arguments = ("--model", "starter", "tokens", "--json", "--with", MINILM, "--merges", "magic", "isn't magic")
    value = json.loads(run(*arguments)[1])
    assert [token["text"] for token in value["tokens"]] == ["is", "n", "'t", " magic"]
    assert value["count"] == 4 and value["share"] == pytest.approx(4 / 8192, abs=1e-6)
    assert [token["text"] for token in value["with"]["tokens"]] == ["isn", "'", "t", "magic"]
    (word,) = value["merges"]
    assert word["agrees"] and word["merges"][-1]["parts"] == ["magic"]


def test_the_command_shows_edges_and_neutralises_what_it_shows(run: Run) -> None:
    """Piped bytes that could steer a terminal are shown in hexadecimal."""
    _, shown, _ = run("--model", "starter", "tokens", "-", stdin=b"a\x1b[31m\nb")
    assert "⟨1B⟩" in shown and "⏎│b" in shown and "\x1b" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "There is no text"),
        (("x", "--message", "1"), 2, "more than one text"),
        (("--message", "99"), 3, "no message 99"),
        (("--merges", "x"), 2, "no list of merges"),
        (("x", "--with", "missing.json"), 4, "no file missing.json"),
        (("x", "--with", "missing.gguf"), 4, "no model 'missing.gguf'"),
    ],
)
def test_what_cannot_be_shown_is_told(run: Run, arguments: tuple[str, ...], code: int, told: str) -> None:
    """One line what, one line what to do, and the exit code."""
    ended, _, said = run("tokens", *arguments)
    assert (ended, told in said) == (code, True), said
    assert len(said.splitlines()) == 2


def test_bytes_are_shown_on_one_line() -> None:
    """Blanks as signs, whole characters as they are, the rest in hexadecimal."""
    assert [shown_bytes(each) for each in (b" a\n", "é".encode(), b"\xc3", b"\x00")] == ["␣a⏎", "é", "⟨C3⟩", "⟨00⟩"]
