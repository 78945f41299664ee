"""`/internal/v1`: what workers and doors say and ask (core/control.py). A worker speaks for its token's claim only.

Superseded attempts may still deliver: their finished clips are taken, their state is refused by the catalog.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.control import EventBatch, Heartbeat, Hello, Live, Pulse, Welcome
from core.times import NS_PER_S, ns
from supervisor.api.call import Done, WorkerCall
from supervisor.api.errors import ApiError
from supervisor.api.feed import EVENTS
from supervisor.api.gate import token_key
from supervisor.api.models import Door, Kept, KeyAsked, Polling
from supervisor.api.usage import may_render
from supervisor.catalog import Superseded
from supervisor.catalog.tokens import TOKEN_S

LOOK_AGAIN_NS: Final = NS_PER_S  # a command that came to another process is found this late
DOOR_SOCKET: Final = "door.sock"  # in the session's folder


async def hello(call: WorkerCall) -> Done:
    """POST hello."""
    body: Hello = call.body
    _check(call, body.session, body.claim_token)
    if body.stream != call.claim.stream:
        raise _foreign()
    try:
        await call.services.catalog.hello(body)
    except Superseded:
        return await _welcome(call, deliver_only=True)
    return await _welcome(call, deliver_only=False)


async def renew(call: WorkerCall) -> Done:
    """POST renew: a new token for the renewal secret, after a long outage."""
    newest = (await call.services.catalog.newest_claims([call.claim.stream])).get(call.claim.stream)
    return await _welcome(call, deliver_only=newest is None or newest.token > call.claim.token)


async def heartbeat(call: WorkerCall) -> Done:
    """POST heartbeat: `claimed` is the proof that the attempt may go on publishing."""
    body: Heartbeat = call.body
    _check(call, body.session, body.claim_token)
    services, claim = call.services, call.claim
    if not await services.catalog.beat(body):
        return Done(Pulse(claimed=False).to_json())
    waiting = await services.catalog.waiting_commands(claim.stream, claim.token)
    renders = await may_render(services, claim)
    given_ns = services.ages.get(call.token_key)
    if given_ns is not None and services.clock.boottime_ns() - given_ns < ns(TOKEN_S / 2):
        return Done(Pulse(claimed=True, commands=waiting, renders=renders).to_json())
    token = await _token(call)  # half spent, or given by another process: then its age is not known
    return Done(Pulse(claimed=True, token=token, token_s=TOKEN_S, commands=waiting, renders=renders).to_json())


async def events(call: WorkerCall) -> Done:
    """POST events."""
    body: EventBatch = call.body
    _check(call, body.session, body.claim_token)
    acked = await call.services.catalog.store_events(body)
    call.services.wakes.wake(EVENTS)
    return Done(acked.to_json())


async def live(call: WorkerCall) -> Done:
    """POST live."""
    body: Live = call.body
    _check(call, body.session, body.claim_token)
    return Done(Kept(kept=call.services.board.put(call.claim.stream, body)))


async def commands(call: WorkerCall) -> Done:
    """GET commands: a long poll, one for each claim: a second one ends the first. A drain ends all of them."""
    query: Polling = call.query
    services, claim = call.services, call.claim
    until_ns = services.clock.boottime_ns() + ns(query.wait_s)
    turn = services.wakes.begin(claim.stream)
    try:
        while True:
            found = await services.catalog.commands(claim.stream, claim.token, query.after)
            left_ns = until_ns - services.clock.boottime_ns()
            is_over = left_ns <= 0 or services.draining.is_set() or not services.wakes.is_turn(claim.stream, turn)
            if found or is_over:
                return Done({"commands": [command.to_json() for command in found]})
            await services.wakes.wait(
                claim.stream,
                clock=services.clock,
                duration_ns=min(left_ns, LOOK_AGAIN_NS),
                draining=services.draining,
            )
    finally:
        services.wakes.end(claim.stream, turn)


async def keys(call: WorkerCall) -> Done:
    """POST keys: a door asks where a publisher belongs. Only doors may: others have no business with sockets."""
    body: KeyAsked = call.body
    services = call.services
    door = await services.catalog.stream(None, call.claim.stream)
    if door.kind != "door":
        raise ApiError(403, "no_door", "Only doors may ask for keys.")
    row = await services.keys.stream_of(body.app, body.key)
    claim = None if row is None else (await services.catalog.newest_claims([row.id])).get(row.id)
    if claim is None or claim.ended_ns is not None:
        raise ApiError(404, "bad_key", "No stream that is being recorded has this key.")
    folder = Path(services.settings.data_dir).expanduser().absolute() / "sessions" / claim.session
    return Done(Door(socket=str(folder / DOOR_SOCKET)))


async def llm(_call: WorkerCall) -> Done:
    """POST llm: no gateway is configured in this version."""
    raise ApiError(501, "not_implemented", "This server has no gateway to language models.")


async def _welcome(call: WorkerCall, *, deliver_only: bool) -> Done:
    acked = await call.services.catalog.acked(call.claim.session)
    token = await _token(call)
    return Done(Welcome(token=token, token_s=TOKEN_S, acked=acked, deliver_only=deliver_only).to_json())


async def _token(call: WorkerCall) -> str:
    services, claim = call.services, call.claim
    token = await services.catalog.issue_worker_token(claim.stream, claim.token, TOKEN_S)
    services.ages.put(token_key(token), services.clock.boottime_ns())
    return token


def _check(call: WorkerCall, session: str, claim_token: int) -> None:
    if (session, claim_token) != (call.claim.session, call.claim.token):
        raise _foreign()


def _foreign() -> ApiError:
    return ApiError(403, "foreign_claim", "This token is of another session or attempt.")
