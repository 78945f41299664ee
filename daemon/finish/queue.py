"""Renders wait here: what somebody waits for first, at most N at once, the newest revision of a clip only."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from pathlib import Path
from typing import Final

from core.ids import ClipId
from daemon.finish.model import AS_SET, Style

NICE: Final = 10  # capture, speech and masters go first


def lower_priority(nice: int = NICE) -> None:
    """Of the calling thread, its threads and its children. Linux alone gives each thread a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


class Priority(IntEnum):
    """Smaller goes first."""

    ASKED = 0  # by hand: a person waits
    FINAL = 1  # a clip that will not change any more
    PROVISIONAL = 2  # one that may: it is wanted now, and made again if it does
    AGAIN = 3  # captions came late, or an earlier attempt left it


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """Finished files of one revision that are to be made; `folder` is clips/<clip>/r<N>."""

    clip: ClipId
    revision: int
    folder: Path
    formats: tuple[str, ...]
    priority: Priority
    style: Style = AS_SET


@dataclass(slots=True)
class _Ticket:
    render: Render
    cancelled: threading.Event = field(default_factory=threading.Event)


_Work = Callable[[Render, threading.Event], None]


class RenderQueue:
    """`work` makes one render in a thread of the queue's, blocks, and ends soon after the event it is given is set.

    It must not raise; what goes wrong it says itself. A render that is put twice, or for a newer revision, takes the
    place of the older one: that is cancelled if it runs.
    """

    def __init__(self, work: _Work, at_once: int) -> None:
        self._work: Final = work
        self._numbers = count()
        self._changed = threading.Condition()
        self._waiting: dict[ClipId, tuple[Priority, int, _Ticket]] = {}
        self._running: dict[ClipId, _Ticket] = {}
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"render-{n}", daemon=True) for n in range(at_once)]
        for thread in self._threads:
            thread.start()

    def put(self, render: Render) -> None:
        """Ask for a render. One that waits already keeps its place when it is the more urgent one."""
        with self._changed:
            if self._closed:
                return
            self._cancel_running(render.clip)
            before = self._waiting.get(render.clip)
            order = (render.priority, next(self._numbers))
            if before is not None:
                order = min(order, before[:2])
            self._waiting[render.clip] = (*order, _Ticket(render))
            self._changed.notify_all()

    def drop(self, clip: ClipId) -> None:
        """Nobody wants this clip any more."""
        with self._changed:
            self._waiting.pop(clip, None)
            self._cancel_running(clip)
            self._changed.notify_all()

    def drain(self) -> None:
        """Wait until nothing waits or runs."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._running)

    def abandon(self) -> list[Render]:
        """Give up what waits and cancel what runs; returns both. Whoever drains goes on soon after."""
        with self._changed:
            left = [ticket.render for *_, ticket in sorted(self._waiting.values(), key=lambda entry: entry[:2])]
            left += [ticket.render for ticket in self._running.values() if not ticket.cancelled.is_set()]
            self._waiting.clear()
            for clip in self._running:
                self._cancel_running(clip)
            self._changed.notify_all()
            return left

    def close(self) -> None:
        """Abandon the rest and end the threads."""
        self.abandon()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def left(self) -> int:
        """How many wait or run."""
        with self._changed:
            return len(self._waiting) + len(self._running)

    def _cancel_running(self, clip: ClipId) -> None:
        if clip in self._running:
            self._running[clip].cancelled.set()

    def _run(self) -> None:
        lower_priority()
        while (ticket := self._take()) is not None:
            try:
                self._work(ticket.render, ticket.cancelled)
            finally:
                with self._changed:
                    del self._running[ticket.render.clip]
                    self._changed.notify_all()

    def _take(self) -> _Ticket | None:
        """The next one whose clip is not being rendered: the cancelled render of an older revision ends first."""
        with self._changed:
            while not self._closed:
                free = [entry for clip, entry in self._waiting.items() if clip not in self._running]
                if free:
                    ticket = min(free, key=lambda entry: entry[:2])[2]
                    self._running[ticket.render.clip] = self._waiting.pop(ticket.render.clip)[2]
                    return ticket
                self._changed.wait()
            return None
