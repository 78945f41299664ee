"""Signals of sound and pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import AudioBlock, KeyframeImage
from core.times import Ns, ns
from detectors.features import AUDIO_COLUMNS, FLOOR_DB, STEP_NS, AudioFeatures, SceneFeatures
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import Sound, chunks_of

TALK = fl.talk(np.random.default_rng(1), 6.0)


def rows(sound: Sound) -> dict[str, np.ndarray]:
    """Columns by name."""
    [chunk] = chunks_of(sound)
    return {name: chunk.values[:, place] for place, name in enumerate(AUDIO_COLUMNS)}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=40))
def test_rows_do_not_depend_on_how_the_sound_was_cut_into_blocks(sizes: list[int]) -> None:
    """Any split of the same samples gives the same bytes."""
    [whole] = chunks_of(TALK)
    features, parts, at = AudioFeatures(), [], 0
    for size in [*sizes, len(TALK)]:
        block = TALK[at : at + size].astype(np.float32)
        parts += features.push(AudioBlock(start_ns=Ns(at * 62_500), samples=block))
        at += len(block)
    joined = np.concatenate([part.values for part in parts])
    assert joined.tobytes() == whole.values.tobytes()
    assert [part.start_ns % STEP_NS for part in parts] == [0] * len(parts)


def test_a_gain_moves_levels_and_nothing_else() -> None:
    """12 dB more shifts every level by 12 dB; ratios, tones and pitch stay."""
    room = TALK + 10 ** (-70 / 20) * np.random.default_rng(4).standard_normal(len(TALK))
    soft, loud = rows(room), rows(room * 10 ** (12 / 20))
    for name in ("level", "speech", "dip", "band400", "band3200"):
        assert np.median(loud[name] - soft[name]) == pytest.approx(12.0, abs=0.01)
    for name in ("crest", "flux", "flat", "tonal", "voicing", "pitch"):
        assert np.median(np.abs(loud[name] - soft[name])) < 0.01


def test_held_notes_are_tonal_and_noise_is_not() -> None:
    """Music keeps its peaks over time, noise and a crowd don't, talk lies between."""
    rng = np.random.default_rng(2)
    tonal = {
        name: float(np.median(rows(fl.at_level(make(rng, 4.0), -20.0))["tonal"][10:]))
        for name, make in (("music", fl.music), ("talk", fl.talk), ("roar", fl.roar), ("rain", fl.rain))
    }
    assert tonal["music"] > tonal["talk"] > tonal["rain"]
    assert tonal["roar"] < 0.2


def test_the_pitch_of_a_voice_is_found() -> None:
    """220 Hz is two octaves over 55 Hz: 24 semitones."""
    t = np.arange(32_000) / 16_000
    voice = np.sum([np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 12)], axis=0) * 0.1
    found = rows(voice)
    assert np.median(found["pitch"]) == pytest.approx(24.0, abs=0.5)
    assert np.median(found["voicing"]) > 0.9


def test_digital_silence_lies_at_the_floor() -> None:
    """Zeros give the floor, no infinities."""
    found = rows(np.zeros(16_000))
    assert set(found["speech"]) == {np.float32(FLOOR_DB)}
    assert all(np.isfinite(column).all() for column in found.values())


def test_a_jump_in_time_starts_a_new_run() -> None:
    """A block that does not follow opens a new grid at its own start; the unfinished row is dropped."""
    features = AudioFeatures()
    sound = TALK[:4000].astype(np.float32)
    [first] = features.push(AudioBlock(start_ns=Ns(0), samples=sound))
    [second] = features.push(AudioBlock(start_ns=ns(100.03), samples=sound))
    assert (first.start_ns, len(first)) == (0, 2)
    assert (second.start_ns, len(second)) == (ns(100.03), 2)


def test_a_cut_to_another_scene_changes_the_picture() -> None:
    """The same picture scores 0, a moved one little, another one nearly 1."""
    rng = np.random.default_rng(3)
    dark = rng.integers(0, 60, (90, 160)).astype(np.uint8)
    bright = rng.integers(180, 250, (90, 160)).astype(np.uint8)
    features = SceneFeatures()
    pictures = (dark, dark, np.roll(dark, 3, axis=1), bright)
    chunks = [features.push(KeyframeImage(t_ns=ns(2 * i), grey=picture)) for i, picture in enumerate(pictures)]
    changes = [float(chunk.values[0, 0]) for found in chunks for chunk in found]
    assert chunks[0] == []
    assert changes[0] == 0.0
    assert changes[1] < 0.1
    assert changes[2] > 0.9
