"""Empties the outbox: the leader's work, a task for each channel, so that a slow receiver holds up nobody else.

At least once: what was sent and not settled, by a crash or a catalog that is away, is sent again with the same id.
Times of tries are wall clock, since they outlive the process; how long a receiver is left alone is CLOCK_BOOTTIME.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from core.protocols import Clock
from core.times import NS_PER_S, ns
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.schedule import Breaker, next_try_ns
from supervisor.catalog import Catalog, CatalogAway, NotFound
from supervisor.catalog.outbox import Settled
from supervisor.catalog.values import ChannelKind, ChannelRow, DeliveryRow, Due
from telemetry.metrics import SupervisorMetrics

LOOK_NS: Final = ns(0.5)  # between two looks into the outbox; a text is wanted within seconds
# Chat is told one message after the other and settled at once: it has no ids that would make a second copy harmless
AT_ONCE: Final[Mapping[ChannelKind, int]] = {"discord": 1, "slack": 1, "apprise": 1, "webhook": 16}
BATCH: Final[Mapping[ChannelKind, int]] = {"discord": 1, "slack": 1, "apprise": 1, "webhook": 128}
SHORT_NS: Final = ns(5)  # a rest that is waited for; a longer one ends the task
log = structlog.get_logger()


class Tells(Protocol):
    """Makes one attempt. Raises nothing for what a receiver did."""

    async def tell(self, channel: ChannelRow, due: Due) -> Outcome: ...


class Orders(Protocol):
    """Hears of every message that was accepted: a clip too large for it may be rendered to fit."""

    async def told(self, channel: ChannelRow, due: Due) -> None: ...


class Drainer:
    """`run` for as long as this process leads; `held` is asked before each message."""

    def __init__(
        self,
        catalog: Catalog,
        tells: Tells,
        clock: Clock,
        held: Callable[[], bool],
        metrics: SupervisorMetrics,
        orders: Orders | None = None,
    ) -> None:
        self._catalog, self._tells, self._clock, self._held = catalog, tells, clock, held
        self._metrics, self._orders = metrics, orders
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)  # by channel
        self._kinds: defaultdict[str, Breaker] = defaultdict(Breaker)  # by kind: a limit that is everybody's
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                if self._held():
                    try:
                        await self.look()
                    except CatalogAway as err:
                        log.warning("catalog.away", why=str(err))
                await self._clock.sleep(LOOK_NS)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.clear()

    async def look(self) -> None:
        """Begin with every channel that has something to be told and is not being told already. Raises CatalogAway."""
        for channel in await self._catalog.channels_due(self._clock.wall_ns()):
            if channel.id not in self._tasks and self._rest_ns(channel) <= 0:
                task = asyncio.create_task(self._channel(channel), name=f"alerts {channel.id}")
                self._tasks[channel.id] = task
                task.add_done_callback(functools.partial(self._over, channel.id))

    def _over(self, channel: str, _: asyncio.Task[None]) -> None:
        self._tasks.pop(channel, None)

    async def empty(self) -> None:
        """Wait for what is being told just now."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def _channel(self, channel: ChannelRow) -> None:
        """Boundary of one channel: whatever goes wrong with it, the others are told."""
        try:
            while self._held() and await self._batch(channel):
                rest_ns = self._rest_ns(channel)
                if rest_ns > SHORT_NS:
                    return
                if rest_ns > 0:
                    await self._clock.sleep(rest_ns)
        except CatalogAway as err:
            log.warning("catalog.away", why=str(err))
        except Exception:
            log.exception("alerts.failed", channel=channel.id)
            self._breakers[channel.id].rest(self._clock.boottime_ns(), SHORT_NS * 12)

    async def _batch(self, channel: ChannelRow) -> bool:
        """Tell some of what is due; whether there may be more. Raises CatalogAway."""
        try:
            channel = await self._catalog.channel(None, channel.id)  # it may have been changed, or switched off
        except NotFound:
            return False
        breaker = self._breakers[channel.id]
        limit = 1 if breaker.is_probing else BATCH[channel.kind]
        rows = await self._catalog.due(channel.id, self._clock.wall_ns(), limit) if channel.enabled else []
        if not rows:
            return False
        turns = asyncio.Semaphore(AT_ONCE[channel.kind])
        made = await asyncio.gather(*(self._one(channel, due, breaker, turns) for due in rows))
        told = [each for each in made if each is not None]
        gone = next((outcome for _, _, outcome in told if outcome.how == "gone"), None)
        await self._catalog.settle([settled for _, settled, _ in told])
        for due, settled, outcome in told:
            self._count(channel, due, settled, outcome)
            if outcome.how == "sent" and self._orders is not None:
                await self._orders.told(channel, due)
        if gone is not None:
            await self._switch_off(channel, gone)
        return gone is None and bool(told)

    async def _one(
        self, channel: ChannelRow, due: Due, breaker: Breaker, turns: asyncio.Semaphore
    ) -> tuple[Due, Settled, Outcome] | None:
        """One attempt; None where it was not made."""
        async with turns:
            if not self._held() or self._rest_ns(channel) > 0:
                return None
            outcome = await self._tells.tell(channel, due)
            now_ns = self._clock.boottime_ns()
            if outcome.how in ("retry", "gone"):
                breaker.failed(now_ns)
            elif outcome.how != "throttled":
                breaker.worked()
            if outcome.how == "throttled":
                outcome = replace(outcome, rest_s=max(outcome.rest_s, 1.0))  # whatever it says, not at once
            if outcome.rest_s > 0:
                (self._kinds[channel.kind] if outcome.wide else breaker).rest(now_ns, ns(outcome.rest_s))
            return due, settlement(due.delivery, outcome, self._clock.wall_ns(), random.random()), outcome

    async def _switch_off(self, channel: ChannelRow, outcome: Outcome) -> None:
        log.warning("alerts.channel_off", channel=channel.id, kind=channel.kind, why=outcome.what)
        try:
            await self._catalog.change_channel(None, channel.id, enabled=False, reason=outcome.what)
        except NotFound:
            return  # deleted meanwhile

    def _rest_ns(self, channel: ChannelRow) -> int:
        until_ns = max(self._breakers[channel.id].until_ns, self._kinds[channel.kind].until_ns)
        return until_ns - self._clock.boottime_ns()

    def _count(self, channel: ChannelRow, due: Due, settled: Settled, outcome: Outcome) -> None:
        how = "dead" if settled.state == "dead" else outcome.how
        self._metrics.alerts_total.labels(channel=channel.kind, outcome=how).inc()
        if outcome.how == "sent" and not due.delivery.remote and outcome.remote and due.delivery.kind == "alert":
            waited_s = since_end_s(due, self._clock.wall_ns())
            if waited_s is not None:
                self._metrics.moment_to_alert_seconds.observe(waited_s)
        if outcome.how != "sent":
            log.info("alerts.not_told", channel=channel.id, delivery=due.delivery.id, how=how, why=outcome.what)


def settlement(row: DeliveryRow, outcome: Outcome, now_ns: int, luck: float) -> Settled:
    """What an attempt's end means for the row. Pure; `now_ns` is wall clock."""
    told: dict[str, Any] = {
        "id": row.id, "version": row.version, "attempts": row.attempts, "error": outcome.what,
        "remote": outcome.remote or row.remote,
    }  # fmt: skip
    if outcome.how == "sent":
        return Settled(state="waiting" if outcome.more else "sent", next_ns=now_ns, **told)
    if outcome.how == "refused":
        return Settled(state="dead", next_ns=now_ns, **told | {"attempts": row.attempts + 1})
    if outcome.how in ("throttled", "gone"):  # the first is no failure, the second waits until somebody has seen to it
        return Settled(state="waiting", next_ns=now_ns + ns(outcome.rest_s), **told)
    failed = row.attempts + 1
    then_ns = next_try_ns(failed, now_ns, luck)
    told["attempts"] = failed
    if then_ns is None:
        return Settled(state="dead", next_ns=now_ns, **told)
    return Settled(state="waiting", next_ns=max(then_ns, now_ns + ns(outcome.rest_s)), **told)


def since_end_s(due: Due, now_ns: int) -> float | None:
    """Seconds from the end of a live clip's moment until now, by the wall clock.

    The end is when the clip's last frame arrived, as the worker says it: the line's `wall` less its `latency_s`. None
    in replays, which have no `latency_s`, and for lines that say no time.
    """
    latency_s, wall = due.clip.line.get("latency_s"), due.clip.line.get("wall")
    if not isinstance(latency_s, int | float) or not isinstance(wall, str):
        return None
    try:
        told_s = datetime.fromisoformat(wall).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, now_ns / NS_PER_S - told_s + latency_s)
