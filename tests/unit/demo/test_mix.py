"""The sound is where and as loud as the recipe says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from daemon.demo import synth
from daemon.demo.mix import Mix
from daemon.demo.recipe import Negative, NegativeKind, Recipe
from daemon.demo.speech import catalogue, recording
from daemon.demo.synth import RATE, Audio
from tests.synthetic_streams.streams import plain


def level_db(x: Audio) -> float:
    """RMS of the upper half of the 100 ms frames, in dBFS: measured here, not with the mixer's own ruler."""
    frames = x[: len(x) // 2400 * 2400].reshape(-1, 2400).astype(np.float64)
    power = np.sort((frames**2).mean(axis=1))
    return float(10 * np.log10(power[len(power) // 2 :].mean()))


def span(mix: Mix, start_s: float, end_s: float) -> Audio:
    """The finished mix between two times."""
    return mix.block(round(start_s * RATE), round((end_s - start_s) * RATE))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_reactions_stand_over_the_speech_by_the_planted_level(seed: int) -> None:
    """Measured on the finished mix, limiter included, within 2.5 dB of +6..+10 dB over the talk."""
    recipe = Recipe.from_seed(seed)
    mix = Mix(recipe)
    calm = next(line for line in recipe.speech if line.level_db == 0)  # the opening
    talk_db = level_db(span(mix, calm.start_s, calm.end_s))
    for p in recipe.moments:
        if p.sound:
            over_db = level_db(span(mix, p.start_s, p.end_s)) - talk_db
            assert over_db == pytest.approx(p.level_db, abs=2.5), p


@pytest.mark.parametrize("kind", ["music_drop", "advert", "keyboard", "door_slam"])
def test_hard_negatives_are_as_loud_as_reactions(kind: NegativeKind) -> None:
    """Each stands over the talk by the level drawn for it: it is not told from a moment by being quieter."""
    quiet = plain(5, 30)
    wanted = Negative(kind=kind, start_s=10.0, end_s=10.7 if kind == "door_slam" else 16.0, level_db=8.0)
    mix = Mix(replace(quiet, negatives=(wanted,)))
    layer = mix.layers(10 * RATE, round((wanted.end_s - 10) * RATE))["negatives"]
    assert 20 * np.log10(synth.active_rms(layer)) == pytest.approx(quiet.speech_dbfs + 8, abs=0.5)


def test_a_gain_step_lifts_the_microphone_and_nothing_else() -> None:
    """The speech is louder by the step inside its span, unchanged outside, and the game stays as it was."""
    quiet = plain(5, 30)
    step = Negative(kind="gain_step", start_s=10.0, end_s=16.0, level_db=8.0)
    before, after = (Mix(r).layers(0, 30 * RATE) for r in (quiet, replace(quiet, negatives=(step,))))
    inside = slice(10 * RATE, 16 * RATE)
    assert np.allclose(after["speech"][inside], before["speech"][inside] * synth.db(8), atol=1e-6)
    assert np.array_equal(after["speech"][: 9 * RATE], before["speech"][: 9 * RATE])
    assert np.array_equal(after["bed"], before["bed"])


def test_blocks_can_be_cut_anywhere(recipe: Recipe) -> None:
    """Seven seconds read in odd pieces are the same samples as read at once, across a reaction and a pause."""
    start = round((recipe.moments[0].start_s - 2) * RATE)
    whole = Mix(recipe).block(start, 7 * RATE)
    pieces, mix, at = [], Mix(recipe), start
    for size in (1, 4_801, 50_000, 7 * RATE - 54_802):
        pieces.append(mix.block(at, size))
        at += size
    assert np.array_equal(np.concatenate(pieces), whole)


def test_the_same_seed_sounds_the_same_and_never_clips(recipe: Recipe) -> None:
    """Two mixes are equal to the sample, inside -1..1, with no silence longer than the pauses of talk."""
    one, two = (span(Mix(recipe), 30, 45) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.abs(one).max() < 1
    assert np.abs(one).reshape(-1, RATE // 4).max(axis=1).min() > 0


@pytest.mark.parametrize("name", list(synth.REACTIONS))
def test_the_families_have_other_spectra(name: str) -> None:
    """Over the bands of speech a reaction of the tests' family differs from the demo's by 2 dB and more on average."""
    shapes = []
    for family, voices in (("demo", "am_michael"), ("test", "bm_george")):
        talk = [recording(n) for n in catalogue() if n.endswith(voices)]
        x = synth.REACTIONS[name](np.random.default_rng(1), 3.0, synth.PALETTES[family], talk)
        power, f = np.abs(np.fft.rfft(x)) ** 2, np.fft.rfftfreq(len(x), 1 / RATE)
        edges = 200 * 2 ** (np.arange(16) / 3)
        bands = [power[(f >= a) & (f < b)].sum() / power.sum() for a, b in itertools.pairwise(edges)]
        shapes.append(10 * np.log10(bands))
    assert np.abs(shapes[0] - shapes[1]).mean() > 2


def test_the_limiter_leaves_ordinary_levels_alone() -> None:
    """Linear below 0.6, monotonic above, never over 1."""
    x = np.linspace(-4, 4, 2001, dtype=np.float32)
    y = synth.soft_limit(x)
    assert np.array_equal(y[np.abs(x) <= 0.6], x[np.abs(x) <= 0.6])
    assert (np.diff(y) >= 0).all()
    assert np.abs(y).max() <= 1
