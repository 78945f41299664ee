"""An encoder that publishes over WebRTC (WHIP): the offers arrive on a local socket, the media comes by UDP."""

from __future__ import annotations

from asyncio import QueueFull
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from configs.ingest import IngestOptions
from configs.rooms import RoomsOptions
from core.protocols import Clock
from daemon.doors.api import Refused
from daemon.ingest.api import Resume
from daemon.ingest.feed import Feed
from daemon.ingest.ice import ice_options
from daemon.ingest.push import PushSource
from daemon.sockets import listening_at
from recorder.whip import Busy, WhipEndpoint, WhipSession


class WhipSource(PushSource):
    """Publishers come over WebRTC; the supervisor has looked at their key and passes their requests on."""

    _format = "matroska"

    def __init__(
        self, path: Path, *, clock: Clock, options: IngestOptions, rooms: RoomsOptions, resume: Resume | None = None
    ) -> None:
        super().__init__("whip", clock=clock, options=options, resume=resume)
        self._socket = path
        self._ice = ice_options(rooms)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[object]:
        listening = listening_at(self._socket)
        endpoint = WhipEndpoint(_Place(self), clock=self._clock, ice=self._ice)
        app = web.Application()
        app.add_routes(endpoint.routes())
        runner = web.AppRunner(app, access_log=None)
        try:
            await runner.setup()
            await web.SockSite(runner, listening).start()
            yield endpoint
        finally:
            await endpoint.close()
            await runner.cleanup()
            listening.close()
            self._socket.unlink(missing_ok=True)

    def _where(self) -> tuple[str, str]:
        return (
            "Waiting for a WHIP publisher",
            "OBS: Settings, Stream, Service WHIP, Server .../api/v1/whip, and this stream's key as the bearer token.",
        )

    def say(self, code: str, message: str, remedy: str) -> None:
        """A warning about the publisher that is there; left out when too many wait."""
        with suppress(QueueFull):
            self._warnings.put_nowait((code, message, remedy))


class _Place:
    """The endpoint's view of the source."""

    def __init__(self, source: WhipSource) -> None:
        self._source = source

    def take(self, session: WhipSession) -> Feed:
        """See recorder.whip.Endpoint."""
        try:
            return self._source.take(session)
        except Refused as err:
            raise Busy from err

    def warn(self, code: str, message: str, remedy: str) -> None:
        """See recorder.whip.Endpoint."""
        self._source.say(code, message, remedy)
