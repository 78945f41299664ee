"""Exact cuts: the wanted frames and no others, the middle untouched, one track that strict decoders take."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.smart_cut import psnr, shown, strict
from core.edits import RenderSpec
from core.errors import CutRefused
from core.times import Ns, ns
from daemon.clips import ClipContext, FinishedClip, make_clip, render
from daemon.ingest.files import scan_footage
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import ListFootage, encode, open_footage
from tests.unit.clips.test_caption_files import word

EXACT = RenderSpec(cut="exact")
Footage = Callable[[str], ListFootage]
# name of the media, seconds a frame, the note of a clip that is coded anew as a whole
KINDS = [
    ("h264", 1 / 30, ""),
    ("h264_2997", 1001 / 30000, ""),
    ("h264_50", 1 / 50, ""),
    ("hevc", 1 / 30, ""),
    ("hevc_mp4", 1 / 30, ""),
    ("vp9_opus", 1 / 30, ""),
    ("mono_44k", 1 / 30, ""),
    ("open_gop", 1 / 30, "recoded_open_gop"),
    ("av1_opus", 1 / 30, "recoded_codec"),
    ("h264_444", 1 / 30, ""),
]


@pytest.mark.parametrize(("name", "frame_s", "note"), KINDS)
def test_a_clip_shows_the_wanted_frames_and_no_others(
    footage: Footage, tmp_path: Path, name: str, frame_s: float, note: str
) -> None:
    """Both ends within half a frame; every frame is the source's; sound within 20 ms; nothing to complain of."""
    source = footage(name)
    clip = exact(source, tmp_path, 3.21, 8.47)
    assert abs(clip.cut.start_ns / 1e9 - 3.21) <= frame_s / 2 + 0.001
    assert abs(clip.cut.end_ns / 1e9 - 8.47) <= frame_s / 2 + 0.001
    assert clip.cut.duration_s == pytest.approx((clip.cut.end_ns - clip.cut.start_ns) / 1e9, abs=0.002)
    assert abs(clip.cut.av_head_ms or 0) <= 20
    assert abs(clip.cut.av_tail_ms or 0) <= 20
    assert strict(clip.files["master"]) == ""
    assert set(clip.cut.notes) - {"transcoded_video"} == ({note} if note else set())
    assert same_frames(clip, source, clip.cut.start_ns) >= 38
    assert recoded(clip) < 90 or note


@pytest.mark.parametrize("name", ["h264", "hevc", "vp9_opus"])
def test_the_packets_between_the_cut_points_are_the_sources_own(footage: Footage, tmp_path: Path, name: str) -> None:
    """Two whole GOPs lie in the span: what they show is equal to the bit."""
    source = footage(name)
    clip = exact(source, tmp_path, 3.21, 8.47)
    piece = recipe(clip)["cut"]["exact"]["pieces"][0]
    assert piece["copied"]["count"] > 120
    pictures, wanted = shown(clip.files["master"]).pictures, shown(source.path).pictures
    first, head = round(clip.cut.start_ns * 30 / 1e9), piece["head"]["count"]
    for number in range(head, head + piece["copied"]["count"]):
        assert np.array_equal(pictures[number], wanted[first + number])


@pytest.mark.parametrize("name", ["h264", "hevc", "vp9_opus", "av1_opus", "video_only"])
def test_a_dropped_range_is_gone_and_both_joints_are_to_the_frame(footage: Footage, tmp_path: Path, name: str) -> None:
    """A pause of 1.2 s in the middle: the frames before and after it follow each other."""
    source = footage(name)
    clip = exact(source, tmp_path, 3.2, 9.0, drop=((ns(5.5), ns(6.7)),))
    frames = shown(clip.files["master"]).times
    assert len(frames) == round((9.0 - 3.2 - 1.2) * 30)
    assert recipe(clip)["cut"]["kept"] == [[a, b] for a, b in kept(clip)]
    assert same_frames(clip, source, *(start_ns for start_ns, _ in kept(clip))) >= 38
    assert strict(clip.files["master"]) == ""
    assert abs(clip.cut.av_tail_ms or 0) <= 20


def test_the_sound_of_a_joint_is_a_crossfade_at_the_right_place(footage: Footage, tmp_path: Path) -> None:
    """Beeps at every whole second: after 1.2 s were dropped, the ones behind come 1.2 s earlier, and nothing clicks."""
    clip = exact(footage("h264"), tmp_path, 3.2, 9.0, drop=((ns(5.5), ns(6.7)),))
    heard, rate = samples(clip.files["master"])
    loud = np.abs(heard) > 0.3
    starts = [i / rate for i in np.flatnonzero(loud[1:] & ~loud[:-1])]
    beeps = [t for n, t in enumerate(starts) if n == 0 or t - starts[n - 1] > 0.5]
    assert beeps == pytest.approx([0.8, 1.8, 2.6, 3.6], abs=0.01)
    joint = heard[round(2.27 * rate) : round(2.33 * rate)]
    assert float(np.abs(np.diff(joint)).max()) < 0.01  # the hum's own slope is 0.0006 a sample


def test_the_sound_of_one_range_is_the_sources_to_the_sample(footage: Footage, tmp_path: Path) -> None:
    """Copied packets, cut by the edit list: the beeps stand where they stood."""
    clip = exact(footage("h264"), tmp_path, 3.21, 8.47)
    heard, rate = samples(clip.files["master"])
    first = int(np.flatnonzero(np.abs(heard) > 0.3)[0]) / rate
    assert first == pytest.approx(4.0 - clip.cut.start_ns / 1e9, abs=0.002)
    assert recipe(clip)["cut"]["exact"]["sound"] == "copied"


def test_a_frame_that_stands_is_shown_from_the_wanted_time_on(footage: Footage, tmp_path: Path) -> None:
    """Variable frame rate: 0.7 s without a new frame. A cut inside of it begins with the frame that stands."""
    source = footage("vfr")
    times = sorted(packet.pts_ns for packet in source.video())
    before, after = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    assert after - before > ns(0.5)
    start_ns = Ns((before + after) // 2)
    clip = exact(source, tmp_path, start_ns / 1e9, start_ns / 1e9 + 3)
    frames = shown(clip.files["master"]).times
    assert clip.cut.start_ns == pytest.approx(start_ns, abs=1000)
    assert frames[0] == 0
    assert frames[1] == pytest.approx((after - start_ns) / 1e9, abs=0.002)
    assert strict(clip.files["master"]) == ""


def test_a_clip_between_two_keyframes_is_coded_anew_and_says_so(footage: Footage, tmp_path: Path) -> None:
    """There is nothing to copy in 0.5 s of a GOP of 2 s."""
    clip = exact(footage("h264"), tmp_path, 4.5, 5.0)
    assert clip.cut.notes == ("recoded_no_keyframe", "transcoded_video")
    assert len(shown(clip.files["master"]).times) == 15


def test_rotation_and_sample_shape_are_kept(media_file: Callable[[str], Path], tmp_path: Path) -> None:
    """A phone's display matrix, and anamorphic pixels."""
    turned = exact(open_footage(media_file("rotated")), tmp_path / "turned", 3.2, 8.4)
    assert recipe(turned)["cut"]["rotation"] == 90
    arguments = "-f lavfi -i testsrc2=s=320x180:r=30:d=6,setsar=4/3 -c:v libx264 -preset veryfast -g 30"
    wide = exact(open_footage(encode(tmp_path / "wide.ts", arguments)), tmp_path / "wide", 1.4, 4.6)
    with av.open(str(wide.files["master"])) as media:
        stream = media.streams.video[0]
        assert {stream.codec_context.sample_aspect_ratio for _ in media.decode(stream)} == {Fraction(4, 3)}
        assert stream.sample_aspect_ratio == Fraction(4, 3)


def test_render_makes_the_same_bytes_from_the_recipe(media_file: Callable[[str], Path], tmp_path: Path) -> None:
    """Encoded frames, copied packets and joined sound: all of it again, of one range and of two."""
    for number, drop in enumerate([(), ((ns(5.5), ns(6.7)),)]):
        source = scan_footage(media_file("hevc"))
        decision = decide(3.21, 8.47, drop=drop)
        clip = make_clip(source, decision, EXACT, tmp_path / f"c{number}", ClipContext(source="s"))
        made = render(clip.files["clip"], tmp_path / f"again{number}")
        assert made.identical


def test_words_of_a_dropped_range_are_gone_and_those_behind_come_earlier(footage: Footage, tmp_path: Path) -> None:
    """clip.json counts from the clip's first frame."""
    words = (word("one", 4.0, 4.3), word("gone", 6.0, 6.3), word("two", 8.0, 8.3))
    context = ClipContext(source="s", words=words)
    decision = decide(3.2, 9.0, drop=((ns(5.5), ns(6.7)),))
    clip = make_clip(footage("h264"), decision, EXACT, tmp_path / "c", context)
    found = {said["text"]: said["start_s"] for said in recipe(clip)["words"]}
    assert found == {"one": pytest.approx(0.8, abs=0.02), "two": pytest.approx(3.6, abs=0.02)}


def test_sound_that_begins_late_is_filled_with_silence(footage: Footage, tmp_path: Path) -> None:
    """An exact clip does not move its start: the sound of the first second is not there, and silence is."""
    clip = exact(footage("late_audio"), tmp_path, 0.5, 4.0)
    assert clip.cut.start_ns == ns(0.5)
    assert "transcoded_audio" in clip.cut.notes
    heard, rate = samples(clip.files["master"])
    assert float(np.abs(heard[: round(0.4 * rate)]).max()) < 0.001
    assert abs(clip.cut.av_head_ms or 0) <= 20


def test_parts_of_different_size_are_refused(footage: Footage, tmp_path: Path) -> None:
    """A source that came back with another picture size after a restart: no single track can show both."""
    one, two = footage("h264"), footage("full_hd")
    both = TwoEpochs(one, two)
    with pytest.raises(CutRefused) as refused:
        exact(both, tmp_path, 2.0, 13.5, drop=((ns(4), ns(12.2)),))  # type: ignore[arg-type]
    assert refused.value.code == "parts_differ"
    assert not list(tmp_path.glob("clips/*/r1/master.mp4"))


class TwoEpochs:
    """Two footages one after the other, the second from 12 s on."""

    def __init__(self, one: ListFootage, two: ListFootage) -> None:
        self._one, self._two = one, open_footage(two.path, shift_ns=ns(12))

    def _at(self, at_ns: Ns) -> ListFootage:
        return self._two if at_ns >= ns(12) else self._one

    def span(self) -> tuple[Ns, Ns]:
        return self._one.span()[0], self._two.span()[1]

    def __getattr__(self, name: str) -> Any:
        return lambda at_ns, *more: getattr(self._at(at_ns), name)(at_ns, *more)


def exact(source: ListFootage, where: Path, start_s: float, end_s: float, **changes: Any) -> FinishedClip:
    decision = decide(start_s, end_s, **changes)
    return make_clip(source, decision, EXACT, where / "clips" / decision.clip, ClipContext(source="test"))


def recipe(clip: FinishedClip) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(clip.files["clip"].read_text())
    return document


def kept(clip: FinishedClip) -> list[tuple[int, int]]:
    return [(piece["start_ns"], piece["end_ns"]) for piece in recipe(clip)["cut"]["exact"]["pieces"]]


def recoded(clip: FinishedClip) -> int:
    pieces = recipe(clip)["cut"]["exact"]["pieces"]
    return sum(int(piece["head"]["count"]) + int(piece["tail"]["count"]) for piece in pieces)


def same_frames(clip: FinishedClip, source: ListFootage, *_starts: int) -> float:
    """The lowest PSNR of a frame against the source's frame of the same media time."""
    made, wanted = shown(clip.files["master"]), shown(source.path).pictures
    times = sorted(packet.pts_ns for packet in source.video())
    numbers = [n for a, b in kept(clip) for n, t_ns in enumerate(times) if a - 1_000_000 <= t_ns < b - 1_000_000]
    assert len(numbers) == len(made.times)
    return min(psnr(made.pictures[n], wanted[number]) for n, number in enumerate(numbers))


def samples(path: Path) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    """The sound as a player hears it: mono, from the first frame on."""
    with av.open(str(path)) as media:
        stream = media.streams.audio[0]
        rate = stream.codec_context.sample_rate
        blocks = [(frame.pts or 0, frame.to_ndarray()[0]) for frame in media.decode(stream)]
    first = blocks[0][0]
    return np.concatenate([block for _, block in blocks])[max(0, -first) :], rate
