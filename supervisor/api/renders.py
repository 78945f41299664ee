"""Clips in more formats: asked for here, made by the worker that records the session, or by one of its own."""

from __future__ import annotations

import secrets
from typing import Final

from core.ids import ClipId, StreamId
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError, Detail
from supervisor.api.models import NewRender
from supervisor.api.rows import job_answer
from supervisor.catalog.values import JobRow, StepRow, StreamRow

OWN: Final = ("profile", "layout", "facecam", "brand")  # options of the recorded stream that its clips are made by


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
    formats = ",".join(dict.fromkeys(body.formats))
    id_ = f"j{secrets.token_hex(6)}"
    stream = StreamRow(
        id=StreamId(f"render-{id_}"),
        workspace=call.workspace,
        name=f"{clip.id} {formats}",  # names are one each: the same twice is no use while it is under way
        source=formats,
        kind="render",
        origin="api",
        rights=recorded.rights,
        priority=recorded.priority,
        options={name: value for name, value in recorded.options.items() if name in OWN}
        | {"clip": clip.id, "session": clip.session},
    )
    job = JobRow(
        id=id_,
        workspace=call.workspace,
        stream=stream.id,
        state="created",
        source=formats,
        steps=(StepRow(name="render", state="waiting"),),
        clip=clip.id,
    )
    made = await call.services.catalog.add_render(stream, job)
    return Done(job_answer(made), 202, target=clip.id, detail={"job": made.id, "formats": formats})
