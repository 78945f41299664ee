"""When media arrived: known for hours of it, at the price of two numbers a batch."""

from __future__ import annotations

import tracemalloc

from core.times import NS_PER_S, Ns
from daemon.worker.arrivals import KEPT, Arrivals

LATER_NS = 7 * NS_PER_S  # from a batch's media time to its arrival


def test_a_frame_arrived_with_the_first_batch_that_reached_it() -> None:
    """What no batch has reached yet has the newest arrival; nothing is known before the first."""
    arrivals = Arrivals()
    assert arrivals.of(Ns(5)) is None
    arrivals.note(Ns(10), 100)
    arrivals.note(Ns(10), 150)  # nothing new in it
    arrivals.note(Ns(20), 200)
    assert [arrivals.of(Ns(t)) for t in (0, 10, 11, 20, 21)] == [100, 100, 200, 200, 200]


def test_the_newest_batches_are_known_and_the_oldest_let_go() -> None:
    """KEPT of them at least, in less than half a megabyte however many there were."""
    arrivals = Arrivals()
    count = KEPT + KEPT // 4
    tracemalloc.start()
    try:
        for second in range(count):
            arrivals.note(Ns(second * NS_PER_S), second * NS_PER_S + LATER_NS)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 500_000
    for second in (count - KEPT, count - KEPT // 2, count - 1):
        assert arrivals.of(Ns(second * NS_PER_S)) == second * NS_PER_S + LATER_NS
    assert arrivals.of(Ns(0)) != LATER_NS
