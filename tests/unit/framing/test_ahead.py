"""Reading ahead changes when things are made, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from daemon.framing.ahead import ahead


def test_the_same_items_come_in_the_same_order() -> None:
    assert list(ahead(iter(range(100)), most=3)) == list(range(100))


def test_no_more_is_made_than_may_wait() -> None:
    """One is in use, three wait; the next begins only when one is taken."""
    made: list[int] = []
    full = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 2:
                full.set()
            yield number

    with closing(ahead(items(), most=3)) as taken:
        assert next(taken) == 0
        assert full.wait(60)
    assert len(made) <= 4


def test_nothing_is_made_after_it_was_closed() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1_000_000):
            made.append(number)
            yield number

    with closing(ahead(items(), most=2)) as taken:
        next(taken)
    count = len(made)
    assert count <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("look-ahead")]
    assert len(made) == count


def test_what_goes_wrong_there_is_raised_here() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(taken)
