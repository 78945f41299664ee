"""What is played: a session's footage as a list of signed segments, and clips' files by signed links."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path, PurePosixPath
from typing import Final

from aiohttp import web

from core.ids import ClipId, SessionId, slug
from ringbuffer.dvr import MAX_BYTES, PLAYLIST, TRACK
from ringbuffer.names import parse_name
from supervisor.api.call import Call, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.files import send, text_of
from supervisor.api.links import parts_of
from supervisor.api.models import SignedLink
from supervisor.api.prefix import API
from supervisor.api.signing import Signer

RING: Final = "ring"
END: Final = "#EXT-X-ENDLIST"
OVER: Final = frozenset({"ended", "error"})
_INIT: Final = re.compile(r"init-[0-9a-f]{8}\.mp4")
_MAP: Final = re.compile(r'#EXT-X-MAP:URI="([^"]{1,80})"')
# What our own lists hold; a worker's folder may hold anything
_TAG: Final = re.compile(
    r"#EXTM3U|#EXT-X-(VERSION|TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE):\d{1,15}|#EXT-X-DISCONTINUITY"
    rf"|#EXT-X-PROGRAM-DATE-TIME:[0-9TZ:.-]{{10,40}}|#EXTINF:\d{{1,9}}\.\d{{3}},|#EXT-X-BYTERANGE:\d{{1,15}}@\d{{1,15}}|{END}"
)


async def playlist(call: UserCall) -> web.StreamResponse:
    """GET /sessions/{id}/playlist.m3u8: what is in the ring, for players that know HLS."""
    row = await call.services.catalog.session(call.workspace, SessionId(call.path["id"]))
    signer = await call.services.signers.get()
    text = await asyncio.to_thread(_playlist, _data_dir(call), row.id, signer, row.state in OVER)
    if text is None:
        raise ApiError(404, "no_footage", "This session has no footage that could be played.")
    return web.Response(text=text, content_type="application/vnd.apple.mpegurl")


async def segment(call: Call) -> web.StreamResponse:
    """GET /sessions/{id}/segments/{name}, by a link of the list."""
    await check_link(call)
    name = call.path["name"]
    parts = [call.path["id"], RING, *([] if _INIT.fullmatch(name) else [TRACK]), name]
    return await send(call.request, _data_dir(call), parts, name=name)


async def clip_file(call: Call) -> web.StreamResponse:
    """GET /clips/{id}/files/{name}, by a link of the clip's. `download=1` gives it as a file."""
    await check_link(call)
    row, name = await call.services.catalog.clip(None, ClipId(call.path["id"])), call.path["name"]
    parts = parts_of(row, name)
    if parts is None:
        raise ApiError(404, "no_file", "This clip has no such file.")
    shown = f"{slug(row.title)}-{name}{PurePosixPath(parts[-1]).suffix}"
    return await send(call.request, _data_dir(call), parts, name=shown, download=call.query.download == "1")


async def check_link(call: Call) -> None:
    """Raises ApiError."""
    query: SignedLink = call.query
    (await call.services.signers.get()).check(call.request.path, query.exp, query.sig)


def _playlist(data_dir: Path, session: str, signer: Signer, is_over: bool) -> str | None:
    """The ring's own list with links in place of names. What is not of the form that we write is left out."""
    text = text_of(data_dir, [session, RING, PLAYLIST], MAX_BYTES)
    if text is None:
        return None
    folder, until_ns = f"{API}/sessions/{session}/", signer.usual_ns()

    def link(name: str) -> str:
        return signer.sign(f"{folder}segments/{name}", until_ns).removeprefix(folder)

    lines = []
    for line in text.splitlines():
        found = _MAP.fullmatch(line)
        if found and _INIT.fullmatch(found[1]):
            lines.append(f'#EXT-X-MAP:URI="{link(found[1])}"')
        elif _TAG.fullmatch(line):
            lines.append(line)
        elif line.startswith(f"{TRACK}/") and parse_name(line.removeprefix(f"{TRACK}/")):
            lines.append(link(line.removeprefix(f"{TRACK}/")))
    if is_over and END not in lines:
        lines.append(END)
    return "\n".join([*lines, ""])


def _data_dir(call: Call) -> Path:
    return Path(call.services.settings.data_dir).absolute()
