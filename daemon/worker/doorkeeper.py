"""A door as a worker of its own: publishers of all streams come here, and each is handed to its stream's worker.

Who may publish is asked of the supervisors; whoever publishes already is not touched by their absence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.control import Command
from core.errors import EXIT_OK, UsageError
from core.times import NS_PER_S
from daemon.doors.address import parse_door
from daemon.doors.handover import Handover
from daemon.doors.rtmp import DoorLimits, RtmpDoor
from daemon.worker.control import serve_control
from daemon.worker.errand import Errand
from daemon.worker.plane import Plane, Vitals
from daemon.worker.plane.keys import PlaneKeys


class Doorkeeper:
    """A Work: what an open door tells."""

    def __init__(self, errand: Errand, door: RtmpDoor) -> None:
        self._errand, self._door = errand, door
        self._opened_ns = errand.clock.boottime_ns()

    def vitals(self) -> Vitals:
        """A door that answers gets on, whether somebody comes or not."""
        seconds = (self._errand.clock.boottime_ns() - self._opened_ns) // NS_PER_S
        return Vitals(
            state="draining" if self._errand.orders.draining.is_set() else "live",
            progress=seconds + self._door.accepted,
            reason=f"{self._door.open} connections",
        )

    async def obey(self, command: Command) -> None:  # noqa: ARG002 - what a Work is asked
        """A door has no clips."""
        raise UsageError("A door cuts nothing", remedy="Ask the stream's worker.", code="no_clips")

    async def control(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Commands of control.sock."""
        if request["command"] in ("stop", "drain"):
            self._errand.orders.stop()
            return {"state": "draining"}
        if request["command"] == "status":
            refused = dict(self._door.refused)
            status = dict(self._errand.plane.status())
            return {"state": "live", "port": self._door.port, "open": self._door.open, "refused": refused} | status
        raise UsageError(f"Unknown command {request['command'][:40]!r}", remedy="Known: status, drain, stop.")


async def keep_door(errand: Errand) -> int:
    """Listen until an end is asked for. Raises UsageError where the port cannot be had."""
    host, port = parse_door(errand.spec.source)
    plane, clock = errand.plane, errand.clock
    if not isinstance(plane, Plane):
        raise UsageError("A door asks its supervisors about keys", remedy="Start it by `clipd up`.", code="no_control")
    limit_s = errand.settings.ingest.timeout_s
    limits = DoorLimits(publish_s=limit_s, silent_s=limit_s)
    async with RtmpDoor(Handover(PlaneKeys(plane.supervisors), clock), host, port, clock=clock, limits=limits) as door:
        keeper = Doorkeeper(errand, door)
        plane.attend(keeper)
        errand.emitter.emit("state", state="live", reason="listening", port=door.port)
        async with serve_control(errand.folder / "control.sock", keeper.control):
            await errand.orders.draining.wait()
        errand.emitter.emit("state", state="ended", reason=errand.orders.reason)
    return EXIT_OK
