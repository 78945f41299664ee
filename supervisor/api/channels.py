"""The area `channels`: where alerts go, what was told there, and telling it by hand."""

from __future__ import annotations

import secrets
from typing import Any

from core.netpolicy import AddressPolicy
from core.times import ns, to_s
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.senders import Aims, Senders
from supervisor.alerts.targets import checked_target, notes, shown_target
from supervisor.alerts.webhook import new_secret
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import (
    Channel,
    ChannelChange,
    Delivery,
    Filters,
    Listed,
    Listing,
    MadeChannel,
    NewChannel,
    Publishing,
    Rotating,
    Tested,
)
from supervisor.api.rows import date, date_or_none, listed
from supervisor.catalog.values import ChannelKind, ChannelRow, DeliveryRow


async def add(call: UserCall) -> Done:
    """POST /channels."""
    body: NewChannel = call.body
    secret = new_secret() if body.kind == "webhook" else None
    row = await call.services.catalog.add_channel(
        ChannelRow(
            id=f"a{secrets.token_hex(6)}",
            workspace=call.workspace,
            name=body.name,
            kind=body.kind,
            target=_checked(call, body.kind, body.target),
            secrets={} if secret is None else {"now": secret},
            filters=body.filters.model_dump(),
            enabled=body.enabled,
        )
    )
    return _made(call, row, secret, 201)


async def list_all(call: UserCall) -> Done:
    """GET /channels."""
    query: Listing = call.query
    page = await call.services.catalog.channels(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, lambda row: Channel(**_fields(call, row))))


async def get(call: UserCall) -> Done:
    """GET /channels/{id}."""
    return Done(Channel(**_fields(call, await _row(call))))


async def change(call: UserCall) -> Done:
    """PATCH /channels/{id}."""
    body: ChannelChange = call.body
    row = await _row(call)
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("name", "enabled") if getattr(body, name) is not None
    }
    if body.target is not None:
        changes["target"] = _checked(call, row.kind, body.target)
    if body.filters is not None:
        changes["filters"] = body.filters.model_dump()
    if body.enabled:
        changes["reason"] = ""
    made = await call.services.catalog.change_channel(call.workspace, row.id, **changes)
    return Done(Channel(**_fields(call, made)), target=row.id, detail={"changed": sorted(changes)})


async def delete(call: UserCall) -> Done:
    """DELETE /channels/{id}."""
    row = await _row(call)
    await call.services.catalog.delete_channel(call.workspace, row.id)
    return Done(None, 204, target=row.id, detail={"name": row.name})


async def test(call: UserCall) -> Done:
    """POST /channels/{id}/test: by this process, at once, also where the channel is switched off."""
    row, services = await _row(call), call.services
    began_ns = services.clock.boottime_ns()
    async with Outgoing(services.settings.net.allow) as out:
        outcome = await Senders(out, Aims.of(services.settings), services.clock).test(row)
    took_s = round(to_s(services.clock.boottime_ns() - began_ns), 3)
    ok = outcome.how == "sent"
    answer = Tested(ok=ok, what=outcome.what or "The message was accepted.", took_s=took_s)
    return Done(answer, target=row.id, detail={"ok": ok, "what": outcome.what[:200]})


async def rotate(call: UserCall) -> Done:
    """POST /channels/{id}/rotate."""
    body: Rotating = call.body
    row = await _row(call)
    if row.kind != "webhook":
        raise ApiError(409, "no_secret", "Only webhooks are signed. Of another kind, change the target.")
    secret = new_secret()
    until_ns = call.services.clock.wall_ns() + ns(body.overlap_h * 3600)
    kept = {"now": secret, "before": row.secrets.get("now"), "until_ns": until_ns}
    made = await call.services.catalog.change_channel(call.workspace, row.id, secrets=kept)
    return _made(call, made, secret, 200)


async def list_deliveries(call: UserCall) -> Done:
    """GET /channels/{id}/deliveries."""
    query: Listing = call.query
    row = await _row(call)
    page = await call.services.catalog.deliveries(call.workspace, row.id, limit=query.limit, after=query.after)
    return Done(listed(page, delivery_answer))


async def replay(call: UserCall) -> Done:
    """POST /deliveries/{id}/replay: the leader tells it with its next look."""
    row = await call.services.catalog.replay(call.workspace, call.path["id"])
    return Done(delivery_answer(row), 202, target=row.id, detail={"channel": row.channel, "clip": row.clip})


async def publish(call: UserCall) -> Done:
    """POST /clips/{id}/publish: by hand, so filters do not count; rights do."""
    body: Publishing = call.body
    rows = await call.services.catalog.publish(call.workspace, call.path["id"], body.channels)
    answer: Listed[Delivery] = Listed(items=[delivery_answer(row) for row in rows])
    return Done(answer, 202, target=call.path["id"], detail={"channels": [row.channel for row in rows]})


def delivery_answer(row: DeliveryRow) -> Delivery:
    """What the receiver calls the message stays here."""
    return Delivery(
        id=row.id,
        webhook_id=row.message_id,
        channel=row.channel,
        clip=row.clip,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        next=date(row.next_ns) if row.state == "waiting" else None,
        error=row.error,
        created=date(row.created_ns),
        sent=date_or_none(row.sent_ns),
    )


async def _row(call: UserCall) -> ChannelRow:
    return await call.services.catalog.channel(call.workspace, call.path["id"])


def _checked(call: UserCall, kind: ChannelKind, target: str) -> str:
    policy = AddressPolicy.for_source(target, "api", call.services.settings.net.allow)
    return checked_target(kind, target, policy)


def _made(call: UserCall, row: ChannelRow, secret: str | None, status: int) -> Done:
    answer = MadeChannel(**_fields(call, row), secret=secret)
    return Done(answer, status, target=row.id, detail={"name": row.name, "kind": row.kind}, secrets=("secret",))


def _fields(call: UserCall, row: ChannelRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "target": shown_target(row.kind, row.target),
        "filters": Filters.model_validate(row.filters),
        "enabled": row.enabled,
        "reason": row.reason,
        "created": date(row.created_ns),
        "notes": notes(row.kind, row.target, call.services.settings.api.public_url),
    }
