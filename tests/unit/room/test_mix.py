"""The room's sound: everybody at their time, silence for what is missing, never too loud."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from recorder.frames import EncodedFrame
from recorder.room.messages import Pid
from recorder.room.mix import PLAYOUT_MS, RATE, SLOT, RoomMix, limited

ANN, BEN = Pid("ann"), Pid("ben")


class Told:
    """A decoder whose packets say how loud their 20 ms are; what is concealed is 0.25."""

    def decode(self, data: bytes) -> NDArray[np.float32]:
        return np.full(SLOT, data[0] / 100, np.float32)

    def conceal(self, samples: int) -> NDArray[np.float32]:
        return np.full(samples, 0.25, np.float32)


def packet(at_ms: float, loud: int = 50) -> EncodedFrame:
    return EncodedFrame(
        track="mic", codec="opus", rtp=0, clock_rate=48_000, arrival_ns=0, room_ms=at_ms, is_keyframe=True,
        data=bytes((loud,)),
    )  # fmt: skip


def slots(samples: NDArray[np.float32]) -> list[float]:
    """How loud each slot is."""
    return [round(float(slot.mean()), 3) for slot in samples.reshape(-1, SLOT)]


def mixed(mix: RoomMix, until_ms: float) -> list[float]:
    found = mix.pull(until_ms + PLAYOUT_MS)
    return [] if found is None else slots(found.samples)


def test_a_slot_is_mixed_once_and_three_hundred_ms_late() -> None:
    """Whatever has come by then is in it."""
    mix = RoomMix(1000.0, Told)
    mix.put(ANN, packet(1000))
    assert mix.pull(1000 + PLAYOUT_MS + 19) is None
    first = mix.pull(1000 + PLAYOUT_MS + 20)
    assert first is not None
    assert (first.at_ms, slots(first.samples)) == (1000.0, [0.5])
    assert first.levels[ANN] == pytest.approx((0.5, 0.5))
    mix.put(ANN, packet(950))  # too late
    assert mixed(mix, 1060) == [0.0, 0.0]


def test_voices_are_summed_at_their_times() -> None:
    """The second begins 40 ms later."""
    mix = RoomMix(0.0, Told)
    for number in range(4):
        mix.put(ANN, packet(20 * number, 20))
    for number in range(2):
        mix.put(BEN, packet(40 + 20 * number, 30))
    assert mixed(mix, 100) == [0.2, 0.2, 0.5, 0.5, 0.0]


def test_times_that_jitter_leave_no_holes() -> None:
    """A voice goes on where it was, within 40 ms."""
    mix = RoomMix(0.0, Told)
    for number, jitter in enumerate((0, 7, -6, 12, 0)):
        mix.put(ANN, packet(20 * number + jitter, 20))
    assert mixed(mix, 100) == [0.2] * 5


def test_a_short_hole_is_concealed_and_a_long_one_silent() -> None:
    """100 ms are the limit."""
    mix = RoomMix(0.0, Told)
    for at in (0, 100, 400):
        mix.put(ANN, packet(at, 20))
    assert mixed(mix, 420) == [0.2, *[0.25] * 4, 0.2, *[0.0] * 14, 0.2]


@pytest.mark.parametrize("ppm", [-4000, 4000])
def test_a_clock_that_drifts_is_followed(ppm: int) -> None:
    """For a minute: never louder than it was, hardly ever silent."""
    mix, out = RoomMix(0.0, Told), list[float]()
    for number in range(3_000):
        at_ms = 20 * number * (1 + ppm / 1e6)
        mix.put(ANN, packet(at_ms, 20))
        out += mixed(mix, at_ms - PLAYOUT_MS)
    assert max(out) <= 0.25
    assert sum(loud < 0.19 for loud in out[2:-20]) <= 20


def test_sound_from_another_time_is_none() -> None:
    """A clock that lies costs its own sound only."""
    mix = RoomMix(0.0, Told)
    for at in (-1e12, 1e12, 60_000):
        mix.put(ANN, packet(at))
    mix.put(BEN, packet(0, 20))
    assert mixed(mix, 20) == [0.2]


def test_a_machine_that_slept_does_not_mix_its_sleep() -> None:
    """The sound goes on with the newest slot, and says when that is."""
    mix = RoomMix(0.0, Told)
    assert mixed(mix, 100) == [0.0] * 5
    late = mix.pull(3_600_000 + PLAYOUT_MS)
    assert late is not None
    assert (late.at_ms, len(late.samples)) == (3_600_000 - 20, SLOT)


def test_the_limiter_keeps_everything_within_bounds_and_leaves_what_is_soft() -> None:
    """Six people who shout at once."""
    loud = np.linspace(-6, 6, 1001, dtype=np.float32)
    out = limited(loud)
    assert np.abs(out).max() <= 1
    assert (np.diff(out) >= 0).all()
    soft = np.abs(loud) <= 0.7
    assert np.array_equal(out[soft], loud[soft])
    assert RATE == 48_000
