"""Media time: zero, epochs, gaps, wraps, and that no packet disappears without a reason."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media import Kind, Packet
from core.timeline import WRAP_TICKS, Elapsed, Timeline, fill_times
from core.times import NS_PER_S, Ns, ns
from tests.fakes import RecordingTimelineSink

TB = Fraction(1, 90_000)
FRAME = 3_000  # 30 frames a second
SOUND = 1_920  # AAC at 48 kHz


def packet(kind: Kind, at: int, *, key: bool = False, duration: int | None = None, reorder: int = 0) -> Packet:
    """A packet whose DTS is `at` ticks; PTS lies `reorder` ticks later."""
    length = duration if duration is not None else FRAME if kind == "video" else SOUND
    return Packet(
        kind=kind, pts=at + reorder, dts=at, duration=length, time_base=TB,
        is_keyframe=key or kind == "audio", data=b"x",
    )  # fmt: skip


def stream(start: int, seconds: float, *, gop: int = 30, video: bool = True, audio: bool = True) -> list[Packet]:
    """Interleaved picture and sound from a tick on."""
    found = []
    if video:
        found += [packet("video", start + i * FRAME, key=i % gop == 0) for i in range(round(seconds * 30))]
    if audio:
        found += [packet("audio", start + i * SOUND) for i in range(round(seconds * 90_000 / SOUND))]
    return sorted(found, key=lambda p: p.dts)


def wrapped(packets: list[Packet]) -> list[Packet]:
    """The same packets on a 33-bit clock."""
    return [replace(p, pts=p.pts % WRAP_TICKS, dts=p.dts % WRAP_TICKS) for p in packets]


class Run:
    """A timeline with its sink, fed with packets."""

    def __init__(self, *, resume: tuple[Ns, int] | None = None, elapsed: Elapsed | None = None) -> None:
        self.sink = RecordingTimelineSink()
        self.line = Timeline(self.sink, resume=resume, elapsed=lambda: elapsed or Elapsed(0, "source"))
        self.placed: list[Packet] = []
        self.epoch_of: list[int] = []
        self.fed = 0

    def feed(self, packets: list[Packet], *, wraps: bool = True) -> Run:
        for one in packets:
            self.fed += 1
            self.keep(self.line.place(one, wraps=wraps))
        return self

    def keep(self, placed: list[Packet]) -> None:
        """What one call returned lies in the newest epoch."""
        self.placed += placed
        self.epoch_of += [len(self.sink.epochs) - 1] * len(placed)


def test_zero_is_the_first_keyframe_that_is_kept() -> None:
    """Frames before the first keyframe are dropped, sound before it too; the keyframe's PTS is media time 0."""
    packets = [packet("video", 0), packet("audio", 0), packet("audio", SOUND), packet("video", FRAME, key=True)]
    run = Run().feed([*packets, packet("audio", 2 * SOUND)])
    assert (run.placed[0].kind, run.placed[0].pts_ns) == ("video", 0)
    assert run.placed[1].pts_ns == ns((2 * SOUND - FRAME) / 90_000)
    assert dict(run.line.dropped) == {"before_keyframe": 1, "before_start": 2}
    assert run.sink.epochs[0].number == 0


def test_sound_that_came_early_in_the_file_is_kept_when_it_plays_after_the_keyframe() -> None:
    """A muxer may write sound ahead of the picture: what plays from the keyframe on waits for it and is placed."""
    run = Run().feed([packet("audio", SOUND * i) for i in range(10)] + [packet("video", 0, key=True)])
    assert [p.kind for p in run.placed] == ["video", *["audio"] * 10]
    assert not run.line.dropped


def test_without_video_zero_is_the_first_sound() -> None:
    """An audio-only source starts with its first packet."""
    run = Run()
    run.line.expect(video=False)
    run.feed(stream(7_777, 1, video=False))
    assert run.placed[0].pts_ns == 0
    assert run.line.end_ns == pytest.approx(NS_PER_S, abs=ns(0.03))


def test_a_picture_without_keyframes_does_not_silence_the_sound_for_ever() -> None:
    """After 30 s without a keyframe the sound that waited is placed, all of it."""
    sound = stream(0, 31, video=False)
    run = Run().feed(sound)
    assert len(run.placed) == len(sound)
    assert run.placed[0].pts_ns == 0


def test_sound_that_waited_is_placed_at_the_end_of_the_source() -> None:
    """A short file whose picture has no keyframe still gives its sound."""
    run = Run().feed(stream(0, 1, video=False))
    assert run.placed == []
    assert len(run.line.finish()) == 47


@given(base=st.integers(0, WRAP_TICKS - 1), offset=st.integers(1, 6 * 90_000))
def test_a_wrap_is_invisible_wherever_it_falls(base: int, offset: int) -> None:
    """33-bit timestamps that pass 2^33 give the same media time as ones that don't: no gap, no epoch, no drop."""
    plain, late = stream(base, 6), wrapped(stream(WRAP_TICKS - offset, 6))
    one, two = Run().feed(plain), Run().feed(late)
    assert [(p.kind, p.pts_ns, p.dts_ns, p.end_ns) for p in one.placed] == [
        (p.kind, p.pts_ns, p.dts_ns, p.end_ns) for p in two.placed
    ]
    assert len(two.sink.epochs) == 1
    assert two.sink.gaps == []
    assert not two.line.dropped


def test_a_hole_in_the_sound_is_a_gap_in_the_same_epoch() -> None:
    """Half a second of missing sound is named with its times; 90 ms is jitter."""
    run = Run().feed(stream(0, 1))
    run.feed(stream(90_000, 0.5, audio=False) + stream(135_000, 1))
    [gap] = run.sink.gaps
    assert (gap.track, gap.reason) == ("audio", "hole")
    assert gap.start_ns == pytest.approx(NS_PER_S, abs=ns(0.03))
    assert gap.end_ns == ns(1.5)
    small = Run().feed([*stream(0, 1, video=False), packet("video", 0, key=True)])
    small.feed([packet("audio", 47 * SOUND + 8_000)])
    assert small.sink.gaps == []
    assert len(run.sink.epochs) == 1


def test_variable_frame_rate_is_no_gap() -> None:
    """A slide that stands for eight seconds after slides of one second is a slow picture, not a hole."""
    slides = [packet("video", i * 90_000, key=True, duration=90_000) for i in range(5)]
    run = Run().feed([*slides, packet("video", 12 * 90_000, key=True, duration=90_000)])
    assert run.sink.gaps == []
    assert len(run.sink.epochs) == 1


def test_three_seconds_without_picture_at_30_frames_a_second_is_a_gap() -> None:
    """A normal picture that stops for more than two seconds has a hole."""
    run = Run().feed(stream(0, 2, audio=False) + stream(5 * 90_000, 1, audio=False))
    [gap] = run.sink.gaps
    assert (gap.track, gap.start_ns, gap.end_ns) == ("video", ns(2), ns(5))


def test_a_long_jump_forward_opens_an_epoch_at_the_old_end_plus_the_elapsed_time() -> None:
    """A clock that leaps by an hour says nothing about time; the elapsed time is asked for."""
    run = Run(elapsed=Elapsed(ns(4), "boottime")).feed(stream(0, 2) + stream(3600 * 90_000, 1))
    first, second = run.sink.epochs
    assert (second.number, second.reason, second.by) == (1, "jump", "boottime")
    assert second.start_ns == pytest.approx(ns(6), abs=ns(0.03))
    [gap] = run.sink.gaps
    assert (gap.end_ns, gap.reason, gap.track) == (second.start_ns, "jump", "all")
    assert first.start_ns == 0


def test_one_track_may_pause_for_long_while_the_other_goes_on() -> None:
    """Sound that returns after a minute of picture alone is a gap in the sound, not a new epoch."""
    run = Run().feed(stream(0, 1) + stream(90_000, 60, audio=False) + stream(61 * 90_000, 1))
    assert len(run.sink.epochs) == 1
    assert [gap.track for gap in run.sink.gaps] == ["audio"]


def test_a_jump_back_opens_an_epoch() -> None:
    """A source that starts again from a low timestamp goes on in media time, right after the old end."""
    run = Run().feed(stream(90_000 * 100, 2) + stream(0, 2))
    assert [epoch.start_ns for epoch in run.sink.epochs] == [0, pytest.approx(ns(2), abs=ns(0.03))]
    assert run.line.end_ns == pytest.approx(ns(4), abs=ns(0.06))


def test_a_small_overlap_is_dropped_and_counted() -> None:
    """A segment that repeats the last 0.3 s of the one before adds only what is new."""
    run = Run().feed(stream(0, 2) + stream(90_000 * 17 // 10, 1, gop=9))
    assert len(run.sink.epochs) == 1
    assert run.line.dropped["overlap"] == 9 + 14
    assert run.line.end_ns == pytest.approx(ns(2.7), abs=ns(0.03))


def test_equal_decode_times_are_repaired() -> None:
    """Two frames with one DTS (millisecond containers do that) keep their order; neither is lost."""
    first = packet("video", 0, key=True, reorder=6_000)
    run = Run().feed([first, packet("video", 3_000, reorder=9_000), packet("video", 3_000, reorder=6_000)])
    assert [p.dts for p in run.placed] == [0, 3_000, 3_001]
    assert not run.line.dropped


def test_a_discontinuity_starts_the_next_epoch_after_the_elapsed_time() -> None:
    """An announced break takes its time from whoever announced it; the wall time is that of the new start."""
    run = Run().feed(stream(0, 2))
    run.line.break_epoch("discontinuity", elapsed_ns=ns(3), by="pdt", wall_ns=1_000)
    run.feed(stream(555, 1))
    epoch = run.sink.epochs[1]
    assert (epoch.by, epoch.wall_ns, epoch.reason) == ("pdt", 1_000, "discontinuity")
    assert epoch.start_ns == pytest.approx(ns(5), abs=ns(0.03))


def test_what_lies_before_the_keyframe_of_a_new_epoch_takes_its_time() -> None:
    """After a break the first second has no keyframe: it is missing, so the epoch starts a second later."""
    run = Run().feed(stream(0, 2))
    run.line.break_epoch("reconnect", elapsed_ns=ns(1), by="boottime", wall_ns=None)
    run.feed([packet("video", i * FRAME) for i in range(30)] + [packet("video", 90_000, key=True)])
    assert run.sink.epochs[1].start_ns == pytest.approx(ns(4), abs=ns(0.03))


def test_lost_media_is_one_gap_and_its_hole_is_not_reported_again() -> None:
    """A segment that could not be fetched is named when it is given up; the jump in the timestamps is expected then."""
    run = Run().feed(stream(0, 2))
    run.line.mark_lost(ns(2), "segment_lost")
    run.feed(stream(4 * 90_000, 2))
    assert [(gap.reason, gap.track) for gap in run.sink.gaps] == [("segment_lost", "all")]
    assert len(run.sink.epochs) == 1
    assert run.line.end_ns == pytest.approx(ns(6), abs=ns(0.03))


def test_a_resumed_session_goes_on_in_a_new_epoch() -> None:
    """Media end and epoch number of the earlier attempt are carried on."""
    run = Run(resume=(ns(100), 3), elapsed=Elapsed(ns(5), "boottime")).feed(stream(0, 1))
    assert [(e.number, e.start_ns, e.reason) for e in run.sink.epochs] == [(3, ns(105), "worker_restart")]


def test_two_breaks_before_a_packet_are_one_epoch() -> None:
    """The longest holds, since all are counted from the old end; the first reason stays."""
    run = Run().feed(stream(0, 1))
    run.line.break_epoch("discontinuity", elapsed_ns=ns(1), by="pdt", wall_ns=None)
    run.line.break_epoch("sequence_jump", elapsed_ns=ns(2), by="pdt", wall_ns=None)
    run.feed(stream(0, 1))
    assert [e.reason for e in run.sink.epochs] == ["start", "discontinuity"]
    assert run.sink.epochs[1].start_ns == pytest.approx(ns(3), abs=ns(0.03))


def test_a_second_reading_places_packets_exactly_as_the_first() -> None:
    """A timeline that rejoins at a keyframe gives the same nanoseconds, across a wrap too."""
    packets = wrapped([replace(p, pts=p.pts + 777) for p in stream(WRAP_TICKS - 90_000, 4)])
    run = Run().feed(packets)
    key = [p for p in run.placed if p.kind == "video" and p.is_keyframe][2]
    assert run.line.map is not None
    again = Timeline.rejoin(RecordingTimelineSink(), 0, run.line.map, ref_ticks=key.dts, start_ns=key.pts_ns)
    placed = [p for one in packets[20:] for p in again.place(one, wraps=True)]
    wanted = {(p.kind, p.pts_ns, p.dts_ns) for p in run.placed if p.pts_ns >= key.pts_ns}
    assert {(p.kind, p.pts_ns, p.dts_ns) for p in placed} == wanted


@pytest.mark.parametrize(
    ("pts", "dts", "last", "found"),
    [(5, 4, 0, (5, 4)), (None, 4, 0, (4, 4)), (9, None, 3, (9, 6)), (9, None, None, (9, 9)), (None, None, 3, (6, 6))],
)
def test_missing_times_are_guessed_from_what_is_there(
    pts: int | None, dts: int | None, last: int | None, found: tuple[int, int]
) -> None:
    """A missing DTS follows the last one by a frame; a missing PTS is the DTS."""
    assert fill_times(pts, dts, last, 3) == found


def test_a_first_packet_without_any_time_cannot_be_placed() -> None:
    """There is nothing to guess from."""
    assert fill_times(None, None, None, 3) is None


STEPS = st.tuples(
    st.sampled_from(["video", "audio", "break", "lost"]),
    st.integers(-(WRAP_TICKS // 2), WRAP_TICKS // 2) | st.integers(-90_000, 12 * 90_000) | st.just(FRAME),
    st.integers(-FRAME, 10 * FRAME),
    st.integers(-1, 2 * 90_000),
    st.booleans(),
)


def damage(steps: list[tuple[str, int, int, int, bool]]) -> Run:
    """Feed an arbitrary stream."""
    run, at = Run(elapsed=Elapsed(ns(1), "boottime")), 0
    for what, delta, reorder, duration, key in steps:
        if what == "break":
            run.line.break_epoch("discontinuity", elapsed_ns=abs(delta), by="pdt", wall_ns=None)
        elif what == "lost":
            run.line.mark_lost(abs(delta), "segment_lost")
        else:
            at += delta
            kind: Kind = "video" if what == "video" else "audio"
            run.feed(wrapped([packet(kind, at, key=key, duration=duration, reorder=reorder)]))
    run.keep(run.line.finish())
    return run


@given(st.lists(STEPS, max_size=60))
def test_no_packet_is_lost_and_time_never_runs_back(steps: list[tuple[str, int, int, int, bool]]) -> None:
    """Whatever comes in: placed + dropped = fed; decode times rise by track and epoch, PTS is never before DTS, epochs
    and the media end only grow, and nothing plays before its epoch's start."""
    run = damage(steps)
    assert len(run.placed) + sum(run.line.dropped.values()) == run.fed
    starts = [epoch.start_ns for epoch in run.sink.epochs]
    assert starts == sorted(starts)
    assert [epoch.number for epoch in run.sink.epochs] == list(range(len(starts)))
    last: dict[tuple[str, int], int] = {}
    for one, epoch in zip(run.placed, run.epoch_of, strict=True):
        assert one.dts_ns <= one.pts_ns < one.end_ns
        assert one.pts_ns >= starts[epoch]
        assert one.dts_ns > last.get((one.kind, epoch), one.dts_ns - 1)
        last[one.kind, epoch] = one.dts_ns
    assert all(gap.start_ns < gap.end_ns for gap in run.sink.gaps)
    assert run.line.end_ns >= max((p.end_ns for p in run.placed), default=0)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, WRAP_TICKS))
def test_how_the_input_is_cut_into_batches_changes_nothing(sizes: list[int], base: int) -> None:
    """Media time is a function of the packets alone."""
    packets = wrapped(stream(base, 3))
    whole, parts, at = Run().feed(packets), Run(), 0
    for size in sizes:
        parts.feed(packets[at : at + size])
        at += size
    parts.feed(packets[at:])
    assert whole.placed == parts.placed
