"""A call that does not come back costs its limit once, and its thread is never piled upon."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from supervisor.leases.api import StoreAway
from supervisor.leases.guard import Guard


@pytest.fixture
def guard() -> Iterator[Guard]:
    made = Guard("guarded", limit_s=0.1)
    yield made
    made.close()


def test_a_result_and_an_error_come_through() -> None:
    """Made in another thread, always the same one."""
    guard = Guard("guarded", limit_s=30)
    assert guard.call(lambda: threading.current_thread().name) == "guarded"
    with pytest.raises(ZeroDivisionError):
        guard.call(lambda: 1 // 0)
    assert guard.call(threading.get_ident) == guard.call(threading.get_ident)
    guard.close()


def test_a_call_that_hangs_is_let_go_of_and_what_it_returns_is_lost(guard: Guard) -> None:
    """Until it is back every call is away at once; then the next one gets its own answer."""
    gate, back = threading.Event(), threading.Event()

    def hangs() -> None:
        gate.wait(60)
        back.set()

    with pytest.raises(StoreAway) as away:
        guard.call(hangs)
    assert (away.value.code, back.is_set()) == ("timeout", False)
    threads = threading.active_count()
    for _ in range(50):
        with pytest.raises(StoreAway, match="has not come back"):
            guard.call(lambda: "never run")
    assert threading.active_count() == threads
    gate.set()
    assert answer_once_back(guard) == "next"


def test_what_a_call_waits_on_can_be_shut() -> None:
    """`abandon` is called once, when the call is given up."""
    gate = threading.Event()
    guard = Guard("guarded", limit_s=0.1, abandon=gate.set)
    with pytest.raises(StoreAway):
        guard.call(lambda: gate.wait(60))
    assert answer_once_back(guard) == "next"
    guard.close()


def answer_once_back(guard: Guard) -> str:
    """The thread needs a moment to return from the call that was let go of."""
    by = time.monotonic() + 30
    while True:
        try:
            return guard.call(lambda: "next")
        except StoreAway:
            assert time.monotonic() < by
