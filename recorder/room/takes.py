"""The takes of a room, one after the other: what is kept of each, and its sound for the pipeline."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import structlog

from core.protocols import Clock
from core.times import ns
from recorder.frames import EncodedFrame
from recorder.room.forwarding import Forwarding
from recorder.room.messages import Pid
from recorder.room.mix import PLAYOUT_MS, Decoder, Mixed, RoomMix
from recorder.room.state import Laid, Marked, Muted, Person, RoomState
from recorder.room.store import RoomStore
from recorder.room.take import TakeKeeper

TAIL_NS: Final = ns(0.4)  # what was said before the stop has come by then
ENDING_S: Final = 5.0  # what the end of a take waits for the disk; it is tried on
COMMAND: Final = Pid("clipd")  # who asks where no person does
log = structlog.get_logger()


class TakeLine(NamedTuple):
    """What supervisors are told of a take, each time that it changes. `state`: recording, stopped."""

    id: str
    state: str
    started_ms: float
    participants: list[dict[str, str]]


class Sound(NamedTuple):
    """What the pipeline gets: `mixed` None says that the take is over, and no sound of it comes any more."""

    keeper: TakeKeeper
    mixed: Mixed | None


class Everybody(Protocol):
    """Who is told about takes: all who take part, or hosts and producers."""

    def tell_inside(self, body: Mapping[str, Any]) -> None: ...
    def trouble(self, code: str, text: str) -> None: ...


@dataclass(slots=True)
class _Mixing:
    keeper: TakeKeeper
    mix: RoomMix
    stop_ms: float | None = None


class RoomTakes:
    """`session` is the worker's; a take belongs to one session."""

    def __init__(
        self,
        *,
        session: str,
        store: RoomStore,
        state: RoomState,
        forwarding: Forwarding,
        everybody: Everybody,
        clock: Clock,
        decoder: Callable[[], Decoder],
        told: Callable[[TakeLine], None],
    ) -> None:
        self._session, self._store, self._state, self._forwarding = session, store, state, forwarding
        self._everybody, self._clock, self._decoder, self._told = everybody, clock, decoder, told
        self._keeper: TakeKeeper | None = None
        self._people: dict[Pid, dict[str, str]] = {}  # of the running take
        self._mixing: deque[_Mixing] = deque()
        self._counted: set[TakeKeeper] = set()
        self._endings: set[asyncio.Task[None]] = set()  # takes whose end the disk has not taken yet
        self._turn = asyncio.Lock()

    async def resume(self) -> None:
        """Go on with what an attempt that was killed left running. Raises StorageError."""
        take = self._store.facts.take
        if take is None:
            return
        keeper = await TakeKeeper.resume(self._store, take, session=self._session, on_trouble=self._everybody.trouble)
        if keeper is None:
            self._store.facts.take = None
            return
        self._run(keeper, mixed_from_ms=self._store.now_ms())
        log.info("take.resumed", take=take)

    async def start(self, by: Pid = COMMAND, take: str | None = None) -> None:
        """Nothing where one runs already. Nobody has to be there yet. Raises StorageError."""
        async with self._turn:
            if self._keeper is not None:
                return
            at_ms, facts = self._store.now_ms(), self._store.facts
            if facts.session != self._session:
                facts.session, facts.zero_ms = self._session, at_ms
            keeper = await TakeKeeper.begin(
                self._store,
                take or self._new_id(),
                started_ms=at_ms,
                session=self._session,
                layout=self._state.layout,
                by=by,
                on_trouble=self._everybody.trouble,
            )
            self._run(keeper, mixed_from_ms=at_ms)
            for person in self._state.inside:
                self._note_joined(keeper, person)
            self._everybody.tell_inside({"type": "rec.start", "take": keeper.id, "at_ms": at_ms})
            self._tell(keeper, "recording")

    async def stop(self, by: Pid = COMMAND, reason: str = "asked", *, tail: bool = True) -> None:
        """Nothing where none runs. `tail`: what is still on its way is waited for."""
        async with self._turn:
            keeper, at_ms = self._keeper, self._store.now_ms()
            if keeper is None:
                return
            for each in self._mixing:
                each.stop_ms = at_ms if each.keeper is keeper else each.stop_ms
            keeper.stop_ms = at_ms
            self._state.stopped()
            self._forwarding.recording(False)
            self._everybody.tell_inside({"type": "rec.stop", "take": keeper.id, "at_ms": at_ms})
            if tail:
                await self._clock.sleep(TAIL_NS)
            self._keeper = None
            ending = asyncio.create_task(keeper.stop(reason, by), name=f"end of take {keeper.id}")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            await asyncio.wait({ending}, timeout=ENDING_S)
            self._tell(keeper, "stopped")

    async def leave(self) -> None:
        """Let go of the running take; the next attempt goes on with it."""
        async with self._turn:
            if self._keeper is not None:
                await self._keeper.leave()
        for ending in list(self._endings):
            ending.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)

    def shown(self) -> dict[str, Any] | None:
        """The running take, as people see it."""
        return None if self._keeper is None else {"id": self._keeper.id, "started_ms": self._keeper.started_ms}

    def new_gaps(self) -> Counter[str]:
        """Holes in backups since the last call, by reason."""
        found = Counter[str]()
        for keeper in self._counted:
            found += keeper.gaps
            keeper.gaps.clear()
        self._counted = {self._keeper} if self._keeper is not None else set()
        return found

    # -- what happens in the running one

    def joined(self, person: Person) -> dict[str, Any] | None:
        """Somebody has come; what they are told where a take runs."""
        keeper = self._keeper
        if keeper is None:
            return None
        if person.pid not in self._people:
            self._note_joined(keeper, person)
            self._tell(keeper, "recording")
        return {"type": "rec.start", "take": keeper.id, "at_ms": keeper.started_ms}

    def left(self, pid: Pid, reason: str) -> None:
        """Somebody has gone."""
        self.ended(pid)
        if self._keeper is not None and pid in self._people:
            self._keeper.note("leave", pid=pid, reason=reason)
            del self._people[pid]

    def ended(self, pid: Pid) -> None:
        """A connection has ended: this person's next one is another file, and another voice."""
        if self._keeper is not None:
            self._keeper.close_person(pid)
        for each in self._mixing:
            each.mix.drop(pid)

    def clocked(self, pid: Pid, rtt_ms: float | None) -> None:
        """A round trip to somebody was measured; None: not yet."""
        if self._keeper is not None and rtt_ms is not None:
            self._keeper.clocked(pid, rtt_ms)

    def note(self, effect: Muted | Laid | Marked) -> None:
        """What the ledger keeps."""
        if self._keeper is None:
            return
        if isinstance(effect, Muted):
            self._keeper.muted(effect.pid, effect.track, on=effect.on, by=effect.by)
        elif isinstance(effect, Laid):
            self._keeper.note("layout", layout=effect.layout, by=effect.by)
        else:
            self._keeper.note("mark", text=effect.text, by=effect.by)

    def put(self, pid: Pid, gen: int, frame: EncodedFrame) -> None:
        """A frame of somebody's; not muted."""
        if self._keeper is not None:
            self._keeper.put(pid, gen, frame)
        if frame.track == "mic":
            for each in self._mixing:
                if each.stop_ms is None or frame.room_ms <= each.stop_ms:
                    each.mix.put(pid, frame)

    def pull(self) -> list[Sound]:
        """The sound that is due, of the running take and of one that has just ended. Called a few times a second."""
        now_ms, found = self._store.now_ms(), list[Sound]()
        for each in list(self._mixing):
            until_ms = now_ms if each.stop_ms is None else min(now_ms, each.stop_ms + PLAYOUT_MS)
            if (mixed := each.mix.pull(until_ms)) is not None:
                found.append(Sound(each.keeper, mixed))
                for pid, (rms, peak) in mixed.levels.items():
                    self._state.heard(pid, rms, peak)
            if each.stop_ms is not None and now_ms >= each.stop_ms + PLAYOUT_MS:
                self._mixing.remove(each)
                found.append(Sound(each.keeper, None))
        return found

    # -- helpers

    def _run(self, keeper: TakeKeeper, *, mixed_from_ms: float) -> None:
        self._keeper, self._people = keeper, {}
        self._counted.add(keeper)
        self._mixing.append(_Mixing(keeper, RoomMix(mixed_from_ms, self._decoder)))
        self._state.recording(keeper.id, keeper.started_ms)
        self._forwarding.recording(True)

    def _note_joined(self, keeper: TakeKeeper, person: Person) -> None:
        self._people[person.pid] = {"pid": person.pid, "name": person.name, "role": person.role}
        keeper.joined(person)

    def _tell(self, keeper: TakeKeeper, state: str) -> None:
        self._told(TakeLine(keeper.id, state, keeper.started_ms, list(keeper.people.values())))

    def _new_id(self) -> str:
        return f"t{datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(3)}"
