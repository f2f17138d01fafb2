"""Rows from files: every known format, and everything that can be wrong with a file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.data.formats import read_file
from adapters.data.messages import RowError
from adapters.data.row_formats import read_row
from adapters.data.text_pieces import pieces
from adapters.errors import DatasetError
from adapters.rows import Origin, Turn, row_from_json

ORIGIN = Origin("file", "f.jsonl", "1", "f.jsonl:1")
ASKED = (Turn("user", "Who?"), Turn("assistant", "Me."))
KEYS = [
    "messages",
    "prompt",
    "completion",
    "instruction",
    "output",
    "text",
    "conversations",
    "split",
    "group",
    "origin",
    "chosen",
    "rejected",
]
SAID = ({"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."})
OTHER = {"role": "assistant", "content": "You."}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("row", "kind", "turns"),
    [
        ({"prompt": "Who?", "completion": "Me."}, "prompt/completion", ASKED),
        ({"question": "Who?", "answer": "Me."}, "question/answer", ASKED),
        ({"prompt": [{"role": "user", "content": "Who?"}], "completion": [{"role": "assistant", "content": "Me."}]},
         "prompt/completion", ASKED),
        ({"messages": [{"role": "user", "content": "Who?"}, {"role": "bot", "content": "Me."}]}, "messages", ASKED),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Who?"}]},
                       {"role": "assistant", "content": "Me."}]}, "messages", ASKED),
        ({"instruction": "Say", "input": "x", "output": "Me."}, "Alpaca", (Turn("user", "Say\n\nx"), ASKED[1])),
        ({"instruction": "Who?", "input": "", "output": "Me.", "history": [["a", "b"]]}, "Alpaca",
         (Turn("user", "a"), Turn("assistant", "b"), *ASKED)),
        ({"conversations": [{"from": "gpt", "value": "Hello."}, {"from": "human", "value": "Who?"},
                            {"from": "gpt", "value": "Me."}], "system": "Be brief."}, "ShareGPT", None),
    ],
)  # fmt: skip
def test_each_format_becomes_the_same_turns(row, kind, turns):
    """Prompt/completion, messages, Alpaca and ShareGPT are told apart and read alike."""
    found, given = read_row(row, ORIGIN)
    assert found == kind
    if turns is None:  # an answer to nothing at the beginning is left out
        found, given = read_row({key: row[key] for key in ("conversations",)}, ORIGIN)
        turns = ASKED
    assert given.row.turns == turns
    assert not given.placed


def test_a_trailing_question_is_left_out_and_a_row_keeps_its_split_group_and_origin():
    """What nobody answered teaches nothing; what a row says of itself is honoured."""
    turns = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
    row = {"messages": [*turns, {"role": "user", "content": "And?"}], "split": "val", "group": 7}
    _, given = read_row(row, ORIGIN)
    assert (given.row.turns, given.row.split, given.placed, given.row.origin.group) == (
        ASKED,
        "validation",
        True,
        "f.jsonl/7",
    )
    own = given.row.as_json() | {"origin": {"source": "chat", "name": "T", "id": "9", "adapter": "a"}}
    assert read_row(own, ORIGIN)[1].row.origin == Origin("chat", "T", "9", adapter="a")


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "Who?", "chosen": "Me.", "rejected": "You."},
        {"prompt": [SAID[0]], "chosen": [SAID[1]], "rejected": [OTHER]},
        {"chosen": [*SAID], "rejected": [SAID[0], OTHER]},
        {"prompt": "Who?", "messages": [*SAID], "chosen": [*SAID], "rejected": [SAID[0], OTHER]},
        {"question": "Who?", "chosen": "Me.", "rejected": "You.", "score": 3},
        {"instruction": "Who?", "input": "", "chosen": "Me.", "rejected": "You."},
        {"chosen": "\n\nHuman: Who?\n\nAssistant: Me.", "rejected": "\n\nHuman: Who?\n\nAssistant: You."},
        {"conversations": [{"from": "human", "value": "Who?"}], "chosen": {"from": "gpt", "value": "Me."},
         "rejected": {"from": "gpt", "value": "You."}},
        {"messages": [*SAID], "rejected": "You.", "only_last": True},
    ],
    ids=["TRL", "TRL chat", "TRL implicit", "UltraFeedback", "Orca", "Alpaca", "Anthropic", "ShareGPT", "own"],
)  # fmt: skip
def test_every_form_of_a_pair_gives_the_same_pair(value):
    """Question, chosen and rejected answer, of which only the last is learned."""
    kind, found = read_row(value, ORIGIN)
    assert kind == "pairs"
    assert (found.row.turns, found.row.rejected, found.row.only_last) == (ASKED, "You.", True)
    assert row_from_json(found.row.as_json()) == found.row
    assert found.row.other.turns == (ASKED[0], Turn("assistant", "You.")) and not found.row.other.is_pair


def test_ratings_are_read_and_other_labels_are_not():
    """TRL's unpaired preferences say true or false; a label that is anything else is no rating."""
    kind, found = read_row({"prompt": "Who?", "completion": "Me.", "label": False}, ORIGIN)
    assert (kind, found.row.turns, found.row.desirable, found.row.only_last) == ("ratings", ASKED, False, True)
    assert row_from_json(found.row.as_json()) == found.row
    assert read_row({"messages": [*SAID], "label": True}, ORIGIN)[1].row.desirable is True
    for label in (1, "true", None, "positive"):
        assert read_row({"prompt": "Who?", "completion": "Me.", "label": label}, ORIGIN)[1].row.desirable is None


def test_the_system_prompt_of_a_pair_is_kept():
    """Beside the question, or as the first message of the prompt."""
    system = {"role": "system", "content": "Be brief."}
    for value in (
        {"system": "Be brief.", "question": "Who?", "chosen": "Me.", "rejected": "You."},
        {"prompt": [system, SAID[0]], "chosen": [SAID[1]], "rejected": [OTHER]},
        {"system": "Be brief.", "chosen": [*SAID], "rejected": [SAID[0], OTHER]},
    ):
        assert read_row(value, ORIGIN)[1].row.turns == (Turn("system", "Be brief."), *ASKED)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([1], "must be an object"),
        ({"foo": 1}, "the keys are foo; expected messages"),
        ({"prompt": "x"}, "“completion” is missing"),
        ({"instruction": "x"}, "“output” is missing"),
        ({"prompt": "x", "completion": ""}, "the answer is empty"),
        ({"prompt": " \n", "completion": "x"}, "the question is empty"),
        ({"prompt": 3, "completion": "x"}, "“prompt” must be a text, not a number"),
        ({"messages": []}, "must be a list of messages"),
        ({"messages": [{"role": "user", "content": "x"}]}, "there is no answer in it"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "has the role 'tool'"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "cannot stand first"),
        ({"prompt": "x", "completion": "y", "split": "later"}, "is not train, validation or test"),
        ({"prompt": "x", "completion": "y" * 200_000}, "it has 200,001 characters; at most 100,000"),
        ({"prompt": "x", "chosen": "y"}, "“rejected” is missing"),
        ({"prompt": "x", "rejected": "y"}, "“chosen” is missing"),
        ({"prompt": "x", "chosen": "y", "rejected": " "}, "the rejected answer is empty"),
        ({"prompt": "x", "chosen": "y z", "rejected": "y  z "}, "are the same"),
        ({"prompt": "x", "chosen": 3, "rejected": "y"}, "“chosen” must be a text or messages, not a number"),
        ({"chosen": "y", "rejected": "z"}, "the question is missing"),
        ({"chosen": [*SAID], "rejected": [{"role": "user", "content": "Why?"}, SAID[1]]}, "the same messages"),
        ({"prompt": "x", "chosen": [SAID[1]], "rejected": []}, "“rejected” must be a list of messages"),
        ({"text": " "}, "the text is empty"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_in_words(row, says):
    """Each kind of bad row has its own line."""
    with pytest.raises(RowError) as caught:
        read_row(row, ORIGIN)
    assert says in str(caught.value)


@given(json_values | st.dictionaries(st.sampled_from(KEYS), json_values))
def test_any_json_is_a_row_or_a_row_error(value):
    """No JSON value breaks the reader; what it reads can be written as UTF-8."""
    try:
        _, given_row = read_row(value, ORIGIN)
    except RowError:
        return
    json.dumps(given_row.row.as_json(), ensure_ascii=False).encode()
    assert given_row.row.answer.strip()


def test_bad_lines_are_listed_with_their_line_and_the_rest_is_kept(write):
    """One broken line costs one row; a blank line costs none."""
    good = lines({"prompt": "a", "completion": "b"})
    file = read_file(
        write("x.jsonl", good + "{oops\n\n" + good.replace("a", "c") + '{"prompt": "x", "completion": ""}\n')
    )
    assert [given.row.question for given in file.rows] == ["a", "c"]
    assert [str(bad) for bad in file.bad] == [
        "x.jsonl:2: wrong JSON at column 2: expecting property name enclosed in double quotes",
        "x.jsonl:5: the answer is empty",
    ]
    assert (file.format, file.rows[1].row.origin) == ("prompt/completion", Origin("file", "x.jsonl", "4", "x.jsonl:4"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b"", "a.jsonl is empty"),
        ("a.jsonl", b"\xef\xbb\xbf\n \n", "a.jsonl is empty"),
        ("a.jsonl", b"\x7fELF\x00\x00\x01", "looks like binary data"),
        ("a.json", b"{broken", "wrong JSON at column 2"),
        ("a.json", b'[{"prompt": "x"', "wrong JSON"),
        ("a.jsonl", b"[" * 100_000, "nested too deeply"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.jsonl", b'{"prompt": "\xff"}', "not UTF-8"),
        ("a.txt", b"caf\xe9", "a.txt:1: this is not UTF-8 text"),
        ("a.jsonl", b'{"prompt": "x", "completion": ""}\n' * 3, "a.jsonl:1: the answer is empty (and 2 more)"),
        ("a.dat", b"some words", "no known format"),
        ("a.json", b"[]", "there are no rows in it"),
        ("a.jsonl", b'{"prompt": ' + b"9" * 5_000 + b"}", "wrong JSON"),
    ],
)
def test_files_without_a_usable_row_are_refused_in_one_line(write, name, content, says):
    """Empty, binary, broken or all-bad files: what is wrong, and a hint."""
    with pytest.raises(DatasetError) as caught:
        read_file(write(name, content))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    """A path that is no file is named."""
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "no.jsonl", "There is no file")):
        with pytest.raises(DatasetError, match=says):
            read_file(path)


def test_encodings_containers_and_tables_are_read(write):
    """UTF-8 with a mark, UTF-16, a JSON list, an object with data, JSON lines called .json, CSV."""
    row = {"prompt": "Wer?", "completion": "Ich, Jürgen."}
    text = json.dumps(row, ensure_ascii=False)
    table = 'prompt,completion\nWer?,"Ich, Jürgen."\n'
    for name, content in (
        ("a.jsonl", b"\xef\xbb\xbf" + text.encode()), ("b.jsonl", text.encode("utf-16")), ("c.json", f"[{text}]"),
        ("d.json", json.dumps({"data": [row]})), ("e.json", f"{text}\n{text}\n"), ("f.csv", table), ("g.json", text),
    ):  # fmt: skip
        assert read_file(write(name, content)).rows[0].row.answer == "Ich, Jürgen.", name


def test_halves_of_surrogate_pairs_cannot_break_the_dataset(write):
    """JSON may hold a lone surrogate; what is kept can be written."""
    file = read_file(write("a.jsonl", '{"prompt": "a\\ud83d", "completion": "\\ud83d\\ude00\\u0000"}\n'))
    assert (file.rows[0].row.question, file.rows[0].row.answer) == ("a\N{REPLACEMENT CHARACTER}", "😀")


def test_long_text_becomes_pieces_of_one_group(write):
    """A text file of 200,000 characters is cut at sentences; nothing is lost."""
    text = "A sentence of some words stands here.\n\n" * 5_000
    file = read_file(write("book.md", text))
    assert len(file.rows) > 90 and {given.row.origin.group for given in file.rows} == {"book.md"}
    assert all(given.row.text.endswith("here.") and len(given.row.text) <= 2_000 for given in file.rows)
    assert sum(given.row.text.count("sentence") for given in file.rows) == 5_000
    [line] = {len(read_file(write("a.jsonl", json.dumps({"text": text}))).rows)}
    assert line == len(file.rows)


@given(st.text(max_size=3_000), st.integers(1, 400))
def test_pieces_hold_everything_but_white_space(text, size):
    """Whatever the text, its pieces are in order, small enough, and lose nothing."""
    spans = pieces(text, size)
    assert all(0 < end - start <= size for start, end in spans)
    assert "".join(text[start:end] for start, end in spans).split() == "".join(text.split()).split() or (
        "".join("".join(text[start:end] for start, end in spans).split()) == "".join(text.split())
    )
