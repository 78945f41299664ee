"""Reads a few items ahead in a thread, so that pictures are decoded on one core while faces are found on the other."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final, TypeVar

MOST_AHEAD: Final = 8  # decoded pictures that wait: 3 MB each of 1080p

_Item = TypeVar("_Item")


class _End:
    """Nothing follows."""


def ahead(items: Iterator[_Item], most: int = MOST_AHEAD) -> Generator[_Item, None, None]:
    """The same items. Close it (contextlib.closing) to stop early: nothing reads from `items` after that."""
    slots, stopped = threading.Semaphore(most), threading.Event()
    found: SimpleQueue[_Item | _End] = SimpleQueue()

    def read() -> None:
        while slots.acquire() and not stopped.is_set():
            try:
                found.put(next(items))
            except StopIteration:
                return

    with ThreadPoolExecutor(1, "look-ahead") as thread:
        reading = thread.submit(read)
        reading.add_done_callback(lambda _: found.put(_End()))
        try:
            while not isinstance(item := found.get(), _End):
                yield item
                slots.release()
            reading.result()  # raises what went wrong there
        finally:
            stopped.set()
            slots.release()
