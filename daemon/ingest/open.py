"""From what a person typed to a source: a path, media, a playlist, an endless stream, a page, an address that is
listened on or called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Final

from configs.ingest import IngestOptions
from configs.rooms import RoomsOptions
from core.errors import BadMedia, SourceRefused, SourceUnreachable, UsageError
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.spec import DOOR, ROOM, WHIP, Origin
from core.times import NS_PER_S
from daemon.doors.address import PULLED, is_pull, is_push, parse_push, parse_srt
from daemon.ingest.api import Resume, Source
from daemon.ingest.download import DownloadSource
from daemon.ingest.endless import EndlessSource, is_endless
from daemon.ingest.files import FileSource
from daemon.ingest.handover import DoorSource
from daemon.ingest.http import Lookup, Response, settled, system_lookup
from daemon.ingest.pull import PullSource
from daemon.ingest.push import PushSource, RtmpSource
from daemon.ingest.request import Request
from daemon.ingest.seat import RoomSeat
from daemon.ingest.sniff import HEAD_BYTES, media_format, sniff
from daemon.ingest.srt import SrtSource
from supervisor.channels.answers import Answer, as_error
from supervisor.channels.pages import AskPage, ask_page, ask_recording, is_page

TRIES: Final = 3
DOOR_SOCKET: Final = "door.sock"
ROOM_SOCKET: Final = "room.sock"
NO_ROOMS: Final = RoomsOptions()
SECOND_RESOLVER: Final = frozenset(("recording", "stream_kind", "unsupported"))  # answers that yt-dlp may better


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
    rooms: RoomsOptions = NO_ROOMS,
    room: RoomSeat | None = None,
    lookup: Lookup = system_lookup,
    ask: AskPage = ask_page,
    ask_second: AskPage = ask_recording,
) -> Source:
    """Find out what `source` is; a URL is asked once. Nothing is read on yet: that is `Source.run`.

    `live`: join a running stream at its edge rather than at its oldest segment. `speed`: media seconds a second for
    what can be held back, None as fast as it is taken. `allow`: the setting `net.allow`. `rooms`: how WebRTC peers find
    us. `room`: what a source `room:` needs. `workdir`: where a fetched file lies. `ask`: what asks pages; `ask_second`:
    what asks for recordings that the first does not know. Raises SourceError kinds, UsageError for other schemes,
    MissingPart for a recording that needs yt-dlp.
    """
    if source == WHIP:
        from daemon.ingest.whip import WhipSource  # noqa: PLC0415 - WebRTC: 18 MB that only rooms and WHIP need

        return WhipSource(workdir.parent / ROOM_SOCKET, clock=clock, options=options, rooms=rooms, resume=resume)
    if source.startswith((DOOR, ROOM)):
        return _brought(source, workdir.parent, clock, options, room, resume)
    if "://" not in source:
        return await asyncio.to_thread(FileSource, Path(source), clock=clock, speed=speed, resume=resume)
    if is_push(source):
        return _pushed(source, clock, options, origin, resume)
    scheme = source.partition("://")[0].lower()
    if scheme not in ("http", "https", *PULLED):
        raise UsageError(
            f"{scheme}:// is no source", remedy="Give a path, or a URL with http, https, rtmp, rtsp or srt."
        )
    request = Request(
        url=source,
        policy=AddressPolicy.for_source(source, origin, allow),
        options=options,
        live=live,
        speed=speed,
        resume=resume,
        lookup=lookup,
    )
    if is_pull(source):
        return PullSource(request, clock)
    request.policy.check_url(source)
    if await asyncio.to_thread(is_page, source):  # a platform's own host, which nobody here connects to
        request = await _of_page(request, ask, ask_second)
        return await _by_content(request, clock, workdir)
    return await _fetched(await _settled(request, clock), clock, workdir, ask_second)


async def _fetched(request: Request, clock: Clock, workdir: Path, ask_second: AskPage) -> Source:
    """What the URL leads to; a page that is none of a platform's may still hold a recording."""
    try:
        return await _by_content(request, clock, workdir)
    except BadMedia as err:
        if err.code != "html_page" or request.live:
            raise
        answer = await ask_second(request.url, request.policy, request.options.timeout_s)
        if answer.code != "live":
            raise  # it is a page, and no second resolver knows it either
        return await _by_content(_found(request, answer, ask_second), clock, workdir)


def _brought(
    source: str, folder: Path, clock: Clock, options: IngestOptions, room: RoomSeat | None, resume: Resume | None
) -> Source:
    """What comes to a socket in the session's folder: a door's publisher, or the people of a room."""
    if source.startswith(DOOR):
        return DoorSource(folder / DOOR_SOCKET, clock=clock, options=options, resume=resume)
    if room is None:
        raise UsageError(
            "A room needs the page and the invites that clipd up serves",
            remedy="Run clipd up, then make the room with clipd rooms.",
            code="no_room",
        )
    from daemon.ingest.room import RoomSource  # noqa: PLC0415 - WebRTC, as above

    return RoomSource(room, folder / ROOM_SOCKET, clock=clock, resume=resume)


async def _settled(request: Request, clock: Clock) -> Request:
    """Look the typed host up once, patiently: what it is now, public or the person's own, it stays for this source."""
    for attempt in range(1, TRIES):
        try:
            return replace(request, policy=await settled(request.policy, request.lookup))
        except SourceUnreachable:
            await clock.sleep(attempt * NS_PER_S)
    return replace(request, policy=await settled(request.policy, request.lookup))


def _pushed(source: str, clock: Clock, options: IngestOptions, origin: Origin, resume: Resume | None) -> PushSource:
    """A server for one key; only a person at this machine may have one opened."""
    if origin != "cli":
        raise SourceRefused(
            "A push address opens a port here", remedy="Give it at the command line.", code="address_refused"
        )
    if source.lower().startswith("srt://"):
        srt = parse_srt(source)
        _must_have(srt.passphrase, "passphrase", "SRT__PASSPHRASE")
        return SrtSource(srt, clock=clock, options=options, resume=resume)
    address = parse_push(source)
    _must_have(address.key, "stream key", "PUSH__KEY")
    return RtmpSource(address, clock=clock, options=options, resume=resume)


def _must_have(secret: str, what: str, variable: str) -> None:
    if not secret:
        raise UsageError(
            f"The push address has no {what}",
            remedy=f"Set CLIPD_INGEST__{variable} or CLIPD_INGEST__{variable}_FILE; OBS uses the same.",
            code="no_key",
        )


async def _of_page(page: Request, ask: AskPage, ask_second: AskPage) -> Request:
    """The request for the stream that a page leads to; a recording may need the second resolver."""
    answer = await ask(page.url, page.policy, page.options.timeout_s)
    if not page.live and answer.code in SECOND_RESOLVER:
        ask, answer = ask_second, await ask_second(page.url, page.policy, page.options.timeout_s)
    if answer.code != "live":
        raise as_error(answer)
    return _found(page, answer, ask)


def _found(page: Request, answer: Answer, ask: AskPage) -> Request:
    async def find() -> str:
        again = await ask(page.url, page.policy, page.options.timeout_s)
        if again.code != "live":
            raise as_error(again)
        return again.url

    return replace(page, url=answer.url, headers=answer.headers, refresh=find)


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
        from daemon.ingest.hls.loop import open_hls  # noqa: PLC0415 - streamlink: 12 MB and 0.3 s that only playlists need

        return await open_hls(request, clock)
    fmt = media_format(head, "The answer")
    return EndlessSource(request, clock) if endless else DownloadSource(request, clock, workdir, fmt)
