"""The chunk stream: messages come out whole however they were cut, and nothing grows without limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.doors.api import Refused
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.chunks import ChunkReader, Message, message
from tests.unit.doors.client import media

LIMIT = 1 << 16


def head(fmt: int, number: int, rest: bytes) -> bytes:
    """A chunk's header."""
    return bytes([fmt << 6 | number]) + rest


def read(*parts: bytes) -> list[Message]:
    reader = ChunkReader(LIMIT)
    return [one for part in parts for one in reader.feed(part)]


@given(st.binary(min_size=1, max_size=900), st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_a_message_comes_out_whole_however_the_network_cut_it(body: bytes, time_ms: int, step: int) -> None:
    """Extended times too, which every chunk repeats."""
    data = media(chunks.VIDEO, body, time_ms) + media(chunks.AUDIO, b"x", 5)
    found = read(*(data[at : at + step] for at in range(0, len(data), step)))
    assert found == [Message(chunks.VIDEO, 1, time_ms, body), Message(chunks.AUDIO, 1, 5, b"x")]


def test_short_headers_are_filled_up_from_the_one_before() -> None:
    """Formats 1, 2 and 3 carry the time since the last message."""
    data = (
        head(0, 5, b"\0\0\x64" + b"\0\0\1" + b"\x09" + b"\1\0\0\0") + b"a"
        + head(1, 5, b"\0\0\x0a" + b"\0\0\2" + b"\x08") + b"bc"
        + head(2, 5, b"\0\0\x14") + b"de"
        + head(3, 5, b"") + b"fg"
    )  # fmt: skip
    assert [(m.kind, m.stream, m.time_ms, m.body) for m in read(data)] == [
        (9, 1, 100, b"a"), (8, 1, 110, b"bc"), (8, 1, 130, b"de"), (8, 1, 150, b"fg"),
    ]  # fmt: skip


def test_messages_of_several_chunk_streams_interleave() -> None:
    """A long picture is cut for the sound between."""
    picture = media(chunks.VIDEO, b"v" * 200)
    sound = head(0, 6, b"\0\0\0" + b"\0\0\1" + b"\x08" + b"\1\0\0\0") + b"s"
    first = 12 + chunks.MIN_CHUNK
    assert [m.body for m in read(picture[:first] + sound + picture[first:])] == [b"s", b"v" * 200]


@pytest.mark.parametrize("number", [2, 63, 64, 319, 320, 65_599])
def test_chunk_stream_numbers_of_one_two_and_three_bytes(number: int) -> None:
    """As the specification spells them."""
    basic = (
        bytes([number])
        if number < 64
        else (bytes([0, number - 64]) if number < 320 else bytes([1, (number - 64) % 256, (number - 64) // 256]))
    )
    assert [m.body for m in read(basic + b"\0\0\0" + b"\0\0\1" + b"\x09" + b"\1\0\0\0" + b"z")] == [b"z"]


def test_the_chunk_size_changes_in_mid_stream() -> None:
    """From the next chunk on."""
    size = message(chunks.SET_CHUNK_SIZE, (300).to_bytes(4))
    assert [m.body for m in read(size + media(chunks.VIDEO, b"v" * 300, size=300))] == [b"v" * 300]


def test_an_aborted_message_is_forgotten() -> None:
    """And its chunk stream is good for another one."""
    begun = media(chunks.VIDEO, b"v" * 200)[: 12 + chunks.MIN_CHUNK]
    abort = message(chunks.ABORT, (4).to_bytes(4))
    assert [m.body for m in read(begun + abort + media(chunks.VIDEO, b"w"))] == [b"w"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (message(chunks.SET_CHUNK_SIZE, (1).to_bytes(4)), "malformed"),
        (message(chunks.SET_CHUNK_SIZE, (0).to_bytes(4)), "malformed"),
        (message(chunks.SET_CHUNK_SIZE, b"\1"), "malformed"),
        (message(chunks.SET_CHUNK_SIZE, (1 << 30).to_bytes(4)), "too_big"),
        (head(0, 4, b"\0\0\0" + b"\xff\xff\xff" + b"\x09" + b"\1\0\0\0"), "too_big"),
        (head(0, 4, b"\0\0\0" + (LIMIT + 1).to_bytes(3) + b"\x09" + b"\1\0\0\0"), "too_big"),
        (head(2, 4, b"\0\0\0"), "malformed"),
        (head(3, 4, b"") + b"x", "malformed"),
        (media(chunks.VIDEO, b"v" * 200)[: 12 + chunks.MIN_CHUNK] + media(chunks.VIDEO, b"w"), "malformed"),
        (b"".join(bytes([n]) + bytes(3) + b"\0\0\1\x09" + bytes(4) + b"x" for n in range(2, 60)), "too_big"),
    ],
)  # fmt: skip
def test_what_breaks_the_protocol_or_a_limit(data: bytes, code: str) -> None:
    """At the header, before the bytes it promises are waited for."""
    with pytest.raises(Refused) as refused:
        read(data)
    assert refused.value.code == code


def test_messages_that_are_never_finished_are_limited_together() -> None:
    """Many chunk streams, each with a message begun, hold no more than one message may."""
    big = (LIMIT - 1).to_bytes(3)
    size = message(chunks.SET_CHUNK_SIZE, (LIMIT // 4).to_bytes(4))
    begun = [bytes([n]) + bytes(3) + big + b"\x09" + bytes(4) + b"v" * (LIMIT // 4) for n in range(3, 9)]
    with pytest.raises(Refused) as refused:
        read(size, *begun)
    assert refused.value.code == "too_big"
