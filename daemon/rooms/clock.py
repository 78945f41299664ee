"""Media time of a session and room time, as the ledgers of its takes map them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.times import Ns
from daemon.rooms.take import NS_PER_MS, Take


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Media time that goes with the room's, within one epoch of a session and one take."""

    take: Take
    epoch: int
    start_ns: Ns
    end_ns: Ns
    room_ms: float  # at `start_ns`

    def room(self, media_ns: int) -> float:
        """Room time in ms."""
        return self.room_ms + (media_ns - self.start_ns) / NS_PER_MS

    def media(self, room_ms: float) -> Ns:
        """Media time."""
        return Ns(self.start_ns + round((room_ms - self.room_ms) * NS_PER_MS))


def stretches(takes: Iterable[Take], session: str) -> list[Stretch]:
    """Of a session, in order. The last one of a take that runs goes on to its newest row, which a reader may pass."""
    found = []
    for take in takes:
        rows = [row for row in take.media if row.session in ("", session)]
        end_ms = take.end_ms if take.end_ms is not None else take.last_ms
        for number, row in enumerate(rows):
            after = rows[number + 1] if number + 1 < len(rows) else None
            last_ms = end_ms if after is None else after.room_ms
            end_ns = row.media_ns + round((last_ms - row.room_ms) * NS_PER_MS)
            if after is not None:
                end_ns = min(end_ns, after.media_ns)
            if end_ns > row.media_ns:
                found.append(
                    Stretch(take=take, epoch=row.epoch, start_ns=row.media_ns, end_ns=Ns(end_ns), room_ms=row.room_ms)
                )
    return _joined(sorted(found, key=lambda stretch: stretch.start_ns))


def _joined(found: Sequence[Stretch]) -> list[Stretch]:
    """Rows that say the same again are one stretch."""
    out: list[Stretch] = []
    for stretch in found:
        last = out[-1] if out else None
        if (
            last is not None
            and (last.take.id, last.epoch) == (stretch.take.id, stretch.epoch)
            and abs(last.room(stretch.start_ns) - stretch.room_ms) < 1
        ):
            out[-1] = Stretch(
                take=last.take,
                epoch=last.epoch,
                start_ns=last.start_ns,
                end_ns=max(last.end_ns, stretch.end_ns),
                room_ms=last.room_ms,
            )
        else:
            out.append(stretch)
    return out
