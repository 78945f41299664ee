"""Draining: channels do not wait for each other, a receiver that is down is left alone, only a leader sends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from configs import Settings
from core.times import ns
from supervisor.alerts.chore import Alerts
from supervisor.alerts.drainer import settlement, since_end_s
from supervisor.alerts.outcome import Outcome
from supervisor.catalog.outbox import Settled
from supervisor.catalog.values import ChannelRow, Due
from tests.fakes_receiver import FakeReceiver
from tests.unit.alerts.plant import Plant, plant, served
from tests.unit.api.stage import settings_of


class Tells:
    """Accepts everything; by name, a channel may hang or be down."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.hang: set[str] = set()
        self.down: set[str] = set()
        self.go = asyncio.Event()

    async def tell(self, channel: ChannelRow, due: Due) -> Outcome:
        """An attempt."""
        self.told[channel.name] += 1
        if channel.name in self.hang:
            await self.go.wait()
        return Outcome(how="retry", what="down") if channel.name in self.down else Outcome(how="sent", remote={"x": 1})


async def two_channels(p: Plant, clips: int) -> tuple[ChannelRow, ChannelRow]:
    one = await p.channel("webhook", "https://one.example/", "one")
    two = await p.channel("webhook", "https://two.example/", "two")
    for number in range(clips):
        await p.clip(f"c{number}")
    return one, two


async def test_a_slow_receiver_holds_nobody_else_up(tmp_path: Path) -> None:
    """The other channel is told everything while the first hangs."""
    async with plant(tmp_path) as p:
        one, two = await two_channels(p, 8)
        tells = Tells()
        tells.hang = {"one"}
        drainer = p.drainer(tells=tells, orders=None)
        await drainer.look()
        await drainer._tasks[two.id]
        await drainer.look()  # the one that hangs is not begun twice
        assert {row.state for row in await p.rows(two)} == {"sent"}
        assert {row.state for row in await p.rows(one)} == {"waiting"}
        assert tells.told["one"] <= 8
        tells.go.set()
        await drainer.empty()
        assert {row.state for row in await p.rows(one)} == {"sent"}


async def test_a_receiver_that_is_down_is_asked_with_one_message_at_a_time(tmp_path: Path) -> None:
    """After three failures in a row; the others keep their tries, and are told when it is back."""
    async with plant(tmp_path) as p:
        one, _ = await two_channels(p, 12)
        tells = Tells()
        tells.down = {"one"}
        drainer = p.drainer(tells=tells, orders=None)
        await drainer.look()
        await drainer.empty()
        first = tells.told["one"]
        assert first <= 12
        for _ in range(20):  # an hour
            p.clock.advance(ns(180))
            await drainer.look()
            await drainer.empty()
        assert tells.told["one"] - first <= 20
        tells.down = set()
        await p.drain(drainer, hours=3)
        assert {row.state for row in await p.rows(one)} == {"sent"}


async def test_only_a_leader_sends(tmp_path: Path) -> None:
    """Asked before each message: what is not sent by then is the next leader's."""
    async with plant(tmp_path) as p:
        one, _ = await two_channels(p, 3)
        p.leads = False
        tells = Tells()
        drainer = p.drainer(tells=tells, orders=None)
        await drainer.look()
        await drainer.empty()
        assert tells.told == Counter()
        assert {row.state for row in await p.rows(one)} == {"waiting"}


async def test_a_term_begins_and_ends_with_its_connections(tmp_path: Path) -> None:
    """The chore as a leader runs it: what waited is told; cancelled, it leaves nothing behind."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        async with served(receiver.app()) as url:
            settings = stage_settings(tmp_path)
            channel = await p.channel("webhook", f"{url}/hook")
            await p.clip()
            settle, settled = p.catalog.settle, asyncio.Event()

            async def noted(rows: Iterable[Settled]) -> None:
                await settle(rows)
                settled.set()

            p.catalog.settle = noted  # type: ignore[method-assign,assignment]
            for _ in range(2):
                chore = asyncio.create_task(Alerts(p.catalog, settings, p.clock, lambda: True, p.metrics).run())
                await settled.wait()
                chore.cancel()
                await asyncio.gather(chore, return_exceptions=True)
            assert [row.state for row in await p.rows(channel)] == ["sent"]
            assert len(receiver.came) == 1


async def test_figures_say_how_attempts_ended_and_how_long_a_moment_took(tmp_path: Path) -> None:
    """From the arrival of the last frame (`wall` less `latency_s`) to the acceptance of the first message."""
    async with plant(tmp_path) as p:
        await two_channels(p, 1)
        tells = Tells()
        tells.down = {"two"}
        p.clock.advance(ns(3))
        await p.drain(p.drainer(tells=tells, orders=None))
        figures = p.metrics.registry.get_sample_value
        assert figures("clipd_alerts_total", {"channel": "webhook", "outcome": "sent"}) == 1
        assert (figures("clipd_alerts_total", {"channel": "webhook", "outcome": "retry"}) or 0) >= 1
        assert figures("clipd_moment_to_alert_seconds_count") == 1
        assert figures("clipd_moment_to_alert_seconds_sum") == 5.0  # two to cut and tell, three until it was sent


async def test_a_replay_and_a_line_without_times_are_not_measured(tmp_path: Path) -> None:
    """They have no moment's end on any clock."""
    async with plant(tmp_path) as p:
        channel, _ = await two_channels(p, 1)
        await p.clip("c7", latency_s=None)
        await p.clip("c8", wall="yesterday")
        rows = {due.clip.id: due for due in await p.catalog.due(channel.id, p.clock.wall_ns(), 9)}
        assert since_end_s(rows["c7"], p.clock.wall_ns()) is None
        assert since_end_s(rows["c8"], p.clock.wall_ns()) is None
        refused = settlement(rows["c7"].delivery, Outcome(how="refused", what="no"), 5, 0.0)
        assert (refused.state, refused.attempts, refused.error) == ("dead", 1, "no")


def stage_settings(folder: Path) -> Settings:
    return settings_of(folder, CLIPD_NET__ALLOW='["127.0.0.0/8"]')
