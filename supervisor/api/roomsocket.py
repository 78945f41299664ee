"""The local socket of a room's worker, or of one that is pushed to over WHIP: `room.sock` in its session's folder.

The folder is the worker's, who parses hostile media: what is connected to is a socket, and no link leads to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from core.ids import StreamId
from supervisor.api.call import Services
from supervisor.reconcile.values import FINAL_STATES

SOCKET: Final = "room.sock"
HOST: Final = "http://room"  # no host: there is nobody else on it
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class WorkerAway(Exception):
    """There is no worker, or it does not listen yet, or no longer."""


@asynccontextmanager
async def to_worker(services: Services, stream: str, timeout_s: float) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose every address is this worker's. Raises WorkerAway, also for what breaks inside the block."""
    claim = (await services.catalog.newest_claims([StreamId(stream)])).get(StreamId(stream))
    if claim is None or claim.state in FINAL_STATES:
        raise WorkerAway
    try:
        file = _opened(Path(services.settings.data_dir), claim.session)
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(f"/proc/self/fd/{file}"),  # no path is too long so
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s),
                trust_env=False,
                auto_decompress=False,
            ) as client:
                yield client
        finally:
            os.close(file)
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        raise WorkerAway from err


def _opened(data_dir: Path, session: str) -> int:
    """The socket itself, whatever its name comes to mean meanwhile. Raises OSError."""
    folder = os.open(data_dir / "sessions" / session, _FOLDER)
    try:
        file = os.open(SOCKET, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    if stat.S_ISSOCK(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise FileNotFoundError(SOCKET)
