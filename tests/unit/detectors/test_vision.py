"""Pictures: where scenes change, and when that looks like an advert."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.media import KeyframeImage
from core.moments import Event
from core.signals import SignalChunk
from core.times import Ns, ns
from detectors import Profile, SceneFeatures
from detectors.features import SCENE_COLUMNS, SCENE_KIND
from detectors.vision import VisionDetector


def scenes(changes: Sequence[float], *, every_s: float = 2.0, start_s: float = 0.0) -> SignalChunk:
    """A keyframe every two seconds that differs so much from the one before; all look alike to the hash."""
    times = np.array([ns(start_s + every_s * n) for n in range(len(changes))], dtype=np.int64)
    rows = np.array([[change, 1, 2, 3, 65535] for change in changes], dtype=np.float32)
    return SignalChunk(
        kind=SCENE_KIND, start_ns=Ns(int(times[0])), step_ns=0, values=rows, columns=SCENE_COLUMNS, times_ns=times
    )


def watch(chunk: SignalChunk, until_s: float) -> list[Event]:
    """Every event."""
    detector = VisionDetector(Profile().detect)
    detector.feed(chunk)
    return [event for step in range(1, int(until_s * 2)) for event in detector.advance(ns(step / 2))]


def test_a_montage_speaks_against_what_is_heard_over_it() -> None:
    """Calm for five minutes, then a cut every two seconds: one penalty that grows, with its numbers."""
    events = watch(scenes([0.1] * 150 + [0.9] * 8 + [0.1] * 20), 350.0)
    assert {event.kind for event in events} == {"montage"}
    assert len({event.start_ns for event in events}) == 1
    assert [event.llr for event in events] == sorted((event.llr for event in events), reverse=True)
    assert events[-1].llr == -Profile().detect.vision.montage_llr
    assert events[-1].why == "8 cuts in 15 s, usually 0: like an advert"


def test_a_cut_now_and_then_says_nothing() -> None:
    """Two cuts in fifteen seconds are a death and a menu."""
    assert watch(scenes(([0.1] * 8 + [0.9, 0.9]) * 20), 390.0) == []


def test_a_show_that_cuts_all_the_time_is_no_advert() -> None:
    """What is usual here is no montage."""
    events = watch(scenes(([0.9, 0.1]) * 300), 1190.0)
    assert [event for event in events if event.start_ns > ns(300)] == []


def test_a_stream_that_starts_with_cuts_may_always_be_so() -> None:
    """In its first minute nothing is known about it, and nothing is doubted."""
    events = watch(scenes([0.9] * 20 + [0.1] * 40), 118.0)
    assert [event for event in events if event.found_ns < ns(60)] == []


def test_cuts_and_frames_are_known_when_they_have_been_seen() -> None:
    """Fed ahead of time, given out step by step; the four words make up the hash."""
    detector = VisionDetector(Profile().detect)
    detector.feed(scenes([0.1, 0.9]))
    detector.advance(ns(1.5))
    assert (detector.cuts, [frame.t_ns for frame in detector.frames]) == ([], [ns(0)])
    detector.advance(ns(2.0))
    assert (detector.cuts, [frame.t_ns for frame in detector.frames]) == ([ns(2)], [ns(2)])
    assert detector.frames[0].bits == (1 << 48) + (2 << 32) + (3 << 16) + 65535


def test_the_logs_of_older_versions_have_no_hashes() -> None:
    """They still say where scenes change."""
    detector = VisionDetector(Profile().detect)
    times = np.array([ns(4)], dtype=np.int64)
    rows = np.array([[0.9]], dtype=np.float32)
    old = SignalChunk(kind=SCENE_KIND, start_ns=ns(4), step_ns=0, values=rows, columns=("change",), times_ns=times)
    detector.feed(old)
    detector.advance(ns(5))
    assert (detector.cuts, detector.frames) == ([ns(4)], [])


def hash_of(picture: np.ndarray) -> int:
    """The difference hash of the second of two keyframes."""
    features = SceneFeatures()
    features.push(KeyframeImage(t_ns=ns(0), grey=np.zeros((90, 160), dtype=np.uint8)))
    [chunk] = features.push(KeyframeImage(t_ns=ns(2), grey=picture))
    a, b, c, d = (int(word) for word in chunk.values[0, 1:])
    return a << 48 | b << 32 | c << 16 | d


def test_a_picture_keeps_its_hash_scaled_brighter_and_noisy() -> None:
    """Another picture has another one."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(20, 200, (9, 16))
    picture = np.kron(coarse, np.ones((10, 10))).astype(np.uint8)
    small = np.kron(coarse, np.ones((5, 5))).astype(np.uint8)
    noisy = np.clip(picture * 1.1 + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    other = np.kron(rng.integers(20, 200, (9, 16)), np.ones((10, 10))).astype(np.uint8)
    mine = hash_of(picture)
    assert (mine ^ hash_of(small)).bit_count() <= 2
    assert (mine ^ hash_of(noisy)).bit_count() <= 4
    assert (mine ^ hash_of(other)).bit_count() > 16


def test_a_picture_of_a_few_lines_has_a_hash() -> None:
    """A banner of 160 x 4 pixels is a valid picture."""
    assert 0 <= hash_of(np.arange(640, dtype=np.uint8).reshape(4, 160)) < 2**64
