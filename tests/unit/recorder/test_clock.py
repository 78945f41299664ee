"""Room time of frames: a simulated sender whose clocks run off, over a network with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from recorder.clock import JUMP_MS, LowestDelay, SenderClock, TrackClock

RATE = 48_000


@dataclass
class Sim:
    """Sound in packets of 20 ms. `ppm`: how much faster than true the sender's RTP clock runs, and its wall clock."""

    ppm: float = 0.0
    wall_ppm: float = 0.0
    delay_ms: float = 20.0
    jitter_ms: float = 15.0
    report_ms: float = 5_000.0
    report_off_ms: float = 0.0
    report_late_ms: float = 0.0
    lost_ms: float = 0.0
    sender: SenderClock = field(default_factory=SenderClock)

    def __post_init__(self) -> None:
        self.track = TrackClock(RATE, self.sender)
        self.chance = random.Random(1)

    def run(self, begin_ms: float, end_ms: float) -> list[float]:
        """By how much each frame is placed after it was captured, in ms."""
        errors = []
        at_ms = begin_ms
        while at_ms < end_ms:
            rtp = self.rtp(at_ms)
            arrival_ms = at_ms + self.delay_ms + self.chance.random() * self.jitter_ms
            self.track.arrived(rtp, arrival_ms)
            errors.append(self.track.room_ms(rtp) - at_ms)
            if self.report_ms and (at_ms - begin_ms) % self.report_ms < 20 and at_ms > begin_ms:
                ntp_ms = 1e12 + at_ms * (1 + self.wall_ppm / 1e6) + self.report_off_ms
                self.track.reported(ntp_ms, rtp, arrival_ms + self.report_late_ms)
            at_ms += 20
        return errors

    def rtp(self, at_ms: float) -> int:
        return round(9_000_000 + (at_ms - self.lost_ms) * RATE / 1000 * (1 + self.ppm / 1e6))


@pytest.mark.parametrize(("ppm", "wall_ppm"), [(-200, 40), (200, -40)])
def test_a_sound_card_that_runs_off_is_followed_for_minutes(ppm: float, wall_ppm: float) -> None:
    """200 ppm are 60 ms in that time; frames stay within a few ms of each other, the least delay above the truth."""
    sim = Sim(ppm=ppm, wall_ppm=wall_ppm)
    errors = sim.run(0, 300_000)[1500:]  # 30 s to settle
    assert max(errors) - min(errors) < 8
    assert min(errors) > sim.delay_ms - 8
    assert max(errors) < sim.delay_ms + 8
    assert sim.track.ppm == pytest.approx(ppm - wall_ppm, abs=15)


def test_without_reports_arrivals_are_followed_just_as_well() -> None:
    """An encoder that sends none; the window's least delay lags a little behind the drift."""
    errors = Sim(ppm=-200, report_ms=0).run(0, 300_000)[1500:]
    assert max(errors) - min(errors) < 15


def test_the_round_trip_takes_the_delay_out() -> None:
    """Half of it, as if both ways were alike."""
    sim = Sim()
    sim.sender.rtt_ms = 40.0
    assert sim.run(0, 60_000)[-1] == pytest.approx(0, abs=4)


def test_time_never_goes_back_and_never_jumps_while_it_settles() -> None:
    """The first packets come in a burst after the connection was made: they look late."""
    sim = Sim(delay_ms=120, jitter_ms=0)
    first = sim.run(0, 200)
    sim.delay_ms, sim.jitter_ms = 20, 10
    errors = first + sim.run(200, 30_000)
    steps = [20 + b - a for a, b in pairwise(errors)]
    assert min(steps) > 17
    assert max(steps) < 23
    assert errors[-1] == pytest.approx(20, abs=4)


def test_reports_that_are_all_late_are_corrected_by_the_frames() -> None:
    """A busy line holds up each of the few reports of a microphone; of fifty frames a second one comes at once. What
    was placed late before is put right within seconds."""
    sim = Sim(delay_ms=20, jitter_ms=5, report_late_ms=250.0)
    late = Sim(delay_ms=270, jitter_ms=5, report_late_ms=0.0, sender=sim.sender)
    late.run(0, 12_000)
    sim.track = late.track
    errors = sim.run(12_000, 30_000)
    assert errors[0] > 200
    assert errors[round(4_000 / 20)] < 40
    assert errors[-1] == pytest.approx(20, abs=4)


@pytest.mark.parametrize("lost_ms", [30.0, 70.0, 150.0, 290.0])
def test_a_sender_that_loses_samples_is_early_until_its_reports_say_so(lost_ms: float) -> None:
    """They are not counted, so that all that follows bears too early a time: two reports of 5 s, and a second for the
    correction. The least delay of before would hold it there for half a minute."""
    sim = Sim(jitter_ms=5)
    sim.run(0, 40_000)
    sim.lost_ms = lost_ms
    errors = sim.run(40_000, 80_000)
    assert errors[0] == pytest.approx(sim.delay_ms - lost_ms, abs=8)
    assert errors[round(11_500 / 20) :] == pytest.approx([sim.delay_ms] * 1425, abs=18)


def test_a_sender_that_is_late_for_a_while_has_lost_nothing() -> None:
    """Six seconds of frames and reports that are late by 80 ms: what comes in time again is where it always was."""
    sim = Sim(jitter_ms=5)
    sim.run(0, 40_000)
    sim.delay_ms = 100
    late = sim.run(40_000, 46_000)
    assert max(late) == pytest.approx(20, abs=8)
    sim.delay_ms = 20
    assert sim.run(46_000, 80_000) == pytest.approx([20] * 1700, abs=8)


def test_a_sender_whose_clock_is_set_is_placed_anew() -> None:
    """Its wall clock leaps by an hour in mid-call; the tracks stay where they are."""
    sim = Sim()
    before = sim.run(0, 60_000)[-1]
    sim.report_off_ms = 3_600_000
    errors = sim.run(60_000, 120_000)
    assert max(abs(error - before) for error in errors) < 16


def test_a_report_that_cannot_be_is_not_believed() -> None:
    """RTP and NTP of different moments, as some devices send: the frames are placed by their arrival."""
    sender = SenderClock()
    honest, odd = Sim(sender=sender), Sim(sender=sender, report_off_ms=-900.0)
    honest.run(0, 60_000)
    errors = odd.run(0, 60_000)
    assert odd.track.implausible > 0
    assert errors[-1] == pytest.approx(20, abs=5)


def test_another_ssrc_begins_anew() -> None:
    """What was measured of the first says nothing of the second."""
    sim = Sim()
    sim.run(0, 30_000)
    sim.track.restart()
    assert sim.track.ppm is None
    assert sim.run(30_000, 60_000)[-1] == pytest.approx(20, abs=5)


def test_large_errors_are_corrected_at_once() -> None:
    """Slewing them away would take minutes."""
    track = TrackClock(RATE, SenderClock())
    track.arrived(0, 1000.0)
    assert track.room_ms(0) == 1000.0
    track.arrived(960, 1020.0 - 2 * JUMP_MS)
    assert track.room_ms(960) == 1020.0 - 2 * JUMP_MS


def test_the_least_delay_of_a_window() -> None:
    """Old samples go; None without any."""
    least = LowestDelay(1_000)
    assert least.least() is None
    for at_ms, delay in ((0, 5.0), (600, 9.0), (1_200, 7.0), (1_800, 8.0)):
        least.add(at_ms, delay)
    assert least.least() == 7.0
