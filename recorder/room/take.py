"""One take being kept: its ledger, and a file for each track and connection of everybody in it.

    DATA/rooms/<room>/<take>/take.jsonl
    DATA/rooms/<room>/<take>/<pid>/<track>/backup-<n>.mkv    one elementary stream, pts = room milliseconds

A row says what, when (`room_ms`) and about whom; docs/rooms.md lists them. On the event loop; the disk is waited for in
threads only.
"""

from __future__ import annotations

import asyncio
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import structlog

from core.errors import StorageError
from recorder.frames import EncodedFrame, TrackName
from recorder.room.ledger import Ledger, read_ledger
from recorder.room.messages import Pid
from recorder.room.state import Person
from recorder.room.store import NS_PER_MS, RoomStore
from recorder.writer import TrackWriter

MIN_FREE: Final = 64 << 20  # bytes: with less no take begins
HOLE_MS: Final = 1_000.0  # what is missing of a microphone or camera for so long stands in the ledger
AGAIN_MS: Final = 5_000.0  # a disk that refused is asked again
BETTER_MS: Final = 0.5  # a clock that is known so much better is told of again
LEDGER: Final = "take.jsonl"
GapReason = Literal["no_packets", "muted"]
log = structlog.get_logger()


class Writer(Protocol):
    """recorder.writer.TrackWriter."""

    start_room_ms: float | None
    dropped: Counter[str]

    def put(self, frame: EncodedFrame) -> None: ...
    def close(self) -> None: ...


NewWriter = Callable[[Path, Callable[[OSError], None]], Writer]


@dataclass(slots=True)
class _Kept:
    """A track of one connection. `number` names its file; `writer` None: the disk refused it, until `again_ms`."""

    gen: int
    number: int
    codec: str
    writer: Writer | None
    told: bool = False  # its row is written
    again_ms: float = 0.0


class TakeKeeper:
    """A running take; made by `begin` or `resume`. `on_trouble(code, text)` is for the host, on the loop."""

    def __init__(
        self,
        store: RoomStore,
        take: str,
        started_ms: float,
        on_trouble: Callable[[str, str], None],
        new_writer: NewWriter,
    ) -> None:
        """Raises OSError where the ledger cannot be opened."""
        self.id = take
        self.started_ms = started_ms
        self.stop_ms: float | None = None  # what was recorded later is not kept
        self.folder = store.take_folder(take)
        self.people: dict[Pid, dict[str, str]] = {}  # who was in it at any time
        self.gaps = Counter[str]()  # rows of them, by reason
        self._store = store
        self._trouble = on_trouble
        self._new_writer = new_writer
        self._loop = asyncio.get_running_loop()
        self._kept: dict[tuple[Pid, TrackName], _Kept] = {}
        self._bounds_ms: dict[Pid, float] = {}  # as the ledger has them
        self._last: dict[tuple[Pid, TrackName], float] = {}  # when the newest frame was recorded
        self._muted: set[tuple[Pid, TrackName]] = set()  # since the newest frame
        self._gone: set[Pid] = set()  # who has left, since the newest frame
        self._closing = ThreadPoolExecutor(1, thread_name_prefix="take-close")
        self._ledger = Ledger(self.folder / LEDGER, on_failed=self._refused)
        self._retrying: asyncio.TimerHandle | None = None
        self._over = False

    @classmethod
    async def begin(
        cls,
        store: RoomStore,
        take: str,
        *,
        started_ms: float,
        session: str,
        layout: str,
        by: str,
        on_trouble: Callable[[str, str], None],
        new_writer: NewWriter = lambda path, failed: TrackWriter(path, on_failed=failed),
    ) -> TakeKeeper:
        """Durable when it returns: whatever is killed from now on, the take goes on. Raises StorageError."""
        try:
            if (await asyncio.to_thread(shutil.disk_usage, store.folder)).free < MIN_FREE:
                raise _full("The disk is full")
            keeper = cls(store, take, started_ms, on_trouble, new_writer)
        except OSError as err:
            raise _full(f"The take cannot be kept: {err.strerror or err}") from err
        keeper.note(**store.clock_row())
        durable = keeper.note("start", room_ms=round(started_ms, 3), take=take, session=session, layout=layout, by=by)
        if not await durable:
            await keeper._let_go()
            raise _full("The take cannot be kept")
        store.facts.take = take
        await asyncio.to_thread(store.save)
        return keeper

    @classmethod
    async def resume(
        cls,
        store: RoomStore,
        take: str,
        *,
        session: str,
        on_trouble: Callable[[str, str], None],
        new_writer: NewWriter = lambda path, failed: TrackWriter(path, on_failed=failed),
    ) -> TakeKeeper | None:
        """Go on with the take of an attempt that was killed; None where its ledger says that it had ended."""
        rows = await asyncio.to_thread(read_ledger, store.take_folder(take) / LEDGER)
        begun = next((row for row in rows if row.get("type") == "start"), None)
        if begun is None or any(row.get("type") == "stop" for row in rows) or begun.get("session") != session:
            return None
        try:
            keeper = cls(store, take, float(begun["room_ms"]), on_trouble, new_writer)
        except OSError as err:
            raise _full(f"The take cannot be kept: {err.strerror or err}") from err
        keeper.people.update({Pid(str(row["pid"])): _person(row) for row in rows if row.get("type") == "join"})
        seen_ms = await asyncio.to_thread(_last_seen_ms, store, keeper.folder, rows)
        keeper.note(**store.clock_row())
        keeper.note("gap", reason="worker_restart", from_ms=round(seen_ms, 1), session=session)
        return keeper

    # -- rows

    def note(self, type: str, **fields: Any) -> asyncio.Future[bool]:
        """A row, of now unless it says another `room_ms`; the future says whether it is on the disk."""
        if type == "gap":
            self.gaps[str(fields["reason"])] += 1
        elif type == "leave":
            self._gone.add(fields["pid"])
        row = {"type": type, "room_ms": round(self._store.now_ms(), 3), **fields}
        return asyncio.wrap_future(self._ledger.append(row))

    def joined(self, person: Person) -> None:
        """Somebody is recorded from now on, and has agreed to it."""
        self.people[person.pid] = {"pid": person.pid, "name": person.name, "role": person.role}
        self.note("join", **self.people[person.pid])
        self.note("consent", pid=person.pid, notice=person.notice)

    def media(self, epoch: int, media_ns: int, room_ms: float) -> None:
        """From here the session's media time runs along the room's."""
        self.note("media", epoch=epoch, media_ns=media_ns, room_ms=round(room_ms, 3))

    def clocked(self, pid: Pid, rtt_ms: float) -> None:
        """How far off somebody's tracks may lie on the room's clock: half a round trip, the shortest that was seen."""
        bound_ms = rtt_ms / 2
        if pid in self.people and bound_ms < self._bounds_ms.get(pid, math.inf) - BETTER_MS:
            self._bounds_ms[pid] = bound_ms
            self.note("clock", pid=pid, bound_ms=round(bound_ms, 2))

    # -- tracks

    def put(self, pid: Pid, gen: int, frame: EncodedFrame) -> None:
        """A frame of one person's connection number `gen`."""
        key = (pid, frame.track)
        self._gone.discard(pid)
        if frame.room_ms < self.started_ms or (self.stop_ms is not None and frame.room_ms > self.stop_ms):
            return
        kept = self._kept.get(key)
        if kept is None or kept.gen != gen or kept.codec != frame.codec:
            self._close(key)
            kept = self._kept[key] = self._open(key, gen, frame)
        elif kept.writer is None and self._store.now_ms() >= kept.again_ms:
            kept = self._kept[key] = self._open(key, gen, frame)
        self._note_hole(key, frame.room_ms)
        if kept.writer is None:
            return
        kept.writer.put(frame)
        if not kept.told and kept.writer.start_room_ms is not None:
            kept.told = True
            self.note(
                "track",
                pid=pid,
                track=frame.track,
                gen=kept.number,
                file=f"{pid}/{frame.track}/backup-{kept.number}.mkv",
                start_room_ms=round(kept.writer.start_room_ms, 3),
                codec=frame.codec,
            )

    def muted(self, pid: Pid, track: TrackName, *, on: bool, by: Pid) -> None:
        """A track is kept no more, or again."""
        self.note("mute", pid=pid, track=track, on=on, by=by)
        self._muted.add((pid, track))

    def close_person(self, pid: Pid) -> None:
        """Their connection has ended; the next one has files of its own."""
        for key in [key for key in self._kept if key[0] == pid]:
            self._close(key)

    async def stop(self, reason: str, by: str) -> None:
        """Write everything down. A disk that refuses is asked again until it takes it: else the next attempt would go
        on with a take that has ended. Cancelled, it lets go."""
        for key in list(self._kept):
            self._close(key)
        ended_ms = self._store.now_ms() if self.stop_ms is None else self.stop_ms
        for key in [key for key in self._last if key[0] not in self._gone]:
            self._note_hole(key, ended_ms)  # of those who are here and were not heard to the end
        await self._loop.run_in_executor(self._closing, lambda: None)  # behind all that is being closed
        try:
            written = await self.note("stop", room_ms=round(ended_ms, 3), reason=reason, by=by)
            while not (written and await self._forgotten()):
                await asyncio.sleep(AGAIN_MS / 1000)
                written = written or await asyncio.wrap_future(self._ledger.retry())
        finally:
            await self._let_go()

    async def _forgotten(self) -> bool:
        """Whether room.json names the take no more."""
        if self._store.facts.take == self.id:
            self._store.facts.take = None
        try:
            await asyncio.to_thread(self._store.save)
        except StorageError as err:
            log.warning("take.not_forgotten", take=self.id, code=err.code)
            return False
        return True

    async def leave(self) -> None:
        """Close what is open and say nothing: the next attempt goes on with the take."""
        for key in list(self._kept):
            self._close(key)
        await self._let_go()

    # -- helpers

    async def _let_go(self) -> None:
        self._over = True
        if self._retrying is not None:
            self._retrying.cancel()
        await asyncio.to_thread(self._closing.shutdown)
        await asyncio.to_thread(self._ledger.close)

    def _open(self, key: tuple[Pid, TrackName], gen: int, frame: EncodedFrame) -> _Kept:
        """A file that was not there before: what a connection is numbered by its page may repeat."""
        folder = self.folder / key[0] / key[1]
        number = gen
        while (folder / f"backup-{number}.mkv").exists():
            number += 1
        kept = _Kept(gen, number, frame.codec, None)

        def failed(err: OSError) -> None:
            self._loop.call_soon_threadsafe(self._failed, key, kept, err)

        try:
            folder.mkdir(parents=True, exist_ok=True)
            kept.writer = self._new_writer(folder / f"backup-{number}.mkv", failed)
        except OSError as err:
            self._failed(key, kept, err)
        return kept

    def _failed(self, key: tuple[Pid, TrackName], kept: _Kept, err: OSError) -> None:
        """The backup of a track has ended; it is begun anew when there may be room."""
        if self._over:
            return
        writer, kept.writer = kept.writer, None
        kept.again_ms = self._store.now_ms() + AGAIN_MS
        if writer is not None:
            self._closing.submit(_closed, writer)
        self.note(
            "gap", reason="disk_full", pid=key[0], track=key[1], from_ms=self._last.get(key), error=str(err.errno)
        )
        self._trouble("disk_full", "The server's disk takes no more: local recordings go on, the backup has a hole")

    def _close(self, key: tuple[Pid, TrackName]) -> None:
        kept = self._kept.pop(key, None)
        if kept is None or kept.writer is None:
            return
        if frames := kept.writer.dropped["disk_slow"]:
            self.note("gap", reason="disk_slow", pid=key[0], track=key[1], frames=frames)
        self._closing.submit(_closed, kept.writer)

    def _note_hole(self, key: tuple[Pid, TrackName], at_ms: float) -> None:
        """A screen comes and goes; a microphone or camera that is away leaves a hole with its reason."""
        last_ms, muted = self._last.get(key), key in self._muted
        self._last[key] = max(at_ms, last_ms or at_ms)
        self._muted.discard(key)
        if last_ms is not None and at_ms - last_ms > HOLE_MS and key[1] != "screen":
            reason: GapReason = "muted" if muted else "no_packets"
            self.note("gap", reason=reason, pid=key[0], track=key[1], from_ms=round(last_ms, 1), to_ms=round(at_ms, 1))

    def _refused(self, err: OSError) -> None:
        """From the ledger's thread."""
        self._loop.call_soon_threadsafe(self._retry_ledger, err)

    def _retry_ledger(self, err: OSError) -> None:
        log.warning("take.ledger_waits", take=self.id, error=str(err))
        if self._over:
            return
        if self._retrying is None or self._retrying.when() <= self._loop.time():
            self._trouble("disk_full", "The server's disk takes no more: local recordings go on")
            self._retrying = self._loop.call_later(AGAIN_MS / 1000, self._ledger.retry)


def _closed(writer: Writer) -> None:
    """Boundary of the disk: what it did not take has been told."""
    try:
        writer.close()
    except OSError as err:
        log.warning("backup.not_closed", error=str(err))


def _last_seen_ms(store: RoomStore, folder: Path, rows: Iterable[Mapping[str, Any]]) -> float:
    """Room time of the newest thing that was written: rows and files."""
    newest = max((float(row["room_ms"]) for row in rows if isinstance(row.get("room_ms"), int | float)), default=0.0)
    now_ms = store.now_ms()
    for path in folder.glob("*/*/backup-*.mkv"):
        try:
            age_ms = (store.wall_ns() - path.stat().st_mtime_ns) / NS_PER_MS
        except OSError:
            continue
        newest = max(newest, now_ms - max(0.0, age_ms))
    return min(newest, now_ms)


def _person(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row.get(name, "")) for name in ("pid", "name", "role")}


def _full(what: str) -> StorageError:
    return StorageError(what, remedy="Free some space on the server, then start the take again.", code="disk_full")
