"""Whose stream a key is: asked by gateways' hooks and by our own door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.protocols import Clock
from core.times import ns
from supervisor.api.sources import stream_of_key, whip_stream_of_key
from supervisor.catalog import Catalog
from supervisor.catalog.values import StreamRow

KEPT_NS: Final = ns(2)  # how old the list of keys may be: strangers may ask, and each question would read every stream


class PushKeys:
    """Whose stream a key is, by a list of streams that is read again every two seconds while somebody asks."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock
        self._streams: Sequence[StreamRow] = ()
        self._read_ns: int | None = None

    async def stream_of(self, app: str, key: str) -> StreamRow | None:
        """None where no stream that is wanted has this key."""
        return _wanted(stream_of_key(await self._all(), app, key))

    async def whip_stream_of(self, key: str) -> StreamRow | None:
        """The same of streams that are pushed over WHIP."""
        return _wanted(whip_stream_of_key(await self._all(), key))

    async def _all(self) -> Sequence[StreamRow]:
        now_ns = self._clock.boottime_ns()
        if self._read_ns is None or now_ns - self._read_ns > KEPT_NS:
            self._streams, self._read_ns = await self._catalog.all_streams(), now_ns
        return self._streams


def _wanted(row: StreamRow | None) -> StreamRow | None:
    return row if row is not None and row.wanted == "running" else None
