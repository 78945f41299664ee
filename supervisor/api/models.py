"""What may be asked and what is answered, field by field; the API's description is made of these. No logic."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from configs.finish import Facecam, LayoutName
from core.spec import Origin, Rights, WorkerKind
from supervisor.catalog.values import ClaimState, JobState, Role, SessionState, StepName, StepState, Wanted

Item = TypeVar("Item")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), AfterValidator(_printable)]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096), AfterValidator(_printable)
]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]


class Asked(BaseModel):
    """A request's body or query: nothing but these fields, no conversions but those of JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answered(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Asked):
    """No fields."""


class Listing(Asked):
    """Query of a list: newest first; `after` is the `next` of the part before."""

    limit: int = Field(50, ge=1, le=200)
    after: Cursor | None = None


class OfStream(Listing):
    """Query of sessions."""

    stream: Id | None = None


class OfSession(OfStream):
    """Query of clips."""

    session: Id | None = None


class Following(Asked):
    """Query of GET /events. `after`: an event's id; none: only what comes from now on."""

    after: int | None = Field(None, ge=0, lt=1 << 63)


class Listed(Answered, Generic[Item]):
    """A part of a list. `next`: none, this was the last part."""

    items: list[Item]
    next: str | None = None


class HowToWatch(Asked):
    """How a source is watched: the same as in the list `streams` of the settings."""

    profile: str | None = Field(None, max_length=80, description="gaming, podcast, sports or irl.")
    chat: Address | None = Field(None, description="twitch:NAME, a URL of JSON lines, or off; none: the source's own.")
    chat_delay_s: float | None = Field(None, ge=-60, le=600, description="Seconds the chat is behind the stream.")
    layout: LayoutName | None = None
    facecam: Facecam | None = None
    brand: Address | None = Field(None, description="Folder of a brand kit on the server; owners only.")


class NewStream(HowToWatch):
    """POST /streams. `source`: a page, a URL, `door:` or `door:APP` to be pushed to; a path, for owners."""

    source: Address
    name: Name | None = Field(None, description="None: made of the source.")
    rights: Rights = "watch-only"
    priority: int = Field(0, ge=-100, le=100, description="The higher, the earlier when there is not room for all.")
    wanted: Wanted = "running"
    key: str | None = Field(
        None, max_length=256, repr=False, description="Of a pushed stream; none: a new one is made."
    )


class StreamChange(HowToWatch):
    """PATCH /streams/{id}: what is given is changed; null sets an option back."""

    name: Name | None = None
    source: Address | None = None
    rights: Rights | None = None
    priority: int | None = Field(None, ge=-100, le=100)

    @model_validator(mode="after")
    def _something(self) -> StreamChange:
        if not self.model_fields_set:
            raise ValueError("changes nothing")
        empty = [name for name in ("name", "source", "rights", "priority") if self._is_null(name)]
        if empty:
            raise ValueError(f"{empty[0]} cannot be null")
        return self

    def _is_null(self, name: str) -> bool:
        return name in self.model_fields_set and getattr(self, name) is None


class Stream(Answered):
    """A stream. `source` is without its secrets. `state`: of its newest worker; none when there was none."""

    id: str
    name: str
    source: str
    kind: WorkerKind
    origin: Origin
    rights: Rights
    wanted: Wanted
    priority: int
    options: dict[str, Any]
    created: datetime
    state: ClaimState | None = None
    reason: str = ""
    session: str | None = None


class MadeStream(Stream):
    """A stream that was just added. `key`, of a pushed one, is shown this once."""

    key: str | None = Field(None, repr=False)


class ClipNow(Asked):
    """POST /streams/{id}/clip-now: the seconds that have just been."""

    last_s: float = Field(30.0, ge=1, le=600)


class Ordered(Answered):
    """A command that waits for the stream's worker."""

    command: int


class StreamHealth(Answered):
    """What the newest worker last said; `beat` grows with each heartbeat, `progress` with each segment."""

    stream: str
    wanted: Wanted
    state: ClaimState | None
    reason: str = ""
    session: str | None = None
    attempt: int = 0
    beat: int = 0
    progress: int = 0
    health: dict[str, Any] = Field(default_factory=dict)
    live: dict[str, Any] | None = Field(
        None, description="Newest signals and provisional words, if this process has them."
    )


class Session(Answered):
    """One watch of a stream."""

    id: str
    stream: str
    state: SessionState
    reason: str
    started: datetime | None
    ended: datetime | None
    media_s: float
    summary: dict[str, Any]


class Clip(Answered):
    """A clip's newest revision; `line` is what the worker said of it, without the paths of its files."""

    id: str
    stream: str
    session: str
    revision: int
    state: Literal["provisional", "final", "withdrawn"]
    review: Literal["none", "approved", "rejected"]
    title: str
    score: float | None
    created: datetime
    line: dict[str, Any]


FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class NewRender(Asked):
    """POST /clips/{id}/render: names as in the setting `clips.formats`; files that are there are not made again."""

    formats: list[FormatName] = Field(min_length=1, max_length=4)


class NewJob(HowToWatch):
    """POST /jobs: a recording to be clipped."""

    source_url: Address
    name: Name | None = None
    rights: Rights = "watch-only"
    priority: int = Field(0, ge=-100, le=100)


class Step(Answered):
    """A step of a job. `progress` is 0 to 1."""

    name: StepName
    state: StepState
    attempts: int
    started: datetime | None
    ended: datetime | None
    progress: float
    error: str


class Job(Answered):
    """A recording that is clipped, or was; or a clip that is rendered in more formats: then `source` is empty."""

    id: str
    stream: str
    source: str
    clip: str | None
    formats: list[str]
    state: JobState
    cancel: bool
    error: str
    created: datetime
    ended: datetime | None
    steps: list[Step]


class Revision(Answered):
    """Something that was finished under a clip's id; two attempts may have made one each."""

    revision: int
    state: Literal["provisional", "final", "withdrawn"]
    created: datetime
    line: dict[str, Any]


class ClipHistory(Clip):
    """A clip with its revisions, the first first, and its renders, the newest first, 20 of each at most."""

    revisions: list[Revision]
    renders: list[Job]


class NewToken(Asked):
    """POST /tokens. A token makes others of its own role at most."""

    role: Role
    name: Name = "token"
    expires_in_s: float | None = Field(None, ge=60, le=366 * 86_400)


class Token(Answered):
    """A bearer token, without its secret."""

    id: str
    role: Role
    name: str
    created: datetime
    expires: datetime | None
    revoked: bool


class MadeToken(Token):
    """A token that was just made. `secret` is shown this once: null when the same request is asked again."""

    secret: str | None = Field(repr=False)


class Audited(Answered):
    """Who did what, when. `actor` is a token's id, or who else it was."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


class Used(Answered):
    """What was used on a day, UTC. `stored_bytes`: when last measured that day."""

    day: str
    minutes: float
    stored_bytes: int
    clips: int
    renders: int
    llm_usd: float


class Alive(Answered):
    """GET /healthz: the process runs."""

    status: Literal["ok"] = "ok"


class Ready(Answered):
    """GET /readyz: requests are answered from the catalog. `lease`: held, elsewhere, or nobody's yet."""

    status: Literal["ready"] = "ready"
    lease: Literal["held", "elsewhere"]


class Door(Answered):
    """POST /internal/v1/keys: the socket of the worker that waits for this publisher."""

    socket: str


class Kept(Answered):
    """POST /internal/v1/live: whether it was not too soon after the one before."""

    kept: bool


class Polling(Asked):
    """Query of GET /internal/v1/commands."""

    after: int = Field(0, ge=0, lt=1 << 63)
    wait_s: float = Field(20.0, ge=0, le=25)


class KeyAsked(Asked):
    """POST /internal/v1/keys: what a publisher asked a door for."""

    app: str = Field(min_length=1, max_length=512)
    key: str = Field(min_length=1, max_length=512, repr=False)
    peer: str = Field("", max_length=512)
