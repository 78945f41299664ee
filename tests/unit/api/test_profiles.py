"""Profiles, and what another one would have clipped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs import profile_names
from core.ids import SessionId
from core.times import ns
from tests.fakes import FakeClock
from tests.unit.api.stage import FOREIGN, Stage, stage

FOUND = {"start_s": 1.0, "end_s": 20.0, "p": 0.7, "reasons": ["Crowd roar"]}
MOVED = {**FOUND, "end_s": 25.0}


@dataclass
class Replaying:
    """A Replays that notes what it is asked, takes as long as it is told, and knows the sessions in `there`."""

    there: frozenset[str]
    asked: list[tuple[str, str]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    clock: FakeClock | None = None

    async def __call__(self, profile: str, session: SessionId, limit_ns: int) -> Mapping[str, Any]:
        self.asked.append((profile, session))
        self.begun.set()
        await self.go.wait()
        if self.clock is not None:
            self.clock.advance(limit_ns)
        if session not in self.there:
            return {"error": "no_journal"}
        return {
            "session": session, "same": 2, "gained": [FOUND], "lost": [], "moved": [[FOUND, MOVED]], "media_s": 90.0,
            "moments": 7, "machine_s": 0.1, "machine_s_per_h": 4.0,
        }  # fmt: skip


async def test_shipped_profiles_are_listed_with_what_decides(api: Stage) -> None:
    """The bar, the budget, how long clips are and how much each family counts."""
    items = (await api.ask("GET", "profiles", role="viewer")).body["items"]
    assert [item["name"] for item in items] == profile_names()
    assert items[0]["clips_per_hour"] > 0
    assert {"p_min", "p_max", "bucket"} <= items[0]["bar"].keys()
    assert {"chat", "speech", "audio_class"} <= items[0]["weights"].keys()
    assert {"pre_s", "max_s"} <= items[0]["clip"].keys()


async def test_sessions_are_tried_under_another_profile(tmp_path: Path) -> None:
    """The last ones unless named, each with what changes or why it cannot be told; no other workspace's."""
    replays = Replaying(frozenset({"s-ann-d"}))
    replays.go.set()
    async with stage(tmp_path, replays=replays) as api:
        for name, workspace in (("ann", "default"), ("ben", "default"), ("eve", FOREIGN)):
            await api.worker((await api.stream(name, workspace=workspace)).id)
        told = await api.ask("POST", "profiles/podcast/diff", {"sessions": ["s-ann-d"]}, role="editor")
        assert told.status == 200
        [first] = told.body["sessions"]
        assert (first["same"], first["gained"], first["lost"], first["error"]) == (2, [FOUND], [], "")
        assert first["moved"] == [{"before": FOUND, "after": MOVED}]
        every = (await api.ask("POST", "profiles/podcast/diff")).body["sessions"]
        assert {each["session"]: each["error"] for each in every} == {"s-ann-d": "", "s-ben-d": "no_journal"}
        asked = len(replays.asked)
        assert (await api.ask("POST", "profiles/podcast/diff", {"sessions": [f"s-eve-{FOREIGN[:1]}"]})).status == 404
        assert (await api.ask("POST", "profiles/none/diff", {})).status == 404
        assert (await api.ask("POST", "profiles/podcast/diff", {"sessions": []})).status == 422
        assert (await api.ask("POST", "profiles/podcast/diff", {"sessions": ["s-ann-d"] * 11})).status == 422
        assert len(replays.asked) == asked


async def test_one_comparison_at_a_time_and_for_so_long_at_most(tmp_path: Path) -> None:
    """The second is told to come again; sessions that the time does not reach are named."""
    clock = FakeClock()
    replays = Replaying(frozenset({"s-ann-d", "s-ben-d"}), clock=clock)
    async with stage(tmp_path, clock=clock, replays=replays) as api:
        for name in ("ann", "ben"):
            await api.worker((await api.stream(name)).id)
            clock.advance(ns(1))
        first = asyncio.create_task(api.ask("POST", "profiles/sports/diff"))
        await replays.begun.wait()
        busy = await api.ask("POST", "profiles/sports/diff")
        assert (busy.status, busy.code, int(busy.headers["Retry-After"]) > 0) == (409, "busy", True)
        replays.go.set()
        told = (await first).body["sessions"]
        assert {each["session"]: each["error"] for each in told} == {"s-ben-d": "", "s-ann-d": "time_limit"}
