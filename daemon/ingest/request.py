"""What a network source is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from configs.ingest import IngestOptions
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from daemon.ingest.api import Resume
from daemon.ingest.http import Http, Lookup, system_lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One source, as opened. `speed` None: as fast as it is taken. `headers`: what a page's plugin sends with every
    request; `refresh`: finds a new URL when the old one has expired."""

    url: str
    policy: AddressPolicy
    options: IngestOptions
    live: bool
    speed: float | None
    resume: Resume | None = None
    headers: Mapping[str, str] | None = None
    refresh: Callable[[], Awaitable[str]] | None = None
    lookup: Lookup = system_lookup

    def http(self, clock: Clock) -> Http:
        """A client for this source."""
        return Http(
            self.policy, clock=clock, timeout_s=self.options.timeout_s, headers=self.headers, lookup=self.lookup
        )
