"""The area `jobs`: recordings that are clipped. What a job does next is decided elsewhere; here it is asked for."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Final, get_args

from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import Listing, NewJob
from supervisor.api.rows import job_answer, listed
from supervisor.api.sources import DOOR, Asker, checked_source, default_name
from supervisor.api.streams import asker_of, new_stream_id, watch_options
from supervisor.catalog.values import JobRow, StepName, StepRow, StepState, StreamRow
from supervisor.uploads import SOURCE
from telemetry import redact_url

STEPS: Final[tuple[StepName, ...]] = get_args(StepName)
OVER: Final = frozenset({"completed", "failed", "cancelled"})
_AGAIN: Final[frozenset[StepState]] = frozenset({"failed", "cancelled", "running"})


async def add(call: UserCall) -> Done:
    """POST /jobs."""
    body: NewJob = call.body
    asker, now_ns = asker_of(call), call.services.clock.wall_ns()
    source, usual_name = await _source(call, body, asker)
    options = await asyncio.to_thread(watch_options, body, source, asker)
    id_ = f"j{secrets.token_hex(6)}"
    name = f"{(body.name or usual_name)[:64]} {id_}"  # names are one each, and a recording may be clipped twice
    stream = StreamRow(
        id=new_stream_id(name),
        workspace=call.workspace,
        name=name,
        source=source,
        kind="vod",
        origin="api",
        rights=body.rights,
        priority=body.priority,
        options={option: value for option, value in options.items() if value is not None},
        created_ns=now_ns,
    )
    job = JobRow(
        id=id_,
        workspace=call.workspace,
        stream=stream.id,
        state="created",
        source=source,
        steps=tuple(StepRow(name=step, state="waiting") for step in STEPS),
        created_ns=now_ns,
    )
    catalog = call.services.catalog
    await catalog.add_stream(stream)
    made = await catalog.add_job(job)
    return Done(job_answer(made), 201, target=made.id, detail={"source": redact_url(source), "rights": body.rights})


async def _source(call: UserCall, body: NewJob, asker: Asker) -> tuple[str, str]:
    """What is clipped, and what it is called unless somebody says. An upload is its workspace's, whoever brought it."""
    if body.upload is not None:
        row = await call.services.catalog.upload(call.workspace, body.upload)
        if row.state != "whole":
            raise ApiError(409, "upload_open", "This upload is not whole yet. Send the rest, then POST its final.")
        return f"{SOURCE}{row.id}", row.name
    assert body.source_url is not None
    if body.source_url.startswith((DOOR, SOURCE)):
        raise ApiError(422, "no_recording", "A job is a recording: a page, a URL, a file, or an upload by its id.")
    source = await asyncio.to_thread(checked_source, body.source_url, asker)
    return source, default_name(source)


async def list_all(call: UserCall) -> Done:
    """GET /jobs."""
    query: Listing = call.query
    page = await call.services.catalog.jobs(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, job_answer))


async def get(call: UserCall) -> Done:
    """GET /jobs/{id}."""
    return Done(job_answer(await call.services.catalog.job(call.workspace, call.path["id"])))


async def cancel(call: UserCall) -> Done:
    """DELETE /jobs/{id}: asks for an end; what is finished stays. Asked twice it is the same."""
    catalog = call.services.catalog
    job = await catalog.job(call.workspace, call.path["id"])
    if job.state in OVER:
        if job.state == "cancelled":
            return Done(job_answer(job), 202, target=job.id)
        raise ApiError(409, "job_over", f"This job is {job.state} already.")
    return Done(job_answer(await catalog.change_job(call.workspace, job.id, cancel=True)), 202, target=job.id)


async def retry(call: UserCall) -> Done:
    """POST /jobs/{id}/retry: goes on at the step that failed, with new tries."""
    catalog = call.services.catalog
    job = await catalog.job(call.workspace, call.path["id"])
    if job.state not in OVER - {"completed"}:
        raise ApiError(409, "job_not_over", f"This job is {job.state}; only failed and cancelled ones are tried again.")
    if job.clip is not None:
        raise ApiError(409, "job_is_render", f"Ask for it anew: POST /api/v1/clips/{job.clip}/render.")
    steps = tuple(
        replace(step, state="waiting", attempts=0, started_ns=None, ended_ns=None, progress=0.0, error="")
        if step.state in _AGAIN
        else step
        for step in job.steps
    )
    again = await catalog.change_job(
        call.workspace, job.id, state="created", cancel=False, error="", ended_ns=None, steps=steps
    )
    return Done(job_answer(again), 202, target=job.id)
