"""Whatever a client sends: it is a request, or it is refused in words."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.serving.requests import RequestError, read_chat, read_inputs, read_json
from assistant.serving.served_name import ServedName, base_name, offered_names, read_name
from assistant.tools.call_grammar import call_grammar
from assistant.tools.calling import as_chat
from ingest.errors import IngestError

TEXT = st.text(st.characters(), max_size=8)  # halves of surrogate pairs among them
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
NAMES = """type text role content function name parameters properties required enum items $ref tool_calls id arguments
anyOf const pattern tool_call_id user assistant tool system string object array"""
KEYS = st.sampled_from(NAMES.split())
JSON = st.recursive(
    SCALARS | KEYS, lambda part: st.lists(part, max_size=4) | st.dictionaries(KEYS, part, max_size=5), max_leaves=24
)
ASKED = """model messages temperature top_p max_tokens stop stream stream_options store n logprobs tools tool_choice
seed response_format"""
FIELDS = st.sampled_from(ASKED.split())
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "developer"]), "content": TEXT},
    optional={"tool_calls": JSON, "tool_call_id": SCALARS},
)
TOOL = st.fixed_dictionaries(
    {
        "function": st.fixed_dictionaries(
            {"name": st.text(st.characters(), min_size=1, max_size=8)}, optional={"parameters": JSON}
        )
    }
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(FIELDS, JSON, max_size=6), st.lists(MESSAGE, max_size=4), st.lists(TOOL, max_size=2))
def test_a_request_is_read_or_refused(fields, messages, tools):
    """Nothing else is raised, be it by the request, the messages as a chat, or the schemas as a grammar."""
    asked = json.loads(json.dumps({"model": "starter", "messages": messages, "tools": tools} | fields))
    try:
        request = read_chat(asked, Sampling())
    except RequestError as error:
        assert error.message
        return
    for message in as_chat(request.messages, request.tools):
        message.content.encode()
    try:
        if request.tools:
            call_grammar(request.tools, text=True).encode()
    except UsageError as error:
        assert error.message


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_body_is_an_object_or_refused(body):
    """As is what is to be embedded."""
    try:
        asked = read_json(body)
        assert all(isinstance(text, str) and text for text in read_inputs({"input": asked.get("content")}))
    except RequestError as error:
        assert error.message


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="starw+@:.0123456789/v-", max_size=24))
def test_a_name_is_understood_or_refused(text):
    """A path never is an adapter's name, and every name that is listed is understood."""
    try:
        name = read_name(f"starter{text}", "starter", ["work"])
        assert "/" not in (name.mix or "")
    except (UsageError, IngestError) as error:
        assert str(error)
    except Exception as error:
        assert type(error).__name__ == "NotFoundError"


def test_half_a_letter_harms_nothing():
    """Lone halves of surrogate pairs in any place of a conversation with tools become question marks."""
    half = "\ud800"
    call = {"id": half, "function": {"name": half, "arguments": json.dumps({half: half})}}
    messages = [{"role": "user", "content": half}, {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": half, "content": half}]  # fmt: skip
    parameters = {"properties": {half: {"enum": [half]}}}
    tools = [{"function": {"name": half, "description": half, "parameters": parameters}}]
    request = read_chat({"model": half, "messages": messages, "tools": tools}, Sampling())
    said = [message.content.encode() for message in as_chat(request.messages, request.tools)]
    assert b"?" in said[0] and b"?" in call_grammar(request.tools).encode() and request.model == "?"


def test_names():
    """Versions of adapters are told from collections; a collection called library is that collection."""
    assert read_name("starter", "starter", []) == ServedName("starter", None, ())
    assert read_name("starter+a@v2:0.5+b@work@type:pdf", "starter", ["work"]).mix == "a@v2:0.5 b"
    assert read_name("starter+a@v2:0.5+b@work@type:pdf", "starter", ["work"]).scope == ("work", "type:pdf")
    assert read_name("starter+off@library", "starter", ["work"]) == ServedName("starter+off@library", "", None)
    assert read_name("starter@library", "starter", ["library"]).scope == ("library",)
    assert base_name("/models/mistral+7b.Q4.gguf") == "mistral-7b.Q4"
    for name in offered_names("starter", ["style"], ["work", "library"]):
        assert read_name(name, "starter", ["work", "library"]).text == name
