"""Coded frames out of packets: whole, or not at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bitstream import h264_size, nal_type, opus_us, parameters_of, split_annex_b, vp8_size
from recorder.depacketize import Coded, Depacketizer, depacketizer
from recorder.frames import Codec, VideoCodec
from recorder.packets import Released, RtpIn
from tests.unit.recorder.rtp import in_order, packets_of
from tests.webrtc import Sent, coded_opus, coded_video

CODECS: tuple[VideoCodec, ...] = ("h264", "vp8")


def fed(made: Depacketizer, released: list[Released]) -> list[Coded]:
    return [coded for one in released for coded in made.feed(one)]


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_comes_out_as_it_was_sent(codec: VideoCodec) -> None:
    """Big and small ones, keyframes known; H.264 with its parameter sets before each keyframe, once."""
    sent = coded_video(codec, 45, 640, 360)
    assert max(len(frame.data) for frame in sent) > 1300  # fragments
    out = fed(depacketizer(codec), in_order(packets_of(codec, sent)))
    assert [one.is_keyframe for one in out] == [frame.is_keyframe for frame in sent]
    assert not any(one.lost_before for one in out)
    if codec == "vp8":
        assert [one.data for one in out] == [frame.data for frame in sent]
        assert vp8_size(out[0].data) == (640, 360)
        return
    for one, frame in zip(out, sent, strict=True):
        assert [nal for nal in split_annex_b(frame.data) if nal_type(nal) <= 5] == [
            nal for nal in split_annex_b(one.data) if nal_type(nal) <= 5
        ]
    parameters = parameters_of(split_annex_b(out[30].data))
    assert parameters is not None
    assert h264_size(parameters.sps[0]) == (640, 360)
    assert sum(nal_type(nal) == 7 for nal in split_annex_b(out[30].data)) == 1


def test_sound_comes_out_packet_by_packet() -> None:
    """A packet without a payload is padding; what is no Opus is counted; a loss is told with the next one."""
    sent = packets_of("opus", coded_opus(5))
    made = depacketizer("opus")
    out = fed(made, [Released(sent[0], 0), Released(sent[1]._replace(payload=b""), 0), Released(sent[3], 2)])
    assert [one.data for one in out] == [sent[0].payload, sent[3].payload]
    assert [one.lost_before for one in out] == [False, True]
    assert (
        fed(made, [Released(sent[4]._replace(payload=b"\xff"), 0), Released(sent[4]._replace(payload=b"x" * 9000), 0)])
        == []
    )
    assert made.counts == {"malformed": 2}
    assert [opus_us(data) for data in (b"", b"\x7b", b"\x78", b"\x00", b"\xfb\x06")] == [
        None,
        None,
        20_000,
        10_000,
        120_000,
    ]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("missing", ["first", "middle", "last"])
def test_after_a_loss_nothing_comes_out_before_the_next_keyframe(codec: VideoCodec, missing: str) -> None:
    """Wherever the hole is: what refers to the lost frame would show as rubbish."""
    packets = packets_of(codec, coded_video(codec, 60, 640, 360))
    stamps = [packet.timestamp for packet in packets]
    big = max(range(10, 20), key=lambda n: stamps.count(stamps[0] + n * 3000 & 2**32 - 1))
    frame = [n for n, stamp in enumerate(stamps) if stamp == (stamps[0] + big * 3000) % 2**32]
    lost = frame[{"first": 0, "middle": len(frame) // 2, "last": -1}[missing]]
    made = depacketizer(codec)
    released = [Released(packet, 1 if n == lost + 1 else 0) for n, packet in enumerate(packets) if n != lost]
    before = fed(made, released[: lost + 1])
    assert (len(before), made.wants_keyframe) == (big, True) or len(frame) == 1
    out = before + fed(made, released[lost + 1 :])
    assert [one.timestamp for one in out] == [(stamps[0] + n * 3000) % 2**32 for n in (*range(big), *range(30, 60))]
    assert [n for n, one in enumerate(out) if one.lost_before] == [big]
    assert sum(made.counts.values()) in (30 - big, 29 - big)


def test_a_frame_without_a_marker_ends_with_the_next_timestamp() -> None:
    """Unless something is missing between the two."""
    packets = [packet._replace(marker=False) for packet in packets_of("vp8", coded_video("vp8", 4))]
    assert len(fed(depacketizer("vp8"), in_order(packets))) == 3
    made = depacketizer("vp8")
    assert len(fed(made, [Released(packet, int(n == len(packets) - 1)) for n, packet in enumerate(packets)])) == 2


def test_h264_without_parameter_sets_waits_for_them() -> None:
    """A keyframe that cannot be decoded is none; sets sent once, ahead, are enough."""
    sent = coded_video("h264", 31)
    nals = split_annex_b(sent[0].data)
    bare = b"".join(b"\0\0\0\1" + nal for nal in nals if nal_type(nal) not in (7, 8))
    made = depacketizer("h264")
    assert fed(made, in_order(packets_of("h264", [Sent(0, 90_000, bare)]))) == []
    assert made.counts == {"no_parameter_sets": 1}
    sets = b"".join(b"\0\0\0\1" + nal for nal in nals if nal_type(nal) in (7, 8))
    [out] = fed(made, in_order(packets_of("h264", [Sent(3000, 90_000, sets), Sent(6000, 90_000, bare)])))
    assert out.is_keyframe
    assert parameters_of(split_annex_b(out.data)) is not None


def test_a_keyframe_of_two_thousand_packets() -> None:
    """4K screens have such; the limit is by bytes."""
    nal = b"\x65\x80" + bytes(range(1, 256)) * 10_600
    sets = b"".join(
        b"\0\0\0\1" + nal for nal in split_annex_b(coded_video("h264", 1)[0].data) if nal_type(nal) in (7, 8)
    )
    packets = packets_of("h264", [Sent(0, 90_000, sets + b"\0\0\0\1" + nal)])
    assert len(packets) > 2000
    [out] = fed(depacketizer("h264"), in_order(packets))
    assert nal in out.data
    made = depacketizer("h264")
    assert fed(made, in_order([packets[1]._replace(marker=False)] * 7000)) == []


@settings(deadline=None)
@given(st.sampled_from(("h264", "vp8", "opus")), st.lists(st.binary(max_size=40), max_size=40), st.integers(0, 2**32))
def test_nothing_a_peer_sends_raises(codec: Codec, junk: list[bytes], seed: int) -> None:
    """Random payloads, and good ones with bytes turned over."""
    chance = random.Random(seed)
    good = packets_of(codec, coded_opus(6) if codec == "opus" else coded_video(codec, 6))
    made = depacketizer(codec)
    for payload in junk:
        base = chance.choice(good)
        damaged = bytearray(base.payload)
        damaged[chance.randrange(len(damaged))] ^= chance.randrange(1, 256)
        for one in (payload, bytes(damaged[: chance.randrange(len(damaged) + 1)])):
            packet = RtpIn(1, 0, chance.choice((base.timestamp, chance.getrandbits(32))), chance.random() < 0.5, one, 0)
            for coded in made.feed(Released(packet, int(chance.random() < 0.2))):
                vp8_size(coded.data)
                nals = split_annex_b(coded.data)
                if codec == "h264" and (parameters := parameters_of(nals)) is not None:
                    h264_size(parameters.sps[0])
                    parameters.avcc()
