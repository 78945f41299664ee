"""The elector by hand: each rule of its docstring, one story a test. Times in seconds of the candidate's own clock."""

from __future__ import annotations

from dataclasses import replace

from supervisor.leases.api import LeaseRecord, LeaseTiming
from supervisor.leases.elector import (
    Answer,
    Answered,
    Ask,
    Away,
    Create,
    Elector,
    Found,
    Prepare,
    Prepared,
    Read,
    Stop,
    Swap,
    Wait,
)
from tests.simulation.store import ModelStore

ANN_5 = LeaseRecord(owner="ann", token=5, counter=40)


class Bob:
    """An elector with a clock that a test sets, and a period of exactly 1.5 s."""

    def __init__(self, *, top: int = 0) -> None:
        self.elector = Elector(owner="bob", timing=LeaseTiming(), jitter=lambda: 1.0, top=top)

    def at(self, second: float, answer: Answer = None) -> Ask:
        """One step."""
        return self.elector.step(round(second * 1e9), answer)

    def watch(self, record: LeaseRecord | None, since: float, till: float) -> Ask:
        """A look every 3 s, the last at `till`, whose ask is returned. The record stays as it is."""
        second = since
        while second < till:
            assert isinstance(self.at(second, Found(record)), Wait), second
            second += 3
        return self.at(till, Found(record))

    def held(self, second: float) -> int | None:
        """What `Keeper.held` would say."""
        held = self.elector.held
        return held.token if held is not None and second * 1e9 < held.deadline_ns else None


def until(second: float) -> Wait:
    return Wait(round(second * 1e9))


def leading(*, since: float = 10.0) -> tuple[Bob, LeaseRecord]:
    """Bob has taken over from Ann with token 6; the swap was sent at `since` and answered 0.1 s later."""
    bob = Bob()
    assert bob.at(since - 10) == Read()
    assert bob.watch(ANN_5, since - 10, since) == Prepare()
    swap = bob.at(since, Prepared(5))
    assert isinstance(swap, Swap)
    assert (swap.seen, swap.new.token, swap.new.owner) == (ANN_5, 6, "bob")
    assert bob.at(since + 0.1, Answered(True)) == until(since + 1.5)
    assert bob.held(since + 0.1) == 6
    return bob, swap.new


def test_a_record_that_changes_is_left_alone() -> None:
    """Ann renews every 9.9 s, and Bob waits for ever."""
    bob = Bob()
    bob.at(0)
    for count in range(20):
        for part in (0.0, 5.0, 9.8):
            answer = Found(replace(ANN_5, counter=40 + count))
            assert isinstance(bob.at(count * 9.9 + part, answer), Wait)


def test_the_wait_begins_when_a_change_is_first_seen() -> None:
    """Bob starts late: Ann's record may be old, but not on his clock. He looks again when it would expire."""
    bob = Bob()
    bob.at(1000)
    assert bob.at(1000.2, Found(ANN_5)) == until(1001.7)
    assert bob.watch(ANN_5, 1003, 1009.9) == until(1010.2)
    assert bob.at(1010.2, Found(ANN_5)) == Prepare()


def test_a_time_without_a_look_begins_the_wait_anew() -> None:
    """The store was away, or Bob slept. Ann may have renewed, and a store that lost that shows the record of before."""
    bob = Bob()
    bob.at(0, Found(ANN_5))
    for second in range(1, 30):
        assert bob.at(second, Away("timeout")) == until(second + 1.5)
        bob.at(second + 0.5)
    assert isinstance(bob.watch(ANN_5, 30, 39.9), Wait)
    assert bob.at(40, Found(ANN_5)) == Prepare()


def test_an_absent_record_is_waited_for_as_long_as_a_stranger_s() -> None:
    """A wiped store says nothing of the holder, who still believes; then the token is above every floor."""
    bob = Bob(top=41)
    bob.at(0)
    assert bob.watch(None, 0, 10) == Prepare()
    create = bob.at(10.2, Prepared(38))
    assert isinstance(create, Create)
    assert create.new.token == 42
    bob.at(10.3, Answered(True))
    assert (bob.held(10.3), bob.held(16.1), bob.held(16.2)) == (42, 42, None)


def test_an_absence_that_was_not_watched_counts_for_nothing() -> None:
    """Somebody may have come, led and been wiped too while Bob could not look."""
    bob = Bob()
    bob.at(0, Found(None))
    bob.at(3, Found(None))
    assert isinstance(bob.at(9.5, Found(None)), Wait)
    assert isinstance(bob.watch(None, 12, 19.4), Wait)
    assert bob.at(19.5, Found(None)) == Prepare()


def test_a_lease_that_was_handed_back_is_taken_at_once() -> None:
    """Above the token it kept."""
    bob = Bob()
    assert bob.at(0, Found(LeaseRecord(owner="", token=5, counter=41))) == Prepare()
    swap = bob.at(0, Prepared(5))
    assert isinstance(swap, Swap)
    assert (swap.new.token, swap.new.counter) == (6, 42)


def test_a_free_record_that_is_older_than_a_floor_has_to_be_waited_out() -> None:
    """The store has lost writes: somebody may hold a higher token."""
    bob, old = Bob(), LeaseRecord(owner="", token=5, counter=41)
    bob.at(0, Found(old))
    assert isinstance(bob.at(0, Prepared(8)), Wait)
    assert isinstance(bob.watch(old, 3, 9.9), Wait)
    assert bob.at(10, Found(old)) == Prepare()
    swap = bob.at(10, Prepared(8))
    assert isinstance(swap, Swap)
    assert swap.new.token == 9


def test_a_floor_that_nobody_s_record_explains_begins_the_wait_anew() -> None:
    """Eve created a record with token 4, and the store lost it before Bob looked: she leads, and no record says so."""
    for seen in (None, ANN_5):
        bob = Bob()
        assert bob.watch(seen, 0, 10) == Prepare()
        assert isinstance(bob.at(10, Prepared(8)), Wait)
        assert isinstance(bob.watch(seen, 13, 19.9), Wait)
        assert bob.at(20, Found(seen)) == Prepare()
        assert isinstance(bob.at(20, Prepared(8)), Create | Swap)


def test_without_floors_nobody_takes_over() -> None:
    """A floor that cannot be asked may be the highest."""
    bob = Bob()
    bob.watch(ANN_5, 0, 10)
    assert bob.at(10, Away("floor")) == until(11.5)
    assert bob.held(10) is None


def test_a_deadline_counts_from_sending() -> None:
    """The answer took a second; the lease ends six after the question."""
    bob, _ = leading()
    bob.at(11.5)
    bob.at(12.5, Answered(True))
    assert (bob.held(17.4), bob.held(17.5)) == (6, None)


def test_a_takeover_whose_answer_comes_too_late_is_none() -> None:
    """Stopped after asking: the answer lies in the socket when the process goes on."""
    bob = Bob()
    bob.watch(ANN_5, 0, 10)
    bob.at(10, Prepared(5))
    assert bob.at(16, Answered(True)) == Read()
    assert bob.elector.held is None


def test_a_renewal_that_is_tried_again_counts_from_its_first_try() -> None:
    """A rival may have seen the first one; the answer to the second only says that it is there. One more, at once."""
    bob, mine = leading()
    first = bob.at(11.5)
    assert first == Swap(mine, replace(mine, counter=mine.counter + 1))
    assert bob.at(12.5, Away("timeout")) == until(13)
    assert bob.at(13) == first
    third = bob.at(13.1, Answered(True))
    assert isinstance(third, Swap)
    assert third.new.counter == mine.counter + 2
    assert (bob.held(17.4), bob.held(17.5)) == (6, None)
    bob.at(13.2, Answered(True))
    assert bob.held(19) == 6


def test_a_late_renewal_holds_no_longer_than_the_one_before_is_waited_for() -> None:
    """A store that loses it shows the one before, sent at 10 s, whose time is over at 20 s for every rival."""
    bob, _ = leading()
    bob.at(15.9)
    bob.at(15.95, Answered(True))
    assert (bob.held(19.9), bob.held(20)) == (6, None)
    bob.at(17.4)
    bob.at(17.5, Answered(True))
    assert (bob.held(23.3), bob.held(23.4)) == (6, None)


def test_a_holder_without_answers_stops_at_its_deadline() -> None:
    """And a later yes to an old question does not bring the lease back."""
    bob, _ = leading()
    bob.at(11.5)
    bob.at(12.7, Away("timeout"))
    bob.at(13)
    bob.at(14.2, Away("timeout"))
    bob.at(14.5)
    assert bob.held(15.9) == 6
    assert bob.at(16.0, Answered(True)) == Read()
    assert (bob.elector.held, bob.elector.lost_reason) == (None, "deadline")


def test_a_suspend_ends_a_leadership() -> None:
    """The clock goes on while the machine sleeps."""
    bob, _ = leading()
    assert bob.at(3_600) == Read()
    assert bob.elector.lost_reason == "deadline"


def test_a_refused_renewal_ends_it_at_once() -> None:
    """Another one's record, or none: the store was wiped."""
    bob, _ = leading()
    bob.at(11.5)
    assert bob.at(11.6, Answered(False)) == Read()
    assert (bob.elector.held, bob.elector.lost_reason) == (None, "replaced")


def test_own_record_that_is_not_held_is_taken_anew_without_a_wait() -> None:
    """Nobody else can believe in it. With a new token: the old one's effects may still be under way."""
    bob, mine = leading()
    bob.at(16.1)
    assert bob.at(16.2, Found(replace(mine, counter=50))) == Prepare()
    swap = bob.at(16.3, Prepared(6))
    assert isinstance(swap, Swap)
    assert (swap.new.token, swap.new.counter) == (7, 51)


def test_a_takeover_without_an_answer_is_not_held_until_proven() -> None:
    """It was applied: found as our own record, and taken with the next token."""
    bob = Bob()
    bob.watch(ANN_5, 0, 10)
    swap = bob.at(10, Prepared(5))
    assert isinstance(swap, Swap)
    assert bob.at(11.2, Away("timeout")) == until(12.7)
    assert bob.held(11.2) is None
    assert bob.at(12.7) == Read()
    assert bob.at(12.8, Found(swap.new)) == Prepare()
    again = bob.at(12.9, Prepared(6))
    assert isinstance(again, Swap)
    assert (again.seen, again.new.token) == (swap.new, 7)


def test_who_loses_the_race_begins_to_wait_for_the_winner() -> None:
    """A full duration from the first look at it."""
    bob = Bob()
    bob.watch(ANN_5, 0, 10)
    bob.at(10, Prepared(5))
    assert bob.at(10.1, Answered(False)) == Read()
    eve = LeaseRecord(owner="eve", token=6, counter=41)
    assert isinstance(bob.at(10.2, Found(eve)), Wait)
    assert isinstance(bob.watch(eve, 13, 20.1), Wait)
    assert bob.at(20.2, Found(eve)) == Prepare()


def test_leaving_hands_the_lease_back() -> None:
    """The flag is down first. The record keeps its token, and what it holds is read, not assumed."""
    bob, mine = leading()
    store = ModelStore()
    store.record = replace(mine, counter=60)  # a renewal whose answer was lost
    bob.elector.leave()
    assert bob.held(10.2) is None
    assert bob.at(10.2) == Read()
    swap = bob.at(10.3, Found(store.read()))
    assert isinstance(swap, Swap)
    assert store.swap(swap.seen, swap.new)
    assert bob.at(10.4, Answered(True)) == Stop()
    assert store.record == LeaseRecord(owner="", token=6, counter=61)


def test_leaving_leaves_another_one_s_lease_alone() -> None:
    """A candidate has nothing to hand back."""
    bob = Bob()
    bob.at(0, Found(ANN_5))
    bob.elector.leave()
    assert bob.at(1) == Read()
    assert bob.at(1, Found(ANN_5)) == Stop()
