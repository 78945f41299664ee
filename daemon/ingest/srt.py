"""An SRT listener for one passphrase. libsrt itself turns wrong passphrases away, before any media is taken."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from configs.ingest import IngestOptions
from core.errors import MissingPart, UsageError
from core.protocols import Clock
from core.times import NS_PER_S, ns
from daemon.doors.address import SrtAddress
from daemon.doors.api import Refused
from daemon.ingest.api import Resume
from daemon.ingest.ffmpeg import Connection
from daemon.ingest.push import TAKEOVER_NS
from daemon.ingest.visits import VisitedSource

AGAIN_NS: Final = NS_PER_S // 2  # after a listener that nobody came to: its port may still be taken
TRIES: Final = 5  # listeners that end although nobody came, one after the other
PROTOCOLS: Final = "srt"
US_PER_MS: Final = 1000
log = structlog.get_logger()


class SrtSource(VisitedSource):
    """One caller at a time: while one is connected the port answers nobody else. A caller that is silent for
    TAKEOVER_NS gives way, as with RTMP. `streamid` is not looked at."""

    _format = "mpegts"

    def __init__(
        self, address: SrtAddress, *, clock: Clock, options: IngestOptions, resume: Resume | None = None
    ) -> None:
        super().__init__("srt", clock=clock, options=options, resume=resume)
        self._address = address
        self._owed_ns = ns(options.timeout_s)
        self.port = 0  # once it listens
        self.refused = 0

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[object]:
        self.port = _free(self._address.host, self._address.port)
        async with self._visiting():
            yield self

    def _where(self) -> tuple[str, str] | None:
        place = SrtAddress(host=self._address.host, port=self.port).server
        return (
            f"Waiting for an SRT caller at {place}",
            f"OBS: Settings, Stream, Service Custom, Server {place}?mode=caller&passphrase=..., no stream key.",
        )

    async def _visits(self) -> None:
        failed = 0
        while True:
            visit, said = await self._visit(self._connection(), waits=True)
            if "taken" in said:
                self._note_refused(Refused("unavailable", f"Another program has taken port {self.port}"))
            heard = visit.feed is not None or "taken" in said or "accepted" in said
            failed = 0 if heard else failed + 1
            if failed >= TRIES:
                raise MissingPart(
                    "ffmpeg cannot listen for SRT",
                    remedy="Unset IMAGEIO_FFMPEG_EXE: the bundled one can; `clipd doctor` checks it.",
                    code="no_srt",
                )
            if visit.feed is None:
                await self._clock.sleep(AGAIN_NS)

    def _heard(self, code: str) -> None:
        if code != "bad_key":
            return
        self.refused += 1
        refused = Refused("bad_key", "The passphrase is wrong, or there is none")
        if self._note_refused(refused):
            log.warning("publisher.refused", code=refused.code, reason=refused.text, all=self.refused)

    def _connection(self) -> Connection:
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        return Connection(
            url=f"srt://{host}:{self.port}",
            options={
                "mode": "listener",
                "passphrase": self._address.passphrase,
                "latency": str(self._options.srt.latency_ms * US_PER_MS),
                "timeout": str(TAKEOVER_NS // 1000),
            },
            protocols=PROTOCOLS,
            demuxer="mpegts",
            fmt="mpegts",
        )


def _free(host: str, port: int) -> int:
    """The port, or one that is free for 0, tried out. Raises UsageError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((host, port))
            return int(trial.getsockname()[1])
    except OSError as err:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {err.strerror or err}",
            remedy="Another program may use the port: choose another one, and the same in OBS.",
            code="cannot_listen",
        ) from err
