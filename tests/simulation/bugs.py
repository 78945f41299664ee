"""Bugs to plant, so that the simulator shows that it would find them: each is a mistake that leases were made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from supervisor.leases.api import LeaseRecord
from supervisor.leases.elector import Ask, Elector, _Sight
from tests.simulation.services import LeaseServer

Bug = Literal[
    "store_ttl", "no_floors", "from_receiving", "absent_is_free", "clock_stops", "no_fence",
    "no_ring_lock", "no_dedupe", "unexplained_floor", "believes_its_record", "waits_on", "sleeps_on",
]  # fmt: skip


class FromReceiving(Elector):
    """The deadline counts from the answer."""

    def _deadline(self, now_ns: int) -> int:
        return now_ns + self._timing.deadline_ns


class NoFloors(Elector):
    """One more than what the record says."""

    def _take(self, now_ns: int) -> Ask:
        assert self._sight is not None
        self.top = self._sight.record.token if self._sight.record is not None else 0
        return super()._take(now_ns)


class AbsentIsFree(Elector):
    """Nobody's record is nobody's lease."""

    def _is_free(self, record: LeaseRecord | None) -> bool:
        return record is None or super()._is_free(record)


class UnexplainedFloor(Elector):
    """A floor that no record explains raises the token, and begins no wait."""

    def _hear(self, now_ns: int, floor: int) -> None:
        self.top = max(self.top, floor)


class SleepsOn(Elector):
    """A record that is the same after a long sleep has not changed meanwhile."""

    def _out_of_sight(self, now_ns: int, sight: _Sight) -> bool:
        return sight.record is None and super()._out_of_sight(now_ns, sight)


class WaitsOn(SleepsOn):
    """Nor after a write that met another record."""

    def _miss(self) -> None:
        pass


class BelievesItsRecord(Elector):
    """What the store says is ours is held, with the token it has, from when it was read."""

    def _take(self, now_ns: int) -> Ask:
        assert self._sight is not None
        record = self._sight.record
        if record is not None and record.owner == self._owner:
            self._first_sent_ns = self._sent_ns = now_ns
            return self._gain(now_ns, record)
        return super()._take(now_ns)


def elector_of(bug: Bug | None, server: LeaseServer) -> Callable[..., Elector]:
    """The elector with this bug; the real one for None and for bugs that lie elsewhere."""

    class StoreTtl(Elector):
        """The record counts until its TTL has passed on the store's clock."""

        def _has_expired(self, now_ns: int, sight: _Sight) -> bool:
            return server.ttl_passed if sight.record is not None else super()._has_expired(now_ns, sight)

    electors: dict[str, Callable[..., Elector]] = {
        "store_ttl": StoreTtl,
        "no_floors": NoFloors,
        "from_receiving": FromReceiving,
        "absent_is_free": AbsentIsFree,
        "unexplained_floor": UnexplainedFloor,
        "believes_its_record": BelievesItsRecord,
        "waits_on": WaitsOn,
        "sleeps_on": SleepsOn,
    }
    return electors.get(bug or "", Elector)
