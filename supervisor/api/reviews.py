"""What people say of clips: verdicts and titles."""

from __future__ import annotations

from typing import Literal

from core.ids import ClipId
from supervisor.api.call import Done, UserCall
from supervisor.api.feed import EVENTS
from supervisor.api.models import ClipChange, Judged
from supervisor.api.rows import clip_answer


async def approve(call: UserCall) -> Done:
    """POST /clips/{id}/approve: from now on it is kept."""
    return await _judge(call, "approved")


async def reject(call: UserCall) -> Done:
    """POST /clips/{id}/reject."""
    return await _judge(call, "rejected")


async def change(call: UserCall) -> Done:
    """PATCH /clips/{id}."""
    body: ClipChange = call.body
    row = await call.services.catalog.name_clip(call.workspace, ClipId(call.path["id"]), body.title, actor=call.who.id)
    return Done(clip_answer(row, await call.services.signers.get()), target=row.id, detail={"title": row.title})


async def _judge(call: UserCall, verdict: Literal["approved", "rejected"]) -> Done:
    body: Judged = call.body
    row = await call.services.catalog.review_clip(
        call.workspace, ClipId(call.path["id"]), verdict, actor=call.who.id, note=body.note
    )
    call.services.wakes.wake(EVENTS)
    return Done(
        clip_answer(row, await call.services.signers.get()),
        target=row.id,
        detail={"revision": row.revision, "note": body.note},
    )
