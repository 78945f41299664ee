"""Every endpoint in one table: what is served, what is described and what is tested for its rights comes from here."""

from __future__ import annotations

from typing import Final

from core.control import Acked, EventBatch, Heartbeat, Hello, Live, LlmAnswer, LlmAsk, Pulse, Welcome
from supervisor.api import (
    channels,
    chat,
    events,
    hooks,
    inbound,
    internal,
    jobs,
    llm,
    me,
    members,
    orders,
    page,
    plain,
    playback,
    profiles,
    reviews,
    segments,
    sessions,
    streams,
    tokens,
    uploads,
    usage,
    watching,
    workspaces,
)
from supervisor.api import models as m
from supervisor.api.call import Endpoint, ForAll, ForUsers, ForWorkers
from supervisor.api.prefix import API, ID, INTERNAL
from supervisor.api.room_table import ROOMS, WHIP

__all__ = ["API", "INTERNAL", "TABLE"]
_HOOKED: Final = ("application/x-www-form-urlencoded", "application/json")  # nginx-rtmp, MediaMTX
_NAME: Final = "{name:[a-z0-9][a-z0-9._-]{0,79}}"
_MOMENT: Final = ID.replace("{id:", "{moment:")

STREAMS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/streams", does=streams.add, role="editor", action="stream.add",
        body=m.NewStream, answer=m.MadeStream, status=201, summary="Watch a source",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams", does=streams.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Stream], summary="What is watched",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams/{ID}", does=streams.get, role="viewer",
        answer=m.Stream, summary="One stream",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/streams/{ID}", does=streams.change, role="editor", action="stream.change",
        body=m.StreamChange, answer=m.Stream, summary="Change how a stream is watched",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/streams/{ID}", does=streams.delete, role="editor", action="stream.delete",
        summary="Watch it no longer",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{ID}/pause", does=streams.pause, role="editor", action="stream.pause",
        answer=m.Stream, summary="Stop watching for now",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{ID}/resume", does=streams.resume, role="editor", action="stream.resume",
        answer=m.Stream, summary="Watch again",
    ),
    ForUsers(
        method="POST", path=f"{API}/streams/{ID}/clip-now", does=streams.clip_now, role="editor",
        action="stream.clip_now", body=m.ClipNow, answer=m.Ordered, status=202, summary="Cut what has just been",
    ),
    ForUsers(
        method="GET", path=f"{API}/streams/{ID}/health", does=streams.health, role="viewer",
        answer=m.StreamHealth, summary="What its worker last said",
    ),
    ForUsers(
        method="GET", path=f"{API}/live", does=streams.all_health, role="viewer",
        query=m.Listing, answer=m.Listed[m.StreamHealth], summary="What the workers of all streams last said",
    ),
)  # fmt: skip

SESSIONS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="GET", path=f"{API}/sessions", does=sessions.list_sessions, role="viewer",
        query=m.OfStream, answer=m.Listed[m.Session], summary="What was watched",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}", does=sessions.get_session, role="viewer",
        answer=m.Session, summary="One session",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/sessions/{ID}", does=sessions.delete_session, role="editor",
        action="session.delete", summary="Delete a session that is over, with its files and clips",
    ),
    ForUsers(  # not in the audit: a chat has thousands of them
        method="POST", path=f"{API}/sessions/{ID}/chat", does=chat.post, role="editor",
        body=m.NewChat, answer=m.ChatTaken, status=202, summary="What was said in a chat that clipd does not read",
    ),
    ForUsers(
        method="GET", path=f"{API}/clips", does=sessions.list_clips, role="viewer",
        query=m.OfClips, answer=m.Listed[m.Clip], summary="What was cut",
    ),
    ForUsers(
        method="GET", path=f"{API}/clips/{ID}", does=sessions.get_clip, role="viewer",
        answer=m.ClipHistory, summary="One clip, with its revisions and renders",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{ID}/render", does=orders.render, role="editor", action="clip.render",
        body=m.NewRender, answer=m.Job, status=202, summary="Render a clip in more formats, or in another layout",
    ),
    ForUsers(
        method="GET", path=f"{API}/clips/{ID}/revisions", does=sessions.list_revisions, role="viewer",
        answer=m.Listed[m.Revision], summary="What was made of a clip, the first first",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/clips/{ID}", does=sessions.delete_clip, role="editor", action="clip.delete",
        summary="Delete a clip with its files",
    ),
)  # fmt: skip

WATCHING: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/transcript", does=watching.transcript, role="viewer",
        query=m.Span, answer=m.Transcript, summary="What was said",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/transcript.json", does=watching.transcript, role="viewer",
        query=m.Span, answer=m.Transcript, summary="What was said, under a file's name",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/transcript.srt", does=watching.transcript_srt, role="viewer",
        query=m.Span, summary="What was said, as SubRip",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/transcript.vtt", does=watching.transcript_vtt, role="viewer",
        query=m.Span, summary="What was said, as WebVTT",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/signals", does=watching.signals, role="viewer",
        query=m.SpanPoints, answer=m.Signals, summary="Lines over time: sound, chat, p and the bar",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/moments", does=watching.moments, role="viewer",
        query=m.Listing, answer=m.Listed[m.Moment], summary="What was weighed",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/near-misses", does=watching.near_misses, role="viewer",
        query=m.Listing, answer=m.Listed[m.Moment], summary="What was weighed and rejected",
    ),
    ForUsers(
        method="GET", path=f"{API}/sessions/{ID}/playlist.m3u8", does=playback.playlist, role="viewer",
        summary="What is buffered, as an HLS list",
    ),
    ForAll(
        method="GET", path=f"{API}/sessions/{ID}/segments/{_NAME}", does=playback.segment, query=m.SignedLink,
        summary="A segment, by a link of the list",
    ),
    ForAll(
        method="GET", path=f"{API}/clips/{ID}/files/{_NAME}", does=playback.clip_file, query=m.SignedFile,
        summary="A clip's file, by a link of the clip",
    ),
)  # fmt: skip

REVIEW: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/clips/{ID}/approve", does=reviews.approve, role="editor", action="clip.approve",
        body=m.Judged, answer=m.Clip, summary="Approve a clip, which keeps it",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{ID}/reject", does=reviews.reject, role="editor", action="clip.reject",
        body=m.Judged, answer=m.Clip, summary="Reject a clip",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/clips/{ID}", does=reviews.change, role="editor", action="clip.change",
        body=m.ClipChange, answer=m.Clip, summary="Give a clip a title",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{ID}/trim", does=orders.trim, role="editor", action="clip.trim",
        body=m.CutSpan, answer=m.Job, status=202, summary="Give a clip another span",
    ),
    ForUsers(
        method="POST", path=f"{API}/sessions/{ID}/cut", does=orders.cut, role="editor", action="session.cut",
        body=m.NewCut, answer=m.Job, status=202, summary="Cut a clip by hand",
    ),
    ForUsers(
        method="POST", path=f"{API}/sessions/{ID}/near-misses/{_MOMENT}/cut", does=orders.cut_anyway, role="editor",
        action="session.cut_anyway", body=m.Unmissed, answer=m.Job, status=202,
        summary="Cut what fell short of the bar",
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
        body=m.NewJob, answer=m.Job, status=201, summary="Clip a recording",
    ),
    ForUsers(
        method="GET", path=f"{API}/jobs", does=jobs.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Job], summary="Recordings that are clipped",
    ),
    ForUsers(
        method="GET", path=f"{API}/jobs/{ID}", does=jobs.get, role="viewer",
        answer=m.Job, summary="One job, with its steps",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/jobs/{ID}", does=jobs.cancel, role="editor", action="job.cancel",
        answer=m.Job, status=202, summary="Cancel a job",
    ),
    ForUsers(
        method="POST", path=f"{API}/jobs/{ID}/retry", does=jobs.retry, role="editor", action="job.retry",
        answer=m.Job, status=202, summary="Try a failed job again",
    ),
)  # fmt: skip

UPLOADS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/uploads", does=uploads.add, role="editor", action="upload.add",
        body=m.NewUpload, answer=m.Upload, status=201, summary="Announce a recording that comes in chunks",
    ),
    ForUsers(
        method="GET", path=f"{API}/uploads/{ID}", does=uploads.get, role="editor",
        answer=m.Upload, summary="What of it is here",
        guest=ForAll(
            method="GET", path=f"{API}/uploads/{ID}", does=segments.get, answer=m.SegmentUpload,
            summary="What of a local track is here",
        ),
    ),
    ForUsers(  # not in the audit: a recording has a thousand of them, and its beginning and end are
        method="PUT", path=f"{API}/uploads/{ID}/chunks/{{seq:[0-9]{{1,6}}}}.part", does=uploads.put, role="editor",
        answer=m.Chunk, summary="A chunk",
        guest=ForAll(
            method="PUT", path=f"{API}/uploads/{ID}/chunks/{{seq:[0-9]{{1,6}}}}.part", does=segments.put,
            answer=m.Chunk, summary="A part of a local track",
        ),
    ),
    ForUsers(
        method="POST", path=f"{API}/uploads/{ID}/final", does=uploads.final, role="editor", action="upload.final",
        body=m.Nothing, answer=m.Upload, summary="All is sent: join and check it",
        guest=ForAll(
            method="POST", path=f"{API}/uploads/{ID}/final", does=segments.final, body=m.SegmentEnd,
            answer=m.SegmentUpload, summary="All of a local track is sent",
        ),
    ),
    ForUsers(
        method="DELETE", path=f"{API}/uploads/{ID}", does=uploads.delete, role="editor", action="upload.delete",
        summary="Delete an upload",
    ),
)  # fmt: skip

ADMIN: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/tokens", does=tokens.add, role="admin", action="token.new",
        body=m.NewToken, answer=m.MadeToken, status=201, summary="Make a token",
    ),
    ForUsers(
        method="POST", path=f"{API}/tokens/{ID}/rotate", does=tokens.rotate, role="admin", action="token.rotate",
        body=m.Rotation, answer=m.MadeToken, summary="Give a token a new secret",
    ),
    ForUsers(
        method="GET", path=f"{API}/tokens", does=tokens.list_all, role="admin",
        query=m.Listing, answer=m.Listed[m.Token], summary="Who may ask",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/tokens/{ID}", does=tokens.revoke, role="admin", action="token.revoke",
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
        query=m.Following, media="text/event-stream", summary="What workers tell, as server-sent events",
    ),
)  # fmt: skip

ACCESS: Final[tuple[Endpoint, ...]] = (
    ForAll(
        method="POST", path=f"{API}/sign-in", does=me.sign_in, body=m.SignIn, answer=m.Me,
        summary="Sign in with a token, or a name and a password: sets the page's cookie",
    ),
    ForUsers(
        method="POST", path=f"{API}/sign-out", does=me.sign_out, role="viewer", action="page.sign_out",
        summary="Take the page's cookie away",
    ),
    ForUsers(method="GET", path=f"{API}/me", does=me.get, role="viewer", answer=m.Me, summary="Who asks"),
    ForUsers(
        method="POST", path=f"{API}/members", does=members.add, role="admin", action="member.new",
        body=m.NewMember, answer=m.Member, status=201, summary="Let somebody sign in with a password",
    ),
    ForUsers(
        method="GET", path=f"{API}/members", does=members.list_all, role="admin",
        query=m.Listing, answer=m.Listed[m.Member], summary="Who may sign in with a password",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/members/{ID}", does=members.change, role="admin", action="member.change",
        body=m.MemberChange, answer=m.Member, summary="Change a member's role or password",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/members/{ID}", does=members.remove, role="admin", action="member.remove",
        summary="Remove a member",
    ),
    ForUsers(
        method="POST", path=f"{API}/workspaces", does=workspaces.add, role="owner", action="workspace.new",
        body=m.NewWorkspace, answer=m.MadeWorkspace, status=201, summary="Make a workspace, with an owner's token",
    ),
    ForUsers(
        method="GET", path=f"{API}/workspaces", does=workspaces.list_all, role="admin",
        query=m.Listing, answer=m.Listed[m.Workspace], summary="One's workspace; all, for owners of the first",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/workspaces/{ID}", does=workspaces.change, role="owner",
        action="workspace.change", body=m.WorkspaceChange, answer=m.Workspace, summary="Rename a workspace",
    ),
)  # fmt: skip

ALERTS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/channels", does=channels.add, role="admin", action="channel.add",
        body=m.NewChannel, answer=m.MadeChannel, status=201, summary="Send alerts somewhere",
    ),
    ForUsers(
        method="GET", path=f"{API}/channels", does=channels.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Channel], summary="Where alerts go",
    ),
    ForUsers(
        method="GET", path=f"{API}/channels/{ID}", does=channels.get, role="viewer",
        answer=m.Channel, summary="One channel",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/channels/{ID}", does=channels.change, role="admin", action="channel.change",
        body=m.ChannelChange, answer=m.Channel, summary="Change a channel",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/channels/{ID}", does=channels.delete, role="admin", action="channel.delete",
        summary="Send no alerts there, and forget what was sent",
    ),
    ForUsers(
        method="POST", path=f"{API}/channels/{ID}/test", does=channels.test, role="admin", action="channel.test",
        answer=m.Tested, summary="Send a test message now",
    ),
    ForUsers(
        method="POST", path=f"{API}/channels/{ID}/rotate", does=channels.rotate, role="admin", action="channel.rotate",
        body=m.Rotating, answer=m.MadeChannel, summary="A new secret for a webhook's signatures",
    ),
    ForUsers(
        method="GET", path=f"{API}/channels/{ID}/deliveries", does=channels.list_deliveries, role="viewer",
        query=m.Listing, answer=m.Listed[m.Delivery], summary="What was told there, and what waits",
    ),
    ForUsers(
        method="POST", path=f"{API}/deliveries/{ID}/replay", does=channels.replay, role="editor",
        action="delivery.replay", answer=m.Delivery, status=202, summary="Tell it again",
    ),
    ForUsers(
        method="POST", path=f"{API}/clips/{ID}/publish", does=channels.publish, role="editor", action="clip.publish",
        body=m.Publishing, answer=m.Listed[m.Delivery], status=202,
        summary="Tell channels of a clip, whatever their filters",
    ),
)  # fmt: skip

LLM: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="GET", path=f"{API}/llm", does=llm.state, role="viewer",
        answer=m.LlmState, summary="Language models: who answers, and what it costs",
    ),
)  # fmt: skip

OPEN: Final[tuple[Endpoint, ...]] = (
    ForAll(
        method="POST", path=f"{API}/hooks/rtmp/publish", does=hooks.publish, takes=_HOOKED,
        summary="May this be published?",
    ),
    ForAll(
        method="POST", path=f"{API}/hooks/rtmp/done", does=hooks.done, takes=_HOOKED,
        summary="It is published no longer",
    ),
    ForAll(
        method="POST", path=f"{API}/hooks/{_NAME}", does=inbound.ask, takes=("application/json",), answer=m.Hooked,
        status=202, summary="A signed order of a program",
    ),
    ForAll(
        method="GET", path=f"{API}/openapi.json", does=plain.openapi, media="application/json",
        summary="This description",
    ),
    ForAll(method="GET", path="/healthz", does=plain.healthz, answer=m.Alive, summary="The process runs"),
    ForAll(method="GET", path="/readyz", does=plain.readyz, answer=m.Ready, summary="Requests can be answered"),
    ForAll(method="GET", path="/metrics", does=plain.metrics, media="text/plain", summary="Figures for Prometheus"),
)  # fmt: skip

DASHBOARD: Final[tuple[Endpoint, ...]] = (
    ForAll(method="GET", path="/", does=page.show, media="text/html", summary="The control room"),
    ForAll(
        method="GET", path="/assets/{name:[A-Za-z0-9._/-]{1,100}}", does=page.asset,
        media="application/octet-stream", summary="A file of its page",
    ),
)  # fmt: skip

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
    ForWorkers(
        method="POST", path=f"{INTERNAL}/llm", does=llm.ask,
        body=LlmAsk, answer=LlmAnswer, summary="A question to a language model",
    ),
)  # fmt: skip

TABLE: Final[tuple[Endpoint, ...]] = (
    *STREAMS, *SESSIONS, *WATCHING, *REVIEW, *JOBS, *UPLOADS, *ADMIN, *ACCESS, *ALERTS, *LLM, *OPEN, *DASHBOARD,
    *WORKERS, *ROOMS, *WHIP,
)  # fmt: skip
