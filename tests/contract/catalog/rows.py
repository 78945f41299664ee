"""Values that the catalog's tests begin with."""

from __future__ import annotations

from typing import Any

from core.control import EventBatch, Heartbeat, Hello
from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog
from supervisor.catalog.values import ClaimRow, StreamRow

SESSION = SessionId("s20261122t000000-abcdef")


def stream(id: str = "one", **changes: Any) -> StreamRow:
    values: dict[str, Any] = {
        "id": StreamId(id), "workspace": "default", "name": id, "source": "https://example.com/live",
        "kind": "stream", "origin": "api",
    }  # fmt: skip
    return StreamRow(**values | changes)


async def claimed(catalog: Catalog, name: str = "one", *, lease: int = 1, session: SessionId = SESSION) -> ClaimRow:
    """A stream with its first claim."""
    row = await catalog.add_stream(stream(name))
    return await catalog.leading(lease).claim(row.id, after_token=0, session=session, worker_runtime="process")


async def reclaimed(catalog: Catalog, claim: ClaimRow, *, lease: int = 1) -> ClaimRow:
    """The next claim of the same session."""
    return await catalog.leading(lease).claim(
        claim.stream, after_token=claim.token, session=claim.session, worker_runtime="process"
    )


def hello(claim: ClaimRow, **changes: Any) -> Hello:
    values: dict[str, Any] = {
        "stream": claim.stream, "session": claim.session, "claim_token": claim.token, "attempt": claim.token, "pid": 7,
        "version": "0.1.0", "node": "host",
    }  # fmt: skip
    return Hello(**values | changes)


def beat(claim: ClaimRow, **changes: Any) -> Heartbeat:
    values: dict[str, Any] = {
        "session": claim.session, "claim_token": claim.token, "state": "live", "progress": 3, "media_s": 6.0,
        "lag_s": 0.1, "rss_bytes": 1, "ring_bytes": 2, "disk_free_bytes": 3, "undelivered": 0,
    }  # fmt: skip
    return Heartbeat(**values | changes)


def clip(id: str = "c1", revision: int = 1, **changes: Any) -> dict[str, Any]:
    """A `clip` line."""
    values: dict[str, Any] = {
        "type": "clip", "id": id, "revision": revision, "state": "final", "review": "none", "title": "A goal",
        "score": 0.9, "files": {"master": f"/data/{id}/r{revision}/master.mp4"}, "wall": "2026-11-22T00:00:00.000Z",
    }  # fmt: skip
    return values | changes


def batch(claim: ClaimRow, *rows: tuple[int, str, dict[str, Any]], attempt: int | None = None) -> EventBatch:
    """Rows of (seq, kind, line)."""
    made = tuple(
        {"seq": seq, "attempt": attempt or claim.token, "kind": kind, "line": line} for seq, kind, line in rows
    )
    return EventBatch(session=claim.session, claim_token=claim.token, rows=made)
