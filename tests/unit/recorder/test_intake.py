"""One track from its packets to frames on room time; the caller says what time it is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from recorder.clock import SenderClock
from recorder.frames import EncodedFrame, VideoCodec
from recorder.intake import BEGIN_NS, TrackIntake
from recorder.packets import RtpIn
from tests.unit.recorder.rtp import packets_of
from tests.webrtc import coded_video

MS = 1_000_000


class Track:
    """A camera whose packets come with some delay."""

    def __init__(self, codec: VideoCodec = "vp8") -> None:
        self.frames: list[EncodedFrame] = []
        self.intake = TrackIntake("cam", codec, SenderClock(), self.frames.append)

    def come(self, packets: list[RtpIn]) -> None:
        """At their times, with a tick in between."""
        for packet in packets:
            self.intake.take(packet, packet.arrival_ns / MS)
            self.intake.tick(packet.arrival_ns, None)
        self.intake.tick(packets[-1].arrival_ns + BEGIN_NS, None)


def test_an_encoder_that_begins_with_a_burst_is_on_time_from_its_first_frame() -> None:
    """ffmpeg -re sends half a second at once: the first frame was due before it came, none is squeezed."""
    track = Track()
    packets = packets_of("vp8", coded_video("vp8", 60))
    track.come(
        [packet._replace(arrival_ns=max(0, packet.arrival_ns - 500 * MS) + n) for n, packet in enumerate(packets)]
    )
    steps = [b.room_ms - a.room_ms for a, b in pairwise(track.frames)]
    assert steps == [pytest.approx(1000 / 30, abs=0.1)] * 59
    assert track.frames[0].room_ms == pytest.approx(-500, abs=1)


def test_b_frames_are_left_out_and_counted() -> None:
    """A frame that is shown before the one sent ahead of it: WebRTC has no order of decoding."""
    track = Track("h264")
    packets = packets_of("h264", coded_video("h264", 30))
    stamps = sorted({packet.timestamp for packet in packets}, key=lambda stamp: (stamp - packets[0].timestamp) % 2**32)
    swapped = {stamps[7]: stamps[8], stamps[8]: stamps[7]}
    track.come([packet._replace(timestamp=swapped.get(packet.timestamp, packet.timestamp)) for packet in packets])
    assert len(track.frames) == 29
    assert all(b.rtp > a.rtp for a, b in pairwise(track.frames))
    assert track.intake.stats(0)["dropped"] == {"b_frames": 1}


def test_another_ssrc_takes_over_when_the_first_is_silent() -> None:
    """Its numbers and timestamps have nothing to do with those before; the line goes on, and says that it was cut."""
    track = Track()
    first = packets_of("vp8", coded_video("vp8", 30))
    second = [
        packet._replace(ssrc=9, arrival_ns=packet.arrival_ns + 3_000 * MS)
        for packet in packets_of("vp8", coded_video("vp8", 30), seq=5, stamp=77)
    ]
    early = [packet._replace(arrival_ns=first[-1].arrival_ns + MS) for packet in second[:3]]
    track.come([*first, *early, *second])
    assert len(track.frames) == 60
    assert all(b.rtp > a.rtp for a, b in pairwise(track.frames))
    assert [n for n, frame in enumerate(track.frames) if frame.lost_before] == [30]
    assert track.frames[30].room_ms - track.frames[29].room_ms == pytest.approx(2_033, abs=40)
    assert track.intake.stats(0)["dropped"] == {"other_ssrc": 3}


def test_what_is_told_of_a_track() -> None:
    """Counts, rates over the last seconds, and how long ago something came."""
    track = Track()
    packets = packets_of("vp8", coded_video("vp8", 60))
    track.come([packet for n, packet in enumerate(packets) if n != 50])
    stats = track.intake.stats(packets[-1].arrival_ns + 1_500 * MS)
    assert (stats["lost"], stats["keyframes"], stats["rtp_age_s"]) == (1, 2, 1.5)
    assert stats["frames"] + stats["dropped"]["waiting_for_keyframe"] in (59, 58)
    assert stats["kbps"] > 10
    assert 0 < stats["loss"] < 0.1
