"""Chat's UTC times on media time, by the session's epochs."""

from __future__ import annotations

import pytest

from core.media import Epoch
from core.times import NS_PER_S, Ns, ns
from daemon.worker.alignment import MediaTime

UTC_NS = 1_700_000_000 * NS_PER_S


def epoch(number: int, start_s: float, utc_s: float | None) -> Epoch:
    wall_ns = None if utc_s is None else UTC_NS + ns(utc_s)
    return Epoch(number=number, start_ns=ns(start_s), reason="start", by="pdt", wall_ns=wall_ns)


def test_nothing_is_known_before_an_epoch_with_a_date() -> None:
    """Of a file's epochs none has one."""
    align = MediaTime([epoch(0, 0, None)])
    assert align(UTC_NS) is None
    align.begin(epoch(1, 10, 3))
    assert align(UTC_NS + ns(3)) == ns(10)


@pytest.mark.parametrize(
    ("said_s", "media_s"),
    [(-2, -2), (0, 0), (59, 59), (75, 75), (90, 92), (100, 102)],
    ids=["before the start", "start", "first epoch", "in the outage", "second epoch", "later"],
)
def test_each_time_belongs_to_the_newest_epoch_that_had_begun(said_s: float, media_s: float) -> None:
    """The stream broke at 60 s and came back at 90 s; its own dates say that 32 s of media were lost."""
    align = MediaTime([epoch(0, 0, 0), epoch(1, 92, 90)])
    assert align(Ns(UTC_NS + ns(said_s))) == ns(media_s)
