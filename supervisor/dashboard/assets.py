"""The control room's files: read once and looked up by name, so that no request ever names a path of this machine."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

# Nothing but files of ours: no other host, no inline script or style. blob: is what hls.js plays from
POLICY: Final = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
DEVICES: Final = "camera=(self), microphone=(self), display-capture=(self), screen-wake-lock=(self)"  # of rooms
PAGE: Final = "index.html"
ROOM_PAGE: Final = "room/index.html"
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
