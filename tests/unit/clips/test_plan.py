"""Which packets a clip takes, for any order of frames a codec may choose. Pure."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CutRefused
from core.media import Kind, Packet
from core.times import Ns, ns
from daemon.clips.plan import CutPlan, Wanted, picks_of, plan_cut, same_cut

FRAME_NS = 40_000_000
SOUND_NS = 21_333_333


@st.composite
def gops(draw: st.DrawFn) -> list[Packet]:
    """Closed and open GOPs: a keyframe, then mini-GOPs whose last picture comes first and whose others in any order."""
    frames: list[Packet] = []
    shown, dts = 0, 0
    for _ in range(draw(st.integers(1, 5))):
        leading = draw(st.integers(0, 2)) if frames else 0
        order = [shown + leading, *range(shown, shown + leading)]
        key = len(frames)
        shown += leading + 1
        for _ in range(draw(st.integers(0, 6))):
            size = draw(st.integers(1, 5))
            order += [shown + size - 1, *draw(st.permutations(range(shown, shown + size - 1)))]
            shown += size
        for place, number in enumerate(order, key):
            frames.append(_packet("video", number * FRAME_NS, dts * FRAME_NS - 5 * FRAME_NS, FRAME_NS, place == key))
            dts += 1
    return frames


@given(gops(), st.floats(0, 3), st.floats(0.1, 3))
def test_no_frame_between_two_shown_ones_and_no_reference_is_missing(
    frames: list[Packet], start_s: float, length_s: float
) -> None:
    """The file holds every source frame from its first to its last, begins with a keyframe, and covers the span."""
    end_ns = max(frame.end_ns for frame in frames)
    sound = [_packet("audio", t, t, SOUND_NS, True) for t in range(0, end_ns, SOUND_NS)]
    wanted = _wanted(start_s, start_s + length_s, latest_s=99)
    if wanted.start_ns >= end_ns:
        return
    plan = plan_cut(frames, sound, wanted)
    shown = sorted(frame.pts_ns for frame in plan.video)
    assert shown == [t for t in sorted(f.pts_ns for f in frames) if shown[0] <= t <= shown[-1]]
    assert plan.video[0].is_keyframe
    assert plan.start_ns == shown[0] == max(f.pts_ns for f in frames if f.is_keyframe and f.pts_ns <= wanted.start_ns)
    assert plan.end_ns >= min(wanted.end_ns, end_ns)
    taken = {frame.pts_ns for frame in plan.video}
    decoded = [f.pts_ns in taken for f in frames[frames.index(plan.video[0]) :] if f.pts_ns >= plan.start_ns]
    assert decoded == sorted(decoded, reverse=True)  # a prefix in decode order: nothing later was needed


@given(gops(), st.floats(0, 1), st.integers(0, 60), st.integers(0, 60))
def test_sound_fits_at_both_ends_or_there_is_no_cut(
    frames: list[Packet], start_s: float, skipped: int, kept: int
) -> None:
    """Wherever the sound begins and ends, a plan is within 40 ms at both ends; else there is none."""
    sound = [_packet("audio", t * SOUND_NS, t * SOUND_NS, SOUND_NS, True) for t in range(skipped, skipped + kept)]
    wanted = _wanted(start_s, start_s + 2, latest_s=start_s + 1)
    plan = None
    with contextlib.suppress(CutRefused):
        plan = plan_cut(frames, sound, wanted)
    if plan is not None and plan.audio:
        assert plan.audio[plan.preroll].pts_ns - plan.start_ns <= ns(0.04)
        assert abs(plan.audio[-1].end_ns - plan.end_ns) <= ns(0.04)


@given(gops(), st.floats(0, 2), st.floats(0.1, 2))
def test_a_plan_is_found_again_from_its_picks(frames: list[Packet], start_s: float, length_s: float) -> None:
    """clip.json's few numbers are enough, also in footage with more around it."""
    end_ns = max(frame.end_ns for frame in frames)
    sound = [_packet("audio", t, t, SOUND_NS, True) for t in range(0, end_ns, SOUND_NS)]
    wanted = _wanted(start_s, start_s + length_s, latest_s=99)
    if wanted.start_ns < end_ns:
        plan = plan_cut(frames, sound, wanted)
        again = same_cut(frames, sound, picks_of(plan))
        assert (again.video, again.audio, again.preroll) == (plan.video, plan.audio, plan.preroll)


def test_a_slide_that_stands_long_is_held_to_the_wanted_end() -> None:
    """Two frames, 10 s apart: a clip of the first 4 s lasts 4 s."""
    slides = [_packet("video", 0, 0, FRAME_NS, True), _packet("video", ns(10), ns(10), FRAME_NS, True)]
    assert plan_cut(slides, [], _wanted(0, 4)).end_ns == ns(4)


def test_no_keyframe_in_reach_is_refused_by_name() -> None:
    """Frames that lean on a keyframe nobody has."""
    frames = [_packet("video", t * FRAME_NS, t * FRAME_NS, FRAME_NS, False) for t in range(50)]
    with pytest.raises(CutRefused) as refused:
        plan_cut(frames, [], _wanted(0, 1))
    assert refused.value.code == "no_keyframe"


def test_nothing_at_all_is_refused_by_name() -> None:
    """Neither picture nor sound."""
    with pytest.raises(CutRefused) as refused:
        plan_cut([], [], _wanted(0, 1))
    assert refused.value.code == "no_media"


def test_the_decoder_is_not_warmed_up_across_a_hole() -> None:
    """Sound from before a hole would be decoded into what follows."""
    times = [0, 1, 2, 30, 31, 32, 33]
    sound = [_packet("audio", t * SOUND_NS, t * SOUND_NS, SOUND_NS, True) for t in times]

    def plan(start: int) -> CutPlan:
        return plan_cut([], sound, _wanted(start * SOUND_NS / 1e9 + 0.001, 1, preroll_s=0.06))

    assert (plan(30).preroll, plan(31).preroll, plan(2).preroll) == (0, 1, 2)


def _packet(kind: Kind, pts_ns: int, dts_ns: int, length_ns: int, key: bool) -> Packet:
    return Packet(
        kind=kind,
        pts=pts_ns,
        dts=dts_ns,
        duration=length_ns,
        time_base=Fraction(1, 10**9),
        is_keyframe=key,
        data=b"",
        pts_ns=Ns(pts_ns),
        dts_ns=Ns(dts_ns),
        end_ns=Ns(pts_ns + length_ns),
    )


def _wanted(start_s: float, end_s: float, *, latest_s: float = 0.5, preroll_s: float = 0.0) -> Wanted:
    return Wanted(
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        latest_head_ns=ns(latest_s),
        earliest_tail_ns=ns((start_s + end_s) / 2),
        max_av_offset_ns=ns(0.04),
        preroll_ns=ns(preroll_s),
    )
