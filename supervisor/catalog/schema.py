"""The catalog's tables, for both databases. What makes them is `migrations/`; a test holds the two together.

JSON is text that we write and read ourselves: both databases keep the same bytes, and PostgreSQL's own JSON refuses
what a hostile title may hold (U+0000). `_ns` columns are wall-clock ns, for labels and the expiry of tokens.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: Final = MetaData(naming_convention=NAMES)


class Document(TypeDecorator[Any]):
    """A JSON object in a text column, ASCII only."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """What is stored; `limits.document` has checked it."""
        return None if value is None else json.dumps(value, separators=(",", ":"), allow_nan=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """What was stored."""
        return None if value is None else json.loads(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """Words in a text column, with spaces between."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """What is stored; words hold no spaces."""
        return None if value is None else " ".join(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """What was stored."""
        return None if value is None else tuple(value.split())


def _ns(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str, *args: Any, **options: Any) -> Column[str]:
    return Column(name, Text, *args, nullable=False, **options)


def _whole(name: str, *args: Any, **options: Any) -> Column[int]:
    return Column(name, BigInteger, *args, nullable=False, **options)


def _ref(target: str) -> ForeignKey:
    return ForeignKey(target, ondelete="CASCADE")


# The fence (`lease`: the highest lease token a write carried), and what numbers events, commands and audit rows: a
# number is taken under the row's lock, so that rows become visible in the order of their numbers
counters = Table("counters", METADATA, _text("name", primary_key=True), _whole("value"))
meta = Table("meta", METADATA, _text("key", primary_key=True), _text("value"))
workspaces = Table(
    "workspaces", METADATA, _text("id", primary_key=True), _text("name"), Column("limits", Document, nullable=False),
    _ns("created_ns"),
)  # fmt: skip
streams = Table(
    "streams", METADATA, _text("id", primary_key=True), _text("workspace", ForeignKey("workspaces.id")), _text("name"),
    _text("source"), _text("kind"), _text("origin"), _text("rights"), _text("wanted"), _whole("priority"),
    Column("options", Document, nullable=False), _text("reason"), _ns("created_ns"),
    Column("deleted", Boolean, nullable=False),
    _whole("claim_token"),  # of the newest claim; 0: never claimed. Its row lock orders claims and workers' writes
    Index("ix_streams_page", "workspace", "created_ns", "id"),
)  # fmt: skip
Index(
    "uq_streams_name", streams.c.workspace, streams.c.name, unique=True,
    sqlite_where=text("NOT deleted"), postgresql_where=text("NOT deleted"),
)  # fmt: skip
sessions = Table(
    "sessions", METADATA, _text("id", primary_key=True), _text("stream", _ref("streams.id")), _text("workspace"),
    _text("state"), _text("reason"), _ns("started_ns"), _ns("ended_ns", nullable=True),
    Column("media_s", Double, nullable=False), Column("summary", Document, nullable=False), _whole("acked"),
    Index("ix_sessions_page", "workspace", "started_ns", "id"), Index("ix_sessions_stream", "stream"),
)  # fmt: skip
workers = Table(
    "workers", METADATA, _text("stream", _ref("streams.id"), primary_key=True), _whole("token", primary_key=True),
    _whole("lease_token"), _text("session", _ref("sessions.id")), _text("worker"), _text("runtime"), _text("state"),
    _text("reason"), Column("code", Integer), _whole("failures"), _whole("attempt"), _text("node"),
    _whole("pid"), _text("version"),
    _whole("beat"), _whole("progress"), Column("health", Document, nullable=False), _text("metrics"),
    _whole("commands_seen"), _ns("since_ns"), _ns("ended_ns", nullable=True), Index("ix_workers_session", "session"),
)  # fmt: skip
worker_tokens = Table(
    "worker_tokens", METADATA, _text("id", primary_key=True), _text("kind"), _text("hash"), _text("stream"),
    _whole("token"), _ns("expires_ns"), Index("ix_worker_tokens_claim", "stream", "token"),
    ForeignKeyConstraint(["stream", "token"], ["workers.stream", "workers.token"], ondelete="CASCADE"),
)  # fmt: skip
moments = Table(
    "moments", METADATA, _text("session", _ref("sessions.id"), primary_key=True), _text("id", primary_key=True),
    _text("stream"), _text("workspace"), _text("state"), Column("line", Document, nullable=False),
    _whole("claim_token"), _whole("seq"), _ns("created_ns"), Index("ix_moments_page", "session", "created_ns", "id"),
)  # fmt: skip
clips = Table(
    "clips", METADATA, _text("id", primary_key=True), _text("session", _ref("sessions.id")), _text("stream"),
    _text("workspace"), _whole("revision"), _text("state"), _text("review"), _text("title"), Column("score", Double),
    Column("line", Document, nullable=False), _ns("created_ns"), _whole("claim_token"), _whole("seq"),
    Column("title_by", Text),  # who named it; none: its worker
    Column("reviewed_revision", BigInteger),  # what the newest verdict was about
    Index("ix_clips_page", "workspace", "created_ns", "id"), Index("ix_clips_session", "session"),
    Index("ix_clips_review", "workspace", "review", "created_ns", "id"),
    Index("ix_clips_stream", "workspace", "stream", "created_ns", "id"),
)  # fmt: skip
revisions = Table(
    "revisions", METADATA, _text("clip", _ref("clips.id"), primary_key=True), _whole("revision", primary_key=True),
    _text("hash", primary_key=True), _text("state"), Column("line", Document, nullable=False), _whole("attempt"),
    _whole("claim_token"), _ns("created_ns"),
)  # fmt: skip
verdicts = Table(
    "verdicts", METADATA,
    _whole("id", primary_key=True, autoincrement=False),  # of its event
    _text("workspace"), _text("session", _ref("sessions.id")),
    _text("clip"),  # which it may outlive: it is a label, and goes with its session
    _whole("revision"), _text("verdict"), _text("actor"), _text("note"), _ns("at_ns"),
    Index("ix_verdicts_clip", "clip", "id"), Index("ix_verdicts_session", "session"),
)  # fmt: skip
# `attempt` 0: told by a supervisor, and then `seq` is the event's own number
events = Table(
    "events", METADATA, _whole("id", primary_key=True, autoincrement=False), _text("workspace"), _text("stream"),
    _text("session", _ref("sessions.id")), _whole("attempt"), _whole("seq"), _text("kind"),
    Column("line", Document, nullable=False), _ns("at_ns"), UniqueConstraint("session", "attempt", "seq"),
    Index("ix_events_workspace", "workspace", "id"), Index("ix_events_at", "at_ns"),
)  # fmt: skip
uploads = Table(
    "uploads", METADATA, _text("id", primary_key=True), _text("workspace", _ref("workspaces.id")), _text("name"),
    _whole("bytes"), _text("sha256"), _text("state"), _ns("created_ns"), _ns("touched_ns"),
    Index("ix_uploads_workspace", "workspace", "state"), Index("ix_uploads_idle", "touched_ns", "id"),
)  # fmt: skip
jobs = Table(
    "jobs", METADATA, _text("id", primary_key=True), _text("workspace"), _text("stream", _ref("streams.id")),
    _text("state"), _text("source"), Column("cancel", Boolean, nullable=False), _text("error"), _ns("created_ns"),
    _ns("ended_ns", nullable=True), _whole("version"), Column("clip", Text), Column("session", Text),
    Column("asked", Document), Column("told", Document),
    Index("ix_jobs_page", "workspace", "created_ns", "id"), Index("ix_jobs_clip", "clip"),
    Index("ix_jobs_source", "source"),
    Index("ix_jobs_session", "session"),
)  # fmt: skip
steps = Table(
    "steps", METADATA, _text("job", _ref("jobs.id"), primary_key=True), _whole("position", primary_key=True),
    _text("name"), _text("state"), _whole("attempts"), _ns("started_ns", nullable=True), _ns("ended_ns", nullable=True),
    Column("progress", Double, nullable=False), _text("error"),
)  # fmt: skip
tokens = Table(
    "tokens", METADATA, _text("id", primary_key=True), _text("workspace", _ref("workspaces.id")), _text("role"),
    _text("name"), _ns("created_ns"), _ns("expires_ns", nullable=True), Column("revoked", Boolean, nullable=False),
    _text("hash"), Column("scopes", Words, nullable=False, server_default=""), _ns("used_ns", nullable=True),
    _text("old_hash", server_default=""), _ns("old_until_ns", nullable=True),  # of the secret before this one
    Index("ix_tokens_page", "workspace", "created_ns", "id"),
)  # fmt: skip
members = Table(
    "members", METADATA, _text("id", primary_key=True), _text("workspace", _ref("workspaces.id")), _text("name"),
    _text("role"), _ns("created_ns"), _text("password"),  # its argon2id hash
    UniqueConstraint("workspace", "name"), Index("ix_members_page", "workspace", "created_ns", "id"),
)  # fmt: skip
# Cookies of the page: a member's or a token's, never both
sign_ins = Table(
    "sign_ins", METADATA, _text("id", primary_key=True), _text("hash"), _text("workspace", _ref("workspaces.id")),
    Column("member", Text, _ref("members.id")), Column("token", Text, _ref("tokens.id")), _ns("created_ns"),
    _ns("seen_ns"), _ns("expires_ns"), Index("ix_sign_ins_member", "member"), Index("ix_sign_ins_token", "token"),
)  # fmt: skip
commands = Table(
    "commands", METADATA, _whole("id", primary_key=True, autoincrement=False), _text("stream"), _whole("claim_token"),
    _text("kind"), Column("args", Document, nullable=False), _ns("at_ns"),
    Index("ix_commands_claim", "stream", "claim_token", "id"),
    ForeignKeyConstraint(["stream", "claim_token"], ["workers.stream", "workers.token"], ondelete="CASCADE"),
)  # fmt: skip
audits = Table(
    "audit", METADATA, _whole("id", primary_key=True, autoincrement=False), _text("workspace"), _text("actor"),
    _text("action"), _text("target"), Column("detail", Document, nullable=False), _ns("at_ns"),
    Index("ix_audit_workspace", "workspace", "id"), Index("ix_audit_at", "at_ns"),
)  # fmt: skip
usage = Table(
    "usage", METADATA, _text("workspace", _ref("workspaces.id"), primary_key=True), _text("day", primary_key=True),
    Column("minutes", Double, nullable=False), _whole("bytes"), _whole("renders"),
    Column("llm_usd", Double, nullable=False), _whole("clips", server_default="0"),
)  # fmt: skip
replies = Table(
    "replies", METADATA, _text("workspace", _ref("workspaces.id"), primary_key=True), _text("key", primary_key=True),
    _text("asked"), Column("status", Integer, nullable=False), _text("body"), _ns("at_ns"),
)  # fmt: skip
nonces = Table(
    "nonces", METADATA, _text("scope", primary_key=True), _text("nonce", primary_key=True), _ns("until_ns"),
)  # fmt: skip
channels = Table(
    "channels", METADATA, _text("id", primary_key=True), _text("workspace", _ref("workspaces.id")), _text("name"),
    _text("kind"), _text("target"), Column("secrets", Document, nullable=False),
    Column("filters", Document, nullable=False), Column("enabled", Boolean, nullable=False), _text("reason"),
    _ns("created_ns"), UniqueConstraint("workspace", "name"),
    Index("ix_channels_page", "workspace", "created_ns", "id"),
)  # fmt: skip
# One row for each message that is kept up to date: `version` grows with what there is to tell, `next_ns` says when
deliveries = Table(
    "deliveries", METADATA, _text("id", primary_key=True), _text("workspace"), _text("channel", _ref("channels.id")),
    _text("clip", _ref("clips.id")), _text("kind"), _text("state"), _whole("version"), _whole("attempts"),
    _ns("next_ns"), _text("error"), Column("remote", Document, nullable=False), _ns("created_ns"),
    _ns("sent_ns", nullable=True), UniqueConstraint("channel", "clip", "kind"),
    Index("ix_deliveries_page", "channel", "created_ns", "id"), Index("ix_deliveries_clip", "clip"),
    Index("ix_deliveries_due", "state", "channel", "next_ns"),
)  # fmt: skip
llm_answers = Table(
    "llm_answers", METADATA, _text("workspace", _ref("workspaces.id"), primary_key=True),
    _text("key", primary_key=True), _text("provider"), _text("model"), _text("content"), _whole("prompt_tokens"),
    _whole("completion_tokens"), _whole("hits"), _ns("at_ns"), Index("ix_llm_answers_age", "workspace", "at_ns"),
)  # fmt: skip
rooms = Table(
    "rooms", METADATA, _text("id", primary_key=True), _text("workspace", ForeignKey("workspaces.id")),
    _text("stream", _ref("streams.id")), _text("name"), _text("layout"), _text("notice"), _whole("max_people"),
    _ns("created_ns"), UniqueConstraint("stream"), Index("ix_rooms_page", "workspace", "created_ns", "id"),
)  # fmt: skip
room_invites = Table(
    "room_invites", METADATA, _text("id", primary_key=True), _text("room", _ref("rooms.id")), _text("workspace"),
    _text("role"), _text("hash"),  # of the secret in its link
    Column("uses", BigInteger), Column("client", Text), _ns("expires_ns", nullable=True),
    Column("revoked", Boolean, nullable=False), _ns("created_ns"), UniqueConstraint("room", "hash"),
    Index("ix_room_invites_page", "room", "created_ns", "id"),
)  # fmt: skip
room_people = Table(
    "room_people", METADATA, _text("id", primary_key=True), _text("room", _ref("rooms.id")), _text("workspace"),
    _text("invite", _ref("room_invites.id")), _text("client"), _text("name"), _text("role"), _text("notice"),
    _ns("created_ns"), _ns("seen_ns"), UniqueConstraint("invite", "client"), Index("ix_room_people_room", "room"),
)  # fmt: skip
room_consents = Table(
    "room_consents", METADATA, _text("person", _ref("room_people.id"), primary_key=True),
    _text("sha256", primary_key=True), _text("text"), _ns("at_ns"),
)  # fmt: skip
room_takes = Table(
    "room_takes", METADATA, _text("room", _ref("rooms.id"), primary_key=True), _text("id", primary_key=True),
    _text("workspace"), _text("session"),  # which it may outlive
    _text("state"), Column("start_s", Double, nullable=False), Column("people", Document, nullable=False),
    _text("conform"), _ns("started_ns"), _ns("stopped_ns", nullable=True),
    Index("ix_room_takes_page", "room", "started_ns", "id"), Index("ix_room_takes_state", "state", "conform"),
)  # fmt: skip
room_segments = Table(
    "room_segments", METADATA, _text("id", primary_key=True), _text("room", _ref("rooms.id")), _text("workspace"),
    _text("take"),  # which a browser may tell of before the room does
    _text("person", _ref("room_people.id")), _text("track"), _text("mime"), Column("t_ms", Double, nullable=False),
    Column("t_stop_ms", Double), Column("settings", Document, nullable=False), _text("state"), _text("reason"),
    Column("chunks", BigInteger), _whole("bytes"), _text("sha256"), Column("report", Document, nullable=False),
    _ns("created_ns"), _ns("touched_ns"), Index("ix_room_segments_take", "room", "take"),
    Index("ix_room_segments_person", "person"), Index("ix_room_segments_state", "state", "touched_ns"),
)  # fmt: skip
