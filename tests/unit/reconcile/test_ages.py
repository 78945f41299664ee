"""Ages are what this leader saw change, on its own clock."""

from __future__ import annotations

from dataclasses import replace

from core.ids import StreamId
from core.times import ns
from supervisor.reconcile.ages import Ageing
from tests.unit.reconcile.sample import claim

KEY = (StreamId("a"), 3)


def test_a_new_leader_gives_nobody_up_at_once() -> None:
    """Whatever the rows say of times: all begins with its first look."""
    seen = Ageing().look([claim(since_ns=ns(1))], ns(500))[KEY]
    assert (seen.first_ns, seen.state_ns, seen.beat_ns, seen.progress_ns) == (ns(500),) * 4


def test_each_age_begins_anew_with_its_own_change() -> None:
    ageing, row = Ageing(), claim()
    ageing.look([row], ns(0))
    row = replace(row, beat=1)
    assert ageing.look([row], ns(2))[KEY].beat_ns == ns(2)
    row = replace(row, beat=2, progress=9)
    seen = ageing.look([row], ns(4))[KEY]
    assert (seen.first_ns, seen.state_ns, seen.beat_ns, seen.progress_ns) == (0, 0, ns(4), ns(4))
    row = replace(row, state="degraded")
    assert ageing.look([row], ns(9))[KEY].state_ns == ns(9)
    row = replace(row, reason="unwanted")
    assert ageing.look([row], ns(12))[KEY].state_ns == ns(12)


def test_a_source_that_comes_back_has_a_minute_for_its_first_segment() -> None:
    """The time spent in a gap is none of `live`'s."""
    ageing, row = Ageing(), claim(health={"state": "gap"})
    ageing.look([row], ns(0))
    ageing.look([row], ns(300))
    assert ageing.look([replace(row, health={"state": "live"})], ns(301))[KEY].progress_ns == ns(301)


def test_a_replaced_claim_is_forgotten() -> None:
    ageing = Ageing()
    ageing.look([claim()], ns(0))
    ageing.look([claim(token=4)], ns(1))
    assert ageing.look([claim()], ns(2))[KEY].first_ns == ns(2)
