"""The area `streams`: what is watched."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final

from configs import profile_names
from core.ids import StreamId, slug
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError, Detail
from supervisor.api.models import (
    ClipNow,
    HowToWatch,
    Listing,
    NewStream,
    Ordered,
    StreamChange,
    StreamHealth,
)  # fmt: skip
from supervisor.api.rows import listed, made_stream, stream_answer
from supervisor.api.sources import (
    PUSH,
    ROOM,
    Asker,
    checked_chat,
    checked_folder,
    checked_game,
    checked_source,
    default_name,
    kind_of,
    push_key,
    stream_of_key,
)  # fmt: skip
from supervisor.catalog.values import ClaimRow, StreamRow, Wanted
from telemetry import redact_text, redact_url

_OPTIONS: Final = tuple(HowToWatch.model_fields)


def asker_of(call: UserCall) -> Asker:
    """What the caller may name as a source."""
    settings = call.services.settings
    return Asker(is_owner=call.who.role == "owner", folders=settings.api.folders, allow=settings.net.allow)


def new_stream_id(name: str) -> StreamId:
    """Readable in lists and figures, and unique; safe as a file's name whatever the name is."""
    return StreamId(f"{slug(name, limit=32)}-{secrets.token_hex(4)}")


def watch_options(body: HowToWatch, source: str, asker: Asker) -> dict[str, Any]:
    """The options that were given, checked. Looks at owners' paths. Raises ApiError, SourceRefused, UsageError."""
    given = {name: getattr(body, name) for name in _OPTIONS if name in body.model_fields_set}
    if given.get("profile") is not None and given["profile"] not in (names := profile_names()):
        raise ApiError(
            422, "invalid", "There is no such profile.", details=[Detail("profile", f"Use {', '.join(names)}.")]
        )
    if "chat" in given:
        given["chat"] = checked_chat(source, given["chat"], asker)
    if "game" in given:
        given["game"] = checked_game(given["game"], asker)
    if "brand" in given:
        given["brand"] = checked_folder(given["brand"], asker)
    if given.get("facecam") is not None:
        given["facecam"] = list(given["facecam"])
    return given


async def add(call: UserCall) -> Done:
    """POST /streams."""
    body: NewStream = call.body
    asker, catalog = asker_of(call), call.services.catalog
    push = push_key(body.source, body.key)
    source = await asyncio.to_thread(checked_source, body.source, asker)
    options = await asyncio.to_thread(watch_options, body, source, asker)
    if push is not None:
        if stream_of_key(await catalog.all_streams(), push.app, push.key) is not None:
            raise ApiError(409, "key_taken", "Another stream has this key. Leave it out for a new one.")
        options[PUSH] = push.options()
    name = body.name or default_name(source)
    row = await catalog.add_stream(
        StreamRow(
            id=new_stream_id(name),
            workspace=call.workspace,
            name=name,
            source=source,
            kind="stream",
            origin="api",
            rights=body.rights,
            wanted=body.wanted,
            priority=body.priority,
            options={option: value for option, value in options.items() if value is not None},
            created_ns=call.services.clock.wall_ns(),
        )
    )
    answer = made_stream(row, None if push is None else push.key)
    detail = {"name": row.name, "source": redact_url(row.source), "rights": row.rights}
    return Done(answer, 201, target=row.id, detail=detail, secrets=("key",))


async def list_all(call: UserCall) -> Done:
    """GET /streams."""
    query: Listing = call.query
    catalog = call.services.catalog
    page = await catalog.streams(call.workspace, limit=query.limit, after=query.after)
    claims = await catalog.newest_claims([row.id for row in page.rows])
    return Done(listed(page, lambda row: stream_answer(row, claims.get(row.id))))


async def get(call: UserCall) -> Done:
    """GET /streams/{id}."""
    return await _answer(call, await _mine(call))


async def change(call: UserCall) -> Done:
    """PATCH /streams/{id}. A running worker goes on with what it was given until it is started anew."""
    body: StreamChange = call.body
    asker, row = asker_of(call), await _mine(call)
    fields: dict[str, Any] = {
        name: getattr(body, name) for name in ("name", "rights", "priority") if name in body.model_fields_set
    }
    source = row.source
    if body.source is not None:
        if kind_of(body.source) != kind_of(row.source) or kind_of(row.source) == ROOM:
            raise ApiError(409, "other_kind", "A pushed stream or a room stays one. Add a new stream.")
        source = fields["source"] = await asyncio.to_thread(checked_source, body.source, asker)
    given = await asyncio.to_thread(watch_options, body, source, asker)
    if given:
        merged = {**row.options, **given}
        fields["options"] = {name: value for name, value in merged.items() if value is not None}
    changed = await call.services.catalog.change_stream(call.workspace, row.id, **fields)
    return await _answer(call, changed, detail={"changed": sorted(body.model_fields_set)})


async def delete(call: UserCall) -> Done:
    """DELETE /streams/{id}: its worker drains, its sessions and clips stay as long as they are kept."""
    row = await _mine(call)
    if kind_of(row.source) == ROOM:
        raise ApiError(409, "room_stream", "This is a room's stream. Delete the room.")
    await call.services.catalog.delete_stream(call.workspace, row.id)
    return Done(None, 204, target=row.id, detail={"name": row.name})


async def pause(call: UserCall) -> Done:
    """POST /streams/{id}/pause."""
    return await _want(call, "paused")


async def resume(call: UserCall) -> Done:
    """POST /streams/{id}/resume."""
    return await _want(call, "running")


async def clip_now(call: UserCall) -> Done:
    """POST /streams/{id}/clip-now: told to the stream's worker, which cuts while the seconds are buffered."""
    body: ClipNow = call.body
    services, id_ = call.services, StreamId(call.path["id"])
    number = await services.catalog.add_command(id_, "clip-now", {"last_s": body.last_s}, workspace=call.workspace)
    services.wakes.wake(id_)
    return Done(Ordered(command=number), 202, target=id_, detail={"last_s": body.last_s})


async def health(call: UserCall) -> Done:
    """GET /streams/{id}/health."""
    row = await _mine(call)
    claim = (await call.services.catalog.newest_claims([row.id])).get(row.id)
    return Done(_health(call, row, claim))


async def all_health(call: UserCall) -> Done:
    """GET /live: of as many streams at once as a list has."""
    query: Listing = call.query
    catalog = call.services.catalog
    page = await catalog.streams(call.workspace, limit=query.limit, after=query.after)
    claims = await catalog.newest_claims([row.id for row in page.rows])
    return Done(listed(page, lambda row: _health(call, row, claims.get(row.id))))


def _health(call: UserCall, row: StreamRow, claim: ClaimRow | None) -> StreamHealth:
    if claim is None:
        return StreamHealth(stream=row.id, wanted=row.wanted, state=None)
    live = call.services.board.get(row.id)
    return StreamHealth(
        stream=row.id,
        wanted=row.wanted,
        state=claim.state,
        reason=redact_text(claim.reason),
        session=claim.session,
        attempt=claim.attempt,
        beat=claim.beat,
        progress=claim.progress,
        health=dict(claim.health),
        live=None if live is None else dict(live),
    )


async def _mine(call: UserCall) -> StreamRow:
    return await call.services.catalog.stream(call.workspace, StreamId(call.path["id"]))


async def _want(call: UserCall, wanted: Wanted) -> Done:
    row = await _mine(call)
    return await _answer(call, await call.services.catalog.change_stream(call.workspace, row.id, wanted=wanted))


async def _answer(call: UserCall, row: StreamRow, detail: dict[str, Any] | None = None) -> Done:
    claims = await call.services.catalog.newest_claims([row.id])
    return Done(stream_answer(row, claims.get(row.id)), target=row.id, detail=detail or {})
