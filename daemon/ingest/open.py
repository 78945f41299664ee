"""From what a person typed to a source: a path, a media URL, a playlist, an endless stream, or a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Final

from configs.ingest import IngestOptions
from core.errors import SourceUnreachable, UsageError
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.spec import Origin
from core.times import NS_PER_S
from daemon.ingest.api import Resume, Source
from daemon.ingest.download import DownloadSource
from daemon.ingest.endless import EndlessSource, is_endless
from daemon.ingest.files import FileSource
from daemon.ingest.hls.loop import open_hls
from daemon.ingest.http import Lookup, Response, settled, system_lookup
from daemon.ingest.pages import is_page, resolve_page
from daemon.ingest.request import Request
from daemon.ingest.sniff import HEAD_BYTES, media_format, sniff

TRIES: Final = 3


async def open_source(
    source: str,
    *,
    clock: Clock,
    options: IngestOptions,
    live: bool,
    speed: float | None,
    origin: Origin,
    workdir: Path,
    resume: Resume | None = None,
    allow: Sequence[str] = (),
    lookup: Lookup = system_lookup,
) -> Source:
    """Find out what `source` is; a URL is asked once. Nothing is read on yet: that is `Source.run`.

    `live`: join a running stream at its edge rather than at its oldest segment. `speed`: media seconds a second for
    what can be held back, None as fast as it is taken. `allow`: the setting `net.allow`. `workdir`: where a fetched
    file lies. Raises SourceError kinds, and UsageError for other schemes.
    """
    if "://" not in source:
        return await asyncio.to_thread(FileSource, Path(source), clock=clock, speed=speed, resume=resume)
    scheme = source.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise UsageError(f"{scheme}:// is no source", remedy="Give a path, or an http or https URL.")
    request = Request(
        url=source,
        policy=AddressPolicy.for_source(source, origin, allow),
        options=options,
        live=live,
        speed=speed,
        resume=resume,
        lookup=lookup,
    )
    request.policy.check_url(source)
    request = await _settled(request, clock)
    if await asyncio.to_thread(is_page, source):
        request = await _of_page(request)
    return await _by_content(request, clock, workdir)


async def _settled(request: Request, clock: Clock) -> Request:
    """Look the typed host up once, patiently: what it is now, public or the person's own, it stays for this source."""
    for attempt in range(1, TRIES):
        try:
            return replace(request, policy=await settled(request.policy, request.lookup))
        except SourceUnreachable:
            await clock.sleep(attempt * NS_PER_S)
    return replace(request, policy=await settled(request.policy, request.lookup))


async def _of_page(page: Request) -> Request:
    async def find() -> str:
        return (await resolve_page(page.url, page.policy, page.options.timeout_s)).url

    found = await resolve_page(page.url, page.policy, page.options.timeout_s)
    return replace(page, url=found.url, headers=found.headers, refresh=find)


async def _head(response: Response) -> bytes:
    head = b""
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
    return head[:HEAD_BYTES]


async def _by_content(request: Request, clock: Clock, workdir: Path) -> Source:
    """Ask for the first bytes, patiently, and believe only them."""
    for attempt in range(1, TRIES + 1):
        try:
            async with request.http(clock) as http, http.open(request.url) as response:
                head = await _head(response)
                kind = sniff(head)
                endless = is_endless(kind, response)
            break
        except SourceUnreachable:
            if attempt == TRIES:
                raise
            await clock.sleep(attempt * NS_PER_S)
    if kind == "playlist":
        return await open_hls(request, clock)
    fmt = media_format(head, "The answer")
    return EndlessSource(request, clock) if endless else DownloadSource(request, clock, workdir, fmt)
