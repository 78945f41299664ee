"""Clips in more formats: asked for here, made by the worker that records the session, or by one of its own."""

from __future__ import annotations

from core.ids import ClipId
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError, Detail
from supervisor.api.models import NewRender
from supervisor.api.rows import job_answer
from supervisor.renders import render_order


async def add(call: UserCall) -> Done:
    """POST /clips/{id}/render."""
    body: NewRender = call.body
    known = call.services.formats
    strange = [name for name in body.formats if name not in known]
    if strange:
        detail = Detail("formats", f"{strange[0]} is none of: {', '.join(sorted(known))}")
        raise ApiError(422, "unknown_format", "There is no such format.", details=[detail])
    clip = await call.services.catalog.clip(call.workspace, ClipId(call.path["id"]))
    if clip.state == "withdrawn":
        raise ApiError(409, "clip_withdrawn", "This clip was withdrawn. Render another one, or cut it by hand.")
    session = await call.services.catalog.session(call.workspace, clip.session)
    recorded = await call.services.catalog.stream(None, session.stream)
    made = await call.services.catalog.add_render(*render_order(clip, recorded, body.formats))
    return Done(job_answer(made), 202, target=clip.id, detail={"job": made.id, "formats": made.source})
