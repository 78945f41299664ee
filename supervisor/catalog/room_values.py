"""What the catalog holds of recording rooms. Times are wall-clock ns, `_ms` are milliseconds of the room's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from core.ids import SessionId, StreamId

RoomRole = Literal["host", "guest", "producer"]
Track = Literal["mic", "cam", "screen"]
TakeState = Literal["recording", "stopped"]
SegmentState = Literal["open", "whole", "verified", "damaged", "given_up"]
SETTLED: Final = frozenset({"verified", "damaged", "given_up"})
NOTHING: Final = "none"  # in place of a job: nobody brought anything that could be aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRow:
    """A recording room. It is open while its stream is wanted; `notice` is what everybody accepts to be recorded."""

    id: str
    workspace: str
    stream: StreamId
    name: str
    layout: str
    notice: str
    max_people: int
    created_ns: int = 0


def options_of(room: RoomRow) -> dict[str, Any]:
    """What its stream's options say of it, for its worker's orders."""
    return {"room": room.id, "room_layout": room.layout, "room_people": room.max_people}


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRow:
    """A link into a room, whose secret is kept as a hash. `uses` 1: for the first browser (`client`); None: for all."""

    id: str
    room: str
    workspace: str
    role: RoomRole
    uses: int | None = None
    client: str | None = None
    expires_ns: int | None = None
    revoked: bool = False
    created_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody who joined: a browser (`client`) with an invite. `notice` is the hash of what was accepted last."""

    id: str
    room: str
    workspace: str
    invite: str
    client: str
    name: str
    role: RoomRole
    notice: str
    created_ns: int = 0
    seen_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """Who accepted which text, and when."""

    person: str
    sha256: str
    text: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRow:
    """A recording in a room. `people`: {pid: {name, role}}. `conform`: the job that aligns its local tracks, or
    NOTHING; "": none yet."""

    id: str
    room: str
    workspace: str
    session: SessionId
    state: TakeState
    start_s: float = 0.0
    people: Mapping[str, Any] = field(default_factory=dict)
    conform: str = ""
    started_ns: int = 0
    stopped_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One run of a browser's recorder: a part of somebody's local track. `chunks`, `bytes` and `chain` are its
    recorder's word, once it said that all is sent; before, `bytes` is what has come. `report` is what the check found.
    """

    id: str
    room: str
    workspace: str
    take: str
    person: str
    track: Track
    mime: str
    t_ms: float
    t_stop_ms: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: SegmentState = "open"
    reason: str = ""
    chunks: int | None = None
    bytes: int = 0
    sha256: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    created_ns: int = 0
    touched_ns: int = 0
