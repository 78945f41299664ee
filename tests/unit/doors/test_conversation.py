"""What is said on a connection, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.doors.api import Refused, same_secret
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import encode
from daemon.doors.rtmp.chunks import message
from daemon.doors.rtmp.conversation import (
    HANDSHAKE,
    MAX_COMMAND,
    MAX_MEDIA,
    Conversation,
    Media,
    PublishWanted,
    Unpublished,
)
from tests.unit.doors.client import CONNECT, CREATE, HELLO, KEY, media, opening, publish, replies, statuses, video

FAR = chunks.message(chunks.SET_CHUNK_SIZE, (1 << 20).to_bytes(4))


def publishing() -> Conversation:
    talk = Conversation()
    talk.feed(opening())
    talk.accept()
    return talk


def refusal(*parts: bytes, talk: Conversation | None = None) -> Refused:
    talk = talk or Conversation()
    with pytest.raises(Refused) as refused:
        talk.feed(b"".join(parts))
    return refused.value


@given(st.integers(1, 900))
def test_a_publisher_is_understood_however_its_bytes_arrive(step: int) -> None:
    """Handshake, connect, createStream, publish; then media and its end."""
    talk, data = Conversation(), opening()
    steps = [one for at in range(0, len(data), step) for one in talk.feed(data[at : at + step])]
    assert steps == [PublishWanted(f"live/{KEY}")]
    talk.accept()
    out = talk.take_output()
    assert out[:1] == b"\3"
    assert out[1 + HANDSHAKE : 1 + 2 * HANDSHAKE] == bytes(HANDSHAKE)  # S2 repeats C1
    assert statuses(out) == ["NetStream.Publish.Start"]
    bye = message(chunks.COMMAND, encode("FCUnpublish", 6.0, None, KEY))
    assert [type(one) for one in talk.feed(video() + bye)] == [Media, Unpublished]


def test_connect_and_create_stream_are_answered_by_number() -> None:
    """Where ffmpeg and OBS look for it."""
    talk = Conversation()
    talk.feed(HELLO + CONNECT + CREATE)
    bodies = [one.body for one in replies(talk.take_output()) if one.kind == chunks.COMMAND]
    assert bodies[0].startswith(encode("_result", 1.0))
    assert bodies[1] == encode("_result", 4.0, None, 1.0)


def test_a_ping_is_answered_and_bytes_are_acknowledged() -> None:
    """A peer that asks for an acknowledgement every 64 KiB gets it."""
    talk = publishing()
    talk.take_output()
    talk.feed(message(chunks.WINDOW_SIZE, (1).to_bytes(4)) + message(chunks.USER_CONTROL, b"\0\6\0\0\0\7"))
    assert message(chunks.USER_CONTROL, b"\0\7\0\0\0\7") in talk.take_output()
    for _ in range(500):
        talk.feed(video(b"\x17\1" + b"x" * 120))
    acknowledgements = replies(bytes(1 + 2 * HANDSHAKE) + talk.take_output())
    assert [one.kind for one in acknowledgements] == [chunks.ACKNOWLEDGEMENT]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([b"\6" + bytes(3000)], "malformed"),  # RTMPE
        ([b"GET / HTTP/1.1\r\n\r\n"], "malformed"),
        ([HELLO + CREATE], "malformed"),
        ([HELLO + CONNECT + CONNECT], "malformed"),
        ([HELLO + message(chunks.COMMAND, encode("connect", 1.0, {"app": 5.0}))], "malformed"),
        ([HELLO + media(chunks.COMMAND, encode("connect", 1.0, {"app": "a" * 600}))], "malformed"),
        ([HELLO + message(chunks.COMMAND, encode(1.0))], "malformed"),
        ([HELLO + message(chunks.COMMAND, b"\3\0\1a" * 30)], "malformed"),
        ([HELLO + CONNECT + CREATE + video()], "malformed"),
        ([opening() + video()], "malformed"),  # asked, and not yet answered
        ([opening() + publish()], "malformed"),
        ([HELLO + CONNECT + message(chunks.COMMAND, encode("play", 5.0, None, KEY), stream=1)], "unsupported"),
        ([HELLO + CONNECT + message(chunks.COMMAND_AMF3, b"\1\2")], "unsupported"),
        ([HELLO + CONNECT + message(chunks.AGGREGATE, b"\1\2")], "unsupported"),
        ([HELLO + CONNECT + CREATE * 64], "too_big"),
        ([HELLO + CONNECT + FAR + bytes([4, 0, 0, 0]) + (MAX_COMMAND + 1).to_bytes(3) + b"\x09" + bytes(4)], "too_big"),
    ],
)
def test_what_is_refused(parts: list[bytes], code: str) -> None:
    """Each with its reason."""
    assert refusal(*parts).code == code


def test_only_a_publisher_may_send_big_messages() -> None:
    """Up to MAX_MEDIA."""
    talk = publishing()
    body = b"\x17\1" + bytes(MAX_MEDIA - 2)
    size = FAR + bytes([4, 0, 0, 0]) + len(body).to_bytes(3) + b"\x09\1\0\0\0"
    [step] = talk.feed(size + b"\xc4".join(body[at : at + (1 << 20)] for at in range(0, len(body), 1 << 20)))
    assert isinstance(step, Media)
    big = bytes([4, 0, 0, 0]) + (MAX_MEDIA + 1).to_bytes(3) + b"\x09\1\0\0\0"
    assert refusal(big, talk=talk).code == "too_big"


def test_a_refusal_is_said_in_the_words_that_publishers_show() -> None:
    """Once there is a connection to say it on."""
    for code, said in (("bad_key", "BadName"), ("busy", "BadName"), ("too_big", "Rejected")):
        talk = Conversation()
        talk.feed(opening())
        talk.refuse(Refused(code, "No"))
        assert statuses(talk.take_output()) == [f"NetStream.Publish.{said}"]
    silent = Conversation()
    silent.refuse(Refused("slow", "No"))
    assert silent.take_output() == b""


@given(st.binary(max_size=2000))
def test_any_bytes_are_steps_or_a_refusal(data: bytes) -> None:
    """Nothing else is raised, before publishing and after."""
    for talk, start in ((Conversation(), b""), (Conversation(), HELLO + CONNECT), (publishing(), b"")):
        try:
            talk.feed(start)
            talk.feed(data)
        except Refused:
            continue


def test_secrets_are_compared_whole() -> None:
    """Texts of other lengths and surrogates too."""
    assert same_secret("live/ü", "live/ü")
    assert not same_secret("live/", "live/a")
    assert not same_secret("live/\ud800", "live/a")
