"""Serves the control room's files: read once, looked up by name, so that no request ever names a path of this machine.

The page is given nothing but files of ours: no other host, no inline script or style (POLICY). Files may be kept by a
browser and are asked for again by their ETag, so that a new version is seen at the next look.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiohttp import web

from supervisor.api.call import Call
from supervisor.api.errors import ApiError

POLICY: Final = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
PAGE: Final = "index.html"
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".json": "application/json",
        ".txt": "text/plain; charset=utf-8",
    }
)
_HERE: Final = Path(__file__).parent
_FOLDERS: Final[Mapping[str, str]] = {"web": "", "vendor": "vendor/"}  # and the names they are served under


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed. `etag` in its quotes."""

    type: str
    etag: str
    body: bytes
    packed: bytes


async def page(call: Call) -> web.StreamResponse:
    """GET /: the control room."""
    return _answer(call.request, PAGE)


async def asset(call: Call) -> web.StreamResponse:
    """GET /assets/{name}. Raises ApiError(404) for what is none of ours."""
    return _answer(call.request, call.path["name"])


@cache
def assets() -> Mapping[str, Asset]:
    """By the name they are asked for; half a megabyte."""
    return MappingProxyType(dict(_read()))


def _read() -> Iterator[tuple[str, Asset]]:
    for folder, prefix in _FOLDERS.items():
        for path in sorted((_HERE / folder).rglob("*")):
            kind = TYPES.get(path.suffix)
            if kind is not None and path.is_file():
                body = path.read_bytes()
                name = prefix + path.relative_to(_HERE / folder).as_posix()
                etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
                yield name, Asset(kind, etag, body, gzip.compress(body, mtime=0))


def _answer(request: web.Request, name: str) -> web.Response:
    found = assets().get(name)
    if found is None:
        raise ApiError(404, "not_found", "There is nothing at this address.")
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "ETag": found.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.type
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=found.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=found.body, headers=headers)
