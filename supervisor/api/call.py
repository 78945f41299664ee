"""What handlers are given and what they give back. Next to no code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from configs import Settings
from core.ids import SessionId
from core.protocols import Clock
from supervisor.api.board import LiveBoard
from supervisor.api.feed import Feed
from supervisor.api.gate import Gate
from supervisor.api.limits import Ages
from supervisor.api.models import Nothing
from supervisor.api.passwords import Passwords
from supervisor.api.pushkeys import PushKeys
from supervisor.api.roomkeys import RoomKeys
from supervisor.api.signing import Signers
from supervisor.api.underway import Followers, Underway
from supervisor.api.wakes import Wakes
from supervisor.catalog import Catalog
from supervisor.catalog.values import Caller, ClaimRow, Role
from supervisor.llm import Gateway
from supervisor.sessions_reader import SessionReader

LOOKS: Final = 4  # into journals at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What this process knows of the lease: it holds it, another one does, or it cannot tell yet."""

    lease: Literal["held", "elsewhere", "unknown"]


class Replays(Protocol):
    """Detection again over a session's signal log, under a shipped profile."""

    async def __call__(self, profile: str, session: SessionId, limit_ns: int) -> Mapping[str, Any]:
        """As `clipd replay --json` says it: same, gained, lost, moved, media_s; or {"error": code}. Takes so long at
        most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all handlers share. `draining` is set when the server begins to end: waits end with it. `formats` are the
    names of those that clips can be rendered in; `document` describes all this to programs (OpenAPI); `sessions` reads
    their journals, `looks` at a time; `replaying` is held by the one request that may use `replays`."""

    catalog: Catalog
    settings: Settings
    clock: Clock
    health: Callable[[], Health]
    registry: CollectorRegistry
    gate: Gate
    keys: PushKeys
    board: LiveBoard
    wakes: Wakes
    ages: Ages
    followers: Followers
    feed: Feed
    underway: Underway
    formats: Collection[str]
    passwords: Passwords
    document: Callable[[], bytes]
    sessions: SessionReader
    signers: Signers
    room_keys: RoomKeys
    draining: asyncio.Event
    looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS))
    llm: Gateway
    replays: Replays
    replaying: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that passed the gate. `query` and `body` are values of the endpoint's models."""

    services: Services
    request: web.Request
    path: Mapping[str, str]
    query: Any = field(default=None, repr=False)
    body: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCall(Call):
    """By a person or a program with a bearer token or the page's cookie; what it may see is its `who.workspace`."""

    who: Caller

    @property
    def workspace(self) -> str:
        """Whose rows are meant."""
        return self.who.workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCall(Call):
    """By a worker: the claim is that of its token, whatever its body says. `token_key` is the token's digest."""

    claim: ClaimRow
    token_key: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a handler did. `target` and `detail` go into the audit; `secrets` are fields that are shown once; `headers`
    go along with the first answer, not with that to a repeated request."""

    body: BaseModel | Mapping[str, Any] | None = None
    status: int = 200
    target: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


UserDoes = Callable[[UserCall], Awaitable["Done | web.StreamResponse"]]
WorkerDoes = Callable[[WorkerCall], Awaitable["Done | web.StreamResponse"]]
OpenDoes = Callable[[Call], Awaitable["Done | web.StreamResponse"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table: where, what for, with what bodies.

    `answer` None: no body, or none that is JSON, and then `media` is its type. `status` of success None: 200, or 204
    where there is no body. `takes`: types of a request's body that the handler reads by itself.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    path: str
    summary: str
    query: type[BaseModel] = Nothing
    body: type[Any] | None = None
    answer: Any = None
    status: int | None = None
    media: str = ""
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForUsers(Endpoint):
    """Needs a bearer token, or the page's cookie, of this role or a higher one. `action` is its name in the audit; ""
    for what only reads. `guest` is the same for who brings the upload token of a room's participant.
    """

    does: UserDoes
    role: Role
    action: str = ""
    guest: ForAll | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForWorkers(Endpoint):
    """Needs a worker's token; `renewal`: its renewal secret."""

    does: WorkerDoes
    renewal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForAll(Endpoint):
    """Needs no token."""

    does: OpenDoes
