"""Cutting: where a clip starts and ends, and that picture and sound in the file are the source's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import CutRefused
from core.media import Gap
from core.times import Ns, ns
from daemon.clips import ClipContext, FinishedClip
from tests.unit.clips.footage import MEDIA, ListFootage

Footage = Callable[[str], ListFootage]
Cut = Callable[..., FinishedClip]
COPIED = sorted(
    MEDIA.keys() - {"vp8_vorbis", "h264_pcm", "audio_only", "video_only", "late_audio", "early_end", "full_hd"}
)


@pytest.mark.parametrize("name", COPIED)
def test_a_copied_clip_shows_the_sources_own_frames_from_its_first_on(footage: Footage, cut: Cut, name: str) -> None:
    """Every frame of the clip equals the source's frame at the same media time; the first is a keyframe at 0."""
    source = footage(name)
    clip = cut(source, 5.1, 9.03)
    start_s = clip.cut.start_ns / 1e9
    shown, wanted = pictures(clip.files["master"]), pictures(source.path)
    assert shown[0][0] == 0
    assert start_s == max(t for t in keyframe_times(source) if t <= 5.1)
    zero = wanted[0][0] if name != "vp9_opus" else 0.0
    expected = [p for p in wanted if start_s - 0.001 <= p[0] - zero < clip.cut.end_ns / 1e9 - 0.001]
    assert len(shown) == len(expected)
    for (t_s, picture), (source_s, same) in zip(shown, expected, strict=True):
        assert t_s + start_s == pytest.approx(source_s - zero, abs=0.0015)
        assert np.array_equal(picture, same)


@pytest.mark.parametrize("name", [*sorted(set(MEDIA) - {"audio_only", "video_only", "full_hd"}), "rotated"])
def test_sound_and_picture_begin_and_end_together(footage: Footage, cut: Cut, name: str) -> None:
    """In every kind of source the offset measured on the written file is at most 40 ms at head and tail."""
    clip = cut(footage(name), 4.4, 8.7)
    assert clip.cut.av_head_ms is not None
    assert clip.cut.av_tail_ms is not None
    assert abs(clip.cut.av_head_ms) <= 40
    assert abs(clip.cut.av_tail_ms) <= 40
    with av.open(str(clip.files["master"])) as media:
        assert [stream.start_time for stream in media.streams] == [0, 0]


@pytest.mark.parametrize("name", ["h264", "mono_44k", "vp9_opus", "flac", "ac3"])
def test_the_sound_is_the_sources_to_the_sample(footage: Footage, cut: Cut, name: str) -> None:
    """The decoder is warm when the first audible sample comes: no click, no shift."""
    source = footage(name)
    clip = cut(source, 5.1, 9.03)
    heard, rate = sound(clip.files["master"])
    everything, _ = sound(source.path)
    start = round((clip.cut.start_ns / 1e9 + first_audio_offset(source)) * rate)
    lag = best_lag(heard[: rate // 2], everything[start - 960 : start + rate]) - 960
    assert abs(lag) <= rate // 1000  # a container's tick: 1 ms in Matroska
    aligned = everything[start + lag : start + lag + len(heard)]
    assert float(np.abs(heard[: len(aligned)] - aligned).max()) < 0.02


def test_the_clip_starts_on_the_last_keyframe_at_or_before_the_wanted_start(footage: Footage, cut: Cut) -> None:
    """Keyframes every 2 s: 5.1 gives 4, and exactly 6 gives 6."""
    assert cut(footage("h264"), 5.1, 9).cut.start_ns == ns(4)
    assert cut(footage("h264"), 6.0, 9).cut.start_ns == ns(6)


def test_the_wanted_end_is_shown_and_overshot_by_at_most_the_reorder_depth(footage: Footage, cut: Cut) -> None:
    """Frames before the end are all there; the end moves by at most four frames so that no reference is missing."""
    clip = cut(footage("open_gop"), 5.1, 9.03)
    assert ns(9.03) <= clip.cut.end_ns <= ns(9.03 + 4 / 30)


def test_pictures_that_lean_on_what_was_cut_off_are_dropped(footage: Footage, cut: Cut) -> None:
    """Open GOP: leading pictures of the first keyframe are not in the file, and nothing decodes with an error."""
    source = footage("open_gop")
    head = next(p for p in source.video() if p.is_keyframe and p.pts_ns == ns(4))
    after = source.packets.index(head)
    assert any(p.pts_ns < ns(4) for p in source.packets[after:] if p.kind == "video")
    shown = pictures(cut(source, 4.0, 7.0).files["master"])
    assert [round(t * 30) for t, _ in shown] == list(range(len(shown)))


def test_sound_that_starts_late_moves_the_head_to_where_it_is(footage: Footage, cut: Cut) -> None:
    """Audio begins at 1 s, keyframes every second: a cut from 0 starts at 1 and says so."""
    clip = cut(footage("late_audio"), 0, 8)
    assert clip.cut.start_ns == ns(1)
    assert clip.cut.notes == ("head_moved_to_audio",)


def test_sound_that_ends_early_moves_the_tail(footage: Footage, cut: Cut) -> None:
    """Audio ends at 9 s of 12: a cut to 11 ends near 9 and says so."""
    clip = cut(footage("early_end"), 4, 11)
    assert clip.cut.end_ns == pytest.approx(ns(9), abs=ns(0.1))
    assert clip.cut.notes == ("tail_moved_to_audio",)


def test_a_clip_whose_sound_is_nowhere_near_its_ends_is_refused(footage: Footage, cut: Cut, tmp_path: Path) -> None:
    """Sound for the first second of eight only: refused by name, and no file is left."""
    with pytest.raises(CutRefused) as refused:
        cut(footage("h264").without("audio", 3.0, 12.0), 2, 10)
    assert refused.value.code == "av_offset"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_the_anchor_is_never_given_up_for_sound(footage: Footage, cut: Cut) -> None:
    """The head may move to where sound begins only as far as the moment itself."""
    silent_start = footage("h264").without("audio", 0, 5.0)
    assert cut(silent_start, 2, 10, anchor_s=6.5).cut.start_ns == ns(6)
    with pytest.raises(CutRefused, match="begin and end together"):
        cut(silent_start, 2, 10, anchor_s=4.0)


def test_a_span_without_any_sound_becomes_a_silent_clip(footage: Footage, cut: Cut) -> None:
    """A muted stretch of a stream with an audio track: no offset to measure, a note instead."""
    clip = cut(footage("h264").without("audio", 0, 12), 2, 6)
    assert (clip.cut.av_head_ms, clip.cut.notes) == (None, ("no_audio",))


def test_sound_alone_makes_a_clip_with_a_waveform(footage: Footage, cut: Cut) -> None:
    """An audio-only source: the master has one audio track, the thumbnail is drawn."""
    clip = cut(footage("audio_only"), 3.0, 6.0)
    assert clip.cut.duration_s == pytest.approx(3.0, abs=0.05)
    assert clip.cut.notes == ("no_video",)
    [(_, drawn)] = pictures(clip.files["thumbnail"])
    assert drawn.shape[:2] == (320, 1280)
    assert drawn.std() > 10


def test_video_alone_makes_a_clip(footage: Footage, cut: Cut) -> None:
    """No audio track at all."""
    assert cut(footage("video_only"), 5, 8).cut.streams == ("video h264 320x180",)


def test_a_start_that_was_evicted_gives_the_next_keyframe_and_a_note(footage: Footage, cut: Cut) -> None:
    """The ring begins at 5 s: a cut from 3 starts at 6."""
    clip = cut(replace(footage("h264"), oldest_ns=ns(5)), 3, 10)
    assert (clip.cut.start_ns, clip.cut.notes) == (ns(6), ("evicted_head",))


def test_a_span_that_is_gone_is_refused(footage: Footage, cut: Cut) -> None:
    """Everything was evicted: `not_buffered`, with what is buffered."""
    with pytest.raises(CutRefused, match=r"Buffered: 8\.0 to 12") as refused:
        cut(replace(footage("h264"), oldest_ns=ns(8)), 3, 7)
    assert refused.value.code == "not_buffered"


@pytest.mark.parametrize(("anchor_s", "start_s", "end_s"), [(4.0, 2.0, 6.0), (8.0, 6.0, 10.0), (None, 6.0, 10.0)])
def test_a_clip_never_crosses_an_epoch(
    footage: Footage, cut: Cut, anchor_s: float | None, start_s: float, end_s: float
) -> None:
    """The epoch changes at 6 s: the anchor's side is cut, else the longer one, and the note says so."""
    source = footage("h264")
    split = replace(source, epochs=[(Ns(0), ns(6)), (ns(6), source.epochs[0][1])])
    clip = cut(split, 2.5, 10, anchor_s=anchor_s)
    assert clip.cut.start_ns == ns(start_s)
    assert clip.cut.end_ns == pytest.approx(ns(end_s), abs=ns(0.15))
    assert clip.cut.notes == ("epoch_limited",)


def test_a_hole_at_the_head_is_not_shown_as_a_frozen_picture(footage: Footage, cut: Cut) -> None:
    """4.5-6 s was lost and the clip wants to start at 5: it starts on the keyframe after the hole."""
    source = footage("h264").without("video", 4.5, 6.0).without("audio", 4.5, 6.0)
    gap = Gap(start_ns=ns(4.5), end_ns=ns(6.0), reason="segment_lost")
    clip = cut(source, 5, 10, context=ClipContext(source="test", gaps=(gap,)))
    assert (clip.cut.start_ns, clip.cut.notes) == (ns(6), ("gap_at_head",))
    assert clip.cut.gaps == (gap,)


def test_a_hole_at_the_tail_ends_the_clip(footage: Footage, cut: Cut) -> None:
    """8-10 s was lost and the clip wants to end at 9: it ends where the picture does."""
    source = footage("h264").without("video", 8, 10.0).without("audio", 8, 10.0)
    gap = Gap(start_ns=ns(8), end_ns=ns(10), reason="segment_lost")
    clip = cut(source, 5, 9, context=ClipContext(source="test", gaps=(gap,)))
    assert clip.cut.end_ns == pytest.approx(ns(8), abs=ns(0.05))
    assert clip.cut.notes == ("gap_at_tail",)


def test_a_keyframe_that_does_not_decode_is_not_the_first_frame(footage: Footage, cut: Cut) -> None:
    """The keyframe at 4 s is damaged: the clip starts on the one at 6 s and says why."""
    source = footage("h264")
    broken = [
        replace(p, data=p.data[:40] + bytes(len(p.data) - 40)) if p.kind == "video" and p.pts_ns == ns(4) else p
        for p in source.packets
    ]
    clip = cut(replace(source, packets=broken), 5, 10)
    assert (clip.cut.start_ns, clip.cut.notes) == (ns(6), ("unclean_head",))


@pytest.mark.parametrize(
    ("name", "notes"),
    [("vp8_vorbis", {"transcoded_video", "transcoded_audio"}), ("h264_pcm", {"transcoded_audio"})],
)
def test_codecs_an_mp4_cannot_carry_are_converted_and_said(
    footage: Footage, cut: Cut, name: str, notes: set[str]
) -> None:
    """VP8, Vorbis and PCM become H.264 and AAC; frames keep their times, and the picture stays the same to the eye."""
    source = footage(name)
    clip = cut(source, 5.1, 9.03)
    assert set(clip.cut.notes) == notes
    shown = pictures(clip.files["master"])
    start_s = clip.cut.start_ns / 1e9
    wanted = [p for p in pictures(source.path) if start_s - 0.001 <= p[0] < clip.cut.end_ns / 1e9 - 0.001]
    assert len(shown) == len(wanted)
    for (t_s, picture), (source_s, same) in zip(shown[::20], wanted[::20], strict=True):
        assert t_s + start_s == pytest.approx(source_s, abs=0.002)
        assert float(np.abs(picture.astype(int) - same.astype(int)).mean()) < 4


def test_a_codec_nobody_can_convert_is_refused(footage: Footage, cut: Cut) -> None:
    """`codec_unsupported`, before anything is written."""
    source = footage("video_only")
    strange = replace(source, media_tracks=(replace(source.media_tracks[0], codec="prores"),))
    with pytest.raises(CutRefused) as refused:
        cut(strange, 5, 8)
    assert refused.value.code == "codec_unsupported"


def test_a_phones_rotation_is_kept(footage: Footage, cut: Cut) -> None:
    """The display matrix is in the file, and the thumbnail is upright."""
    clip = cut(footage("rotated"), 5, 8)
    with av.open(str(clip.files["master"])) as media:
        assert next(media.decode(video=0)).rotation == -90
    [(_, thumbnail)] = pictures(clip.files["thumbnail"])
    assert thumbnail.shape[0] > thumbnail.shape[1]


def test_media_time_far_from_zero_is_cut_alike(footage: Footage, cut: Cut, media_file: Callable[[str], Path]) -> None:
    """A clip 30 hours into a session has the same bytes as at its start, apart from the times in clip.json."""
    near = cut(footage("h264"), 5.1, 9)
    far_source = footage("h264")
    hours_ns = ns(30 * 3600)
    moved = [
        replace(
            p,
            pts_ns=Ns(p.pts_ns + hours_ns),
            dts_ns=Ns(p.dts_ns + hours_ns),
            end_ns=Ns(p.end_ns + hours_ns),
        )
        for p in far_source.packets
    ]
    start, end = far_source.epochs[0]
    far = replace(far_source, packets=moved, epochs=[(Ns(start + hours_ns), Ns(end + hours_ns))])
    clip = cut(far, 30 * 3600 + 5.1, 30 * 3600 + 9, revision=2)
    assert clip.sha256 == near.sha256


def pictures(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """(seconds, luma) of every frame."""
    with av.open(str(path)) as media:
        media.streams.video[0].thread_type = "AUTO"
        frames: list[Any] = [frame for frame in media.decode(video=0) if frame.pts is not None]
        return [(float(f.pts * f.time_base), f.reformat(format="gray").to_ndarray()) for f in frames]


def sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """Mono samples as a player hears them, edit list applied, and their rate."""
    with av.open(str(path)) as media:
        rate = media.streams.audio[0].rate
        frames: list[Any] = list(media.decode(audio=0))
    parts = [to_float(f.to_ndarray()).reshape(-1, f.samples if f.format.is_planar else 1) for f in frames]
    return np.concatenate([p.ravel() for p in parts]).astype(np.float32), rate


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Any sample format to -1..1."""
    scale = {"int16": 2**15, "int32": 2**31}.get(samples.dtype.name, 1)
    return (samples / scale).astype(np.float32)


def best_lag(needle: NDArray[np.float32], hay: NDArray[np.float32]) -> int:
    """Where the needle fits best."""
    found = np.correlate(hay, needle, mode="valid")
    energy = np.convolve(hay**2, np.ones(len(needle)), mode="valid")
    return int(np.argmax(2 * found - energy))


def keyframe_times(source: ListFootage) -> list[float]:
    return [p.pts_ns / 1e9 for p in source.video() if p.is_keyframe]


def first_audio_offset(source: ListFootage) -> float:
    """Seconds by which media time runs ahead of the decoded sound's own count."""
    first = next(p for p in source.packets if p.kind == "audio")
    with av.open(str(source.path)) as media:
        frame: Any = next(media.decode(audio=0))
    return float(first.pts * first.time_base) - first.pts_ns / 1e9 - float(frame.pts * frame.time_base)
