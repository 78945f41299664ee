"""Rates and timecode: exact, and dropped numbers as SMPTE ST 12-1 has them."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import Ns, ns
from daemon.handoff import Rate, nominal_rate
from daemon.handoff.rates import STANDARD, is_constant
from tests.unit.handoff.made import NTSC_30, NTSC_60, RATES


def of(rate: Rate) -> str:
    return f"{float(rate.fps):.2f}{'drop' if rate.drop else ''}"


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (0, "00:00:00;00"),
        (1799, "00:00:59;29"),
        (1800, "00:01:00;02"),  # 00 and 01 are left out
        (17981, "00:09:59;29"),
        (17982, "00:10:00;00"),  # but not in each tenth minute
        (107892, "01:00:00;00"),
        (2589407, "23:59:59;29"),
        (2589408, "00:00:00;00"),
    ],
)
def test_timecode_at_29_97_leaves_out_two_numbers_a_minute(frames: int, text: str) -> None:
    assert Rate(NTSC_30, drop=True).timecode(frames) == text


def test_timecode_at_59_94_leaves_out_four() -> None:
    rate = Rate(NTSC_60, drop=True)
    assert [rate.timecode(frame) for frame in (3599, 3600, 215784)] == ["00:00:59;59", "00:01:00;04", "01:00:00;00"]


@pytest.mark.parametrize("rate", RATES, ids=of)
@given(frames=st.integers(0, 24 * 3600 * 23))
def test_a_timecode_names_the_frame_it_was_made_of(rate: Rate, frames: int) -> None:
    assert rate.count(rate.timecode(frames)) == frames


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate.fps <= 30 or rate.drop], ids=of)
@given(frames=st.integers(0, 24 * 3600 * 23))
def test_opentimelineio_writes_the_same_timecode(rate: Rate, frames: int) -> None:
    time = otio.opentime.RationalTime(frames, float(rate.fps))
    assert otio.opentime.to_timecode(time, float(rate.fps), rate.drop) == rate.timecode(frames)


@pytest.mark.parametrize(
    "text", ["", "1:00:00:00", "00:00:00:30", "00:60:00:00", "24:00:00:00", "00:01:00;00", "x" * 99]
)
def test_what_is_no_timecode_is_refused(text: str) -> None:
    """`00:01:00;00` does not exist: it is one of those left out."""
    with pytest.raises(ValueError, match=r"timecode|left out"):
        Rate(NTSC_30, drop=True).count(text)


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30), Fraction(50)])
def test_nothing_is_dropped_at_other_rates(fps: Fraction) -> None:
    with pytest.raises(ValueError, match="dropped"):
        Rate(fps, drop=True)


@pytest.mark.parametrize("fps", STANDARD, ids=float)
def test_a_rate_that_was_measured_is_the_exact_one(fps: Fraction) -> None:
    """An average over a minute is off by some parts in a million; 29.97 and 30 stay apart."""
    assert nominal_rate(fps) == fps
    assert nominal_rate(Fraction(round(float(fps), 3)).limit_denominator(1000)) == fps


@pytest.mark.parametrize(
    ("fps", "nominal"),
    [
        (12, 24000 / 1001),
        (15, 24000 / 1001),
        (27, 30000 / 1001),
        (35, 50),
        (47.2, 50),
        (144, 60),
        (0, 30),
    ],
)
def test_other_rates_get_the_next_faster_one_so_that_no_frame_is_lost(fps: float, nominal: float) -> None:
    assert float(nominal_rate(Fraction(fps))) == pytest.approx(nominal)


def test_a_rate_varies_when_a_frame_is_not_where_a_counter_has_it() -> None:
    even = [Ns(round(k * 1e9 * 1001 / 30000)) for k in range(100)]
    assert is_constant(even, NTSC_30)
    assert is_constant([Ns(t + (k % 3) * 1_000_000) for k, t in enumerate(even)], NTSC_30)  # milliseconds of Matroska
    assert not is_constant(even[:50] + even[53:], NTSC_30)
    assert not is_constant([Ns(k * ns(1 / 47)) for k in range(300)], Fraction(50))
