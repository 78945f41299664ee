"""How full a disk is, by bytes and by how long it lasts at the rate it fills."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.times import ns
from supervisor.disk import Disk, Grade, Usage, grade

GB = 1 << 30


@pytest.mark.parametrize(
    ("free", "total", "rate", "expected"),
    [
        (50 * GB, 100 * GB, 0, Grade.GREEN),
        (50 * GB, 100 * GB, -5e6, Grade.GREEN),  # it gains
        (14 * GB, 100 * GB, 0, Grade.YELLOW),
        (4 * GB, 100 * GB, 0, Grade.ORANGE),
        (90 * GB, 4000 * GB, 0, Grade.YELLOW),  # 2 %, but much
        (50 * GB, 100 * GB, 50 * GB / 1700, Grade.YELLOW),
        (50 * GB, 100 * GB, 50 * GB / 500, Grade.ORANGE),
        (50 * GB, 100 * GB, 50 * GB / 170, Grade.RED),
        (GB // 3, 100 * GB, 0, Grade.RED),
    ],
)
def test_the_worse_of_time_and_bytes_counts(free: int, total: int, rate: float, expected: Grade) -> None:
    assert grade(Usage(0, total, free, rate)) is expected


def test_the_rate_is_smoothed_and_one_big_file_is_no_trend() -> None:
    """A file of 2 GB in one look of 5 s is 400 MB/s; full in 25 s if that went on, which it has to before it counts."""
    usage = Usage(0, 100 * GB, 40 * GB)
    once = usage.later(ns(5), 100 * GB, 38 * GB)
    assert grade(once) is Grade.ORANGE
    calm = once
    for look in range(2, 14):
        calm = calm.later(ns(5 * look), 100 * GB, 38 * GB)
    assert grade(calm) is Grade.GREEN
    steady = usage
    for look in range(1, 12):
        steady = steady.later(ns(5 * look), 100 * GB, 40 * GB - look * GB)
    assert steady.rate == pytest.approx(GB / 5, rel=0.1)
    assert grade(steady) is Grade.RED


def test_free_bytes_of_a_folder_that_is_gone_are_no_number(tmp_path: Path) -> None:
    """A page of figures does not fail for one of them."""
    assert Disk(tmp_path).free() > 0
    assert math.isnan(Disk(tmp_path / "gone").free())
