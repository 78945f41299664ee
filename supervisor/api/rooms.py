"""The area `rooms`: recording rooms, links into them, and what was recorded there."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from core.control import CommandKind
from core.ids import StreamId
from core.times import NS_PER_S, ns
from supervisor.api.call import Call, Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.files import send
from supervisor.api.models import Invite, Listing, MadeInvite, NewInvite, NewRoom, Room, RoomChange, RoomCommand
from supervisor.api.playback import check_link
from supervisor.api.rows import date, date_or_none, listed
from supervisor.api.sources import ROOM
from supervisor.api.streams import new_stream_id
from supervisor.api.taking import take_answers, take_detail
from supervisor.catalog import Conflict
from supervisor.catalog.room_values import InviteRow, RoomRow, options_of
from supervisor.catalog.values import ClaimRow, StreamRow
from supervisor.erasing import erase_room
from supervisor.reconcile.values import FINAL_STATES
from supervisor.roomfiles import ROOMS
from telemetry import redact_text

NOTICE: Final = (
    "This conversation is recorded. Your microphone, your camera and what you share of your screen are recorded in "
    "your browser and sent to this server, which also keeps what it hears and sees of the call. The host can listen "
    "to, watch, edit and publish these recordings. If you do not want that, leave now."
)
OPENING_S: Final = 10.0  # what the worker of a room that was closed may take to come
_LOOK_NS: Final = NS_PER_S // 4


async def add(call: UserCall) -> Done:
    """POST /rooms: the room is open at once."""
    body: NewRoom = call.body
    room = RoomRow(
        id=f"rm{secrets.token_hex(8)}",
        workspace=call.workspace,
        stream=new_stream_id(body.name),
        name=body.name,
        layout=body.layout,
        notice=body.notice or NOTICE,
        max_people=body.max_people,
    )
    stream = StreamRow(
        id=room.stream,
        workspace=call.workspace,
        name=room.name,
        source=ROOM,
        kind="stream",
        origin="api",
        rights="consent",  # everybody who is recorded has accepted the notice
        options=options_of(room),
    )
    made = await call.services.catalog.add_room(room, stream)
    return Done(_answer(made, stream, None), 201, target=made.id, detail={"name": made.name})


async def list_all(call: UserCall) -> Done:
    """GET /rooms."""
    query: Listing = call.query
    catalog = call.services.catalog
    page = await catalog.rooms(call.workspace, limit=query.limit, after=query.after)
    claims = await catalog.newest_claims([row.stream for row in page.rows])
    wanted = {row.id: row for row in await catalog.streams_named([row.stream for row in page.rows])}
    return Done(listed(page, lambda row: _answer(row, wanted.get(row.stream), claims.get(row.stream))))


async def get(call: UserCall) -> Done:
    """GET /rooms/{id}."""
    return await _shown(call, await _mine(call))


async def change(call: UserCall) -> Done:
    """PATCH /rooms/{id}. A running worker takes up another layout or number of people when the room is opened anew."""
    body: RoomChange = call.body
    catalog = call.services.catalog
    room = await _mine(call)
    fields = {name: getattr(body, name) for name in body.model_fields_set - {"state"}}
    if fields:
        room = await catalog.change_room(call.workspace, room.id, **fields)
    if body.state is not None:
        await catalog.change_stream(None, room.stream, wanted="running" if body.state == "open" else "paused")
    return await _shown(call, room, detail={"changed": sorted(body.model_fields_set)})


async def delete(call: UserCall) -> Done:
    """DELETE /rooms/{id}: its tracks go with it; its sessions and clips stay as long as they are kept."""
    room = await _mine(call)
    catalog = call.services.catalog
    claim = (await catalog.newest_claims([room.stream])).get(room.stream)
    if claim is not None and claim.state not in FINAL_STATES:
        raise ApiError(409, "room_open", "The room has a worker. Close the room first, and wait until it is closed.")
    segments = await catalog.segments(room=room.id)
    await catalog.delete_room(call.workspace, room.id)
    await asyncio.to_thread(erase_room, _data_dir(call), room.id, [row.id for row in segments])
    return Done(status=204, target=room.id, detail={"name": room.name})


async def add_invite(call: UserCall) -> Done:
    """POST /rooms/{id}/invites: the secret is the link's fragment, which no server is sent."""
    body: NewInvite = call.body
    services = call.services
    expires_ns = None if body.expires_s is None else services.clock.wall_ns() + ns(body.expires_s)
    row, secret = await services.catalog.add_invite(
        call.workspace, call.path["id"], body.role, uses=body.uses, expires_ns=expires_ns
    )
    place = services.settings.api.public_url or f"{call.request.scheme}://{call.request.host}"
    made = MadeInvite(**_invite_fields(row), secret=secret, url=f"{place}/room/{row.room}#{secret}")
    return Done(made, 201, target=row.room, detail={"invite": row.id, "role": row.role}, secrets=("secret", "url"))


async def list_invites(call: UserCall) -> Done:
    """GET /rooms/{id}/invites."""
    query: Listing = call.query
    page = await call.services.catalog.invites(call.workspace, call.path["id"], limit=query.limit, after=query.after)
    return Done(listed(page, lambda row: Invite(**_invite_fields(row))))


async def revoke_invite(call: UserCall) -> Done:
    """DELETE /rooms/{id}/invites/{invite}: who came by it has to leave; what they recorded still comes."""
    await call.services.catalog.revoke_invite(call.workspace, call.path["id"], call.path["invite"])
    return Done(status=204, target=call.path["id"], detail={"invite": call.path["invite"]})


async def start(call: UserCall) -> Done:
    """POST /rooms/{id}/start: opens the room where it is closed, and waits some seconds for its worker. A take that is
    recorded goes on."""
    room = await _mine(call)
    await call.services.catalog.change_stream(None, room.stream, wanted="running")
    newest = (await call.services.catalog.takes(call.workspace, room.id, limit=1)).rows
    goes_on = newest[0].id if newest and newest[0].state == "recording" else None
    take = goes_on or f"t{secrets.token_hex(6)}"
    return await _told(call, room, "rec-start", {"take": take}, wait_s=OPENING_S)


async def stop(call: UserCall) -> Done:
    """POST /rooms/{id}/stop."""
    return await _told(call, await _mine(call), "rec-stop", {}, wait_s=0)


async def list_takes(call: UserCall) -> Done:
    """GET /rooms/{id}/takes."""
    query: Listing = call.query
    page = await call.services.catalog.takes(call.workspace, call.path["id"], limit=query.limit, after=query.after)
    answers = await take_answers(call.services, page.rows)
    return Done(listed(page, lambda row: answers[row.id]))


async def get_take(call: UserCall) -> Done:
    """GET /rooms/{id}/takes/{take}."""
    services = call.services
    row = await services.catalog.take(call.workspace, call.path["id"], call.path["take"])
    return Done(await take_detail(services, row))


async def take_file(call: Call) -> web.StreamResponse:
    """GET /rooms/{id}/takes/{take}/files/{name}, by a link of the take's. `download=1` gives it as a file."""
    await check_link(call)
    parts = [call.path["id"], call.path["take"], *call.path["name"].split("/")]
    if any(part[:1] in ("", ".") for part in parts):
        raise ApiError(404, "no_file", "This take has no such file.")
    shown = "-".join(parts[1:])
    is_download = call.query.download == "1"
    return await send(call.request, _data_dir(call), parts, name=shown, download=is_download, below=ROOMS)


async def _told(call: UserCall, room: RoomRow, kind: CommandKind, args: dict[str, Any], *, wait_s: float) -> Done:
    services = call.services
    until_ns = services.clock.boottime_ns() + ns(wait_s)
    while True:
        try:
            number = await services.catalog.add_command(StreamId(room.stream), kind, args, workspace=call.workspace)
            break
        except Conflict as err:
            if err.code != "not_running" or services.clock.boottime_ns() >= until_ns:
                raise _not_there(err, is_opening=wait_s > 0) from err
        await services.clock.sleep(_LOOK_NS)
    services.wakes.wake(room.stream)
    return Done(RoomCommand(command=number, take=args.get("take")), 202, target=room.id, detail=args)


def _not_there(err: Conflict, *, is_opening: bool) -> Exception:
    if err.code == "not_running" and is_opening:
        return ApiError(
            503, "room_opening", "The room's worker is not there yet. Ask again.", headers={"Retry-After": "5"}
        )
    return ApiError(409, "room_closed", "The room is closed.") if err.code == "not_running" else err


async def _mine(call: UserCall) -> RoomRow:
    return await call.services.catalog.room(call.workspace, call.path["id"])


async def _shown(call: UserCall, room: RoomRow, detail: dict[str, Any] | None = None) -> Done:
    catalog = call.services.catalog
    claim = (await catalog.newest_claims([room.stream])).get(room.stream)
    stream = await catalog.stream(None, room.stream)
    return Done(_answer(room, stream, claim), target=room.id, detail=detail or {})


def _answer(room: RoomRow, stream: StreamRow | None, claim: ClaimRow | None) -> Room:
    return Room(
        id=room.id,
        name=room.name,
        stream=room.stream,
        state="open" if stream is not None and stream.wanted == "running" and not stream.deleted else "closed",
        layout=room.layout,
        notice=room.notice,
        max_people=room.max_people,
        worker=None if claim is None else claim.state,
        reason=redact_text((stream.reason if stream else "") or (claim.reason if claim else "")),
        session=None if claim is None else claim.session,
        created=date(room.created_ns),
    )


def _invite_fields(row: InviteRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "role": row.role,
        "uses": row.uses,
        "used": row.client is not None,
        "expires": date_or_none(row.expires_ns),
        "revoked": row.revoked,
        "created": date(row.created_ns),
    }


def _data_dir(call: Call) -> Path:
    return Path(call.services.settings.data_dir).absolute()
