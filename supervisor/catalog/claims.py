"""The claim of a stream that counts, and rows of workers. Shared by the leader's side and the workers' side."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import StreamId
from supervisor.catalog.errors import NotFound
from supervisor.catalog.rows import one, value_of
from supervisor.catalog.schema import sessions, streams, workers
from supervisor.catalog.values import ClaimRow

ENDED: Final = frozenset({"done", "failed", "lost", "quarantined"})  # claim states with no process that is known to run
OVER: Final = frozenset({"ended", "error"})  # session states that a heartbeat does not change


class Owner(NamedTuple):
    """A claim, whether it is the newest of its stream, and whose it is. `of` is the session's stream, which that of a
    render is not."""

    claim: ClaimRow
    newest: bool
    workspace: str
    of: StreamId


async def worker_row(connection: AsyncConnection, stream: str, token: int) -> RowMapping:
    """Raises NotFound."""
    row = await one(connection, select(workers).where(workers.c.stream == stream, workers.c.token == token))
    if row is None:
        raise NotFound("claim", f"{stream} {token}")
    return row


async def owner_of(connection: AsyncConnection, session: str, token: int) -> Owner:
    """The claim `token` of a session, with its stream locked: no newer claim comes before this transaction ends.

    A session's claims have a token each, whosever they are (`Leading.claim`). Raises NotFound, where the claim is
    another session's too.
    """
    query: Any = select(workers.c.stream, sessions.c.stream.label("of")).join(sessions)
    row = await one(connection, query.where(workers.c.session == session, workers.c.token == token))
    if row is None:
        raise NotFound("claim", f"{session} {token}")
    newest, workspace = await lock_stream(connection, StreamId(row["stream"]))
    claim = value_of(ClaimRow, await worker_row(connection, row["stream"], token))
    return Owner(claim=claim, newest=newest == token, workspace=workspace, of=StreamId(row["of"]))


async def lock_stream(connection: AsyncConnection, stream: StreamId) -> tuple[int, str]:
    """The token of its newest claim and its workspace. Raises NotFound."""
    query: Any = select(streams.c.claim_token, streams.c.workspace).where(streams.c.id == stream)
    row = await one(connection, query.with_for_update(key_share=True))
    if row is None:
        raise NotFound("stream", stream)
    return int(row["claim_token"]), str(row["workspace"])
