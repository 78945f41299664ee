"""Fades, joins and silenced spans: exact to the sample, silent where they must be, and without a click."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.times import Ns, ns
from daemon.ffmpeg import ffmpeg_path
from daemon.sound import SoundMeasure, SoundPlan, SoundWishes, Span, TrackUse, Treatment, plan_sound, sound_graph
from daemon.sound.envelope import MAX_DIPS, Point, expression, gate
from daemon.sound.model import Loudness
from tests.synthetic_sounds import Sound, noise, write_wav

LOUD = Loudness(integrated_lufs=-14, true_peak_dbtp=-6, range_lu=1)


def plan_of(length_s: float, wishes: SoundWishes, *tracks: TrackUse) -> SoundPlan:
    """A plan with gain 0 and no limiter."""
    treatment = replace(wishes.treatment, tracks=tracks or (TrackUse(index=0),))
    heard = (Loudness(integrated_lufs=-20, true_peak_dbtp=-6, range_lu=1),) * len(treatment.tracks)
    measure = SoundMeasure(length_ns=ns(length_s), loudness=LOUD, by_track=heard, flatness=0, treatment=treatment)
    return plan_sound(measure, wishes)


def rendered(source: Path, plan: SoundPlan, pads: tuple[str, ...] = ("0:a:0",), *more: Path) -> Sound:
    """Samples before the encoder, left channel."""
    inputs = [part for path in (source, *more) for part in ("-i", str(path))]
    command = [ffmpeg_path(), "-v", "error", *inputs, "-filter_complex", sound_graph(plan, pads, "sound").text()]
    made = subprocess.run([*command, "-map", "[sound]", "-f", "f64le", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(made, dtype=np.float64).reshape(-1, 2)[:, 0]


def tone(folder: Path, hz: float, seconds: float, level: float = 0.3, name: str = "tone.wav") -> Path:
    wave = level * np.cos(2 * np.pi * hz * np.arange(round(seconds * 48_000)) / 48_000)
    return write_wav(folder / name, np.stack([wave, wave], axis=1))


def at(sound: Sound, start_s: float, end_s: float) -> Sound:
    return sound[round(start_s * 48_000) : round(end_s * 48_000)]


def over(sound: Sound, hz: float) -> float:
    """Energy above a frequency, over all of it."""
    spectrum: NDArray[np.float64] = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return float(np.sum(spectrum[round(hz / 24_000 * len(spectrum)) :]) / np.sum(spectrum))


def test_a_masked_word_is_silent_and_what_is_beside_it_is_not(tmp_path: Path) -> None:
    plan = plan_of(2, SoundWishes(masks=(Span(ns(0.5), ns(0.9)), Span(ns(1.2), ns(1.25)))))
    made = rendered(tone(tmp_path, 200, 2), plan)
    for start, end in ((0.5, 0.9), (1.2, 1.25)):
        assert np.max(np.abs(at(made, start, end))) == 0
    for start, end in ((0.03, 0.49), (0.91, 1.19), (1.26, 1.97)):
        assert np.max(np.abs(at(made, start, end))) == pytest.approx(0.3, abs=0.01)


def test_neither_masks_nor_ends_click(tmp_path: Path) -> None:
    """A hard cut in a tone of 200 Hz spreads over the whole spectrum; these ramps stay 100 times under it."""
    source = tone(tmp_path, 200, 2)
    made = rendered(source, plan_of(2, SoundWishes(masks=(Span(ns(0.6), ns(0.9)),), joins_ns=(ns(1.5),))))
    hard = 0.3 * np.cos(2 * np.pi * 200 * np.arange(9600) / 48_000)
    hard[4800:] = 0
    for centre in (0.6, 0.9, 1.5):
        assert over(at(made, centre - 0.1, centre + 0.1), 4000) < over(hard, 4000) / 100
    assert abs(made[0]) < 0.001
    assert abs(made[-1]) < 0.001
    assert np.max(np.abs(at(made, 1.499, 1.501))) < 0.05


def test_a_bleep_sounds_where_the_word_was_and_only_there(tmp_path: Path) -> None:
    wishes = SoundWishes(masks=(Span(ns(0.5), ns(0.9)),), mask_style="bleep")
    made = rendered(tone(tmp_path, 200, 1.5), plan_of(1.5, wishes))
    inside = np.abs(np.fft.rfft(at(made, 0.52, 0.88)))
    assert np.argmax(inside) / 0.36 == pytest.approx(1000, abs=5)
    assert over(at(made, 0.05, 0.48), 900) < 1e-4
    assert over(at(made, 0.92, 1.4), 900) < 1e-4


@given(
    st.lists(st.tuples(st.integers(-(10**9), 12 * 10**9), st.integers(0, 10**9)), max_size=400),
    st.integers(10**8, 10**10),
)
def test_any_number_of_masks_makes_a_graph_of_bounded_size(masks: list[tuple[int, int]], length: int) -> None:
    spans = [Span(Ns(start), Ns(start + more)) for start, more in masks]
    points = gate(Ns(length), fade_ns=ns(0.015), joins_ns=(), masks=spans)
    assert len(expression(points)) < 60_000
    assert len(points) <= 4 * MAX_DIPS + 8
    assert all(a.sample < b.sample for a, b in pairwise(points))
    total = points[-1].sample
    for span in spans:  # silent in the middle of every mask, however many were joined
        middle = (max(0, span.start_ns) + min(length, span.end_ns)) // 2 * 48_000 // 10**9
        if span.end_ns - span.start_ns > 10**6 and 0 < middle < total and span.start_ns < length and span.end_ns > 0:
            assert value(points, middle) == 0


def value(points: tuple[Point, ...], sample: int) -> float:
    return float(np.interp(sample, [p.sample for p in points], [p.gain for p in points]))


def test_music_ducks_under_the_voice_and_comes_back(tmp_path: Path) -> None:
    """By about 9 dB, 12 dB over the threshold at 4:1; steady noise is held a little deeper than speech."""
    said = np.concatenate([np.zeros(96_000), 0.15 * noise(2, 5), np.zeros(96_000)])
    voice = write_wav(tmp_path / "voice.wav", said)
    music = tone(tmp_path, 6000, 6, 0.2)
    tracks = (TrackUse(index=0, role="voice"), TrackUse(index=1, role="background"))
    plan = plan_of(6, SoundWishes(), *tracks)
    made = rendered(voice, plan, ("0:a:0", "1:a:0"), music)
    before, under, after = (band(at(made, *span), 6000) for span in ((0.5, 1.8), (2.5, 3.9), (5.2, 5.9)))
    assert 20 * np.log10(under / before) == pytest.approx(-11, abs=4)
    assert 20 * np.log10(after / before) == pytest.approx(0, abs=0.5)


def band(sound: Sound, hz: float) -> float:
    """Amplitude of one tone."""
    t = np.arange(len(sound)) / 48_000
    return float(4 * np.abs(np.mean(sound * np.hanning(len(sound)) * np.exp(-2j * np.pi * hz * t))))


@pytest.mark.parametrize(("preset", "least_db"), [("light", 7), ("strong", 12)])
def test_denoise_takes_noise_and_leaves_the_tone(preset: str, least_db: float, tmp_path: Path) -> None:
    t = np.arange(3 * 48_000) / 48_000
    source = write_wav(
        tmp_path / "in.wav", 0.3 * np.sin(2 * np.pi * 440 * t) * (t > 1.5) + 0.001 * noise(3, 8, 48_000, 1)
    )
    plain, clean = (
        rendered(source, plan_of(3, SoundWishes(treatment=Treatment(denoise=denoise))))  # type: ignore[arg-type]
        for denoise in ("off", preset)
    )
    quieter = 20 * np.log10(np.std(at(plain, 0.8, 1.4)) / np.std(at(clean, 0.8, 1.4)))
    assert quieter >= least_db
    assert band(at(clean, 1.8, 2.8), 440) == pytest.approx(band(at(plain, 1.8, 2.8), 440), rel=0.06)


@pytest.mark.parametrize("preset", ["light", "strong"])
def test_denoise_shifts_nothing(preset: str, tmp_path: Path) -> None:
    """A burst stays where it was, to the sample, and so does the end."""
    burst = np.zeros(48_000)
    burst[20_000:24_000] = 0.2 * noise(1, 3)[:4000]
    burst[-2000:] = 0.2 * noise(1, 4)[:2000]
    source = write_wav(tmp_path / "in.wav", np.stack([burst, burst], axis=1))
    wishes = SoundWishes(treatment=Treatment(denoise=preset), fade_ns=Ns(0))  # type: ignore[arg-type]
    made = rendered(source, plan_of(1, wishes))
    likeness = np.fft.irfft(np.fft.rfft(made, 96_000) * np.conj(np.fft.rfft(burst, 96_000)))
    assert int(np.argmax(likeness)) == 0
    assert np.std(made[-2000:]) > 0.1


def test_clarity_takes_rumble_and_adds_presence(tmp_path: Path) -> None:
    wishes = SoundWishes(treatment=Treatment(clarity=True))
    for hz, low, high in ((40, -30, -6), (250, -4, -1.5), (3000, 2, 4.5), (1000, -1.5, 1.5)):
        made = rendered(tone(tmp_path, hz, 1), plan_of(1, wishes))
        assert low < 20 * np.log10(band(at(made, 0.3, 0.7), hz) / 0.3) < high, hz
