"""Who is in a room, who may do what, and what follows from it. Pure: no clock, no sockets, no media.

    lobby ──admit──► joined ◄──► stalled      a host or producer needs nobody to admit them
      │ deny            │ kick, bye, lost
      └────────────► gone ──comes back──► joined, where they had been admitted and not kicked

`enter`, `leave`, `stall` and `act` change the state and return what has to be done about it. `version` grows with what
others should see soon, `loudness` with what can wait for half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from core.errors import ClipdError
from core.spec import MAX_PEOPLE, RoomLayout
from recorder.frames import TrackName
from recorder.room.messages import (
    TRACKS,
    Level,
    Mark,
    Message,
    Moderate,
    Mute,
    Net,
    Pid,
    Record,
    RecState,
    Role,
    SetLayout,
    UplCtl,
    UplState,
)

MAX_LOBBY: Final = 12  # who waits
MAX_KNOWN: Final = 48  # people whom the room remembers, gone ones too
HEADS: Final[frozenset[Role]] = frozenset(("host", "producer"))
PersonState = Literal["lobby", "joined", "stalled", "gone"]


class NotAllowed(ClipdError):
    """What was asked for does not go, by role or by the room's state; `code` is what users see."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Send one person something."""

    pid: Pid
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody is in: others get their media, and they others'."""

    pid: Pid


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody is out: their connections end. `reason`: bye, lost, kicked, denied."""

    pid: Pid
    reason: str


@dataclass(frozen=True, slots=True)
class Muted:
    """A track is heard, kept and forwarded no more, or again."""

    pid: Pid
    track: TrackName
    on: bool
    by: Pid


@dataclass(frozen=True, slots=True)
class Take:
    """Begin (`on`) or end a take."""

    on: bool
    by: Pid


@dataclass(frozen=True, slots=True)
class Laid:
    """Another layout."""

    layout: RoomLayout
    by: Pid


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark is set."""

    text: str
    by: Pid


Effect = Tell | Joined | Left | Muted | Take | Laid | Marked


@dataclass(slots=True, kw_only=True)
class Person:
    """One participant. `notice` is the SHA-256 of what they agreed to, `codecs` what they publish; `level`, `net`,
    `upload` and `recorders` are their page's word."""

    pid: Pid
    name: str
    role: Role
    state: PersonState = "lobby"
    notice: str | None = None
    codecs: Mapping[TrackName, str] = field(default_factory=dict)
    muted: set[TrackName] = field(default_factory=set)
    level: Mapping[str, Any] | None = None
    net: Mapping[str, float] | None = None
    upload: Mapping[str, Any] | None = None
    recorders: dict[TrackName, str] = field(default_factory=dict)

    @property
    def inside(self) -> bool:
        """Whether they take part."""
        return self.state in ("joined", "stalled")

    def shown(self) -> dict[str, Any]:
        """An entry of `peers`."""
        tracks = {
            track: {
                "on": track in self.codecs and track not in self.muted,
                "codec": self.codecs.get(track),
                "rec": self.recorders.get(track),
            }
            for track in TRACKS
        }
        return {
            "pid": self.pid,
            "name": self.name,
            "role": self.role,
            "state": self.state,
            "tracks": tracks,
            "level": self.level,
            "net": self.net,
            "upload": self.upload,
            "muted": sorted(self.muted),
        }


class RoomState:
    """One room. `admitted` and `kicked` are what an earlier worker of the room knew."""

    def __init__(
        self,
        *,
        layout: str = "grid",
        max_people: int = MAX_PEOPLE,
        admitted: Iterable[Pid] = (),
        kicked: Iterable[Pid] = (),
    ) -> None:
        self.people: dict[Pid, Person] = {}
        self.layout = layout if layout in get_args(RoomLayout) else "grid"
        self.take: str | None = None
        self.started_ms = 0.0  # of the take, room time
        self.admitted = set(admitted)
        self.kicked = set(kicked)
        self.version = 0
        self.loudness = 0
        self._max_people = max_people

    @property
    def inside(self) -> list[Person]:
        """Those who take part."""
        return [person for person in self.people.values() if person.inside]

    def peers(self, pid: Pid) -> list[dict[str, Any]]:
        """What this person may see: everybody; in the lobby, only themselves."""
        me = self.people.get(pid)
        if me is None or me.state == "lobby":
            return [] if me is None else [me.shown()]
        heads = me.role in HEADS
        return [each.shown() for each in self.people.values() if heads or each.state != "lobby"]

    # -- coming and going

    def enter(self, pid: Pid, name: str, role: Role, notice: str | None = None) -> list[Effect]:
        """Somebody has connected, for the first time or again. Raises NotAllowed."""
        if pid in self.kicked:
            raise NotAllowed("You were removed from this room", remedy="Ask the host.", code="kicked")
        person = self.people.get(pid)
        if person is None:
            person = Person(pid=pid, name=name, role=role, state="gone")
        person.name, person.role, person.notice = name, role, notice or person.notice
        if person.inside:
            self._put(person, "joined")
            return [Joined(pid)]
        if person.state != "lobby" and (role in HEADS or pid in self.admitted):
            self._room_for(person)
            return self._join(person)
        waiting = sum(each.state == "lobby" for each in self.people.values() if each is not person)
        if waiting >= MAX_LOBBY:
            raise NotAllowed("Too many people wait", remedy="Try again in a minute.", code="room_full")
        self._put(person, "lobby")
        return []

    def leave(self, pid: Pid, reason: str) -> list[Effect]:
        """Somebody has gone: bye, lost."""
        person = self.people.get(pid)
        if person is None or person.state == "gone":
            return []
        person.codecs, person.level, person.net = {}, None, None
        if person.state == "lobby":
            del self.people[pid]
            self.version += 1
        else:
            self._put(person, "gone")
        return [Left(pid, reason)]

    def stall(self, pid: Pid, stalled: bool) -> None:
        """Nothing is heard of somebody, or again."""
        person = self.people.get(pid)
        if person is not None and person.inside:
            self._put(person, "stalled" if stalled else "joined")

    def publishing(self, pid: Pid, codecs: Mapping[TrackName, str]) -> None:
        """What a person's connection carries now."""
        person = self.people.get(pid)
        if person is not None and dict(person.codecs) != dict(codecs):
            person.codecs = dict(codecs)
            self.version += 1

    def may_publish(self, pid: Pid) -> None:
        """Raises NotAllowed where nobody would see it."""
        person = self.people.get(pid)
        if person is None or not person.inside:
            raise NotAllowed(
                "You have not been let in yet", remedy="Wait for the message admitted.", code="not_admitted"
            )

    def heard(self, pid: Pid, rms: float, peak: float) -> None:
        """What the room itself hears of somebody, 0..1: more to be trusted than what their page says."""
        person = self.people.get(pid)
        if person is not None:
            person.level = {"rms": round(rms, 4), "peak": round(peak, 4), "clip": peak >= 1.0}
            self.loudness += 1

    # -- takes

    def recording(self, take: str, at_ms: float) -> None:
        """A take has begun."""
        self.take, self.started_ms = take, at_ms
        for person in self.people.values():
            person.recorders.clear()
        self.version += 1

    def stopped(self) -> None:
        """The take has ended."""
        self.take = None
        self.version += 1

    # -- what people ask for

    def act(self, pid: Pid, message: Message) -> list[Effect]:
        """Do it, as far as the state goes. Raises NotAllowed."""
        me = self.people.get(pid)
        if me is None or me.state == "gone":
            raise NotAllowed("You are not in this room", remedy="Join again.", code="not_here")
        if isinstance(message, Level | Net | UplState | RecState):
            return self._note(me, message)
        if isinstance(message, Mute):
            return self._mute(me, message)
        if me.role not in HEADS or not me.inside:
            raise NotAllowed("Only a host or producer may do this", remedy="Ask the host.", code="forbidden")
        return self._lead(me, message)

    def _lead(self, me: Person, message: Message) -> list[Effect]:
        """What heads may do."""
        if isinstance(message, Moderate):
            return self._moderate(message)
        if isinstance(message, Record):
            return self._record(me, message)
        if isinstance(message, UplCtl):
            self._known(message.pid)
            return [Tell(message.pid, {"type": "upl.ctl", "op": message.op})]
        if isinstance(message, SetLayout):
            changed, self.layout = self.layout != message.layout, message.layout
            self.version += changed
            return [Laid(message.layout, me.pid)] if changed else []
        if isinstance(message, Mark):
            if self.take is None:
                raise NotAllowed("Nothing is recorded", remedy="Start a take first.", code="not_recording")
            return [Marked(message.text, me.pid)]
        raise NotAllowed("This cannot be asked for", remedy="See docs/rooms.md.", code="unknown_type")

    def _note(self, me: Person, message: Level | Net | UplState | RecState) -> list[Effect]:
        if isinstance(message, Level):
            me.level = {"rms": message.rms, "peak": message.peak, "clip": message.clip}
            self.loudness += 1
        elif isinstance(message, Net):
            me.net = {"rtt_ms": message.rtt_ms, "loss": message.loss, "kbps": message.kbps}
            self.loudness += 1
        elif isinstance(message, UplState):
            me.upload = message.shown()
            self.loudness += 1
        else:
            return self._recorder(me, message)
        return []

    def _recorder(self, me: Person, message: RecState) -> list[Effect]:
        """A local recorder that fails is the heads' business at once: the take may be worth stopping."""
        me.recorders[message.track] = message.state
        self.version += 1
        if message.state != "failed":
            return []
        text = f"{me.name}'s own recording of the {message.track} has failed; the server's backup goes on"
        warning = {"type": "warn", "code": "local_recording_failed", "text": text}
        return [Tell(each.pid, warning) for each in self.inside if each.role in HEADS]

    def _mute(self, me: Person, message: Mute) -> list[Effect]:
        whom = me if message.pid is None else self._known(message.pid)
        if whom is not me and (me.role not in HEADS or not me.inside):
            raise NotAllowed("Only a host or producer may mute others", remedy="Ask the host.", code="forbidden")
        if whom is not me and message.on:
            raise NotAllowed("Nobody is unmuted by others", remedy="Ask them to do it.", code="forbidden")
        if (message.track not in whom.muted) == message.on:
            return []
        if message.on:
            whom.muted.discard(message.track)
        else:
            whom.muted.add(message.track)
        self.version += 1
        return [Muted(whom.pid, message.track, message.on, me.pid)]

    def _moderate(self, message: Moderate) -> list[Effect]:
        whom = self._known(message.pid)
        if message.type == "kick":
            if whom.role == "host":
                raise NotAllowed("A host is not removed", remedy="Revoke their invite.", code="forbidden")
            self.kicked.add(whom.pid)
            self.admitted.discard(whom.pid)
            return self.leave(whom.pid, "kicked")
        if whom.state != "lobby":
            return []  # it has been done already
        if message.type == "deny":
            return self.leave(whom.pid, "denied")
        self._room_for(whom)
        self.admitted.add(whom.pid)
        return [Tell(whom.pid, {"type": "admitted"}), *self._join(whom)]

    def _record(self, me: Person, message: Record) -> list[Effect]:
        on = message.type == "rec.start"
        return [] if on == (self.take is not None) else [Take(on, me.pid)]

    # -- helpers

    def _known(self, pid: Pid) -> Person:
        person = self.people.get(pid)
        if person is None or person.state == "gone":
            raise NotAllowed("This person is not here", remedy="See the list of people.", code="nobody")
        return person

    def _room_for(self, person: Person) -> None:
        if not person.inside and len(self.inside) >= self._max_people:
            raise NotAllowed(
                f"The room has its {self._max_people} people", remedy="Somebody has to leave first.", code="room_full"
            )

    def _join(self, person: Person) -> list[Effect]:
        self.admitted.add(person.pid)
        self._put(person, "joined")
        return [Joined(person.pid)]

    def _put(self, person: Person, state: PersonState) -> None:
        if person.state != state or person.pid not in self.people:
            person.state = state
            self.people[person.pid] = person
            self.version += 1
        gone = [pid for pid, each in self.people.items() if each.state == "gone"]
        for pid in gone[: max(0, len(self.people) - MAX_KNOWN)]:
            del self.people[pid]
