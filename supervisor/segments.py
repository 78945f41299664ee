"""Files of uploads that still grow: a browser's recorder sends its parts as they are made, each as long as it is.

The folder is that of every upload (uploads.py). What is joined has its plan written down first (`plan`: the length of
each part), so that a crash between a part's copy and its deletion loses nothing: joining goes on by the plan.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from supervisor.uploads import JOINED, SYNC_EVERY, Damaged, Folder, Incomplete, append, settle, sha256_of, storing, sync

PART: Final = 4 << 20  # bytes of one part at most
MOST_PARTS: Final = 400_000
_PLAN: Final = "plan"
_EBML: Final = b"\x1a\x45\xdf\xa3"  # WebM and Matroska


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of the parts."""

    chunks: int
    bytes: int
    sha256: str


class Segment(Folder):
    """The folder of one segment."""

    def have(self) -> list[tuple[int, int]]:
        """Ranges of parts that are safe here: (first, behind the last), in order."""
        plan = self._plan()
        return ranges([*self.sizes(), *range(0 if plan is None else len(plan))])

    def bytes(self) -> int:
        """Of all parts."""
        plan = self._plan()
        return sum(self.sizes().values()) if plan is None else sum(plan)

    def join(self, count: int, size: int, chain: str) -> Joined:
        """Make one file of parts 0 to `count` - 1; again, it goes on where it was. Blocks for as long as it takes.

        `chain` is in hex: h = sha256(h + sha256(part)), from nothing. Raises Busy, Incomplete, Damaged, StorageError.
        """
        with self.locked(fcntl.LOCK_EX), storing():
            plan = self._plan()
            if plan is None:
                sizes = self.sizes()
                if any(seq not in sizes for seq in range(count)):
                    raise Incomplete
                plan = [sizes[seq] for seq in range(count)]
                if len(sizes) != count or sum(plan) != size or self._chain(count) != chain:
                    raise Damaged
                self._write(plan)
            elif (len(plan), sum(plan)) != (count, size):
                raise Damaged
            return self._joined(plan)

    def close(self) -> Joined | None:
        """Make one file of what came without a hole, because no more will come; None for nothing. Raises as `join`."""
        with self.locked(fcntl.LOCK_EX), storing():
            plan = self._plan()
            if plan is None:
                sizes, plan = self.sizes(), []
                while len(plan) in sizes:
                    plan.append(sizes[len(plan)])
                if not plan:
                    return None
                self._write(plan)
            return self._joined(plan)

    def _joined(self, plan: Sequence[int]) -> Joined:
        if not self.is_whole:
            self._copy(plan)
            self.publish()
        return Joined(len(plan), sum(plan), sha256_of(self.media))

    def _copy(self, plan: Sequence[int]) -> None:
        descriptor = os.open(self.path / JOINED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            taken, offset = [], 0
            for seq, length in enumerate(plan):
                path = self.path / f"{seq}.part"
                if path.exists():  # else it was copied before a crash, and is synced
                    append(path, descriptor, offset)
                    taken.append(path)
                offset += length
                if len(taken) == SYNC_EVERY:
                    settle(descriptor, taken)
            settle(descriptor, taken)
            if os.fstat(descriptor).st_size != offset:
                raise Damaged
        finally:
            os.close(descriptor)

    def _chain(self, count: int) -> str:
        link = b""
        for seq in range(count):
            link = hashlib.sha256(link + bytes.fromhex(sha256_of(self.path / f"{seq}.part"))).digest()
        return link.hex()

    def _plan(self) -> list[int] | None:
        try:
            found: list[int] = json.loads((self.path / _PLAN).read_bytes())
        except FileNotFoundError:
            return None
        return found

    def _write(self, plan: Sequence[int]) -> None:
        partial = self.path / f".{_PLAN}"
        with partial.open("w") as file:
            json.dump(plan, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path / _PLAN)
        sync(self.path)


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """(first, behind the last) of what follows each other."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def missing(have: Iterable[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """What of 0 to `count` - 1 is not there."""
    there = {number for first, behind in have for number in range(first, min(behind, count))}
    return ranges(number for number in range(count) if number not in there)


def begins_media(head: bytes) -> bool:
    """Whether a file that begins so can be one that a browser's recorder made. Too short to tell is no reason."""
    return len(head) < 8 or head.startswith(_EBML) or head[4:8] == b"ftyp"
