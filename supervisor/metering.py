"""Measures what each workspace has stored, every five minutes; the leader's work, in a thread.

It looks at the disk and keeps no count: what a crash leaves, what is cleared up and what somebody deletes by hand is
right at the next look.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from core.ids import SessionId
from core.protocols import Clock
from core.times import ns
from supervisor.catalog import Catalog, CatalogAway
from supervisor.roomfiles import ROOMS

EVERY_NS: Final = ns(300)
log = structlog.get_logger()


class Meter:
    """`run` for as long as this process leads; `held` is asked before what was measured is written down."""

    def __init__(self, catalog: Catalog, data_dir: Path, clock: Clock, held: Callable[[], bool]) -> None:
        self._catalog, self._data_dir, self._clock, self._held = catalog, data_dir, clock, held

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.measure()
            except CatalogAway as err:
                log.warning("catalog.away", why=str(err))
            await self._clock.sleep(EVERY_NS)

    async def measure(self) -> None:
        """Once. Raises CatalogAway."""
        stored: Counter[str] = Counter()
        for folder, owners in (
            ("sessions", await self._catalog.session_workspaces()),
            ("uploads", await self._catalog.upload_workspaces()),
            (ROOMS, await self._catalog.room_workspaces()),
        ):
            stored += await asyncio.to_thread(stored_by_workspace, self._data_dir / folder, owners)
        if self._held():
            await self._catalog.set_stored(stored)


def stored_by_workspace(parent: Path, owners: Mapping[SessionId, str] | Mapping[str, str]) -> Counter[str]:
    """Bytes of the folders of sessions, uploads or rooms, by workspace."""
    stored: Counter[str] = Counter()
    for name, workspace in owners.items():
        stored[workspace] += stored_bytes(parent / name)
    return stored


def stored_bytes(folder: Path) -> int:
    """Of all files below, each once however many names it has (clips link to their footage). Workers parse hostile
    media and write here, so no link is followed; what goes away meanwhile, or cannot be read, counts nothing."""
    total, known = 0, set[int]()
    folders = [str(folder)]
    while folders:
        for path, found in _entries(folders.pop()):
            if stat.S_ISDIR(found.st_mode):
                folders.append(path)
            elif stat.S_ISREG(found.st_mode) and found.st_ino not in known:
                total += found.st_size
                if found.st_nlink > 1:
                    known.add(found.st_ino)
    return total


def _entries(folder: str) -> list[tuple[str, os.stat_result]]:
    made = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    made.append((entry.path, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue
    except OSError:
        return made
    return made
