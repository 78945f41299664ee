"""Sound that does not pause, by cumulative sum."""

from __future__ import annotations

import numpy as np
import pytest

from core.times import to_s
from detectors import Profile
from detectors.audio.roar import Roar, Sustained
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import hear

OPTIONS = Profile().detect


def run(floors: list[float]) -> list[Sustained]:
    """Two floors a second, five rows each; usually -40 dB give or take 2.5, a tenth of them over -37."""
    roar = Roar(OPTIONS.audio.roar)
    found = [roar.push((floor + 36.8) / 2.5, 5 * n) for n, floor in enumerate(floors)]
    return [each for each in (*found, roar.close()) if each is not None]


def test_a_shift_of_two_deviations_is_found_within_three_seconds() -> None:
    """It begins where the floor rose and ends where it fell, however small each step is."""
    [found] = run([-40.0] * 40 + [-32.0] * 12 + [-40.0] * 40)
    assert found.first == 200
    assert 200 < found.last <= 5 * 52
    assert found.total > OPTIONS.audio.roar.h


def test_noise_of_the_usual_size_adds_up_to_nothing() -> None:
    """An hour of it."""
    assert run(list(np.random.default_rng(2).normal(-40.0, 2.5, 7200))) == []


def test_a_bang_is_no_roar() -> None:
    """One half second counts three deviations at most."""
    assert run([-40.0] * 40 + [0.0] + [-40.0] * 40) == []


def test_what_stays_for_a_minute_is_how_the_stream_sounds_now() -> None:
    """Nothing is held back for it, and it makes no event."""
    assert run([-40.0] * 40 + [-30.0] * 120 + [-40.0] * 20) == []


@pytest.mark.parametrize("seed", [11, 12])
def test_a_crowd_a_little_over_talk_is_a_roar(seed: int) -> None:
    """Five seconds at +3 dB over the level of talk, the weakest level of the evaluation; the words say how long."""
    rng = np.random.default_rng(seed)
    sound = fl.talk(rng, 240.0)
    fl.add(sound, fl.roar(rng, 5.0), 200.0, 3.0)
    found = [event for event in hear(sound) if event.kind == "roar"]
    assert [round(to_s(event.start_ns)) for event in found] == pytest.approx([200], abs=2)
    assert found[0].llr > 0.3
    assert found[0].why.startswith("crowd that did not pause for ")


@pytest.mark.parametrize("seed", [13, 14])
def test_talk_and_rain_are_no_roar(seed: int) -> None:
    """Rain does not swell and die down, talk pauses."""
    rng = np.random.default_rng(seed)
    sound = fl.talk(rng, 240.0)
    fl.add(sound, fl.rain(rng, 24.0), 150.0, 3.0)
    assert [event for event in hear(sound) if event.kind == "roar"] == []
