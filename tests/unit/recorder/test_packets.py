"""Packets in the order they were sent, whatever the network does to them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.packets import HOLD_NS, MAX_HELD, Released, Reorder, RtpIn, Standstill, TickLine, signed_step

MS = 1_000_000


def packet(seq: int, at_ms: int = 0) -> RtpIn:
    return RtpIn(1, seq % 2**16, seq * 3000 % 2**32, False, b"x", at_ms * MS)


def numbers(released: list[Released]) -> list[tuple[int, int]]:
    return [(one.packet.seq, one.lost) for one in released]


def test_packets_in_order_pass_at_once() -> None:
    """Also over the wrap of the 16-bit number."""
    reorder = Reorder()
    passed = [one for n in range(65_530, 65_546) for one in numbers(reorder.push(packet(n)))]
    assert passed == [(n % 2**16, 0) for n in range(65_530, 65_546)]


def test_a_late_packet_is_waited_for() -> None:
    """Those behind it come out with it; it is asked for meanwhile."""
    reorder = Reorder()
    reorder.push(packet(1))
    assert reorder.push(packet(3, 10)) == reorder.push(packet(4, 11)) == reorder.due((10 + 199) * MS) == []
    assert (reorder.missing(), reorder.holes) == ([2], 1)
    assert numbers(reorder.push(packet(2, 150))) == [(2, 0), (3, 0), (4, 0)]
    assert reorder.missing() == []


def test_a_packet_that_never_comes_is_given_up_in_time() -> None:
    """Time is counted from the packet behind the hole; each hole has its own."""
    reorder = Reorder()
    for seq, at_ms in ((1, 0), (3, 10), (5, 100)):
        reorder.push(packet(seq, at_ms))
    assert numbers(reorder.due(10 * MS + HOLD_NS)) == [(3, 1)]
    assert numbers(reorder.due(100 * MS + HOLD_NS)) == [(5, 1)]
    assert reorder.counts == {"received": 3, "lost": 2}
    assert reorder.push(packet(2, 400)) == reorder.push(packet(3, 401)) == []
    assert (reorder.counts["late"], reorder.counts["duplicate"]) == (1, 1)


def test_a_hole_never_holds_more_than_so_many_packets() -> None:
    """Nor forgets what it has: a flood behind a hole ends the waiting."""
    reorder = Reorder()
    reorder.push(packet(0))
    passed = [one for n in range(2, 2 + MAX_HELD) for one in numbers(reorder.push(packet(n)))]
    assert len(passed) >= MAX_HELD - 1096  # a jump by more than 3 000 begins a new sequence
    assert passed[0][1] >= 1


def test_a_single_odd_packet_is_left_out_and_a_new_sequence_is_followed() -> None:
    """A sender that begins anew is believed at its second packet; what was held comes first."""
    reorder = Reorder()
    for seq in (10, 12):
        reorder.push(packet(seq))
    assert reorder.push(packet(40_000)) == reorder.push(packet(13)) == []
    assert reorder.push(packet(20_000)) == []
    assert numbers(reorder.push(packet(20_001))) == [(12, 1), (13, 0), (20_001, 1)]
    assert numbers(reorder.push(packet(20_002))) == [(20_002, 0)]
    assert (reorder.counts["stray"], reorder.counts["restarts"]) == (2, 1)


@settings(deadline=None)
@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32), st.floats(0, 0.3), st.integers(1, 40))
def test_any_network_gives_each_packet_once_and_in_order(first: int, seed: int, loss: float, window: int) -> None:
    """Shuffled within a window, lost, repeated: sent order, no repeat, and every loss is told."""
    chance = random.Random(seed)
    sent = [packet(first + n, n) for n in range(200)]
    arriving = sorted(
        (one for one in sent[:1] + [p for p in sent[1:] if chance.random() >= loss]),
        key=lambda one: one.arrival_ns // MS + (chance.random() * window if one is not sent[0] else -1),
    )
    arriving = [copy for one in arriving for copy in [one] * chance.choice((1, 1, 2))]
    reorder = Reorder()
    out = [released for one in arriving for released in reorder.push(one)] + reorder.due(10_000 * MS)
    places = [(one.packet.seq - first) % 2**16 for one in out]
    assert all(a < b for a, b in pairwise(places))
    assert all(b.lost == place - before - 1 for b, (before, place) in zip(out[1:], pairwise(places), strict=True))
    assert {one.seq for one in arriving} == {one.packet.seq for one in out}


@pytest.mark.parametrize(
    ("value", "last", "step"), [(5, 2**32 - 5, 10), (2**32 - 5, 5, -10), (7, 7, 0), (0, 2**31, -(2**31))]
)
def test_the_nearer_way_round_is_taken(value: int, last: int, step: int) -> None:
    """aiortc takes every smaller timestamp for a wrap."""
    assert signed_step(value, last, 2**32) == step


def test_timestamps_are_one_line_over_the_wrap_with_packets_out_of_order() -> None:
    """A smaller timestamp is an earlier one, not 13 hours later."""
    line = TickLine(90_000)
    start = 2**32 - 6000
    stamps = [0, 3000, 9000, 6000, 12_000]
    assert [line.unwrap((start + at) % 2**32, at * 11_111) - start for at in stamps] == stamps
    assert (line.near((start + 3000) % 2**32), line.jumps) == (start + 3000, 0)


def test_a_jump_goes_on_by_arrival() -> None:
    """A sender whose timestamps leap by hours stays where it was, and so does one that begins anew at 0."""
    line = TickLine(90_000)
    line.unwrap(1_000_000, 0)
    assert line.unwrap(1_000_000 + 2**30, 1_000 * MS) == 1_090_000
    assert line.unwrap(1_003_000 + 2**30, 1_033 * MS) == 1_093_000
    assert line.jumps == 1
    line.restart()
    assert line.unwrap(77, 2_033 * MS) == 1_183_000


def test_a_machine_that_stood_still_is_told_once() -> None:
    """One that is always late is none that stood still: every second look counts at least."""
    ms, standstill = 1_000_000, Standstill()
    assert not standstill.before(5_000 * ms)
    assert not standstill.before(5_099 * ms)
    assert standstill.before(5_500 * ms)
    assert not standstill.before(5_520 * ms)
    assert [standstill.before((6_000 + late * 300) * ms) for late in range(4)] == [True, False, True, False]
