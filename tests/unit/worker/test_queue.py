"""The queue between capture and analysis: a replay waits, a live source sheds the oldest and names the hole."""

from __future__ import annotations

import threading

from core.media import Epoch, Gap
from core.times import Ns, ns
from daemon.worker.queue import AnalysisQueue, Batch, EpochStart


def batch(start_s: float, end_s: float) -> Batch:
    return Batch((), ns(start_s), ns(end_s))


def ignore(_start_ns: Ns, _end_ns: Ns) -> None:
    """Sheds that a test does not look at."""


def drain(queue: AnalysisQueue) -> list[object]:
    queue.close()
    items: list[object] = []
    while (item := queue.get()) is not None:
        items.append(item)
    return items


def test_a_live_source_is_never_made_to_wait() -> None:
    """With a minute of room and nobody reading, ten minutes of capture go in; the last minute stays."""
    shed: list[tuple[Ns, Ns]] = []
    queue = AnalysisQueue(limit_ns=ns(60), sheds=True, on_shed=lambda a, b: shed.append((a, b)))
    for second in range(600):
        queue.put(batch(second, second + 1))
    items = drain(queue)
    assert [item for item in items if isinstance(item, Batch)] == [batch(s, s + 1) for s in range(540, 600)]
    assert sum(b - a for a, b in shed) == ns(540)


def test_what_was_shed_stands_as_one_gap_where_it_was() -> None:
    """The consumer meets the hole in its place, and an hour of stall is one item, not thousands."""
    queue = AnalysisQueue(limit_ns=ns(10), sheds=True, on_shed=ignore)
    for second in range(100):
        queue.put(batch(second, second + 1))
    items = drain(queue)
    assert items[0] == Gap(start_ns=ns(0), end_ns=ns(90), reason="shed")
    assert items[1] == batch(90, 91)


def test_an_epoch_is_never_shed() -> None:
    """Decoders need the new tracks even when every packet of the old epoch was dropped."""
    queue = AnalysisQueue(limit_ns=ns(2), sheds=True, on_shed=ignore)
    start = EpochStart(Epoch(number=1, start_ns=ns(1), reason="discontinuity", by="pdt"), ())
    queue.put(batch(0, 1))
    queue.put(start)
    for second in range(1, 9):
        queue.put(batch(second, second + 1))
    items = drain(queue)
    assert start in items
    assert items.index(start) == 1


def test_a_replay_waits_for_room_and_sheds_nothing() -> None:
    """A producer that is ahead stands still until analysis has taken something."""
    queue = AnalysisQueue(limit_ns=ns(5), sheds=False, on_shed=ignore)
    done = threading.Event()

    def produce() -> None:
        for second in range(20):
            queue.put(batch(second, second + 1))
        done.set()

    producer = threading.Thread(target=produce)
    producer.start()
    taken = [queue.get() for _ in range(15)]
    assert done.wait(60)
    producer.join()
    assert [*taken, *drain(queue)] == [batch(s, s + 1) for s in range(20)]


def test_closing_frees_a_producer_that_waits() -> None:
    """Ctrl-C during a replay must not hang on a full queue."""
    queue = AnalysisQueue(limit_ns=ns(1), sheds=False, on_shed=ignore)
    queue.put(batch(0, 1))
    producer = threading.Thread(target=queue.put, args=(batch(1, 2),))
    producer.start()
    queue.close(discard=True)
    producer.join(60)
    assert not producer.is_alive()
    assert queue.get() is None
