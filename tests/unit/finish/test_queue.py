"""What renders first, how many at once, and what happens to those nobody wants any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ids import ClipId
from daemon.finish.queue import Priority, Render, RenderQueue

WAIT_S = 60


class Bench:
    """A place of work that shows what is on it and finishes when told."""

    def __init__(self) -> None:
        self.began: list[tuple[str, int]] = []
        self.cancelled: list[str] = []
        self._changed = threading.Condition()
        self._allowed = 0
        self.most = self._now = 0

    def work(self, render: Render, cancelled: threading.Event) -> None:
        with self._changed:
            self.began.append((render.clip, render.revision))
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            while not self._allowed and not cancelled.is_set():
                self._changed.wait(0.01)
            if cancelled.is_set():
                self.cancelled.append(render.clip)
            else:
                self._allowed -= 1
            self._now -= 1
            self._changed.notify_all()

    def allow(self, times: int) -> None:
        with self._changed:
            self._allowed += times
            self._changed.notify_all()

    def until_began(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.began) >= number, WAIT_S)


def render(clip: str, priority: Priority = Priority.FINAL, revision: int = 1) -> Render:
    return Render(clip=ClipId(clip), revision=revision, folder=Path("r1"), formats=(), priority=priority)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def queue(bench: Bench) -> Iterator[RenderQueue]:
    queue = RenderQueue(bench.work, at_once=1)
    yield queue
    queue.close()


ORDER = [
    ("late", Priority.AGAIN),
    ("provisional", Priority.PROVISIONAL),
    ("final", Priority.FINAL),
    ("asked", Priority.ASKED),
]


def test_what_a_person_waits_for_goes_first(bench: Bench, queue: RenderQueue) -> None:
    queue.put(render("first"))
    bench.until_began(1)
    for clip, priority in ORDER:
        queue.put(render(clip, priority))
    bench.allow(5)
    queue.drain()
    assert [clip for clip, _ in bench.began] == ["first", "asked", "final", "provisional", "late"]


def test_no_more_than_asked_for_run_at_once(bench: Bench) -> None:
    queue = RenderQueue(bench.work, at_once=2)
    for number in range(6):
        queue.put(render(f"c{number}"))
    bench.until_began(2)
    assert queue.left == 6
    bench.allow(6)
    queue.drain()
    queue.close()
    assert bench.most == 2
    assert len(bench.began) == 6


def test_a_newer_revision_takes_the_place_of_the_one_that_runs(bench: Bench, queue: RenderQueue) -> None:
    queue.put(render("clip", revision=1))
    bench.until_began(1)
    queue.put(render("clip", revision=2))
    bench.until_began(2)
    bench.allow(1)
    queue.drain()
    assert bench.began == [("clip", 1), ("clip", 2)]
    assert bench.cancelled == ["clip"]


def test_one_that_waits_is_made_once_and_keeps_its_place(bench: Bench, queue: RenderQueue) -> None:
    queue.put(render("first"))
    bench.until_began(1)
    queue.put(render("clip", Priority.ASKED, revision=1))
    queue.put(render("other", Priority.FINAL))
    queue.put(render("clip", Priority.AGAIN, revision=2))
    bench.allow(3)
    queue.drain()
    assert bench.began == [("first", 1), ("clip", 2), ("other", 1)]


def test_a_withdrawn_clip_is_not_rendered(bench: Bench, queue: RenderQueue) -> None:
    queue.put(render("runs"))
    bench.until_began(1)
    queue.put(render("waits"))
    queue.drop(ClipId("waits"))
    queue.drop(ClipId("runs"))
    queue.drain()
    assert bench.began == [("runs", 1)]
    assert bench.cancelled == ["runs"]


def test_abandoning_says_what_is_left(bench: Bench, queue: RenderQueue) -> None:
    queue.put(render("runs"))
    bench.until_began(1)
    queue.put(render("b"))
    queue.put(render("a", Priority.ASKED))
    assert [left.clip for left in queue.abandon()] == ["a", "b", "runs"]
    queue.drain()
    assert bench.cancelled == ["runs"]
    assert queue.left == 0
