"""Keepers as real processes over both stores; a lease's times scaled from 10/6/1.5 s to 3/2/0.3 s,
so that a machine that stands still for a second costs nobody the lease."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from core.times import ns, to_s
from supervisor.leases.api import LeaseTiming
from tests.redis_server import RedisServer
from tests.unit.leases.candidate import ENDED_BY_ITSELF
from tests.unit.leases.processes import Candidate, candidates, until

TIMING = LeaseTiming(duration_ns=ns(3.0), deadline_ns=ns(2.0), period_ns=ns(0.3))
Make = Callable[..., Candidate]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture(params=["embedded", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    store = "embedded" if request.param == "embedded" else request.getfixturevalue("server").url
    with candidates(store, tmp_path, TIMING) as made:
        yield made


@pytest.fixture
def make_redis(server: RedisServer, tmp_path: Path) -> Iterator[Make]:
    with candidates(server.url, tmp_path, TIMING) as made:
        yield made


@pytest.fixture
def make_embedded(tmp_path: Path) -> Iterator[Make]:
    with candidates("embedded", tmp_path, TIMING) as made:
        yield made


def test_one_leads_and_its_successor_waits_for_a_killed_one(make: Make) -> None:
    """kill -9 of the holder, twice in a row: the next one leads with a higher token, none did meanwhile."""
    leader = make()
    token = int(leader.wait("gained")[1])
    for _ in range(2):
        rival = make()
        rival.wait("started")
        assert rival.held() == "None"
        assert leader.held() == str(token)
        leader.kill()
        _, gained, _ = rival.wait("gained")
        assert int(gained) > token
        leader, token = rival, int(gained)


def test_a_holder_that_leaves_is_followed_at_once(make: Make) -> None:
    """Its successor need not wait: at 0.3 s between two looks it leads well before a silent holder's time is up."""
    leader = make()
    leader.wait("gained")
    rival = make()
    rival.wait("started")
    assert rival.held() == "None"
    leader.leave()
    left_ns = int(leader.wait("left")[1])
    assert leader.process.wait(30) == 0
    _, token, gained_ns = rival.wait("gained")
    assert int(token) == int(leader.said("gained")[0][1]) + 1
    assert int(gained_ns) - left_ns < TIMING.duration_ns - 2 * TIMING.period_ns
    assert not leader.said("lost")


def test_a_stopped_holder_holds_nothing_when_it_goes_on(make_redis: Make) -> None:
    """STOP, a successor, CONT: the flag is down before anything can be done, and the callback ends the process."""
    leader = make_redis(leaves=True)
    leader.wait("gained")
    rival = make_redis()
    rival.wait("started")
    leader.stop()
    rival.wait("gained")
    leader.go_on()
    assert leader.wait("lost")[1] == "deadline"
    assert leader.process.wait(30) == ENDED_BY_ITSELF
    assert rival.held() == rival.said("gained")[0][1]


def test_a_stopped_holder_of_the_same_host_is_ended(make_embedded: Make) -> None:
    """The embedded form really fences: who takes over kills the process that sleeps on the lease."""
    leader = make_embedded()
    leader.wait("gained")
    rival = make_embedded()
    leader.stop()
    rival.wait("gained")
    assert leader.process.wait(30) == -9


def test_a_holder_whose_callback_hangs_is_ended(make_redis: Make, server: RedisServer) -> None:
    """Exit code 70 a second after the loss; a wedged leader must not stay."""
    leader = make_redis(obeys=False)
    leader.wait("gained")
    server.command("FLUSHALL")
    assert leader.wait("lost")[1] == "replaced"
    assert leader.process.wait(30) == 70


def test_a_store_that_hangs_ends_a_leadership_at_its_deadline(make_redis: Make, server: RedisServer) -> None:
    """No later, though a call is under way; once the store is back somebody leads, with a higher token."""
    one, two = make_redis(), make_redis()
    until(lambda: one.said("gained") or two.said("gained"))
    leader, rival = (one, two) if one.said("gained") else (two, one)
    token = int(leader.said("gained")[0][1])
    server.hang()
    try:
        leader.wait("lost")
        assert leader.held() == rival.held() == "None"
    finally:
        server.go_on()
    until(lambda: len(one.said("gained")) + len(two.said("gained")) >= 2)
    assert max(int(line[1]) for who in (one, two) for line in who.said("gained")) > token


def test_a_wiped_store_never_gives_the_same_token_again(make_redis: Make, server: RedisServer) -> None:
    """FLUSHALL, and kill -9 with an empty start: tokens go on above the floor that the data folder keeps."""
    leader = make_redis()
    leader.wait("gained")
    server.command("FLUSHALL")
    leader.wait("gained", count=2)
    server.kill()
    leader.wait("lost", count=2)
    server.start()
    leader.wait("gained", count=3)
    tokens = [int(line[1]) for line in leader.said("gained")]
    assert tokens == sorted(set(tokens))
    lost, back = int(leader.said("lost")[0][2]), int(leader.said("gained")[1][2])
    assert back - lost >= TIMING.duration_ns - TIMING.deadline_ns  # waited, from its first sight of the absence


def test_a_blocked_interpreter_never_acts_on_a_lost_lease(make_redis: Make) -> None:
    """No thread of the holder runs for longer than its lease: `held()` says no as soon as anything can ask it."""
    leader = make_redis()
    leader.wait("gained")
    rival = make_redis()
    rival.wait("started")
    leader.tell("block")
    rival.wait("gained")
    leader.process.send_signal(signal.SIGUSR1)
    answer = leader.wait("held")[1]
    gained = leader.said("gained")
    assert answer == "None" or len(gained) > 1


def test_two_that_start_together_never_lead_together(make: Make) -> None:
    """Four candidates, the leader killed each time: every token is gained once, by one of them, in rising order."""
    group = [make() for _ in range(4)]
    for round_ in range(1, 3):
        until_gained(group, round_)
        leaders = [one for one in group if one.process.poll() is None and one.held() != "None"]
        assert len(leaders) == 1
        leaders[0].kill()
    until_gained(group, 3)
    gained = sorted((int(line[2]), int(line[1])) for one in group for line in one.said("gained"))
    tokens = [token for _, token in gained]
    assert tokens == sorted(set(tokens))
    gaps = [to_s(b - a) for (a, _), (b, _) in pairwise(gained)]
    assert min(gaps) > 0.2


def until_gained(group: list[Candidate], times: int) -> None:
    """By whomever."""
    until(lambda: sum(len(one.said("gained")) for one in group) >= times)
