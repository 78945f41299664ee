"""The HTTP application: every request passes here, and every answer leaves in one shape (DESIGN.md section 6)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from configs import Settings
from core.control import MAX_BODY
from core.protocols import Clock
from core.times import to_s
from supervisor.api.board import LiveBoard
from supervisor.api.call import (
    Call,
    Done,
    Endpoint,
    ForAll,
    ForUsers,
    ForWorkers,
    Health,
    Replays,
    Services,
    UserCall,
    WorkerCall,
)  # fmt: skip
from supervisor.api.errors import ApiError, as_api_error, error_body
from supervisor.api.feed import Feed
from supervisor.api.gate import Gate
from supervisor.api.limits import Ages
from supervisor.api.once import REPLAYED, once, payload
from supervisor.api.openapi import document
from supervisor.api.passwords import Passwords
from supervisor.api.prefix import INTERNAL
from supervisor.api.pushkeys import PushKeys
from supervisor.api.reading import read_body, read_json, read_query
from supervisor.api.roomkeys import RoomKeys, is_upload_token
from supervisor.api.scopes import needed
from supervisor.api.signing import Signers
from supervisor.api.table import TABLE
from supervisor.api.underway import Followers, Underway
from supervisor.api.wakes import Wakes
from supervisor.catalog import Catalog
from supervisor.llm import Gateway
from supervisor.sessions_reader import SessionReader
from telemetry.metrics import LlmMetrics

SERVICES: Final = web.AppKey("services", Services)
_TRACE: Final = web.RequestKey("trace_id", str)
_ACTOR: Final = web.RequestKey("actor", str)
_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger()


def make_app(
    catalog: Catalog,
    *,
    settings: Settings,
    clock: Clock,
    health: Callable[[], Health],
    formats: Collection[str],
    sessions: SessionReader,
    replays: Replays,
    registry: CollectorRegistry | None = None,
) -> web.Application:
    """Everything this process serves. `health`: what it knows of the lease; `formats`: those that clips can be rendered
    in; `sessions`: reads journals; `replays`: tells what another profile would have clipped; `registry`: its own
    figures.

    The catalog stays the caller's to close. There is no CORS: no page of a stranger may read answers.
    """
    passwords = Passwords()
    registry = registry or CollectorRegistry()
    gateway = Gateway(
        settings.llm, allow=settings.net.allow, catalog=catalog, clock=clock, metrics=LlmMetrics(registry)
    )
    wakes, draining, room_keys = Wakes(), asyncio.Event(), RoomKeys(catalog, clock)
    services = Services(
        catalog=catalog,
        settings=settings,
        clock=clock,
        health=health,
        registry=registry,
        gate=Gate(catalog, settings.api, clock, passwords, room_keys),
        keys=PushKeys(catalog, clock),
        board=LiveBoard(clock),
        wakes=wakes,
        ages=Ages(),
        followers=Followers(),
        feed=Feed(catalog, clock, wakes, draining),
        underway=Underway(),
        formats=formats,
        passwords=passwords,
        document=partial(document, TABLE),
        sessions=sessions,
        signers=Signers(catalog, clock),
        room_keys=room_keys,
        llm=gateway,
        draining=draining,
        replays=replays,
    )
    app = web.Application(client_max_size=MAX_BODY + 1, middlewares=[_shaped(services)])  # aiohttp refuses at the size
    app[SERVICES] = services
    for endpoint in TABLE:
        app.router.add_route(endpoint.method, endpoint.path, _handler(endpoint, services))
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_drain)
    app.on_cleanup.append(lambda _: gateway.close())
    return app


def begin_drain(app: web.Application) -> None:
    """End long polls and event streams, and say so on /readyz; other requests are still answered."""
    app[SERVICES].draining.set()


async def _drain(app: web.Application) -> None:
    begin_drain(app)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Trace-Id"] = request.get(_TRACE, "")
    response.headers.pop("Server", None)


def _shaped(services: Services) -> Any:
    @web.middleware
    async def shaped(request: web.Request, handler: Handler) -> web.StreamResponse:
        """The boundary: whatever is raised below becomes an answer in our shape, and a line in the access log."""
        trace_id = request[_TRACE] = secrets.token_hex(8)
        began_ns = services.clock.boottime_ns()
        code = ""
        try:
            services.gate.check_host(request)
            if not request.path.startswith(INTERNAL):
                services.gate.charge_address(request)
            response = await handler(request)
        except ConnectionError:  # who asked has gone: players end what they asked for when somebody seeks
            response = web.Response(status=499)
        except Exception as err:
            error = as_api_error(err)
            if error is None:
                log.exception("api.failed", trace_id=trace_id, route=_route(request))
                error = ApiError(500, "internal", "Something went wrong here; the log has it under this trace id.")
            code = error.code
            response = web.json_response(error_body(error, trace_id), status=error.status, headers=error.headers)
        took_s = to_s(services.clock.boottime_ns() - began_ns)
        _say(request, response.status, code, took_s)
        return response

    return shaped


def _say(request: web.Request, status: int, code: str, took_s: float) -> None:
    """The access log: the route's pattern, never the path, query or headers, which may hold what is secret. What a
    worker says every second is no news."""
    usual = status < 400 and request.path.startswith(INTERNAL)
    (log.debug if usual else log.info)(
        "api.answered",
        method=request.method[:10],
        route=_route(request),
        status=status,
        code=code,
        took_ms=round(took_s * 1000, 1),
        actor=request.get(_ACTOR, ""),
        peer=request.remote or "",
        trace_id=request.get(_TRACE, ""),
    )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _handler(endpoint: Endpoint, services: Services) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if isinstance(endpoint, ForUsers):
            return await _for_user(endpoint, services, request)
        if isinstance(endpoint, ForWorkers):
            return await _for_worker(endpoint, services, request)
        assert isinstance(endpoint, ForAll)
        return await _for_all(endpoint, services, request)

    return answer


async def _for_all(endpoint: ForAll, services: Services, request: web.Request) -> web.StreamResponse:
    query = read_query(endpoint.query, request)
    _, body = await _body(endpoint, request)
    call = Call(services=services, request=request, path=request.match_info, query=query, body=body)
    return _response(await endpoint.does(call))


async def _for_user(endpoint: ForUsers, services: Services, request: web.Request) -> web.StreamResponse:
    if endpoint.guest is not None and is_upload_token(request.headers.get("Authorization", "")):
        return await _for_all(endpoint.guest, services, request)
    who = await services.gate.user(request, endpoint.role, needed(endpoint.method, endpoint.path))
    request[_ACTOR] = who.id
    query = read_query(endpoint.query, request)
    raw, body = await _body(endpoint, request)
    call = UserCall(services=services, request=request, path=request.match_info, query=query, body=body, who=who)
    if endpoint.method != "POST":
        return _response(await _done(endpoint, call))

    headers: dict[str, str] = {}

    async def does() -> Done:
        done = await _done(endpoint, call)
        assert isinstance(done, Done)
        headers.update(done.headers)
        return done

    status, answer, replayed = await once(call, raw, does)
    return _json(status, answer, {**headers, REPLAYED: "true"} if replayed else headers)


async def _done(endpoint: ForUsers, call: UserCall) -> Done | web.StreamResponse:
    """What the handler does, and the audit of it."""
    done = await endpoint.does(call)
    if endpoint.action and isinstance(done, Done):
        await call.services.catalog.audit(call.workspace, call.who.id, endpoint.action, done.target, done.detail)
    return done


async def _for_worker(endpoint: ForWorkers, services: Services, request: web.Request) -> web.StreamResponse:
    claim, token_key = await services.gate.worker(request, renewal=endpoint.renewal)
    request[_ACTOR] = f"{claim.stream}:{claim.token}"
    query = read_query(endpoint.query, request)
    _, body = await _body(endpoint, request, lenient=True)
    call = WorkerCall(
        services=services,
        request=request,
        path=request.match_info,
        query=query,
        body=body,
        claim=claim,
        token_key=token_key,
    )
    return _response(await endpoint.does(call))


async def _body(endpoint: Endpoint, request: web.Request, *, lenient: bool = False) -> tuple[bytes, Any]:
    """The bytes and their value; no body at all is an object without fields."""
    if endpoint.body is None:
        return b"", None
    raw, found = await read_json(request, lenient=lenient) if request.can_read_body else (b"", {})
    return raw, read_body(endpoint.body, found)


def _response(done: Done | web.StreamResponse) -> web.StreamResponse:
    return _json(done.status, payload(done), done.headers) if isinstance(done, Done) else done


def _json(status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> web.Response:
    if body is None:
        return web.Response(status=status, headers=headers)
    return web.json_response(body, status=status, headers=headers)
