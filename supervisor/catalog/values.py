"""What the catalog holds. Times are wall-clock ns, for labels; only the expiry of tokens is decided by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from core.ids import SessionId, StreamId
from core.spec import Origin, Rights, WorkerKind

Row = TypeVar("Row")
DEFAULT_WORKSPACE = "default"
Wanted = Literal["running", "paused"]
ClaimState = Literal["claimed", "starting", "running", "degraded", "draining", "done", "failed", "lost", "quarantined"]
SessionState = Literal["starting", "live", "gap", "offline", "ended", "error"]
Review = Literal["none", "approved", "rejected"]
Role = Literal["owner", "admin", "editor", "viewer"]
StepName = Literal["ingest", "transcribe", "rank", "render", "publish"]
StepState = Literal["waiting", "running", "done", "failed", "cancelled"]
JobState = Literal[
    "created", "ingesting", "analyzing", "clips_generated", "rendering", "review", "publishing",
    "completed", "failed", "cancelled",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """Something to watch. `options` are what a StreamEntry and WorkerSpec allow beside: profile, chat, layout, ..."""

    id: StreamId
    workspace: str
    name: str
    source: str
    kind: WorkerKind
    origin: Origin
    rights: Rights = "watch-only"
    wanted: Wanted = "running"
    priority: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""  # why it was paused, where that was not a user's doing
    created_ns: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One assignment of a stream to a worker. `token` grows with each; the highest of a stream is the one that counts.

    `failures` in a row belong to the stream and go from claim to claim. `beat` grows with each heartbeat, `progress`
    with each segment: their age is what a leader has seen on its own clock.
    `state`, `reason`, `code` and `ended_ns` of earlier claims are the stream's history (`Catalog.attempts`).
    """

    stream: StreamId
    token: int
    lease_token: int
    session: SessionId
    worker: str
    runtime: str
    state: ClaimState
    reason: str = ""
    code: int | None = None
    failures: int = 0
    attempt: int = 0
    node: str = ""
    version: str = ""  # of the program that the worker runs; "" before its hello
    beat: int = 0
    progress: int = 0
    health: Mapping[str, Any] = field(default_factory=dict)
    since_ns: int = 0
    ended_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session of a stream: survives its workers."""

    id: SessionId
    stream: StreamId
    workspace: str
    state: SessionState
    reason: str = ""
    started_ns: int = 0
    ended_ns: int | None = None
    media_s: float = 0.0
    summary: Mapping[str, Any] = field(default_factory=dict)


ClipState = Literal["provisional", "final", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter:
    """Which clips are meant; None: all. `title` is a part of it; clips without a score have none that is enough."""

    state: ClipState | None = None
    review: Review | None = None
    min_score: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """The newest revision of a clip; `line` is its JSON line (`clip`), files as absolute paths.

    `review` and, where `title_by` names somebody, `title` are what a person said; no line changes them.
    """

    id: str
    session: SessionId
    stream: StreamId
    workspace: str
    revision: int
    state: ClipState
    review: Review
    title: str
    score: float | None
    line: Mapping[str, Any]
    created_ns: int = 0
    title_by: str | None = None
    reviewed_revision: int | None = None  # what the newest verdict was about

    @property
    def revised_since(self) -> bool:
        """Whether it is approved as it was, and has been cut anew since."""
        return self.review == "approved" and self.reviewed_revision not in (None, self.revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """What somebody said of a revision of a clip. `id` is its event's; `actor` as in the audit."""

    id: int
    workspace: str
    session: SessionId
    clip: str
    revision: int
    verdict: Literal["approved", "rejected"]
    actor: str
    note: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSession:
    """A session that nobody works on, when that began (wall clock), and how many clips it has."""

    id: SessionId
    over_ns: int
    clips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldClip:
    """A clip that nobody approved."""

    id: str
    session: SessionId
    created_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """A recording that comes in chunks. `sha256` in hex, "" where it was not told; `touched_ns`: of the last news."""

    id: str
    workspace: str
    name: str
    bytes: int
    sha256: str = ""
    state: Literal["open", "whole"] = "open"
    created_ns: int = 0
    touched_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a job, with every try counted."""

    name: StepName
    state: StepState
    attempts: int = 0
    started_ns: int | None = None
    ended_ns: int | None = None
    progress: float = 0.0  # 0 to 1
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A recording that is clipped, a stream of kind `vod` with steps; or an order about a clip of a session, one of
    kind `render` with one step.

    Of a plain render `source` are the formats, with commas between. Any other order is `asked`: the arguments of its
    command (core/control.py) with their `kind`; its worker says when it is done (`told`: state, revision, reason).
    """

    id: str
    workspace: str
    stream: StreamId
    state: JobState
    source: str
    steps: tuple[StepRow, ...]
    cancel: bool = False
    error: str = ""
    created_ns: int = 0
    ended_ns: int | None = None
    version: int = 0  # grows with each change by a user: a leader that read an older one is told so
    clip: str | None = None  # that is rendered, trimmed, or cut
    session: SessionId | None = None  # its
    asked: Mapping[str, Any] | None = None
    told: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """Whose streams they are. `limits` are its quotas, by name."""

    id: str
    name: str
    limits: Mapping[str, Any] = field(default_factory=dict)
    created_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentRow:
    """The newest state of a moment; `line` is its JSON line (`moment`)."""

    session: SessionId
    id: str
    stream: StreamId
    workspace: str
    state: str
    line: Mapping[str, Any]
    created_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A JSON line of a journal that was delivered, or one of a supervisor (`attempt` 0, `seq` its own id). `id` grows
    over all sessions; none appears below a seen one."""

    id: int
    workspace: str
    stream: StreamId
    session: SessionId
    attempt: int
    seq: int
    kind: str
    line: Mapping[str, Any]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who did what. `actor` is a token id, `cli`, or a supervisor."""

    id: int
    workspace: str
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What a workspace used on a day (`YYYY-MM-DD`, UTC).

    `minutes` of media were captured; `bytes` is what was stored when last measured. A gap that was told of after
    midnight is taken off the new day, whose `minutes` may begin below zero.
    """

    workspace: str
    day: str
    minutes: float = 0.0
    bytes: int = 0
    clips: int = 0
    renders: int = 0
    llm_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer that a request with an `Idempotency-Key` got; `asked` is the digest of what was asked."""

    asked: str
    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A bearer token. Its secrets are kept as hashes only. `scopes` narrow its role, none: all of it.

    `used_ns` is when it was shown last, to the minute. The secret before a rotation is good until `old_until_ns`.
    """

    id: str
    workspace: str
    role: Role
    name: str = ""
    created_ns: int = 0
    expires_ns: int | None = None
    revoked: bool = False
    scopes: tuple[str, ...] = ()
    used_ns: int | None = None
    old_until_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """Somebody who signs in with a password. Names are unique in a workspace."""

    id: str
    workspace: str
    name: str
    role: Role
    created_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a token or a member, by its id. `sign_in` is the cookie they came by; None for a bearer token."""

    id: str
    workspace: str
    role: Role
    name: str = ""
    scopes: tuple[str, ...] = ()
    sign_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A part of a list, newest first, and where the next part begins."""

    rows: tuple[Row, ...]
    next: str | None
