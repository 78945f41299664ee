"""RTMP messages as an FLV stream."""

from __future__ import annotations

import pytest

from daemon.doors.api import Refused
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import decode
from daemon.doors.rtmp.chunks import Message
from daemon.doors.rtmp.flv import FlvWriter
from tests.unit.doors.client import AAC_FRAME, AAC_START, AVC_FRAME, AVC_START


def video(body: bytes = AVC_FRAME, time_ms: int = 0) -> Message:
    return Message(chunks.VIDEO, 1, time_ms, body)


def audio(body: bytes = AAC_FRAME, time_ms: int = 0) -> Message:
    return Message(chunks.AUDIO, 1, time_ms, body)


def tags(data: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, time and body of each tag; the sizes behind them have to be right."""
    assert data.startswith(b"FLV\1")
    assert data[5:13] == b"\0\0\0\x09\0\0\0\0"
    found, at = [], 13
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4])
        time_ms = int.from_bytes(data[at + 4 : at + 7]) | data[at + 7] << 24
        found.append((data[at], time_ms, data[at + 11 : at + 11 + size]))
        assert int.from_bytes(data[at + 11 + size : at + 15 + size]) == size + 11
        at += 15 + size
    return found


def test_the_header_waits_until_both_kinds_have_come() -> None:
    """Settings first, at time 0; then the media in its order, times beyond 24 bits included."""
    flv = FlvWriter()
    parts = [
        flv.media(m) for m in (video(AVC_START), video(time_ms=0x1234567), audio(AAC_START), audio(time_ms=0x1234570))
    ]
    assert [bool(part) for part in parts] == [False, False, False, True]
    assert parts[3][4] == 5  # audio and video
    assert tags(parts[3]) == [
        (9, 0, AVC_START), (8, 0, AAC_START), (9, 0x1234567, AVC_FRAME), (8, 0x1234570, AAC_FRAME),
    ]  # fmt: skip


def test_picture_without_sound_is_not_held_for_long() -> None:
    """A second of media."""
    flv = FlvWriter()
    sent = b"".join(flv.media(m) for m in (video(AVC_START), *(video(time_ms=t) for t in range(0, 1200, 100))))
    assert sent[4] == 1
    assert len(tags(sent)) == 1 + 12


def test_what_is_held_is_not_lost_when_the_publisher_leaves() -> None:
    """However little it was."""
    flv = FlvWriter()
    assert flv.media(video(AVC_START)) + flv.media(video()) == b""
    assert len(tags(flv.finish())) == 2
    assert flv.finish() == b""


def test_changed_settings_begin_a_new_stream_and_repeated_ones_do_not() -> None:
    """The new one has everything a reader needs."""
    flv = FlvWriter()
    for message in (video(AVC_START), audio(AAC_START), video(), audio()):
        flv.media(message)
    assert flv.media(video(AVC_START)) == b""
    assert not flv.restarted
    again = flv.media(video(AVC_START + b"other"))
    assert flv.restarted
    assert tags(again) == [(9, 0, AVC_START + b"other"), (8, 0, AAC_START)]
    assert tags(b"FLV\1\5\0\0\0\x09\0\0\0\0" + flv.media(video(time_ms=9))) == [(9, 9, AVC_FRAME)]


def test_sound_that_comes_late_begins_a_new_stream() -> None:
    """A demuxer would not look for it any more."""
    flv = FlvWriter()
    for message in (video(AVC_START), *(video(time_ms=t) for t in range(0, 1200, 100))):
        flv.media(message)
    late = flv.media(audio(AAC_START, 1200))
    assert flv.restarted
    assert late[4] == 5


def test_metadata_is_reduced_to_what_is_known() -> None:
    """libav would seek by `keyframes`."""
    flv = FlvWriter()
    flv.data(["@setDataFrame", "onMetaData", {"width": 640.0, "keyframes": {"filepositions": [1.0]}, "duration": 1e9}])
    flv.media(video(AVC_START))
    flv.media(video())
    kind, _, body = tags(flv.finish())[0]
    assert (kind, decode(body)) == (18, ["onMetaData", {"width": 640.0}])


@pytest.mark.parametrize(
    "message",
    [
        video(b"\x12\0"), video(b"\x14\0"), video(b"\x90vvc1"), video(b"\x97hvc1"), video(b"\x90"),
        audio(b"\x62\0"), audio(b"\xb2\0"), audio(b"\x90spex"), audio(b"\x97mp4a"),
    ],
)  # fmt: skip
def test_other_codecs_are_refused_by_name(message: Message) -> None:
    """And the publisher is told which to use."""
    with pytest.raises(Refused, match="accepted"):
        FlvWriter().media(message)


@pytest.mark.parametrize("fourcc", [b"avc1", b"hvc1", b"av01", b"vp09"])
def test_enhanced_rtmp_passes_through(fourcc: bytes) -> None:
    """Codec settings are known as such; of several tracks the first is taken."""
    flv = FlvWriter()
    for body in (b"\x90" + fourcc + b"settings", b"\x96" + fourcc + b"second track", b"\x91" + fourcc + b"frame"):
        flv.media(video(body))
    assert [body[5:] for _, _, body in tags(flv.finish())] == [b"settings", b"frame"]


def test_empty_messages_and_seek_markers_carry_nothing() -> None:
    """They are left out."""
    flv = FlvWriter()
    assert flv.media(video(b"")) + flv.media(video(b"\x57\0")) + flv.finish() == b""
