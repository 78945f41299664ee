"""Recording rooms: made by users, joined by guests, and the local tracks that guests bring."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from core.spec import MAX_PEOPLE, RoomLayout
from supervisor.api.models.base import Answered, Asked, Id, Name
from supervisor.api.models.uploads import Sha256
from supervisor.catalog.room_values import RoomRole, SegmentState, TakeState, Track
from supervisor.segments import MOST_PARTS

MIMES: Final = ("audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska", "audio/mp4", "video/mp4")
Notice = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Uuid = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
Ms = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]  # of the room's clock
Range = tuple[int, int]  # the first, and the one behind the last


class NewRoom(Asked):
    """POST /rooms. `notice`: what everybody accepts before they join; none: ours."""

    name: Name
    layout: RoomLayout = "grid"
    notice: Notice | None = None
    max_people: int = Field(MAX_PEOPLE, ge=1, le=MAX_PEOPLE)


class RoomChange(Asked):
    """PATCH /rooms/{id}: what is given is changed. A room that is `closed` lets nobody in, and has no worker."""

    name: Name | None = None
    layout: RoomLayout | None = None
    notice: Notice | None = None
    max_people: int | None = Field(None, ge=1, le=MAX_PEOPLE)
    state: Literal["open", "closed"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("changes nothing")
        return self


class Room(Answered):
    """A room. Its sessions and clips are those of `stream`; `worker`: the state of what keeps it, null for none;
    `reason`: why it is not there, or in difficulty."""

    id: str
    name: str
    stream: str
    state: Literal["open", "closed"]
    layout: RoomLayout
    notice: str
    max_people: int
    worker: str | None
    reason: str
    session: str | None
    created: datetime


class NewInvite(Asked):
    """POST /rooms/{id}/invites. `uses` 1: for the first browser that comes by it; null: for all who have it."""

    role: RoomRole = "guest"
    uses: Literal[1] | None = 1
    expires_s: float | None = Field(None, gt=0, le=366 * 86_400, allow_inf_nan=False)


class Invite(Answered):
    """A link into a room, without its secret. `used`: a browser has come by it."""

    id: str
    role: RoomRole
    uses: Literal[1] | None
    used: bool
    expires: datetime | None
    revoked: bool
    created: datetime


class MadeInvite(Invite):
    """With the link, this once: the secret is its fragment, which browsers send to nobody."""

    secret: str | None
    url: str | None


class NoticeText(Answered):
    """What is accepted by whoever joins."""

    text: str
    sha256: str


class Joining(Asked):
    """POST /rooms/{id}/join. `client_id` is the browser's own; `notice` the hash of the text that was shown."""

    invite: str = Field(min_length=1, max_length=200, repr=False)
    name: Name
    client_id: Uuid
    consent: bool
    notice: Sha256


class IceServer(Answered):
    """As browsers take it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class RoomLimits(Answered):
    """Of parts of uploads, and of the camera in the call."""

    chunk_bytes: int
    max_kbps: int
    max_people: int


class RoomName(Answered):
    """Which room it is."""

    id: str
    name: str


class RoomTokens(Answered):
    """A session's token, for the socket and `refresh`, and one for uploads; each with how long it is good."""

    token: str
    token_s: int
    upload_token: str
    upload_token_s: int


class Joined(RoomTokens):
    """Who one is now, and what one needs."""

    participant: str
    role: RoomRole
    room: RoomName
    ice_servers: list[IceServer]
    limits: RoomLimits


class NewSegment(Asked):
    """POST /rooms/{id}/segments: a recorder has started. `t_ms`: of its start event, on the room's clock."""

    seg: Uuid
    take: Id
    track: Track
    mime: str = Field(min_length=1, max_length=200)
    t_ms: Ms
    settings: dict[str, Any] = Field({}, max_length=64)

    @field_validator("mime")
    @classmethod
    def _known(cls, value: str) -> str:
        if value.partition(";")[0].strip().lower() not in MIMES or not value.isprintable():
            raise ValueError(f"is none of {', '.join(MIMES)}")
        return value


class SegmentUpload(Answered):
    """A part of a local track, as it is here. `have`: ranges of part numbers; `state`: open until all is sent, then
    whole, then verified or damaged; or given_up. What is `verified` need not be kept in the browser."""

    id: str
    take: str
    track: Track
    mime: str
    state: SegmentState
    reason: str
    have: list[Range]
    chunks: int | None
    bytes: int
    chunk_bytes: int


class Mine(Answered):
    """What a participant has brought, or is to bring."""

    participant: str
    room: RoomName
    segments: list[SegmentUpload]


class SegmentEnd(Asked):
    """POST /uploads/{id}/final of a segment. `chain`: h = sha256(h + sha256(part)) over all parts, from nothing."""

    chunks: int = Field(ge=1, le=MOST_PARTS)
    bytes: int = Field(ge=1, le=1 << 50)
    chain: Sha256
    t_stop_ms: Ms | None = None
    reason: str = Field("", max_length=200)


class RoomCommand(Answered):
    """Told to the room's worker; what becomes of it is in /events, as a line `take`. `take`: the one that begins."""

    command: int
    take: str | None


class Consent(Answered):
    """Which text was accepted, and when."""

    sha256: str
    text: str
    at: datetime


class TakeTrack(Answered):
    """One track of a participant. `bound_ms`: how well it is aligned, null for not yet. `files`: links by name."""

    track: Track
    state: Literal["local complete", "local incomplete", "uploading", "backup only", "none"]
    bytes: int
    verified_bytes: int
    bound_ms: float | None
    segments: list[SegmentUpload]
    files: dict[str, str]


class TakePerson(Answered):
    """Somebody of a take, with what they accepted last before its end."""

    id: str
    name: str
    role: str
    consent: Consent | None
    tracks: list[TakeTrack]


class Take(Answered):
    """A recording in a room. `conform`: whether its local tracks are aligned; waiting: they are not all here."""

    id: str
    session: str
    state: TakeState
    start_s: float
    started: datetime
    stopped: datetime | None
    people: int
    conform: Literal["waiting", "queued", "done", "failed", "nothing"]


class TakeDetail(Take):
    """With its people and their tracks."""

    participants: list[TakePerson]
    files: dict[str, str]
