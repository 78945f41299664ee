"""Who may pass: the name it was called by, how often, and with which token or cookie.

Addresses in the Host header always pass: a page of a stranger can make a browser ask for its own *name*, resolved to
our address, never for an address. Wrong tokens count against their address; once there were too many, only tokens that
were right before are looked at, so that one broken script on a machine does not lock out everybody on it. Passwords
count against their address and their name, before they are looked at; one that is right is not counted.
"""

from __future__ import annotations

import hashlib
import math
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from configs.api import ApiOptions
from core.protocols import Clock
from supervisor.api.cookies import COOKIE, CSRF, SAFE, has_csrf, is_same_origin
from supervisor.api.errors import ApiError
from supervisor.api.limits import Ages, Buckets, address_key
from supervisor.api.passwords import Passwords
from supervisor.api.roles import rank
from supervisor.api.roomkeys import Kind, RoomKeys
from supervisor.api.scopes import covers
from supervisor.catalog import Catalog, NotFound
from supervisor.catalog.room_values import PersonRow
from supervisor.catalog.values import Caller, ClaimRow, MemberRow, Role, TokenRow

MAX_TOKEN: Final = 256  # characters
ADDRESS_TIMES: Final = 10  # an address may ask this many times as often as a token
WORKER_PER_MINUTE: Final = 1200  # heartbeats 30, events and polls the rest; a batch holds 256 rows
GUEST_PER_MINUTE: Final = 1200  # of a participant: three tracks with a part a second each, and what waited
JOINS_PER_MINUTE: Final = 30  # of an address, where a whole office may sit
_BEARER: Final = "bearer "
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class Gate:
    """One for each process."""

    def __init__(
        self, catalog: Catalog, options: ApiOptions, clock: Clock, passwords: Passwords, room_keys: RoomKeys
    ) -> None:
        self._catalog, self._clock, self._public_url = catalog, clock, options.public_url
        self._room_keys = room_keys
        self._passwords = passwords
        self._hosts = {"localhost", options.host.lower(), *options.allowed_hosts}
        per_minute = options.requests_per_minute
        self._addresses = Buckets(per_minute=per_minute * ADDRESS_TIMES, burst=per_minute * 2)
        self._tokens = Buckets(per_minute=per_minute, burst=max(10.0, per_minute / 5))
        self._workers = Buckets(per_minute=WORKER_PER_MINUTE, burst=WORKER_PER_MINUTE / 10)
        self._failures = Buckets(per_minute=options.sign_in_failures, burst=options.sign_in_failures)
        self._guests = Buckets(per_minute=GUEST_PER_MINUTE, burst=GUEST_PER_MINUTE / 4)
        self._joins = Buckets(per_minute=JOINS_PER_MINUTE, burst=JOINS_PER_MINUTE)
        self._worker_failures = Buckets(per_minute=WORKER_PER_MINUTE, burst=WORKER_PER_MINUTE)
        self._right = Ages()

    def check_host(self, request: web.Request) -> None:
        """Raises ApiError for a name that is not ours."""
        name = _host_name(request.headers.get("Host", ""))
        if name not in self._hosts and not _is_address(name):
            raise ApiError(
                421, "host_refused", "This server has no such name. Add it to the setting api.allowed_hosts if it has."
            )

    def charge_address(self, request: web.Request) -> None:
        """Raises ApiError when an address asks too often."""
        _wait(self._addresses.take(address_key(request.remote), self._clock.boottime_ns()))

    async def user(self, request: web.Request, role: Role, scope: str | None = None) -> Caller:
        """Whose token or cookie it is, with this role and scope at least. Raises ApiError."""
        who = await self._caller(request)
        _wait(self._tokens.take(who.id, self._clock.boottime_ns()))
        if rank(who.role) < rank(role):
            raise ApiError(403, "forbidden", f"This needs the role {role}; who asks has the role {who.role}.")
        if not covers(who.scopes, scope):
            raise ApiError(403, "scope", f"This needs a token with the scope {scope}; this one is narrowed to others.")
        return who

    async def is_known(self, request: web.Request) -> bool:
        """Whether the token or cookie of a request that goes on and on still is one."""
        try:
            await self._caller(request)
        except ApiError:
            return False
        return True

    async def token(self, request: web.Request, text: str) -> TokenRow:
        """The token of a text. Raises ApiError."""
        key = self._looked_at(request, text, self._failures)
        row = await self._catalog.check_token(text)
        self._settle(request, key, self._failures, is_right=row is not None)
        if row is None:
            raise _unauthorized()
        return row

    async def member(self, request: web.Request, workspace: str, name: str, password: str) -> MemberRow:
        """Whose name and password they are: a wrong one is told like an unknown one, after as long. Raises ApiError.

        An address that knew a name's password before is not held up by what others try on that name.
        """
        now_ns, address, named = self._clock.boottime_ns(), address_key(request.remote), f"{workspace}/{name}"
        known = f"{named} {address}"
        keys = (address,) if self._right.get(known) is not None else (address, named)
        _wait(max(self._failures.wait_s(key, now_ns) for key in keys))
        for key in keys:
            self._failures.take(key, now_ns)
        found = await self._catalog.password_of(workspace, name)
        if not await self._passwords.is_right(password, None if found is None else found[1]) or found is None:
            raise ApiError(401, "sign_in_refused", "The name or the password is wrong.", headers=_CHALLENGE)
        for key in keys:
            self._failures.give_back(key)
        self._right.put(known, now_ns)
        return found[0]

    def check_origin(self, request: web.Request, *, is_said: bool) -> None:
        """Raises ApiError when a stranger's page asks; `is_said`: also where no browser says whose page it is."""
        ours = is_same_origin(request, self._public_url)
        if ours is False or (ours is None and is_said):
            raise ApiError(403, "csrf", "This is for the page of this server. Programs use a bearer token.")

    async def _caller(self, request: web.Request) -> Caller:
        text = request.cookies.get(COOKIE)
        if text is None or "Authorization" in request.headers:
            row = await self.token(request, _bearer(request))
            return Caller(id=row.id, workspace=row.workspace, role=row.role, name=row.name, scopes=row.scopes)
        who = await self._catalog.check_sign_in(text)
        if who is None:
            raise ApiError(401, "unauthorized", "You are signed out. Sign in again.", headers=_CHALLENGE)
        if request.method not in SAFE:
            self.check_origin(request, is_said=True)
            if not has_csrf(request, text):
                raise ApiError(403, "csrf", f"With the cookie this needs the header {CSRF}: `csrf` of GET /me.")
        return who

    async def worker(self, request: web.Request, *, renewal: bool) -> tuple[ClaimRow, str]:
        """The claim of a worker's token, or of its renewal secret, and the token's digest. Raises ApiError.

        Its failures are counted apart, and many are let pass: after an outage every worker of a machine comes back
        with a token that has expired, all from one address, and is told so before it renews.
        """
        text = _bearer(request)
        key = self._looked_at(request, text, self._worker_failures)
        claim = await (self._catalog.renew(text) if renewal else self._catalog.worker_token(text))
        self._settle(request, key, self._worker_failures, is_right=claim is not None)
        if claim is None:
            raise _unauthorized()
        _wait(self._workers.take(f"{claim.stream}:{claim.token}", self._clock.boottime_ns()))
        return claim, key

    def charge_join(self, request: web.Request) -> None:
        """Raises ApiError when an address tries too many links."""
        _wait(self._joins.take(address_key(request.remote), self._clock.boottime_ns()))

    async def guest(self, request: web.Request, kind: Kind, room: str | None = None) -> PersonRow:
        """Whose session's token (`cg`) or upload token (`cu`) it is; `room`: which it has to be of. Raises ApiError."""
        return await self.guest_of(request, _bearer(request), kind, room)

    async def guest_of(self, request: web.Request, text: str, kind: Kind, room: str | None) -> PersonRow:
        """The same of a text that came another way. Who was let in and is not any more may still bring what they have
        recorded, and nothing else."""
        _wait(self._failures.wait_s(address_key(request.remote), self._clock.boottime_ns()))
        found = await self._room_keys.read(kind, text)
        if found is None:
            self._failures.take(address_key(request.remote), self._clock.boottime_ns())
            raise _unauthorized()
        _wait(self._guests.take(found.person, self._clock.boottime_ns()))
        if found.is_over:
            raise ApiError(401, "token_over", "This token has expired. Join the room again.", headers=_CHALLENGE)
        if room is not None and found.room != room:
            raise ApiError(404, "not_found", "There is no such room for this token.")
        try:
            person, may_enter = await self._catalog.person(found.room, found.person)
        except NotFound as err:
            raise ApiError(404, "not_found", "This room or participant has been deleted.") from err
        if kind == "cg" and not may_enter:
            raise ApiError(403, "invite_revoked", "The link was revoked. Ask for a new one.")
        return person

    def _looked_at(self, request: web.Request, text: str, failures: Buckets) -> str:
        """The key of a text that is looked at. Raises ApiError for one that is none, or after too many wrong ones."""
        key = token_key(text)
        if self._right.get(key) is None:
            _wait(failures.wait_s(address_key(request.remote), self._clock.boottime_ns()))
        if len(text) > MAX_TOKEN or not text.isascii():
            self._settle(request, key, failures, is_right=False)
            raise _unauthorized()
        return key

    def _settle(self, request: web.Request, key: str, failures: Buckets, *, is_right: bool) -> None:
        if is_right:
            self._right.put(key, self._clock.boottime_ns())
        else:
            self._right.discard(key)
            failures.take(address_key(request.remote), self._clock.boottime_ns())


def _bearer(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    text = header[len(_BEARER) :].strip()
    if header[: len(_BEARER)].lower() != _BEARER or not text:
        raise _unauthorized()
    return text


def token_key(text: str) -> str:
    """What stands for a token in memory."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def is_loopback(request: web.Request) -> bool:
    """Whether the request comes from this machine, or from a proxy on it."""
    try:
        return ip_address((request.remote or "").partition("%")[0]).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _wait(wait_s: float) -> None:
    if wait_s > 0:
        seconds = max(1, math.ceil(wait_s))
        raise ApiError(429, "too_many", f"Too many requests. Wait {seconds} s.", headers={"Retry-After": str(seconds)})


def _unauthorized() -> ApiError:
    return ApiError(
        401,
        "unauthorized",
        "This needs a bearer token that is known and has neither expired nor been revoked.",
        headers=_CHALLENGE,
    )
