"""Packets to looks: a keyframe's price where nothing changes, every half second where something does."""

from __future__ import annotations

from dataclasses import replace

import av
import pytest

from core.game import GameEvent
from core.media import Packet, Track
from core.times import ns, to_s
from daemon.looking.sampler import WAIT_NS, Sampler
from detectors.hud.frames import HudFrame
from tests.unit.looking.coded import CODECS, Eye, between, coded, seconds

NEVER = between()


def watch(track: Track, packets: list[Packet], eye: Eye, *, fps: float = 2.0) -> tuple[Sampler, list[GameEvent]]:
    sampler = Sampler(track, eye, fps=fps)
    events = [event for packet in packets for event in sampler.push(packet)]
    return sampler, events + sampler.cut()


def whole_gops(packets: list[Packet]) -> list[Packet]:
    """Up to the last keyframe and with it, so that the end of a stream has nothing to look at."""
    last = max(n for n, packet in enumerate(packets) if packet.is_keyframe)
    return packets[: last + 1]


def test_a_quiet_gop_costs_its_keyframe() -> None:
    """Ten seconds in which nothing happens: five keyframes, and no frame between."""
    track, packets = coded(10, NEVER)
    eye = Eye()
    sampler, events = watch(track, whole_gops(packets), eye)
    assert (events, eye.times) == ([], [0.0, 2.0, 4.0, 6.0, 8.0])
    assert (sampler.tally.gops, sampler.tally.between) == (1, 0)  # the one that the end of the stream leaves open


def test_where_a_keyframe_differs_the_gop_before_is_looked_at_twice_a_second() -> None:
    """The square comes at 5.2 s: first seen at 5.5 s, known with the keyframe at 6 s."""
    track, packets = coded(10, between((5.2, 99)))
    eye = Eye()
    _, events = watch(track, whole_gops(packets), eye)
    assert seconds(events) == [(5.5, 6.0)]
    assert eye.times == [0.0, 2.0, 4.0, 4.5, 5.0, 5.5, 6.0, 8.0]


def test_four_looks_a_second_time_it_closer() -> None:
    """`hud.fps`."""
    track, packets = coded(8, between((5.2, 99)))
    _, events = watch(track, packets, Eye(), fps=4)
    [(t_s, known_s)] = seconds(events)
    assert abs(t_s - 5.25) <= 0.1  # the next frame that others lean on
    assert known_s == 6.0


def test_what_comes_and_goes_between_two_keyframes_is_seen() -> None:
    """It shows for 1.5 s in a GOP of 3 s, and no keyframe has it."""
    track, packets = coded(10, between((3.7, 5.2)), gop_s=3)
    _, events = watch(track, packets, Eye(shortest_s=1.5))
    [(t_s, known_s)] = seconds(events)
    assert abs(t_s - 4.0) <= 0.1
    assert known_s == 6.0


def test_no_more_is_decoded_than_that_takes() -> None:
    """What would still stand there at the keyframe need not be looked for: 1.5 s of each 2 s are left out."""
    track, packets = coded(10, NEVER)
    looked: list[float] = []

    class Wary(Eye):
        def differs(self, frame: object) -> bool:
            looked.append(round(to_s(frame.t_ns), 3))  # type: ignore[attr-defined]
            return super().differs(frame)  # type: ignore[arg-type]

    watch(track, whole_gops(packets), Wary(shortest_s=1.5))
    assert looked == [2.0, 0.5, 4.0, 2.5, 6.0, 4.5, 8.0, 6.5]


def test_what_is_settled_ends_the_decoding() -> None:
    """What was not sure had gone: with the first look between the keyframe tells nothing new; the rest is left."""
    track, packets = coded(8, NEVER)

    class Open(Eye):
        def differs(self, frame: HudFrame) -> bool:
            return self.times[-1] == 2.0 or super().differs(frame)

    eye = Open()
    watch(track, whole_gops(packets), eye)
    assert eye.times == [0.0, 2.0, 2.5, 4.0, 6.0]


def test_a_long_gop_is_decoded_while_it_comes() -> None:
    """Twelve seconds without a keyframe: what happens is known within the time that clips wait for it."""
    track, packets = coded(12, between((5.2, 99)), gop_s=20)
    _, events = watch(track, packets, Eye())
    [(t_s, known_s)] = seconds(events)
    assert t_s == 5.5
    assert known_s - t_s <= to_s(WAIT_NS)


def test_nothing_is_known_before_the_packet_that_showed_it() -> None:
    """Else a replay of the journal would know it earlier than the stream did."""
    track, packets = coded(10, between((1.2, 3), (5.2, 99)))
    sampler = Sampler(track, Eye(), fps=2)
    for packet in packets:
        assert all(event.known_ns >= packet.pts_ns for event in sampler.push(packet))
    sampler.cut()


@pytest.mark.parametrize("encoder", list(CODECS))
def test_every_codec_that_streams_come_in(encoder: str) -> None:
    """H.264, HEVC, VP9 and AV1."""
    if encoder not in av.codecs_available:
        pytest.fail(f"PyAV has no {encoder}")
    track, packets = coded(6, between((3.2, 99)), encoder=encoder)
    sampler, events = watch(track, packets, Eye())
    [(t_s, known_s)] = seconds(events)
    assert abs(t_s - 3.5) <= 0.1
    assert known_s == 4.0
    assert sampler.tally.errors == 0


def test_broken_packets_cost_looks_and_nothing_else() -> None:
    """Noise in a GOP, a keyframe that is noise: counted; the stream after it is read as ever."""
    track, packets = coded(16, between((13.2, 99)))
    keyframes = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    broken = list(packets)
    for n in (keyframes[1] + 3, keyframes[1] + 4, keyframes[2], keyframes[3] + 1):
        broken[n] = replace(packets[n], data=bytes(range(256)) * 4)
    broken[keyframes[4] + 2] = replace(packets[keyframes[4] + 2], data=b"")
    eye = Eye()
    sampler, events = watch(track, broken, eye)
    assert sampler.tally.errors > 0
    assert seconds(events)[-1] == (13.5, 14.0)
    assert all(later > earlier for earlier, later in zip(eye.times, eye.times[1:], strict=False))


def test_before_the_first_keyframe_nothing_is_looked_at() -> None:
    """A live stream is joined anywhere."""
    track, packets = coded(6, NEVER)
    eye = Eye()
    watch(track, packets[7:], eye)
    assert eye.times[0] == 2.0


def test_a_cut_looks_at_what_is_held_and_continues_nothing() -> None:
    """A gap: what stood before it is told, and the first look after it belongs to nothing before."""
    track, packets = coded(6, between((3.2, 99)))
    eye = Eye()
    sampler = Sampler(track, eye, fps=2)
    events = [event for packet in packets if packet.pts_ns < ns(3.9) for event in sampler.push(packet)]
    assert events == []
    assert [t_s for t_s, _ in seconds(sampler.cut())] == [3.5]
    assert eye.cuts == 1
    assert sampler.push(packets[-1]) == []  # no keyframe: it would lean on what is not there


def test_keyframes_only() -> None:
    """A codec in which every frame is one: two looks a second, not twenty."""
    track, packets = coded(4, between((2.2, 99)), gop_s=1 / 20)
    eye = Eye()
    _, events = watch(track, packets, eye)
    assert [t_s for t_s, _ in seconds(events)] == [2.5]
    assert eye.times == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_a_stream_may_change_its_size() -> None:
    """In mid-epoch, as some do: regions are laid anew."""
    track, packets = coded(4, NEVER)
    _, larger = coded(4, between((1.2, 99)), size=(320, 192))
    later = [
        replace(p, pts_ns=p.pts_ns + ns(4), dts_ns=p.dts_ns + ns(4), end_ns=p.end_ns + ns(4))  # type: ignore[arg-type]
        for p in larger
    ]
    _, events = watch(track, [*packets, *later], Eye())
    assert [t_s for t_s, _ in seconds(events)] == [5.5]
