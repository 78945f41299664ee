"""Files of sessions and rooms, handed out: found by descriptors below the data folder, sent in ranges, never run by a
browser.

Workers parse hostile media and write these folders, so names come from us or from what the catalog knows, no link is
followed on the way, and what comes out is of the type that we say, in a sandbox.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from supervisor.api.errors import ApiError

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would be waited for
TYPES: Final[Mapping[str, str]] = {
    ".mp4": "video/mp4", ".webm": "video/webm", ".wav": "audio/wav",
    ".ts": "video/mp2t", ".m4s": "video/iso.segment", ".mkv": "video/x-matroska",
    ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
    ".vtt": "text/vtt; charset=utf-8", ".srt": "application/x-subrip; charset=utf-8", ".json": "application/json",
}  # fmt: skip
INLINE: Final = frozenset(TYPES) - {".json"}  # all else is downloaded, not shown
OTHER: Final = "application/octet-stream"
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",  # asked for again with its ETag: a new revision has the same address
}


class _Sent(web.FileResponse):
    """Prepared once: aiohttp asks again when the handler is done, and its own would open the file a second time."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends it."""
        return await (web.StreamResponse.prepare(self, request) if self.prepared else super().prepare(request))


async def send(
    request: web.Request,
    data_dir: Path,
    parts: Sequence[str],
    *,
    name: str,
    download: bool = False,
    below: str = "sessions",
) -> web.StreamResponse:
    """DATA/<below>/<parts>, as the request's ranges ask. `name` is what a download is called. Raises ApiError."""
    file = await asyncio.to_thread(_opened, data_dir / below, parts)
    if file is None:
        raise ApiError(404, "no_file", "This file is not there any more.")
    try:
        suffix = PurePosixPath(parts[-1]).suffix
        response = _Sent(f"/proc/self/fd/{file}", headers=dict(_HEADERS))
        response.headers["Content-Type"] = TYPES.get(suffix, OTHER)
        shown = "attachment" if download or suffix not in INLINE else "inline"
        response.headers["Content-Disposition"] = f'{shown}; filename="{name}"'
        await response.prepare(request)
        return response
    finally:
        os.close(file)


def parts_below(path: object, session: str, clip: str) -> list[str] | None:
    """Where a file that a clip's line names lies below DATA/sessions; None for one that is not the clip's.

    The line is a worker's: only what follows `sessions/<session>/clips/<clip>/` in it counts, and only plain names.
    """
    if not isinstance(path, str):
        return None
    own = ("sessions", session, "clips", clip)
    _, found, below = path.rpartition(f"/{'/'.join(own)}/")
    rest = below.split("/")
    if not found or len(rest) > 2 or any(not part.isprintable() or part[:1] in ("", ".") for part in rest):
        return None
    return [*own[1:], *rest]


def _opened(root: Path, parts: Sequence[str]) -> int | None:
    """A descriptor of a plain file; None where there is none, or a link on the way."""
    folder = -1
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            inside = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inside
        file = os.open(parts[-1], _FILE, dir_fd=folder)
    except OSError:
        return None
    finally:
        if folder >= 0:
            os.close(folder)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def text_of(data_dir: Path, parts: Sequence[str], most: int) -> str | None:
    """The first `most` bytes of a file, as text; None where there is none."""
    file = _opened(data_dir / "sessions", parts)
    if file is None:
        return None
    with open(file, "rb") as opened:
        return opened.read(most).decode("utf-8", "replace")
