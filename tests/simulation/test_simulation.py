"""R7: thousands of histories from their seeds, and bugs planted so that the simulator shows that it bites."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import Bug
from tests.simulation.simulate import simulate
from tests.simulation.world import Broken

MINUTES = 3.5  # of virtual time: 110 s of faults, 100 s in which all must come right; ten in benchmarks/simulation.py
BLOCK = 500


@pytest.mark.parametrize("block", range(4))
def test_no_rule_is_broken_in_two_thousand_histories(block: int) -> None:
    """At most one believer at a time and per token, tokens rise, no stale write accepted, one ring writer a stream,
    every promised or finished clip stored once, outboxes that empty, a leader within 15 s of calm, streams recorded."""
    histories = [simulate(seed, minutes=MINUTES) for seed in range(block * BLOCK, (block + 1) * BLOCK)]
    assert sum(one.terms for one in histories) > 2 * BLOCK  # leaders did change
    assert sum(one.refused for one in histories) > 0  # stale writes did come, and were refused
    assert sum(one.deliveries for one in histories) > sum(one.clips for one in histories)  # some came twice


@pytest.mark.parametrize(
    ("bug", "rules"),
    [
        ("store_ttl", {"two-leaders", "no-leader"}),
        ("no_floors", {"token-twice", "token-falls"}),
        ("from_receiving", {"two-leaders", "token-falls"}),
        ("absent_is_free", {"two-leaders", "token-falls"}),
        ("clock_stops", {"two-leaders", "token-falls"}),
        ("believes_its_record", {"two-leaders"}),
        ("no_fence", {"stale-write"}),
        ("no_ring_lock", {"two-ring-writers"}),
        ("no_dedupe", {"clip-twice"}),
    ],
)
def test_a_planted_bug_breaks_its_rule(bug: Bug, rules: set[str]) -> None:
    """Within two hundred histories."""
    for seed in range(200):
        rule = broken_rule(seed, bug)
        if rule is not None:
            assert rule in rules
            return
    pytest.fail(f"{bug} was not found")


def broken_rule(seed: int, bug: Bug) -> str | None:
    """Which rule this history breaks."""
    try:
        simulate(seed, minutes=MINUTES, bug=bug)
    except Broken as broken:
        return broken.rule
    return None


def test_the_same_seed_is_the_same_history() -> None:
    """A failing seed can be run again, and becomes a test here."""
    assert simulate(7, minutes=MINUTES) == simulate(7, minutes=MINUTES)
    assert simulate(7, minutes=MINUTES).faults != simulate(8, minutes=MINUTES).faults


@pytest.mark.parametrize("seed", [109, 187, 318, 397])
def test_a_takeover_that_the_store_forgets_is_not_followed_at_once(seed: int) -> None:
    """A record was created and lost again between two looks of a rival that had waited its time, which then led beside
    the holder. Found by these seeds; since then a floor that no record explains begins the wait anew."""
    assert broken_rule(seed, "unexplained_floor") == "two-leaders"
    simulate(seed, minutes=MINUTES)


@pytest.mark.parametrize(("bug", "seed"), [("waits_on", 9389), ("waits_on", 16104), ("sleeps_on", 33842)])
def test_an_old_record_come_back_begins_the_wait_anew(bug: Bug, seed: int) -> None:
    """The store loses the holder's record and shows the one before, whose time a rival has waited already: it was
    refused a takeover meanwhile, or slept. Found by these seeds among fifty thousand."""
    with pytest.raises(Broken, match="two-leaders"):
        simulate(seed, bug=bug)
    simulate(seed)
