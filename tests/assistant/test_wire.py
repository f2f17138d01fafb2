"""The frames between processes."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.wire import HEADER, MAX_JSON, WireError, encode, read_frame

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), json_values), st.binary())
def test_a_frame_comes_back_as_it_was_sent(message, blob):
    """Any JSON object and any bytes survive the pipe."""
    assert read_frame(io.BytesIO(encode(message, blob))) == (message, blob)


def test_a_name_that_is_not_utf8_survives():
    """A file name with invalid bytes (as surrogates) crosses the pipe unchanged."""
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    assert read_frame(io.BytesIO(encode({"path": name})))[0]["path"] == name


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_refused_and_never_read_without_end(data):
    """Random bytes give a WireError, an honest end, or a frame; never another exception."""
    with contextlib.suppress(WireError):
        read_frame(io.BytesIO(data))


def test_an_absurd_length_is_refused_before_anything_is_read():
    """A child cannot make the assistant allocate gigabytes."""
    with pytest.raises(WireError, match="claims"):
        read_frame(io.BytesIO(HEADER.pack(MAX_JSON + 1, 0)))
