"""A room's own folder, DATA/rooms/<room>: room.json, which an attempt leaves to the next, and the room's clock.

    room.json   {"version": 1, "epoch": {"boottime_ns", "boot_id", "wall_ns"}, "seen_ms", "take": id | null, "session",
                 "zero_ms", "layout", "admitted": [pid], "kicked": [pid]}

Room time is milliseconds of CLOCK_BOOTTIME since the room's epoch, so it goes on while no worker runs, through suspend,
and after kill -9. After a restart of the machine it goes on by the wall clock, and never backwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from core.errors import StorageError
from core.ids import is_safe_id
from core.protocols import Clock

NS_PER_MS: Final = 1_000_000
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_REMEDY: Final = "Free some space, or use another data folder; what was recorded is kept."


@dataclass(slots=True, kw_only=True)
class RoomFacts:
    """What room.json says beside the clock. `zero_ms` is the room time of the `session`'s media time 0."""

    take: str | None = None
    session: str | None = None
    zero_ms: float | None = None
    layout: str | None = None
    admitted: list[str] = field(default_factory=list)
    kicked: list[str] = field(default_factory=list)


class RoomStore:
    """Use `open`. One process at a time: whoever holds the lock of the room's session."""

    def __init__(self, folder: Path, clock: Clock, epoch_ns: int, facts: RoomFacts, *, continued: bool) -> None:
        self.folder = folder
        self.facts = facts
        self.continued = continued  # the clock goes on by this boot's own
        self.epoch_ns = epoch_ns
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, clock: Clock) -> RoomStore:
        """Makes the folder. Raises StorageError where it cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise _storage(folder, err) from err
        known = _read(folder / "room.json")
        epoch, same = _epoch(known, clock)
        store = cls(folder, clock, epoch, _facts(known), continued=same)
        store.save()
        return store

    def now_ms(self) -> float:
        """Room time."""
        return (self._clock.boottime_ns() - self.epoch_ns) / NS_PER_MS

    def wall_ns(self) -> int:
        """UTC, for labels."""
        return self._clock.wall_ns()

    def clock_row(self) -> dict[str, Any]:
        """The clock as a take's ledger keeps it."""
        return {"type": "clock", "boottime_ns": self.epoch_ns, "boot_id": _boot_id(), "wall_ns": self._clock.wall_ns()}

    def take_folder(self, take: str) -> Path:
        """Where a take's files lie."""
        return self.folder / take

    def save(self) -> None:
        """Durable when it returns. Raises StorageError."""
        wall_ns = self._clock.wall_ns() - round(self.now_ms() * NS_PER_MS)  # of the epoch
        body = {
            "version": 1,
            "epoch": {"boottime_ns": self.epoch_ns, "boot_id": _boot_id(), "wall_ns": wall_ns},
            "seen_ms": self.now_ms(),
            **asdict(self.facts),
        }
        final = self.folder / "room.json"
        partial = self.folder / ".room.json.partial"
        try:
            with partial.open("w", encoding="utf-8") as file:
                json.dump(body, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(final)
            sync_folder(self.folder)
        except OSError as err:
            raise _storage(self.folder, err) from err


def sync_folder(folder: Path) -> None:
    """Make names in it durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _epoch(known: Mapping[str, Any], clock: Clock) -> tuple[int, bool]:
    """CLOCK_BOOTTIME of room time 0, and whether that is still the same boot's."""
    epoch = known.get("epoch")
    if not isinstance(epoch, Mapping):
        return clock.boottime_ns(), True
    boottime_ns, wall_ns, seen_ms = (_int(value) for value in (*_pair(epoch), known.get("seen_ms")))
    if epoch.get("boot_id") == _boot_id():
        return boottime_ns, True
    since_ns = max(clock.wall_ns() - wall_ns, seen_ms * NS_PER_MS)
    return clock.boottime_ns() - since_ns, False


def _pair(epoch: Mapping[str, Any]) -> tuple[object, object]:
    return epoch.get("boottime_ns"), epoch.get("wall_ns")


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _facts(known: Mapping[str, Any]) -> RoomFacts:
    zero = known.get("zero_ms")
    return RoomFacts(
        take=_id(known.get("take")),
        session=_id(known.get("session")),
        zero_ms=float(zero) if isinstance(zero, int | float) else None,
        layout=known.get("layout") if isinstance(known.get("layout"), str) else None,
        admitted=[pid for pid in known.get("admitted", []) if _id(pid)],
        kicked=[pid for pid in known.get("kicked", []) if _id(pid)],
    )


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and is_safe_id(value) else None


def _read(path: Path) -> Mapping[str, Any]:
    """Empty where there is none, or none that can be read: a room without it begins a clock of its own."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _storage(folder: Path, err: OSError) -> StorageError:
    return StorageError(f"Cannot write {folder}: {err.strerror or err}", remedy=_REMEDY, code="unwritable")
