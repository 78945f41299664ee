"""Orders about clips: more formats, another layout, another span, a cut by hand. Asked for here, carried out by the
worker that records the session, or by one of its own; each is a job that says what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from core.control import CommandKind
from core.ids import ClipId, SessionId, StreamId, manual_clip_id
from core.times import ns
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError, Detail
from supervisor.api.models import NewCut, NewRender, Span, Unmissed
from supervisor.api.rows import job_answer
from supervisor.catalog import NotFound
from supervisor.catalog.values import ClipRow, JobRow, SessionRow, StepRow, StreamRow

OWN: Final = ("profile", "layout", "facecam", "brand")  # options of the recorded stream that its clips are made by
MISSED: Final = frozenset({"rejected", "withdrawn"})  # moments without a clip, or without one that is good


async def render(call: UserCall) -> Done:
    """POST /clips/{id}/render."""
    body: NewRender = call.body
    known = call.services.formats
    strange = [name for name in body.formats if name not in known]
    if strange:
        detail = Detail("formats", f"{strange[0]} is none of: {', '.join(sorted(known))}")
        raise ApiError(422, "unknown_format", "There is no such format.", details=[detail])
    clip = await _clip(call)
    formats = list(dict.fromkeys(body.formats))
    how = {name: value for name, value in (("layout", body.layout), ("captions", body.captions)) if value is not None}
    session = await call.services.catalog.session(call.workspace, clip.session)
    asked = {"formats": formats, **how} if how else None
    return await _ordered(
        call, session, ClipId(clip.id), "render", asked, source=",".join(formats), how=tuple(how.values())
    )


async def trim(call: UserCall) -> Done:
    """POST /clips/{id}/trim."""
    body: Span = call.body
    clip = await _clip(call)
    old: list[Any] = [clip.line.get(name) for name in ("start_s", "end_s")]
    if all(isinstance(each, int | float) for each in old) and not (body.start_s < old[1] and body.end_s > old[0]):
        raise ApiError(
            422, "another_clip", f"The clip is {old[0]:.1f} to {old[1]:.1f} s. Cut this span as a clip of its own."
        )
    session = await call.services.catalog.session(call.workspace, clip.session)
    _check_span(session, body)
    asked: dict[str, Any] = {"start_s": body.start_s, "end_s": body.end_s}
    if clip.title_by is not None:
        asked["title"] = clip.title
    return await _ordered(call, session, ClipId(clip.id), "trim", asked)


async def cut(call: UserCall) -> Done:
    """POST /sessions/{id}/cut."""
    body: NewCut = call.body
    session = await call.services.catalog.session(call.workspace, SessionId(call.path["id"]))
    _check_span(session, body)
    asked = {"start_s": body.start_s, "end_s": body.end_s}
    return await _cut(call, session, asked if body.title is None else asked | {"title": body.title})


async def cut_anyway(call: UserCall) -> Done:
    """POST /sessions/{id}/near-misses/{moment}/cut: as it was found, with the title and reasons it would have had."""
    body: Unmissed = call.body
    session = await call.services.catalog.session(call.workspace, SessionId(call.path["id"]))
    moment = await call.services.catalog.moment(call.workspace, session.id, call.path["moment"])
    if moment.state not in MISSED:
        raise ApiError(409, "not_missed", f"The moment is {moment.state}: it has a clip, or may yet get one.")
    try:
        span = Span.model_validate({name: moment.line.get(name) for name in ("start_s", "end_s")}, strict=True)
    except ValidationError as err:
        raise ApiError(409, "no_span", "Its worker did not say where it lies. Cut it by its seconds.") from err
    asked = {"start_s": span.start_s, "end_s": span.end_s, "moment": moment.id}
    return await _cut(call, session, asked if body.title is None else asked | {"title": body.title})


async def _cut(call: UserCall, session: SessionRow, asked: Mapping[str, Any]) -> Done:
    clip = manual_clip_id(session.id, ns(asked["start_s"]), ns(asked["end_s"]))
    try:
        known = await call.services.catalog.clip(call.workspace, clip)
    except NotFound:
        known = None
    if known is not None and known.state != "withdrawn":
        raise ApiError(409, "already_cut", f"This span is clip {clip}. Trim it, or cut another span.")
    return await _ordered(call, session, clip, "cut", asked)


async def _clip(call: UserCall) -> ClipRow:
    clip = await call.services.catalog.clip(call.workspace, ClipId(call.path["id"]))
    if clip.state == "withdrawn":
        raise ApiError(409, "clip_withdrawn", "This clip was withdrawn. Take another one, or cut it by hand.")
    return clip


def _check_span(session: SessionRow, span: Span) -> None:
    """A session that runs may have more than its last heartbeat said; one that is over has not."""
    if session.ended_ns is not None and span.start_s >= session.media_s > 0:
        raise ApiError(422, "outside", f"The session has {session.media_s:.1f} s of media.")


async def _ordered(
    call: UserCall,
    session: SessionRow,
    clip: ClipId,
    kind: CommandKind,
    asked: Mapping[str, Any] | None,
    *,
    source: str = "",
    how: tuple[str, ...] = (),
) -> Done:
    """`asked`: the arguments of the order; None for a plain render, which its formats in `source` say."""
    recorded = await call.services.catalog.stream(None, session.stream)
    id_ = f"j{secrets.token_hex(6)}"
    order = None if asked is None else {"kind": kind, "order": id_, "clip": clip, **asked}
    stream = StreamRow(
        id=StreamId(f"render-{id_}"),
        workspace=call.workspace,
        name=" ".join(
            (clip, source or kind, *how)
        ),  # names are one each: the same twice is no use while it is under way
        source=source or kind,
        kind="render",
        origin="api",
        rights=recorded.rights,
        priority=recorded.priority,
        options={name: value for name, value in recorded.options.items() if name in OWN}
        | {"clip": clip, "session": session.id}
        | ({} if order is None else {"order": order}),
    )
    job = JobRow(
        id=id_,
        workspace=call.workspace,
        stream=stream.id,
        state="created",
        source=source,
        steps=(StepRow(name="render", state="waiting"),),
        clip=clip,
        session=session.id,
        asked=order,
    )
    made = await call.services.catalog.add_order(stream, job)
    detail = {"job": made.id, "clip": clip, **(asked or {"formats": source})}
    return Done(job_answer(made), 202, target=clip, detail=detail)
