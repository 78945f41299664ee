"""Segments and files: they decode, fit together without a seam, and carry the recipe's sound at its time."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from daemon.demo.mix import Mix
from daemon.demo.recipe import Recipe
from daemon.demo.render import MediaOptions, StreamMedia, VideoLoop, write_file
from daemon.demo.segments import TS_HZ
from daemon.demo.synth import RATE
from tests.synthetic_streams.streams import plain

LOOP_GOPS = 29


def packets(data: bytes, kind: str) -> list[av.Packet[Any]]:
    """The coded packets of one kind, in file order."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [p for p in container.demux(stream) if p.dts is not None]


def test_segments_decode_and_begin_with_a_keyframe(recipe: Recipe, video: VideoLoop) -> None:
    """Every segment on its own has 60 decodable frames from a keyframe on, and two seconds of stereo sound."""
    media = StreamMedia(recipe, video=video)
    for index in (0, 1, 29):
        with av.open(io.BytesIO(media.segment(index)), "r") as container:
            frames = list(container.decode(video=0))
        assert len(frames) == 60
        assert frames[0].key_frame
        assert (frames[0].width, frames[0].height) == (854, 480)
        assert frames[0].time == pytest.approx(10 + 2 * index)
        sound = packets(media.segment(index), "audio")
        assert len(sound) in {93, 94, 95}


def test_timestamps_run_through_the_seam_of_the_video_loop(recipe: Recipe, video: VideoLoop) -> None:
    """Around the loop's end the joined segments step by exactly one frame, in picture and sound."""
    media = StreamMedia(recipe, video=video)
    joined = b"".join(media.segment(i) for i in range(LOOP_GOPS - 1, LOOP_GOPS + 2))
    picture = packets(joined, "video")
    assert {b.dts - a.dts for a, b in itertools.pairwise(picture)} == {TS_HZ // 30}  # type: ignore[operator]
    assert len(picture) == 180
    sound = packets(joined, "audio")
    assert {b.pts - a.pts for a, b in itertools.pairwise(sound)} == {1920}  # type: ignore[operator]
    assert not any(p.is_corrupt for p in (*picture, *sound))


def test_continuity_counters_run_on_from_segment_to_segment(recipe: Recipe, video: VideoLoop) -> None:
    """On every PID the counter grows by one a packet across segments, also when one is made again later."""
    media = StreamMedia(recipe, video=video)
    last: dict[int, int] = {}
    joined = b"".join(media.segment(i) for i in range(4))
    for at in range(0, len(joined), 188):
        head = joined[at : at + 4]
        pid, counter, payload = (head[1] & 0x1F) << 8 | head[2], head[3] & 15, bool(head[3] & 0x10)
        if pid in last:
            assert counter == (last[pid] + payload) % 16
        last[pid] = counter
    again = StreamMedia(recipe, video=video)
    assert again.segment(3) == media.segment(3)


def test_sound_lies_where_the_recipe_puts_it(tmp_path: Path, video: VideoLoop) -> None:
    """The decoded file matches the mix to within a millisecond, so truth and picture share one clock."""
    recipe = plain(2, 8)
    write_file(tmp_path / "stream.mp4", recipe, video=video)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    decoded: list[np.ndarray[Any, Any]] = []
    starts: list[float] = []
    with av.open(str(tmp_path / "stream.mp4")) as container:
        for frame in container.decode(audio=0):
            starts.append(frame.time or 0.0)
            decoded += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    assert starts[0] == pytest.approx(0, abs=0.03)
    sound = np.concatenate(decoded)[: 6 * RATE]
    wanted = Mix(recipe).block(0, len(sound))
    size = 2 * len(sound)
    likeness = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lag = int(np.argmax(likeness))
    lag_s = (lag - size if lag > len(sound) else lag) / RATE + starts[0]
    assert abs(lag_s) < 0.001


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_a_file_holds_the_whole_stream(suffix: str, tmp_path: Path, video: VideoLoop) -> None:
    """Every frame of every segment, for each container."""
    path = tmp_path / f"stream{suffix}"
    write_file(path, plain(2, 6), video=video)
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 180
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples == pytest.approx(6 * 48_000, abs=2_048)


@pytest.mark.parametrize("demuxed", [False, True])
def test_cmaf_segments_follow_their_init_section(demuxed: bool, recipe: Recipe, video: VideoLoop) -> None:
    """Init plus any run of segments plays; decode times are absolute, so a viewer may join anywhere."""
    media = StreamMedia(recipe, video=video, options=MediaOptions(container="cmaf", demuxed=demuxed))
    joined = media.init() + media.segment(5) + media.segment(6)
    picture = packets(joined, "video")
    assert len(picture) == 120
    assert float(min(p.pts * p.time_base for p in picture)) == pytest.approx(20.0)  # type: ignore[operator]
    sound = packets(media.init("audio") + media.segment(5, "audio") if demuxed else joined, "audio")
    assert float(sound[0].pts * sound[0].time_base) == pytest.approx(20.0, abs=0.03)  # type: ignore[operator]
    with av.open(io.BytesIO(joined)) as container:
        assert {s.type for s in container.streams} == ({"video"} if demuxed else {"video", "audio"})


def test_an_encoder_restart_begins_its_timestamps_again(recipe: Recipe, video: VideoLoop) -> None:
    """At a reset the segment is marked, both streams go back to the first timestamp, and sound stays with picture."""
    media = StreamMedia(recipe, video=video, options=MediaOptions(resets_s=(8.0,)))
    assert [s.index for s in media.segments if s.discontinuity] == [4]
    for index, seconds in ((3, 16.0), (4, 10.0), (5, 12.0)):
        assert packets(media.segment(index), "video")[0].pts == round(seconds * TS_HZ)
        assert packets(media.segment(index), "audio")[0].pts == pytest.approx(seconds * TS_HZ, abs=1_920)


def test_timestamps_wrap_at_33_bits(recipe: Recipe, video: VideoLoop) -> None:
    """A stream that starts three seconds before the wrap is small again in its third segment."""
    media = StreamMedia(recipe, video=video, options=MediaOptions(first_pts=2**33 - 3 * TS_HZ))
    ticks = [packets(media.segment(i), "video")[0].pts or 0 for i in (0, 2)]
    assert ticks[0] % 2**33 == pytest.approx(2**33 - 3 * TS_HZ, abs=6)  # a tick of the loop is six of MPEG-TS
    assert ticks[1] == pytest.approx(TS_HZ, abs=6)


def test_sound_alone_is_a_stream_too(recipe: Recipe, video: VideoLoop) -> None:
    """Without video a segment holds the audio stream and nothing else."""
    media = StreamMedia(recipe, video=video, options=MediaOptions(video=False))
    with av.open(io.BytesIO(media.segment(1))) as container:
        assert [s.type for s in container.streams] == ["audio"]


def test_two_minutes_are_rendered(
    recipe: Recipe, video: VideoLoop, record_property: Callable[[str, object], None]
) -> None:
    """All 60 segments in one go; how long it took is recorded, never asserted."""
    started = time.perf_counter()
    media = StreamMedia(recipe, video=video)
    media.segment(0)
    record_property("first_segment_s", round(time.perf_counter() - started, 2))
    total = sum(len(media.segment(s.index)) for s in media.segments)
    record_property("render_s", round(time.perf_counter() - started, 2))
    assert 6_000_000 < total < 12_000_000
