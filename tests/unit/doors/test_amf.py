"""AMF0 from strangers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.doors.rtmp.amf import MAX_DEPTH, MAX_TEXT, MAX_VALUES, AmfError, Value, decode, encode, encode_ecma

PLAIN = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=40)
SHALLOW = st.lists(PLAIN, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=9), PLAIN, max_size=4)
NESTED = PLAIN | SHALLOW | st.lists(SHALLOW, max_size=3)


@given(st.lists(NESTED, max_size=4))
def test_what_is_encoded_is_decoded(values: list[Value]) -> None:
    """Every kind of value, as deep as is allowed."""
    assert decode(encode(*values)) == values


@given(st.binary(max_size=400))
def test_any_bytes_are_values_or_an_error(data: bytes) -> None:
    """Nothing else is raised."""
    try:
        decode(data)
    except AmfError:
        return


def test_an_ecma_array_is_an_object_whatever_its_count_says() -> None:
    """Many writers get the count wrong."""
    body = bytearray(encode_ecma({"width": 640.0}))
    body[1:5] = b"\xff\xff\xff\xff"
    assert decode(bytes(body)) == [{"width": 640.0}]


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x03\0\1a" * 5_000,  # objects in objects
        b"\x0a\0\0\0\1" * 5_000,  # arrays in arrays
        b"\x0a\xff\xff\xff\xff" + b"\5" * 100,  # a count of four thousand million
        b"\5" * (MAX_VALUES + 1),
        b"\x0c\xff\xff\xff\xff" + b"a" * 100,  # a text of four GiB
        b"\x0c" + (MAX_TEXT + 1).to_bytes(4) + b"a" * (MAX_TEXT + 1),
        b"\x07\0\1",  # a reference
        b"\x0f\0\0\0\1a",  # XML
        b"\0\0\0",  # ends early
        b"\3\0\1a",
    ],
)
def test_bombs_are_refused(bomb: bytes) -> None:
    """Before anything of that size is built."""
    with pytest.raises(AmfError):
        decode(bomb)


def test_the_depth_that_is_allowed() -> None:
    """Up to it, and not one more."""
    deep: Value = 1.0
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert decode(encode(deep)) == [deep]
    with pytest.raises(AmfError):
        decode(encode([deep]))
