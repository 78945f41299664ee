"""Floors: the highest token that may have been used, remembered where a wipe of the lease's store does not reach.

A new token is higher than all of them (reliability.md section 3, item 5). A floor is a function that returns a token
and raises StoreAway where it cannot be asked: then nobody takes over, since a leader without its catalog is of no use.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from core.errors import StorageError
from supervisor.leases.api import StoreAway

Floor = Callable[[], int]

SLOTS: Final = 64
SLOT: Final = 64  # bytes; all of them make one block, which is allocated once: a full disk does not stop a failover
TOP: Final = 2**62  # no token of ours


class FloorFile:
    """The highest token that was seen or held under this DATA folder, by any of its supervisors. One block on disk.

    Token t is written to slot t modulo 64 with a checksum. So two supervisors never write different bytes to the same
    place, a torn write costs one slot, and nobody can be kept out by a lock that a stopped process holds.
    """

    def __init__(self, path: Path) -> None:
        """Makes the file where it is missing. Raises StorageError."""
        self.path = path
        try:
            self._make()
        except OSError as err:
            raise StorageError(
                f"{path} cannot be made: {err.strerror}", remedy="The data folder has to be writable.", code="floor"
            ) from err

    def read(self) -> int:
        """The highest token; 0 where none was ever written. Raises StoreAway."""
        try:
            with self.path.open("rb") as file:
                block = file.read(SLOTS * SLOT)
        except OSError as err:
            raise StoreAway("floor", f"{self.path}: {err.strerror}") from err
        return max((_token(block[at : at + SLOT]) for at in range(0, len(block), SLOT)), default=0)

    def raise_to(self, token: int) -> None:
        """Durable when it returns. Raises StoreAway, and then nothing may be done with the token."""
        if not 0 < token < TOP or self.read() >= token:
            return
        text = b"%d" % token
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, (b"%s %08x\n" % (text, zlib.crc32(text))).ljust(SLOT), token % SLOTS * SLOT)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as err:
            raise StoreAway("floor", f"{self.path}: {err.strerror}") from err

    def _make(self) -> None:
        """Whole or not at all; whoever comes second finds the first one's."""
        if self.path.exists():
            return
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                file.write(b" " * (SLOTS * SLOT))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(partial, self.path)
            except FileExistsError:
                return
        finally:
            partial.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def highest(floors: Sequence[Floor]) -> int:
    """Of all floors. Raises StoreAway when one cannot be asked."""
    return max((floor() for floor in floors), default=0)


def on_loop(loop: asyncio.AbstractEventLoop, ask: Callable[[], Awaitable[int]], *, limit_s: float = 1.0) -> Floor:
    """A floor that a coroutine knows (the catalog's), asked from the keeper's thread.

    A loop that does not answer within `limit_s` is no place to lead from: StoreAway(floor), as is what `ask` raises.
    """

    async def bounded() -> int:
        async with asyncio.timeout(limit_s):
            return await ask()

    def floor() -> int:
        asking = bounded()
        try:
            future = asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError as err:  # the loop has ended
            asking.close()
            raise StoreAway("floor", "the event loop has ended") from err
        try:
            return future.result(2 * limit_s)
        except Exception as err:  # boundary: a floor that fails in whatever way has not said that a token is free
            future.cancel()
            raise StoreAway("floor", f"{type(err).__name__}: {err}"[:200]) from err

    return floor


def _token(slot: bytes) -> int:
    """The token of a slot; 0 for one that was never written, or not wholly."""
    text, _, checksum = slot.strip().partition(b" ")
    if not text.isdigit() or len(text) > 19 or checksum != b"%08x" % zlib.crc32(text):
        return 0
    return int(text)
