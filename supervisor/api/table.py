"""Every endpoint in one table: what is served, what is described and what is tested for its rights comes from here."""

from __future__ import annotations

from typing import Final

from core.control import Acked, EventBatch, Heartbeat, Hello, Live, Pulse, Welcome
from supervisor.api import (
    events,
    hooks,
    internal,
    jobs,
    orders,
    plain,
    profiles,
    reviews,
    sessions,
    streams,
    tokens,
    usage,
)
from supervisor.api import models as m
from supervisor.api.call import Endpoint, ForAll, ForUsers, ForWorkers

API: Final = "/api/v1"
INTERNAL: Final = "/internal/v1"
_ID: Final = "{id:[a-z0-9][a-z0-9._-]{0,79}}"  # anything else is no id, and so not found
_MOMENT: Final = _ID.replace("{id:", "{moment:")
_NAME: Final = _ID.replace("{id:", "{name:")

STREAMS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/streams", does=streams.add, role="editor", action="stream.add",
        body=m.NewStream, answer=m.MadeStream, summary="Watch a source",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams", does=streams.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Stream], summary="What is watched",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams/{_ID}", does=streams.get, role="viewer",
        answer=m.Stream, summary="One stream",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/streams/{_ID}", does=streams.change, role="editor", action="stream.change",
        body=m.StreamChange, answer=m.Stream, summary="Change how a stream is watched",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/streams/{_ID}", does=streams.delete, role="editor", action="stream.delete",
        summary="Watch it no longer",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{_ID}/pause", does=streams.pause, role="editor", action="stream.pause",
        answer=m.Stream, summary="Stop watching for now",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{_ID}/resume", does=streams.resume, role="editor", action="stream.resume",
        answer=m.Stream, summary="Watch again",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{_ID}/clip-now", does=streams.clip_now, role="editor",
        action="stream.clip_now", body=m.ClipNow, answer=m.Ordered, summary="Cut what has just been",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams/{_ID}/health", does=streams.health, role="viewer",
        answer=m.StreamHealth, summary="What its worker last said",
    ),
)  # fmt: skip

SESSIONS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="GET", path=f"{API}/sessions", does=sessions.list_sessions, role="viewer",
        query=m.OfStream, answer=m.Listed[m.Session], summary="What was watched",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{_ID}", does=sessions.get_session, role="viewer",
        answer=m.Session, summary="One session",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/sessions/{_ID}", does=sessions.delete_session, role="editor",
        action="session.delete", summary="Delete a session that is over, with its files and clips",
    ),
    ForUsers(
        method="GET", path=f"{API}/clips", does=sessions.list_clips, role="viewer",
        query=m.OfSession, answer=m.Listed[m.Clip], summary="What was cut",
    ),
    ForUsers(
        method="GET", path=f"{API}/clips/{_ID}", does=sessions.get_clip, role="viewer",
        answer=m.ClipHistory, summary="One clip, with its revisions and renders",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{_ID}/render", does=orders.render, role="editor", action="clip.render",
        body=m.NewRender, answer=m.Job, summary="Render a clip in more formats, or in another layout",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/clips/{_ID}", does=sessions.delete_clip, role="editor", action="clip.delete",
        summary="Delete a clip with its files",
    ),
)  # fmt: skip

REVIEW: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/clips/{_ID}/approve", does=reviews.approve, role="editor", action="clip.approve",
        body=m.Judged, answer=m.Clip, summary="Approve a clip, which keeps it",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{_ID}/reject", does=reviews.reject, role="editor", action="clip.reject",
        body=m.Judged, answer=m.Clip, summary="Reject a clip",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/clips/{_ID}", does=reviews.change, role="editor", action="clip.change",
        body=m.ClipChange, answer=m.Clip, summary="Give a clip a title",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{_ID}/trim", does=orders.trim, role="editor", action="clip.trim",
        body=m.Span, answer=m.Job, summary="Give a clip another span",
    ),
    ForUsers(
        method="POST", path=f"{API}/sessions/{_ID}/cut", does=orders.cut, role="editor", action="session.cut",
        body=m.NewCut, answer=m.Job, summary="Cut a clip by hand",
    ),
    ForUsers(
        method="POST", path=f"{API}/sessions/{_ID}/near-misses/{_MOMENT}/cut", does=orders.cut_anyway, role="editor",
        action="session.cut_anyway", body=m.Unmissed, answer=m.Job, summary="Cut what fell short of the bar",
    ),
    ForUsers(
        method="GET", path=f"{API}/profiles", does=profiles.list_all, role="viewer",
        answer=m.Listed[m.Profile], summary="What is shipped",
    ),
    ForUsers(
        method="POST", path=f"{API}/profiles/{_NAME}/diff", does=profiles.diff, role="editor", action="profile.diff",
        body=m.DiffAsked, answer=m.ProfileDiff, summary="Which clips another profile would have made",
    ),
)  # fmt: skip

JOBS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/jobs", does=jobs.add, role="editor", action="job.add",
        body=m.NewJob, answer=m.Job, summary="Clip a recording",
    ),
    ForUsers(
        method="GET", path=f"{API}/jobs", does=jobs.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Job], summary="Recordings that are clipped",
    ),
    ForUsers(
        method="GET", path=f"{API}/jobs/{_ID}", does=jobs.get, role="viewer",
        answer=m.Job, summary="One job, with its steps",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/jobs/{_ID}", does=jobs.cancel, role="editor", action="job.cancel",
        answer=m.Job, summary="Cancel a job",
    ),
    ForUsers(
        method="POST", path=f"{API}/jobs/{_ID}/retry", does=jobs.retry, role="editor", action="job.retry",
        answer=m.Job, summary="Try a failed job again",
    ),
)  # fmt: skip

ADMIN: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/tokens", does=tokens.add, role="admin", action="token.new",
        body=m.NewToken, answer=m.MadeToken, summary="Make a token",
    ),
    ForUsers(
        method="GET", path=f"{API}/tokens", does=tokens.list_all, role="admin",
        query=m.Listing, answer=m.Listed[m.Token], summary="Who may ask",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/tokens/{_ID}", does=tokens.revoke, role="admin", action="token.revoke",
        summary="Revoke a token",
    ),
    ForUsers(
        method="GET", path=f"{API}/audit", does=tokens.list_audit, role="admin",
        query=m.Listing, answer=m.Listed[m.Audited], summary="Who did what",
    ),
    ForUsers(
        method="GET", path=f"{API}/usage", does=usage.list_all, role="admin",
        query=m.Listing, answer=m.Listed[m.Used], summary="What was used, by day",
    ),
    ForUsers(
        method="GET", path=f"{API}/events", does=events.follow, role="viewer",
        query=m.Following, summary="What workers tell, as server-sent events",
    ),
)  # fmt: skip

OPEN: Final[tuple[Endpoint, ...]] = (
    ForAll(method="POST", path=f"{API}/hooks/rtmp/publish", does=hooks.publish, summary="May this be published?"),
    ForAll(method="POST", path=f"{API}/hooks/rtmp/done", does=hooks.done, summary="It is published no longer"),
    ForAll(method="GET", path="/healthz", does=plain.healthz, answer=m.Alive, summary="The process runs"),
    ForAll(method="GET", path="/readyz", does=plain.readyz, answer=m.Ready, summary="Requests can be answered"),
    ForAll(method="GET", path="/metrics", does=plain.metrics, summary="Figures for Prometheus"),
)

WORKERS: Final[tuple[Endpoint, ...]] = (
    ForWorkers(
        method="POST", path=f"{INTERNAL}/hello", does=internal.hello,
        body=Hello, answer=Welcome, summary="An attempt has begun",
    ),
    ForWorkers(
        method="POST", path=f"{INTERNAL}/renew", does=internal.renew, renewal=True,
        answer=Welcome, summary="A new token for a renewal secret",
    ),
    ForWorkers(
        method="POST", path=f"{INTERNAL}/heartbeat", does=internal.heartbeat,
        body=Heartbeat, answer=Pulse, summary="An attempt lives",
    ),
    ForWorkers(
        method="POST", path=f"{INTERNAL}/events", does=internal.events,
        body=EventBatch, answer=Acked, summary="Rows of a journal",
    ),
    ForWorkers(
        method="POST", path=f"{INTERNAL}/live", does=internal.live,
        body=Live, answer=m.Kept, summary="Newest signals and words",
    ),
    ForWorkers(
        method="GET", path=f"{INTERNAL}/commands", does=internal.commands,
        query=m.Polling, summary="What an attempt is told",
    ),
    ForWorkers(
        method="POST", path=f"{INTERNAL}/keys", does=internal.keys,
        body=m.KeyAsked, answer=m.Door, summary="Where a publisher belongs",
    ),
    ForWorkers(method="POST", path=f"{INTERNAL}/llm", does=internal.llm, summary="Language models: answered 501"),
)  # fmt: skip

TABLE: Final[tuple[Endpoint, ...]] = (*STREAMS, *SESSIONS, *REVIEW, *JOBS, *ADMIN, *OPEN, *WORKERS)
