"""What people's pages tell the room, as values. `protocol` reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NewType, get_args

from core.spec import RoomLayout
from recorder.frames import TrackName

Pid = NewType("Pid", str)  # a participant, as the supervisor named it
Role = Literal["host", "guest", "producer"]
TRACKS: Final[tuple[TrackName, ...]] = get_args(TrackName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The page is here, new or again: all connections to others are offered to it anew. `resume`: segments that it
    still has to upload."""

    id: str
    client_id: str
    mimes: tuple[str, ...] = ()
    persisted: bool = False
    quota_mb: float = 0.0
    resume: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """SDP of the connection that publishes; `gen` grows with each new one."""

    id: str
    gen: int
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """SDP that answers a connection on which the room forwards somebody."""

    id: str
    pair: str
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clk:
    """What is the room's time?"""

    id: str
    t0: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecState:
    """A local recorder began, ended or failed."""

    id: str
    take: str
    seg: str
    track: TrackName
    state: Literal["started", "stopped", "failed"]
    mime: str = ""
    t_ms: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UplState:
    """How far the upload of this person's local tracks is; bytes."""

    id: str
    made: float
    sent: float
    verified: float
    bytes_left: float
    bps: float
    segs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """For the others."""
        names = ("made", "sent", "verified", "bytes_left", "bps")
        return {name: getattr(self, name) for name in names} | {"segments": len(self.segs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Of the person's own microphone, 0..1."""

    id: str
    peak: float
    rms: float
    clip: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """How the person's connection is."""

    id: str
    rtt_ms: float
    loss: float
    kbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """`on` False mutes a track. Of others, hosts and producers may mute, and nobody unmutes."""

    id: str
    track: TrackName
    on: bool
    pid: Pid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The person leaves."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderate:
    """What a host or producer does about a person."""

    id: str
    type: Literal["admit", "deny", "kick"]
    pid: Pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Begin or end a take."""

    id: str
    type: Literal["rec.start", "rec.stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLayout:
    """How the room's clips are composed from now on."""

    id: str
    layout: RoomLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class UplCtl:
    """Pause or resume one person's upload."""

    id: str
    pid: Pid
    op: Literal["pause", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something worth finding again happens now."""

    id: str
    text: str


Message = (
    Hello | Offer | Answer | Clk | RecState | UplState | Level | Net | Mute | Bye | Moderate | Record | SetLayout
    | UplCtl | Mark
)  # fmt: skip
