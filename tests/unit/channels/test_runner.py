"""A channel around the clock: scripts on a virtual clock, with streamlink's real Twitch plugin against an origin.

A script is what the platform is like from which second on; the worker is a stand-in that captures while it is live.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from core.ids import SessionId, StreamId
from core.netpolicy import AddressPolicy
from core.spec import WorkerSpec
from core.times import NS_PER_S, ns
from supervisor.channels import AT_ONCE, ChannelJob, ChannelRunner, Platforms
from supervisor.channels.answers import Answer
from supervisor.channels.state import EndRule
from supervisor.local import OnLine, Stopper
from tests.fakes import FakeClock
from tests.unit.channels.twitch import CHANNEL, TwitchLike, ask_through

Script = list[tuple[float, str]]
ON_AIR = ("live", "frozen", "api_down")  # the stream itself goes on while its platform's API is down


@dataclass
class Watched:
    """One channel, watched on a virtual clock until the script's last entry, `stop`."""

    script: Script
    clock: FakeClock = field(default_factory=FakeClock)
    lines: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    sessions: list[tuple[int, str]] = field(default_factory=list)  # workers, as (second, session)
    asked_s: list[int] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    stopper: Stopper = field(default_factory=Stopper)

    def __post_init__(self) -> None:
        self.zero_ns = self.clock.boottime_ns()
        self.platform = TwitchLike(self.mode)

    @property
    def now_s(self) -> int:
        """Seconds of the script."""
        return (self.clock.boottime_ns() - self.zero_ns) // NS_PER_S

    def mode(self) -> str:
        """What the platform is like now."""
        mode = self.script[bisect_right([at for at, _ in self.script], self.now_s) - 1][1]
        if mode == "stop":
            self.stopper.ask()
            return "offline"
        return mode

    def states(self) -> list[tuple[int, str, str]]:
        """The channel's own state lines; a worker's carry no source."""
        own_lines = [(at, said) for at, said in self.lines if said["type"] == "state" and "source" in said]
        return [(at, said["state"], said["reason"]) for at, said in own_lines]

    def summaries(self) -> list[tuple[int, str]]:
        """When each was told, and its session."""
        return [(at, said["session"]) for at, said in self.lines if said["type"] == "summary"]

    def warnings(self) -> list[str]:
        """Codes of the channel's warnings."""
        return [said["code"] for _, said in self.lines if said["type"] == "warning"]

    async def run(self, worker: Callable[[WorkerSpec, OnLine], Any] | None = None) -> int:
        """The exit code."""
        async with TestServer(self.platform.app()) as server:
            through = ask_through(str(server.make_url("/")), self.platform_mode)

            async def ask(url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
                self.asked_s.append(self.now_s)
                answer = await through(url, policy, timeout_s)
                self.codes.append(answer.code)
                return answer

            return await ChannelRunner(
                self.job(),
                ask=ask,
                run_worker=worker or self.work,
                on_line=lambda said: self.lines.append((self.now_s, said)),
                stopper=self.stopper,
                clock=self.clock,
                platforms=Platforms(),
                turns=asyncio.Semaphore(AT_ONCE),
                random=lambda: 0.5,
            ).run()

    def platform_mode(self) -> str:
        """As the API sees it."""
        return {"frozen": "live", "api_down": "dns"}.get(self.mode(), self.mode())

    def job(self) -> ChannelJob:
        """With the usual times."""
        numbers = iter(range(1, 1000))
        return ChannelJob(
            url=CHANNEL,
            name=CHANNEL,
            policy=AddressPolicy(origin="api"),
            new_spec=lambda: WorkerSpec(
                kind="stream",
                stream=StreamId("somebody"),
                session=SessionId(f"s{next(numbers)}"),
                source=CHANNEL,
                origin="cli",
                data_dir="/tmp",
            ),
            timeout_s=5,
            poll_ns=ns(60),
            rule=EndRule(),
        )

    async def work(self, spec: WorkerSpec, said: OnLine) -> int:
        """Captures a second of media a second while the stream is on air; ends as a real worker does."""
        self.sessions.append((self.now_s, spec.session))
        captured, stalled = 0, 0
        while not self.stopper.asked:
            mode = self.mode()
            if mode not in ON_AIR:
                said({"type": "state", "state": "ended", "reason": "endlist"})
                said({"type": "summary", "session": spec.session, "media_s": captured})
                return 0
            captured, stalled = (captured, stalled + 1) if mode == "frozen" else (captured + 1, 0)
            if stalled > 60:
                said({"type": "error", "code": "source_gone", "exit": 3})
                return 3
            said({"type": "progress", "captured_s": float(captured), "lag_s": 2.0})
            await self.clock.sleep(NS_PER_S)
        said({"type": "summary", "session": spec.session, "media_s": captured})
        return 130


def own(states: list[tuple[int, str, str]]) -> list[tuple[str, str]]:
    return [(state, reason) for _, state, reason in states]


async def test_offline_live_gap_live_ended_and_on_it_goes() -> None:
    """The whole life: nothing to see, live, frozen for 40 s, live, over, polled on, and a clean stop."""
    watched = Watched([(0, "offline"), (200, "live"), (400, "frozen"), (440, "live"), (600, "offline"), (1200, "stop")])
    assert await watched.run() == 130
    assert own(watched.states()) == [
        ("offline", ""),
        ("gap", "frozen"),
        ("live", ""),
        ("gap", "endlist"),
        ("gap", "platform_says_offline"),
        ("ended", "offline"),
        ("offline", ""),
    ]
    [(began_s, _)] = watched.sessions
    assert 200 <= began_s <= 260
    at = {(state, reason): second for second, state, reason in watched.states()}
    assert at["gap", "frozen"] - 400 <= 20
    assert at["live", ""] - 440 <= 1
    assert 30 <= at["ended", "offline"] - 600 <= 35
    assert watched.asked_s[-1] > 1100


async def test_a_stream_that_restarts_after_two_minutes_is_a_new_session() -> None:
    """By then the platform has said twice that it is over."""
    watched = Watched([(0, "live"), (300, "offline"), (420, "live"), (700, "stop")])
    assert await watched.run() == 130
    assert [session for _, session in watched.sessions] == ["s1", "s2"]
    assert watched.sessions[1][0] <= 420 + 72
    [ended_s] = [at for at, state, _ in watched.states() if state == "ended"]
    assert watched.summaries() == [(ended_s, "s1"), (700, "s2")]


async def test_a_stream_that_restarts_at_once_is_the_same_session() -> None:
    """The platform's first "offline" was a glitch; the next attempt continues the session."""
    watched = Watched([(0, "live"), (300, "offline"), (310, "live"), (600, "stop")])
    assert await watched.run() == 130
    assert [session for _, session in watched.sessions] == ["s1", "s1"]
    assert watched.summaries() == [(600, "s1")]
    assert "ended" not in [state for state, _ in own(watched.states())]


async def test_a_restart_while_the_platform_is_silent_is_the_same_session() -> None:
    """Two minutes without a word are no end: it takes five."""
    watched = Watched([(0, "live"), (300, "dns"), (420, "live"), (700, "stop")])
    assert await watched.run() == 130
    assert [session for _, session in watched.sessions] == ["s1", "s1"]


async def test_five_minutes_of_silence_are_the_end() -> None:
    """Whatever the platform's API does."""
    watched = Watched([(0, "live"), (300, "dns"), (900, "live"), (1200, "stop")])
    assert await watched.run() == 130
    [ended_s] = [at for at, state, reason in watched.states() if (state, reason) == ("ended", "silence")]
    assert 599 <= ended_s <= 601
    assert [session for _, session in watched.sessions] == ["s1", "s2"]


async def test_dns_death_while_it_is_live_ends_nothing() -> None:
    """The worker has its playlist; nobody asks the page meanwhile."""
    watched = Watched([(0, "live"), (300, "api_down"), (600, "live"), (900, "stop")])
    assert await watched.run() == 130
    assert [session for _, session in watched.sessions] == ["s1"]
    assert own(watched.states()) == []


async def test_dns_death_while_it_is_offline_backs_off() -> None:
    """The last answer stands, and the waits double to 15 minutes: no hammering."""
    watched = Watched([(0, "offline"), (30, "dns"), (7200, "stop")])
    assert await watched.run() == 130
    assert own(watched.states()) == [("offline", "")]
    waits = [later - earlier for earlier, later in pairwise(watched.asked_s)]
    assert waits[:7] == [60, 60, 120, 240, 480, 900, 900]


async def test_a_pause_that_the_platform_wants_is_kept() -> None:
    """429 with Retry-After 600: no question for ten minutes, and the channel is still offline, as last heard."""
    watched = Watched([(0, "offline"), (30, "rate_limited"), (100, "live"), (800, "stop")])
    assert await watched.run() == 130
    assert watched.asked_s == [0, 60, 660]
    assert own(watched.states())[0] == ("offline", "")
    assert watched.sessions[0][0] == 660


@pytest.mark.parametrize("mode", ["bot_check", "subscriber_only", "geo_block"])
async def test_a_page_that_wants_something_is_an_error_with_a_remedy(mode: str) -> None:
    """Said once, asked again every ten minutes, and watched when the page has changed its mind."""
    watched = Watched([(0, mode), (1000, "live"), (1500, "stop")])
    assert await watched.run() == 130
    assert own(watched.states())[0] == ("error", mode)
    assert watched.warnings() == [mode]
    assert watched.asked_s == [0, 600, 1200]
    [warning] = [said for _, said in watched.lines if said["type"] == "warning"]
    assert warning["remedy"]
    assert [session for _, session in watched.sessions] == ["s1"]


async def test_a_worker_without_media_is_started_ever_more_seldom() -> None:
    """The platform says live, the playlist gives nothing: waits double, and five minutes of it end the session."""
    watched = Watched([(0, "live"), (1000, "stop")])
    starts: list[int] = []

    async def futile(_spec: WorkerSpec, said: OnLine) -> int:
        starts.append(watched.now_s)
        said({"type": "error", "code": "http_403", "exit": 3})
        return 3

    assert await watched.run(futile) == 130
    waits = [later - earlier for earlier, later in pairwise(starts)]
    assert waits[:6] == [2, 4, 8, 16, 32, 64]
    assert len(starts) < 15


async def test_what_waiting_does_not_mend_ends_the_command() -> None:
    """A full disk: the worker's exit code is the command's."""
    watched = Watched([(0, "live"), (1000, "stop")])

    async def full(_spec: WorkerSpec, _said: OnLine) -> int:
        return 5

    assert await watched.run(full) == 5


async def test_a_page_with_a_recording_is_played_once() -> None:
    """Its worker could be held back, so it was no live stream."""
    watched = Watched([(0, "live"), (1000, "stop")])

    async def recording(_spec: WorkerSpec, said: OnLine) -> int:
        said({"type": "progress", "captured_s": 5.0, "lag_s": None})
        return 0

    assert await watched.run(recording) == 0


async def test_lines_of_a_channel_keep_the_contract() -> None:
    """type, session, t_s and wall in each; the session's id while there is one."""
    watched = Watched([(0, "offline"), (30, "live"), (200, "offline"), (400, "stop")])
    await watched.run()
    own_lines = [said for _, said in watched.lines if "source" in said]
    assert {(said["state"], said["session"]) for said in own_lines} >= {("offline", ""), ("ended", "s1")}
    assert all({"type", "session", "t_s", "wall"} <= set(said) for said in own_lines)


async def test_many_channels_are_asked_a_few_at_a_time() -> None:
    """Forty pages of forty hosts that are due at once: at most AT_ONCE processes, and a stop waits for none of them."""
    watched, turns = Watched([(0, "offline")]), asyncio.Semaphore(AT_ONCE)
    busy, most, asked = 0, 0, 0

    async def ask(_url: str, _policy: AddressPolicy, _timeout_s: float) -> Answer:
        nonlocal busy, most, asked
        busy, asked = busy + 1, asked + 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        if asked == 60:
            watched.stopper.ask()
        return Answer(code="offline")

    runners = [
        ChannelRunner(
            replace(watched.job(), url=f"https://host{number}.example/live"),
            ask=ask,
            run_worker=watched.work,
            on_line=lambda _said: None,
            stopper=watched.stopper,
            clock=watched.clock,
            platforms=Platforms(),
            turns=turns,
            random=lambda: 0.5,
        )
        for number in range(40)
    ]
    assert set(await asyncio.gather(*(runner.run() for runner in runners))) == {130}
    assert most == AT_ONCE
