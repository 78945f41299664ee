"""The RTMP door: one listening socket, many connections, each bounded in bytes, messages and time.

Everything here runs on the event loop. A connection that is not yet publishing may hold 64 KiB and a few seconds; who
may publish, and where the media goes, is the gate's answer (daemon.doors.api). Keys are never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import structlog

from core.errors import UsageError
from core.protocols import Clock
from core.times import NS_PER_S, ns
from daemon.doors.api import Gate, Refused
from daemon.doors.rtmp.connection import Connection

SWEEP_NS: Final = NS_PER_S // 4
LOGGED: Final = 20  # refusals that are logged one by one within LOG_NS; the rest is counted
LOG_NS: Final = 10 * NS_PER_S
BACKLOG: Final = 128
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """`publish_s`: from the connection to an accepted publish. `silent_s`: without media. `waiting`: connections that
    do not publish yet; one more pushes the oldest out. `linger_s`: for a refusal to be read."""

    publish_s: float = 10.0
    silent_s: float = 10.0
    linger_s: float = 2.0
    waiting: int = 64


OnRefused = Callable[[Refused], object]


class RtmpDoor:
    """Use as a context manager: open inside, closed with all its connections when it is left."""

    def __init__(
        self,
        gate: Gate,
        host: str,
        port: int,
        *,
        clock: Clock,
        limits: DoorLimits | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._gate = gate
        self._address = (host, port)
        self._clock = clock
        self._limits = limits or DoorLimits()
        self._on_refused = on_refused
        self._connections: dict[Connection, None] = {}  # in the order in which they came
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._logged = (0, 0)  # since when, how many
        self.refused: Counter[str] = Counter()
        self.accepted = 0

    @property
    def port(self) -> int:
        """The port it listens on; of use where 0 was asked for."""
        assert self._server is not None  # only used while it is open
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def open(self) -> int:
        """Connections there are."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        """Listen. Raises UsageError where the address cannot be had."""
        host, port = self._address
        try:
            self._server = await asyncio.get_running_loop().create_server(self._connected, host, port, backlog=BACKLOG)
        except (OSError, OverflowError) as err:
            raise UsageError(
                f"Cannot listen on {host} port {port}: {getattr(err, 'strerror', None) or err}",
                remedy="Another program may use the port: choose another one, and the same in OBS.",
                code="cannot_listen",
            ) from err
        self._sweeping = asyncio.create_task(self._sweep(), name="rtmp-sweep")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Hang up."""
        assert self._server is not None  # entered
        assert self._sweeping is not None
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        await asyncio.gather(*(connection.gone() for connection in list(self._connections)))
        with contextlib.suppress(asyncio.CancelledError):
            await self._server.wait_closed()

    def _connected(self) -> Connection:
        waiting = [connection for connection in self._connections if connection.waiting]
        if len(waiting) >= self._limits.waiting:
            waiting[0].refuse(Refused("too_many", "Too many connections"))
        connection = Connection(self._gate, self._clock, ended=self._ended, refused=self._refused)
        self._connections[connection] = None
        return connection

    def _ended(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self.accepted += connection.accepted

    def _refused(self, peer: str, refused: Refused) -> None:
        """Count it, and log it unless there are too many to read."""
        self.refused[refused.code] += 1
        now_ns, (since_ns, count) = self._clock.boottime_ns(), self._logged
        if now_ns - since_ns > LOG_NS:
            since_ns, count = now_ns, 0
        self._logged = (since_ns, count + 1)
        if count < LOGGED:
            log.warning("publisher.refused", peer=peer, code=refused.code, reason=refused.text)
        elif count == LOGGED:
            log.warning("publisher.refused_often", more="counted, not logged", within_s=LOG_NS // NS_PER_S)
        if self._on_refused is not None:
            self._on_refused(refused)

    async def _sweep(self) -> None:
        """The time limits of all connections in one task."""
        limits = self._limits
        while True:
            await self._clock.sleep(SWEEP_NS)
            for connection in list(self._connections):
                connection.check_time(
                    publish_ns=ns(limits.publish_s), silent_ns=ns(limits.silent_s), linger_ns=ns(limits.linger_s)
                )
