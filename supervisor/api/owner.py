"""The first token: made at the first start, shown once, and kept in a file for commands on the same machine."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from configs.api import OWNER_FILE
from core.errors import StorageError
from supervisor.catalog import Catalog
from supervisor.catalog.values import DEFAULT_WORKSPACE

_PAGE: Final = 200


async def ensure_owner(catalog: Catalog, data_dir: Path) -> str | None:
    """The secret of a new owner token, where there is none that lasts, or its file is gone; else None.

    A lost token is made anew by deleting the file; an empty file means that it shall not be kept there. Supervisors
    that start at once wait for each other by the file's lock. Raises StorageError, CatalogAway.
    """
    async with _locked(data_dir / OWNER_FILE) as (fd, is_new):
        if not is_new and await _has_owner(catalog):
            return None
        row, secret = await catalog.new_token(DEFAULT_WORKSPACE, "owner", "first owner")
        await catalog.audit(DEFAULT_WORKSPACE, "installation", "token.new", row.id, {"role": row.role})
        try:
            _write(fd, secret)
        except OSError as err:
            raise _unwritable(err) from err
        return secret


async def _has_owner(catalog: Catalog) -> bool:
    after: str | None = None
    while True:
        page = await catalog.tokens(DEFAULT_WORKSPACE, limit=_PAGE, after=after)
        if any(row.role == "owner" and not row.revoked and row.expires_ns is None for row in page.rows):
            return True
        if page.next is None:
            return False
        after = page.next


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[tuple[int, bool]]:
    """The file, locked, and whether it is new. Not through a link: the folder's others could place one."""
    try:
        is_new = not path.exists()
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as err:
        raise _unwritable(err) from err
    try:
        await asyncio.to_thread(fcntl.flock, fd, fcntl.LOCK_EX)
        yield fd, is_new and os.fstat(fd).st_size == 0
    finally:
        os.close(fd)


def _write(fd: int, secret: str) -> None:
    os.fchmod(fd, 0o600)
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{secret}\n".encode(), 0)
    os.fsync(fd)


def _unwritable(err: OSError) -> StorageError:
    return StorageError(
        f"The owner's token cannot be written: {err.strerror}",
        remedy="Check that the data folder is there and ours to write.",
        code="owner_token",
    )
