"""The store that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.protocols import Clock
from supervisor.leases.api import LeaseStore, LeaseTiming
from supervisor.leases.floors import FloorFile
from supervisor.leases.redis_store import RedisStore
from supervisor.leases.sqlite_store import SqliteStore

EMBEDDED: Final = "embedded"


def open_store(url: str, data_dir: Path, *, timing: LeaseTiming, clock: Clock, name: str = "clipd") -> LeaseStore:
    """`embedded`: `lease.db` in the data folder. Else a Redis URL, `name` being the installation's there.

    Asks nothing of the store yet. Raises UsageError.
    """
    if url == EMBEDDED:
        return SqliteStore(data_dir / "lease.db", timing=timing, clock=clock)
    return RedisStore(url, name=name)


def open_floor_file(data_dir: Path) -> FloorFile:
    """`lease.floor` in the data folder, shared by all supervisors of this installation. Raises StorageError."""
    return FloorFile(data_dir / "lease.floor")
