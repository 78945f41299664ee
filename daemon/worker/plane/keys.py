"""The supervisors as a door's key server."""

from __future__ import annotations

from pathlib import Path

from core.control import KeyAsk
from daemon.doors.api import Refused
from daemon.worker.plane.supervisors import NotTaken, Superseded, Supervisors
from daemon.worker.plane.wire import Away


class PlaneKeys:
    """A daemon.doors KeyServer: the supervisors know which stream a key belongs to."""

    def __init__(self, supervisors: Supervisors) -> None:
        self._supervisors = supervisors

    async def socket_of(self, path: str, peer: str) -> Path | None:
        """See KeyServer."""
        app, _, key = path.partition("/")
        try:
            socket = await self._supervisors.key(KeyAsk(app=app, key=key, peer=peer))
        except (Away, NotTaken, Superseded) as err:
            raise Refused("unavailable", "Keys cannot be checked now") from err
        if socket is not None and not socket.startswith("/"):
            raise Refused("unavailable", "Keys cannot be checked now")
        return None if socket is None else Path(socket)
