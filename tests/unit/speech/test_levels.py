"""Levels of back-pressure: they rise on lag that stays, and fall late and one at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import AUDIO_RATE
from core.times import NS_PER_S, Ns, ns, to_s
from daemon.speech.levels import AFFORDABLE, CALM, LIMITS, PACES, RISE, Levels

STEP_S = 0.5


class Run:
    """A stream's levels; `go` observes a lag twice a second."""

    def __init__(self) -> None:
        self.levels = Levels()
        self.now_s = 1000.0
        self.changes: list[tuple[float, int]] = []

    def go(self, seconds: float, lag_s: float, *, decode_s: float | None = None) -> int:
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            if decode_s is not None:
                self.levels.decoded(ns(decode_s))
            self.see(lag_s)
        return self.levels.level

    def see(self, lag_s: float) -> None:
        before = self.levels.level
        level = self.levels.observe(ns(self.now_s), ns(lag_s))
        if level != before:
            self.changes.append((self.now_s, level))


def test_a_stream_that_keeps_up_stays_at_the_first_level() -> None:
    """Segments of six seconds arrive at once and are worked off: lag is high between, and never stays."""
    run = Run()
    for _ in range(50):
        for lag_s in (6.0, 4.0, 2.0, 0.0):
            run.now_s += 1.5
            run.see(lag_s)
    assert run.changes == []


@pytest.mark.parametrize(("lag_s", "level"), [(0.29, 0), (0.3, 1), (0.99, 1), (1.0, 2), (4.99, 2), (5.0, 3), (29.0, 3)])
def test_the_level_is_that_of_the_lag_that_stays(lag_s: float, level: int) -> None:
    """Straight away, once it has stayed as long as the longest usual segment."""
    run = Run()
    assert run.go(to_s(Ns(RISE)) - STEP_S, lag_s) == 0
    assert run.go(3, lag_s) == level


def test_it_falls_one_level_every_ten_calm_seconds() -> None:
    """From the last to the first in half a minute."""
    run = Run()
    run.go(8, 20.0)
    run.go(60, 0.0)
    assert [level for _, level in run.changes] == [3, 2, 1, 0]
    falls = [t for t, _ in run.changes[1:]]
    assert all(two - one >= to_s(Ns(CALM)) for one, two in pairwise(falls))
    assert falls[-1] - run.changes[0][0] <= 3 * (to_s(Ns(CALM)) + to_s(Ns(RISE)))


def test_a_level_is_kept_while_the_lag_is_still_that_of_the_one_below() -> None:
    """At L3, four seconds of lag are calm; at L2 one second and more is not."""
    run = Run()
    run.go(8, 20.0)
    assert run.go(60, 2.0) == 2
    assert run.go(60, 0.9) == 1
    assert run.go(60, 0.4) == 1
    assert run.go(60, 0.1) == 0


def test_a_level_left_too_early_is_kept_twice_as_long_the_next_time() -> None:
    """So that a machine on the border does not swing; after a long quiet time that is forgotten."""
    run, stays = Run(), []
    for _ in range(8):
        run.go(7, 0.5)
        assert run.levels.level == 1
        since = run.now_s
        while run.levels.level:
            run.go(STEP_S, 0.0)
        stays.append(run.now_s - since)
    assert stays == pytest.approx([10, 20, 40, 80, 160, 320, 320, 320], abs=2)
    run.go(120, 0.0)
    run.go(7, 0.5)
    assert run.go(to_s(Ns(CALM)) + 1, 0.0) == 0


def test_a_tick_that_decodes_could_not_hold_is_not_tried() -> None:
    """At L2 without lag, but a decode takes longer than L1's tick allows: it would be behind at once."""
    run = Run()
    run.go(8, 2.0)
    dear_s = AFFORDABLE * (PACES[1].tick or 0) / AUDIO_RATE + 0.1
    assert run.go(120, 0.0, decode_s=dear_s) == 2
    assert run.go(120, 0.0, decode_s=AFFORDABLE - 0.1) == 0


def test_one_slow_decode_is_not_remembered_for_ever() -> None:
    """Nobody speaks after it, so nothing is decoded that would prove it wrong: within minutes L0 is tried again."""
    run = Run()
    run.levels.decoded(ns(40))
    run.go(8, 20.0)
    run.go(180, 0.0)
    assert run.levels.level == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 2.0, 8.0, 40.0]), min_size=20, max_size=200))
def test_it_never_swings(lags_s: list[float]) -> None:
    """Whatever the lag does: a rise takes six seconds of it, a fall ten of calm, and falls go one by one."""
    run = Run()
    for lag_s in lags_s:
        run.go(2, lag_s)
    levels = [0, *(level for _, level in run.changes)]
    times = [1000.0, *(t for t, _ in run.changes)]
    for (one, two), (before, after) in zip(pairwise(levels), pairwise(times), strict=True):
        assert after - before >= to_s(Ns(RISE if two > one else CALM))
        assert two >= one - 1
    assert all(0 <= level <= len(LIMITS) for level in levels)


def test_more_back_pressure_never_decodes_more() -> None:
    """Longer ticks, then none; shorter utterances; a plain search last."""
    ticks = [pace.tick or 10 * NS_PER_S for pace in PACES]
    assert ticks == sorted(ticks)
    assert [pace.beam for pace in PACES] == sorted((pace.beam for pace in PACES), reverse=True)
    assert [pace.retry for pace in PACES] == [True, True, False, False]
    assert len(PACES) == len(LIMITS) + 1
