"""The hard negatives that only the rendered streams of tests and benchmarks have."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from daemon.demo import Recipe, render
from daemon.demo.synth import RATE, Audio
from tests.synthetic_streams.harder import (
    EXTRAS,
    LEVELS,
    Extra,
    ExtraKind,
    Harder,
    HarderMix,
    extra_chat,
    harder_sound,
    replay_of,
)
from tests.synthetic_streams.streams import NEGATIVE_SPACING_S, harder, plain

KINDS = 14  # seven of the demo's recipes, seven more
AT_S, END_S = 10.0, 15.0


def heard(recipe: Harder) -> Audio:
    """The whole sound of a short stream."""
    mix = HarderMix(recipe)
    return mix.block(0, mix.samples)


def with_one(kind: ExtraKind, **values: float) -> Harder:
    """Twenty seconds of talk with one of them."""
    calm = plain(5, 20.0)
    parts = {name: getattr(calm, name) for name in Recipe.__slots__}
    return Harder(**parts, extras=(Extra(kind=kind, start_s=AT_S, end_s=END_S, **values),))


def rms(sound: Audio, start_s: float, end_s: float) -> float:
    return float(np.sqrt(np.mean(sound[round(start_s * RATE) : round(end_s * RATE)] ** 2)))


def test_every_kind_comes_before_any_comes_again() -> None:
    """An hour and ten minutes has fourteen, all of them in the truth file, and none near another or in the quiet."""
    recipe = harder(4, 70)
    truth = recipe.truth()["negatives"]
    assert isinstance(truth, list)
    assert len(truth) == KINDS == len({row["kind"] for row in truth})
    assert all(b["start_s"] - a["end_s"] >= NEGATIVE_SPACING_S - 3 for a, b in itertools.pairwise(truth))
    for moment, row in itertools.product(recipe.moments, truth):
        assert row["end_s"] <= moment.start_s - NEGATIVE_SPACING_S + 3 or row["start_s"] >= moment.end_s + 20
    for (start, end), row in itertools.product(recipe.quiet(), truth):
        assert row["end_s"] <= start or row["start_s"] >= end
    assert recipe == harder(4, 70)


def test_a_third_of_the_moments_is_weak() -> None:
    """The truth says which, and they are as loud as that."""
    recipe = harder(4, 60)
    assert sorted(recipe.levels) == ["middle"] * 2 + ["strong"] * 2 + ["weak"] * 2
    rows = recipe.truth()["moments"]
    assert isinstance(rows, list)
    assert [row["level"] for row in rows] == list(recipe.levels)
    for moment, level in zip(recipe.moments, recipe.levels, strict=True):
        low, high = LEVELS[level][0]
        assert not moment.sound or low <= moment.level_db <= high


@pytest.mark.parametrize("kind", EXTRAS)
def test_the_sound_is_the_same_outside(kind: ExtraKind) -> None:
    """Only its own stretch changes, and that it does, but for kinds that are written."""
    values = {"source_s": 2.0} if kind == "replay" else {}
    recipe = with_one(kind, **values)
    changed, calm = heard(recipe), heard(replace(recipe, extras=()))
    first, last = round(AT_S * RATE), round(END_S * RATE)
    assert np.array_equal(changed[:first], calm[:first])
    assert np.array_equal(changed[last:], calm[last:])
    assert np.array_equal(changed, calm) == (kind in {"copypasta", "bot_flood"})


def test_silence_is_silent_and_babble_is_not() -> None:
    """Digital silence; several voices at the level that was asked for."""
    assert rms(heard(with_one("silence")), AT_S, END_S) == 0.0
    loud, soft = (rms(heard(with_one("babble", level_db=level)), AT_S, END_S) for level in (6.0, -20.0))
    assert loud > 1.5 * soft


def test_a_replay_is_heard_as_it_was() -> None:
    """The same samples, a decibel lower."""
    sound = heard(with_one("replay", source_s=2.0))
    again = sound[round(10.5 * RATE) : round(14.5 * RATE)]
    before = sound[round(2.5 * RATE) : round(6.5 * RATE)]
    assert np.corrcoef(again, before)[0, 1] > 0.999
    assert 0.85 < rms(sound, 10.5, 14.5) / rms(sound, 2.5, 6.5) < 0.93


def test_a_replay_leads_in_and_holds_its_moment() -> None:
    """From two seconds before to the end."""
    moment = harder(4, 70).moments[0]
    again = replay_of(moment, 500.0)
    assert again.source_s == moment.start_s - 2.0
    assert again.end_s - again.start_s == pytest.approx(moment.end_s - moment.start_s + 2.0)


def test_bots_and_pastes_write_in_their_stretch() -> None:
    """Twenty accounts; one text."""
    lines = extra_chat(with_one("bot_flood"))
    assert lines
    assert len({line.user for line in lines}) <= 20
    pastes = extra_chat(with_one("copypasta"))
    assert len({line.text for line in pastes}) == 1
    assert all(AT_S * 1e9 <= line.t_ns <= END_S * 1e9 for line in (*lines, *pastes))
    assert extra_chat(with_one("babble")) == []


def test_other_recipes_sound_as_they_always_did() -> None:
    """The demo's among them."""
    recipe = Recipe.from_seed(3)
    with harder_sound():
        inside = render.AudioTrack(recipe).between(0, RATE)
    assert [packet.data for packet in inside] == [packet.data for packet in render.AudioTrack(recipe).between(0, RATE)]
