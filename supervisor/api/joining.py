"""What guests of rooms ask: to join by a link, to stay, and which of their recordings are still to be brought.

Guests have no account: a link's secret is traded for a token of the room, and all that it opens is this participant's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Final

from configs import Settings
from configs.rooms import IceServer as IceOptions
from core.times import NS_PER_S
from supervisor.api.call import Call, Done
from supervisor.api.errors import ApiError
from supervisor.api.models import (
    IceServer,
    Joined,
    Joining,
    Mine,
    NewSegment,
    NoticeText,
    RoomLimits,
    RoomName,
    RoomTokens,
)  # fmt: skip
from supervisor.api.roomkeys import LASTS_S
from supervisor.api.segments import files_of, segment_answer
from supervisor.catalog import JoinRefused
from supervisor.catalog.room_values import PersonRow, RoomRow, SegmentRow
from supervisor.segments import PART

TURN_S: Final = 24 * 3600  # how long a TURN server takes what we made of its secret
REFUSALS: Final = {
    "invite_unknown": (403, "This link leads nowhere. Ask for a new one."),
    "invite_expired": (403, "This link has expired. Ask for a new one."),
    "invite_revoked": (403, "This link was revoked. Ask for a new one."),
    "invite_used": (403, "This link was for one browser, and another one has used it. Ask for a new one."),
    "consent_missing": (403, "The notice has to be accepted as it is now. Read it again."),
    "room_closed": (409, "The room is closed. Wait for its host, or ask them."),
    "room_full": (409, "The room is full. Wait for somebody to leave."),
}


async def notice(call: Call) -> Done:
    """GET /rooms/{id}/notice: open to all who know the room's name, which says nothing."""
    room = await call.services.catalog.room(None, call.path["id"])
    return Done(NoticeText(text=room.notice, sha256=hashlib.sha256(room.notice.encode()).hexdigest()))


async def join(call: Call) -> Done:
    """POST /rooms/{id}/join: the same link and browser again is the same participant."""
    body: Joining = call.body
    services = call.services
    services.gate.charge_join(call.request)
    if not body.consent:
        raise _refused("consent_missing")
    room_id = call.path["id"]
    try:
        person = await services.catalog.join(
            room_id, body.invite, client=body.client_id, name=body.name, notice=body.notice
        )
    except JoinRefused as err:
        raise _refused(err.code) from err
    room = await services.catalog.room(None, room_id)
    detail = {"participant": person.id, "invite": person.invite, "role": person.role, "notice": person.notice}
    await services.catalog.audit(person.workspace, person.id, "room.join", room.id, detail)
    tokens = await _tokens(call, person)
    return Done(
        Joined(
            **tokens.model_dump(),
            participant=person.id,
            role=person.role,
            room=RoomName(id=room.id, name=room.name),
            ice_servers=ice_answer(services.settings, person.id, services.clock.wall_ns()),
            limits=limits_answer(services.settings, room),
        )
    )


async def refresh(call: Call) -> Done:
    """POST /rooms/{id}/refresh: new tokens for a session's that is still good."""
    person = await call.services.gate.guest(call.request, "cg", call.path["id"])
    return Done(await _tokens(call, person))


async def mine(call: Call) -> Done:
    """GET /rooms/{id}/mine: by the upload token, also when the room is over."""
    services = call.services
    person = await services.gate.guest(call.request, "cu", call.path["id"])
    room = await services.catalog.room(None, person.room)
    rows = await services.catalog.segments(person=person.id)
    segments = [await segment_answer(services, row) for row in rows]
    return Done(Mine(participant=person.id, room=RoomName(id=room.id, name=room.name), segments=segments))


async def add_segment(call: Call) -> Done:
    """POST /rooms/{id}/segments: a recorder has started; 201, or 200 where it was told before."""
    body: NewSegment = call.body
    services = call.services
    person = await services.gate.guest(call.request, "cu", call.path["id"])
    row, is_new = await services.catalog.add_segment(
        SegmentRow(
            id=body.seg,
            room=person.room,
            workspace=person.workspace,
            take=body.take,
            person=person.id,
            track=body.track,
            mime=body.mime,
            t_ms=body.t_ms,
            settings=body.settings,
        )
    )
    if row.state == "open":
        await asyncio.to_thread(files_of(services, row).make)
    return Done(await segment_answer(services, row), 201 if is_new else 200)


def ice_answer(settings: Settings, person: str, now_ns: int) -> list[IceServer]:
    """As browsers take them: no empty credentials, and no secret. `now_ns`: wall clock."""
    return [_ice(each, f"{now_ns // NS_PER_S + TURN_S}:{person}") for each in settings.rooms.ice_servers]


def _ice(each: IceOptions, user: str) -> IceServer:
    """`user` says until when, and who: what TURN servers with a secret in common take (coturn's use-auth-secret)."""
    if not each.secret:
        return IceServer(urls=list(each.urls), username=each.username or None, credential=each.credential or None)
    made = hmac.digest(each.secret.encode(), user.encode(), hashlib.sha1)  # as they all reckon it
    return IceServer(urls=list(each.urls), username=user, credential=base64.b64encode(made).decode())


def limits_answer(settings: Settings, room: RoomRow) -> RoomLimits:
    """What a browser keeps to."""
    return RoomLimits(chunk_bytes=PART, max_kbps=settings.rooms.live_kbps, max_people=room.max_people)


async def _tokens(call: Call, person: PersonRow) -> RoomTokens:
    keys = call.services.room_keys
    return RoomTokens(
        token=await keys.issue("cg", person.room, person.id),
        token_s=LASTS_S["cg"],
        upload_token=await keys.issue("cu", person.room, person.id),
        upload_token_s=LASTS_S["cu"],
    )


def _refused(code: str) -> ApiError:
    status, message = REFUSALS[code]
    return ApiError(status, code, message)
