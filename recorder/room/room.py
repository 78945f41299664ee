"""The room itself: brings together who is in it, their media and the take that is kept.

A supervision boundary of one room: whatever a person sends is answered or refused; nothing of it ends the room.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from core.errors import StorageError
from core.protocols import Clock
from core.spec import RoomSpec
from core.times import ns
from recorder.frames import EncodedFrame
from recorder.room.forwarding import Forwarding, Media
from recorder.room.messages import Answer, Bye, Clk, Hello, Level, Message, Net, Offer, Pid, Role
from recorder.room.mix import Decoder
from recorder.room.state import Effect, Joined, Left, NotAllowed, RoomState, Take, Tell
from recorder.room.store import RoomStore
from recorder.room.takes import RoomTakes, TakeLine

LINGER_NS: Final = ns(30)  # who has lost their WebSocket keeps their media for so long: the recording goes on
SILENT_NS: Final = ns(15)  # three pings of 5 s
TICK_NS: Final = ns(0.5)  # levels go out with it, two a second
SENDING_MS: Final = 3_000.0
REPLIES: Final = 64  # remembered of each person, so that a message sent twice is done once
_PLAIN: Final = {"type": "ok"}
log = structlog.get_logger()


class Outlet(Protocol):
    """A person's WebSocket. Neither call waits or raises."""

    def send(self, body: Mapping[str, Any]) -> None: ...
    def close(self, code: int, reason: str) -> None: ...


@dataclass(slots=True)
class _Presence:
    """A person's page, here or lately here."""

    outlet: Outlet | None
    heard_ns: int
    greeted: bool = False
    replies: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)


class RecordingRoom:
    """Use `open`, then people `enter`; `close` at the end. On the event loop."""

    def __init__(
        self,
        spec: RoomSpec,
        *,
        session: str,
        store: RoomStore,
        media: Media,
        clock: Clock,
        decoder: Callable[[], Decoder],
        told: Callable[[TakeLine], None],
        welcome: Mapping[str, Any],
    ) -> None:
        """`welcome`: what every page is told beside the room's state: `ice_servers`, `limits`."""
        self.spec, self.session, self.store = spec, session, store
        self.state = RoomState(
            layout=store.facts.layout or spec.layout,
            max_people=spec.max_people,
            admitted=[Pid(pid) for pid in store.facts.admitted],
            kicked=[Pid(pid) for pid in store.facts.kicked],
        )
        self.forwarding = Forwarding(media, self, store.now_ms)
        self.takes = RoomTakes(
            session=session,
            store=store,
            state=self.state,
            forwarding=self.forwarding,
            everybody=self,
            clock=clock,
            decoder=decoder,
            told=told,
        )
        self._clock, self._welcome = clock, welcome
        self._here: dict[Pid, _Presence] = {}
        self._links: dict[Pid, str] = {}
        self._looked_ns = 0
        self._shown = (-1, -1)  # version and loudness that everybody has seen
        self._saved: tuple[Any, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- its life

    def look(self) -> None:
        """Look after people and show what has changed. Called a few times a second; it does so every TICK_NS."""
        now_ns = self._clock.boottime_ns()
        if now_ns - self._looked_ns >= TICK_NS:
            self._looked_ns = now_ns
            self._look()
            self._show(levels=True)

    async def close(self) -> None:
        """End what is left when nobody can come any more. A take that runs still is the next attempt's."""
        await self.takes.leave()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.forwarding.close()

    def dismiss(self) -> None:
        """Say goodbye: pages try again, since another attempt may follow."""
        for presence in self._here.values():
            if presence.outlet is not None:
                presence.outlet.close(1001, "restart")

    # -- people

    async def enter(self, pid: Pid, name: str, role: Role, notice: str | None, outlet: Outlet) -> None:
        """A page has connected. `notice`: SHA-256 of what its person agreed to. Raises NotAllowed."""
        effects = self.state.enter(pid, name, role, notice)
        before = self._here.get(pid)
        if before is not None and before.outlet is not None:
            before.outlet.close(4001, "This room is open in another tab")
        presence = self._here[pid] = _Presence(outlet, self._clock.boottime_ns())
        if before is not None:  # what a page could not hear the answer to, it says again
            presence.replies = before.replies
        self._settle(pid)
        await self._do(effects)

    def lost(self, pid: Pid, outlet: Outlet) -> None:
        """A page's WebSocket has gone. Who takes part may come back within LINGER_NS; their media goes on."""
        presence = self._here.get(pid)
        if presence is None or presence.outlet is not outlet:
            return
        presence.outlet = None
        self._settle(pid)
        person = self.state.people.get(pid)
        if person is None or not person.inside:
            self._later(self._leave(pid, "lost"))

    def heard(self, pid: Pid) -> None:
        """A sign of life."""
        presence = self._here.get(pid)
        if presence is not None:
            presence.heard_ns = self._clock.boottime_ns()

    async def reply_to(self, pid: Pid, message: Message) -> Mapping[str, Any] | None:
        """Do what a page asks for; the reply. Raises ClipdError kinds, which are its reply too."""
        presence = self._here.get(pid)
        if presence is None:
            raise NotAllowed("You are not in this room", remedy="Join again.", code="not_here")
        if isinstance(message, Clk):
            t1 = self.store.now_ms()
            return {"type": "clk", "t0": message.t0, "t1": t1, "t2": self.store.now_ms()}
        if message.id in presence.replies:
            return presence.replies[message.id]
        reply = await self._answer(pid, presence, message)
        if reply is not None and not isinstance(message, Hello):
            presence.replies[message.id] = reply
            while len(presence.replies) > REPLIES:
                presence.replies.popitem(last=False)
        return reply

    def snapshot(self) -> dict[str, Any]:
        """For supervisors and people who look after it."""
        people = [
            {**each.shown(), "connected": self._connected(each.pid), "media": self.forwarding.stats(each.pid)}
            for each in self.state.people.values()
        ]
        return {
            "room": self.spec.id,
            "session": self.session,
            "now_ms": self.store.now_ms(),
            "take": self.takes.shown(),
            "layout": self.state.layout,
            "people": people,
        }

    # -- what forwarding says

    def tell(self, pid: Pid, body: Mapping[str, Any]) -> None:
        """See forwarding.Room."""
        presence = self._here.get(pid)
        if presence is not None and presence.outlet is not None:
            presence.outlet.send(body)

    def frame(self, pid: Pid, gen: int, frame: EncodedFrame) -> None:
        """Keep it, mix it, pass it on; a muted track goes nowhere."""
        person = self.state.people.get(pid)
        if person is not None and person.inside and frame.track not in person.muted:
            self.forwarding.forward(pid, frame)
            self.takes.put(pid, gen, frame)

    def link(self, pid: Pid, state: str) -> None:
        """See forwarding.Room."""
        self._links[pid] = state
        self._settle(pid)

    # -- messages

    async def _answer(self, pid: Pid, presence: _Presence, message: Message) -> Mapping[str, Any] | None:
        if isinstance(message, Hello):
            return self._greet(pid, presence)
        if isinstance(message, Offer):
            self.state.may_publish(pid)
            sdp = await self.forwarding.publish(pid, message.gen, message.sdp)
            self.takes.ended(pid)
            return {"type": "answer", "gen": message.gen, "sdp": sdp}
        if isinstance(message, Answer):
            await self.forwarding.answered(pid, message.pair, message.sdp)
            return _PLAIN
        if isinstance(message, Bye):
            await self._leave(pid, "bye")
            return None
        await self._do(self.state.act(pid, message))
        return None if isinstance(message, Level | Net) else _PLAIN

    def _greet(self, pid: Pid, presence: _Presence) -> Mapping[str, Any]:
        person = self.state.people[pid]
        presence.greeted = True
        if person.inside:
            asyncio.get_running_loop().call_soon(self._watch, pid)  # behind the welcome
        return {
            "type": "welcome",
            "pid": pid,
            "role": person.role,
            "name": person.name,
            "room": {"id": self.spec.id, "name": self.spec.name},
            "epoch_now_ms": self.store.now_ms(),
            "take": self.takes.shown() if person.inside else None,
            "admitted": person.inside,
            "gen": self.forwarding.gen(pid),
            "layout": self.state.layout,
            **self._welcome,
        }

    def _watch(self, pid: Pid) -> None:
        """All that somebody sees who is in and listens: who is there, and their media."""
        presence, person = self._here.get(pid), self.state.people.get(pid)
        if presence is not None and presence.greeted and person is not None and person.inside:
            self.tell(pid, self._peers(pid))
            self.forwarding.watch(pid)

    # -- effects

    async def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            await self._one(effect)
        await self._save()
        self._show()

    async def _one(self, effect: Effect) -> None:
        if isinstance(effect, Tell):
            self.tell(effect.pid, effect.body)
        elif isinstance(effect, Joined):
            self._joined(effect.pid)
        elif isinstance(effect, Left):
            await self._left(effect.pid, effect.reason)
        elif isinstance(effect, Take):
            await (self.takes.start(effect.by) if effect.on else self.takes.stop(effect.by))
        else:
            self.takes.note(effect)

    def _joined(self, pid: Pid) -> None:
        told, presence = self.takes.joined(self.state.people[pid]), self._here.get(pid)
        if told is not None and presence is not None and presence.greeted:  # else the welcome says it
            self.tell(pid, told)
        self._watch(pid)

    async def _left(self, pid: Pid, reason: str) -> None:
        presence = self._here.pop(pid, None)
        if presence is not None and presence.outlet is not None:
            if reason in ("kicked", "denied"):
                presence.outlet.send({"type": "kick", "reason": reason})
            presence.outlet.close(4003 if reason in ("kicked", "denied") else 1000, reason)
        self._links.pop(pid, None)
        self.takes.left(pid, reason)
        await self.forwarding.leave(pid)

    async def _leave(self, pid: Pid, reason: str) -> None:
        await self._do(self.state.leave(pid, reason))

    # -- looking after people

    def _look(self) -> None:
        """Who sends what, who has been silent, who has been gone for too long."""
        now_ns = self._clock.boottime_ns()
        for person in list(self.state.people.values()):
            if person.state == "gone":
                continue
            self.state.publishing(person.pid, self.forwarding.sending(person.pid, SENDING_MS))
            self.takes.clocked(person.pid, self.forwarding.stats(person.pid).get("rtt_ms"))
            self._settle(person.pid)
            presence = self._here.get(person.pid)
            if presence is not None and presence.outlet is None and now_ns - presence.heard_ns > LINGER_NS:
                self._later(self._leave(person.pid, "lost"))

    def _settle(self, pid: Pid) -> None:
        """Stalled: nothing is heard of their page or of their media."""
        self.state.stall(pid, not self._connected(pid) or self._links.get(pid, "connected") != "connected")

    def _connected(self, pid: Pid) -> bool:
        presence = self._here.get(pid)
        if presence is None or presence.outlet is None:
            return False
        return self._clock.boottime_ns() - presence.heard_ns <= SILENT_NS

    def _show(self, *, levels: bool = False) -> None:
        """Everybody sees the newest state; levels alone go out with the tick only."""
        version, loudness = self._shown
        if self.state.version == version and not (levels and self.state.loudness != loudness):
            return
        self._shown = (self.state.version, self.state.loudness)
        for pid, presence in self._here.items():
            if presence.greeted and presence.outlet is not None:
                presence.outlet.send(self._peers(pid))

    def _peers(self, pid: Pid) -> dict[str, Any]:
        return {"type": "peers", "peers": self.state.peers(pid), "layout": self.state.layout}

    def tell_inside(self, body: Mapping[str, Any]) -> None:
        """See takes.Everybody."""
        for person in self.state.inside:
            self.tell(person.pid, body)

    def trouble(self, code: str, text: str) -> None:
        """See takes.Everybody; and the log."""
        log.warning("room.trouble", room=self.spec.id, code=code)
        for person in self.state.inside:
            if person.role != "guest":
                self.tell(person.pid, {"type": "warn", "code": code, "text": text})

    async def _save(self) -> None:
        """What the next attempt has to know. A full disk keeps nobody out of the room."""
        facts = (sorted(self.state.admitted), sorted(self.state.kicked), self.state.layout)
        if facts == self._saved:
            return
        self._saved = facts
        kept = self.store.facts
        kept.admitted, kept.kicked, kept.layout = list(facts[0]), list(facts[1]), facts[2]
        try:
            await asyncio.to_thread(self.store.save)
        except StorageError as err:
            self.trouble(err.code, "The server's disk takes no more")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"room {self.spec.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
