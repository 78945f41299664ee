"""The areas `sessions` and `clips`: lists, single rows, and deleting them with their files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from core.ids import ClipId, SessionId, StreamId
from supervisor.api.call import Done, UserCall
from supervisor.api.models import Listed, OfClips, OfStream
from supervisor.api.rows import clip_answer, clip_history, listed, revision_answer, session_answer
from supervisor.catalog.values import ClipFilter
from supervisor.erasing import erase_clip, erase_session, running

MOST_SHOWN: Final = 20  # revisions, verdicts and jobs of a clip


async def list_sessions(call: UserCall) -> Done:
    """GET /sessions."""
    query: OfStream = call.query
    stream = None if query.stream is None else StreamId(query.stream)
    page = await call.services.catalog.sessions(call.workspace, stream=stream, limit=query.limit, after=query.after)
    return Done(listed(page, session_answer))


async def get_session(call: UserCall) -> Done:
    """GET /sessions/{id}."""
    return Done(session_answer(await call.services.catalog.session(call.workspace, SessionId(call.path["id"]))))


async def list_clips(call: UserCall) -> Done:
    """GET /clips."""
    query: OfClips = call.query
    page = await call.services.catalog.clips(
        call.workspace,
        stream=None if query.stream is None else StreamId(query.stream),
        session=None if query.session is None else SessionId(query.session),
        wanted=ClipFilter(state=query.state, review=query.review, min_score=query.min_score, title=query.q),
        limit=query.limit,
        after=query.after,
    )
    signer = await call.services.signers.get()
    return Done(listed(page, lambda row: clip_answer(row, signer)))


async def get_clip(call: UserCall) -> Done:
    """GET /clips/{id}."""
    catalog = call.services.catalog
    row = await catalog.clip(call.workspace, ClipId(call.path["id"]))
    revisions = await catalog.revisions(call.workspace, row.id)
    renders = await catalog.orders_of(call.workspace, row.id, limit=MOST_SHOWN)
    verdicts = await catalog.verdicts(call.workspace, row.id, limit=MOST_SHOWN)
    signer = await call.services.signers.get()
    return Done(clip_history(row, revisions[-MOST_SHOWN:], renders, verdicts, signer))


async def list_revisions(call: UserCall) -> Done:
    """GET /clips/{id}/revisions: all of them; a clip has few."""
    found = await call.services.catalog.revisions(call.workspace, ClipId(call.path["id"]))
    return Done(Listed(items=[revision_answer(each) for each in found], next=None))


async def delete_session(call: UserCall) -> Done:
    """DELETE /sessions/{id}: files first, so that what fails can be asked again. Not while it runs."""
    id_ = SessionId(call.path["id"])
    row = await call.services.catalog.session(call.workspace, id_)
    await _erasable(call, row.id)
    await asyncio.to_thread(erase_session, _data_dir(call), row.id)
    await call.services.catalog.erase_session(call.workspace, row.id)
    return Done(status=204, target=row.id, detail={"stream": row.stream})


async def delete_clip(call: UserCall) -> Done:
    """DELETE /clips/{id}: with all revisions, approved or not. Not while its session runs."""
    row = await call.services.catalog.clip(call.workspace, ClipId(call.path["id"]))
    await _erasable(call, row.session)
    await asyncio.to_thread(erase_clip, _data_dir(call), row.session, row.id)
    await call.services.catalog.erase_clip(call.workspace, row.id)
    return Done(status=204, target=row.id, detail={"session": row.session, "review": row.review})


async def _erasable(call: UserCall, session: SessionId) -> None:
    """Raises Conflict where a worker has it, or may be about to start; the session's lock decides the rest."""
    if await call.services.catalog.is_busy(session):
        raise running(session)


def _data_dir(call: UserCall) -> Path:
    return Path(call.services.settings.data_dir).absolute()
