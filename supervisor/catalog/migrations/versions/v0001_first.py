"""The first schema: plain SQL that both databases read."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

TABLES: Final = """
CREATE TABLE audit(
    id BIGINT NOT NULL, workspace TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    target TEXT NOT NULL, detail TEXT NOT NULL, at_ns BIGINT NOT NULL, CONSTRAINT pk_audit PRIMARY KEY (id));
CREATE INDEX ix_audit_at ON audit (at_ns);
CREATE INDEX ix_audit_workspace ON audit (workspace, id);
CREATE TABLE counters(
    name TEXT NOT NULL, value BIGINT NOT NULL, CONSTRAINT pk_counters PRIMARY KEY (name));
CREATE TABLE meta(
    key TEXT NOT NULL, value TEXT NOT NULL, CONSTRAINT pk_meta PRIMARY KEY (key));
CREATE TABLE nonces(
    scope TEXT NOT NULL, nonce TEXT NOT NULL, until_ns BIGINT NOT NULL,
    CONSTRAINT pk_nonces PRIMARY KEY (scope, nonce));
CREATE TABLE workspaces(
    id TEXT NOT NULL, name TEXT NOT NULL, limits TEXT NOT NULL, created_ns BIGINT NOT NULL,
    CONSTRAINT pk_workspaces PRIMARY KEY (id));
CREATE TABLE replies(
    workspace TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, at_ns BIGINT NOT NULL, CONSTRAINT pk_replies PRIMARY KEY (workspace, key),
    CONSTRAINT fk_replies_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE TABLE streams(
    id TEXT NOT NULL, workspace TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    origin TEXT NOT NULL, rights TEXT NOT NULL, wanted TEXT NOT NULL, priority BIGINT NOT NULL,
    options TEXT NOT NULL, reason TEXT NOT NULL, created_ns BIGINT NOT NULL, deleted BOOLEAN NOT NULL,
    claim_token BIGINT NOT NULL, CONSTRAINT pk_streams PRIMARY KEY (id),
    CONSTRAINT fk_streams_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id));
CREATE INDEX ix_streams_page ON streams (workspace, created_ns, id);
CREATE UNIQUE INDEX uq_streams_name ON streams (workspace, name) WHERE NOT deleted;
CREATE TABLE tokens(
    id TEXT NOT NULL, workspace TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL,
    created_ns BIGINT NOT NULL, expires_ns BIGINT, revoked BOOLEAN NOT NULL, hash TEXT NOT NULL,
    CONSTRAINT pk_tokens PRIMARY KEY (id),
    CONSTRAINT fk_tokens_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE INDEX ix_tokens_page ON tokens (workspace, created_ns, id);
CREATE TABLE usage(
    workspace TEXT NOT NULL, day TEXT NOT NULL, minutes DOUBLE PRECISION NOT NULL, bytes BIGINT NOT NULL,
    renders BIGINT NOT NULL, llm_usd DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_usage PRIMARY KEY (workspace, day),
    CONSTRAINT fk_usage_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE TABLE jobs(
    id TEXT NOT NULL, workspace TEXT NOT NULL, stream TEXT NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL,
    cancel BOOLEAN NOT NULL, error TEXT NOT NULL, created_ns BIGINT NOT NULL, ended_ns BIGINT,
    version BIGINT NOT NULL, CONSTRAINT pk_jobs PRIMARY KEY (id),
    CONSTRAINT fk_jobs_stream FOREIGN KEY(stream) REFERENCES streams (id) ON DELETE CASCADE);
CREATE INDEX ix_jobs_page ON jobs (workspace, created_ns, id);
CREATE TABLE sessions(
    id TEXT NOT NULL, stream TEXT NOT NULL, workspace TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    started_ns BIGINT NOT NULL, ended_ns BIGINT, media_s DOUBLE PRECISION NOT NULL, summary TEXT NOT NULL,
    acked BIGINT NOT NULL, CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT fk_sessions_stream FOREIGN KEY(stream) REFERENCES streams (id) ON DELETE CASCADE);
CREATE INDEX ix_sessions_page ON sessions (workspace, started_ns, id);
CREATE INDEX ix_sessions_stream ON sessions (stream);
CREATE TABLE clips(
    id TEXT NOT NULL, session TEXT NOT NULL, stream TEXT NOT NULL, workspace TEXT NOT NULL,
    revision BIGINT NOT NULL, state TEXT NOT NULL, review TEXT NOT NULL, title TEXT NOT NULL,
    score DOUBLE PRECISION, line TEXT NOT NULL, created_ns BIGINT NOT NULL, claim_token BIGINT NOT NULL,
    seq BIGINT NOT NULL, CONSTRAINT pk_clips PRIMARY KEY (id),
    CONSTRAINT fk_clips_session FOREIGN KEY(session) REFERENCES sessions (id) ON DELETE CASCADE);
CREATE INDEX ix_clips_page ON clips (workspace, created_ns, id);
CREATE INDEX ix_clips_session ON clips (session);
CREATE TABLE events(
    id BIGINT NOT NULL, workspace TEXT NOT NULL, stream TEXT NOT NULL, session TEXT NOT NULL,
    attempt BIGINT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, at_ns BIGINT NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (id),
    CONSTRAINT uq_events_session_attempt_seq UNIQUE (session, attempt, seq),
    CONSTRAINT fk_events_session FOREIGN KEY(session) REFERENCES sessions (id) ON DELETE CASCADE);
CREATE INDEX ix_events_at ON events (at_ns);
CREATE INDEX ix_events_workspace ON events (workspace, id);
CREATE TABLE moments(
    session TEXT NOT NULL, id TEXT NOT NULL, stream TEXT NOT NULL, workspace TEXT NOT NULL, state TEXT NOT NULL,
    line TEXT NOT NULL, claim_token BIGINT NOT NULL, seq BIGINT NOT NULL, created_ns BIGINT NOT NULL,
    CONSTRAINT pk_moments PRIMARY KEY (session, id),
    CONSTRAINT fk_moments_session FOREIGN KEY(session) REFERENCES sessions (id) ON DELETE CASCADE);
CREATE INDEX ix_moments_page ON moments (session, created_ns, id);
CREATE TABLE steps(
    job TEXT NOT NULL, position BIGINT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
    attempts BIGINT NOT NULL, started_ns BIGINT, ended_ns BIGINT, progress DOUBLE PRECISION NOT NULL,
    error TEXT NOT NULL, CONSTRAINT pk_steps PRIMARY KEY (job, position),
    CONSTRAINT fk_steps_job FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE);
CREATE TABLE workers(
    stream TEXT NOT NULL, token BIGINT NOT NULL, lease_token BIGINT NOT NULL, session TEXT NOT NULL,
    worker TEXT NOT NULL, runtime TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, code INTEGER,
    failures BIGINT NOT NULL, attempt BIGINT NOT NULL, node TEXT NOT NULL, pid BIGINT NOT NULL, version TEXT NOT NULL,
    beat BIGINT NOT NULL, progress BIGINT NOT NULL, health TEXT NOT NULL, metrics TEXT NOT NULL,
    commands_seen BIGINT NOT NULL, since_ns BIGINT NOT NULL, ended_ns BIGINT,
    CONSTRAINT pk_workers PRIMARY KEY (stream, token),
    CONSTRAINT fk_workers_stream FOREIGN KEY(stream) REFERENCES streams (id) ON DELETE CASCADE,
    CONSTRAINT fk_workers_session FOREIGN KEY(session) REFERENCES sessions (id) ON DELETE CASCADE);
CREATE INDEX ix_workers_session ON workers (session);
CREATE TABLE commands(
    id BIGINT NOT NULL, stream TEXT NOT NULL, claim_token BIGINT NOT NULL, kind TEXT NOT NULL,
    args TEXT NOT NULL, at_ns BIGINT NOT NULL, CONSTRAINT pk_commands PRIMARY KEY (id),
    CONSTRAINT fk_commands_stream_claim_token FOREIGN KEY(stream, claim_token)
        REFERENCES workers (stream, token) ON DELETE CASCADE);
CREATE INDEX ix_commands_claim ON commands (stream, claim_token, id);
CREATE TABLE revisions(
    clip TEXT NOT NULL, revision BIGINT NOT NULL, hash TEXT NOT NULL, state TEXT NOT NULL, line TEXT NOT NULL,
    attempt BIGINT NOT NULL, claim_token BIGINT NOT NULL, created_ns BIGINT NOT NULL,
    CONSTRAINT pk_revisions PRIMARY KEY (clip, revision, hash),
    CONSTRAINT fk_revisions_clip FOREIGN KEY(clip) REFERENCES clips (id) ON DELETE CASCADE);
CREATE TABLE worker_tokens(
    id TEXT NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL, stream TEXT NOT NULL, token BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL, CONSTRAINT pk_worker_tokens PRIMARY KEY (id),
    CONSTRAINT fk_worker_tokens_stream_token FOREIGN KEY(stream, token)
        REFERENCES workers (stream, token) ON DELETE CASCADE);
CREATE INDEX ix_worker_tokens_claim ON worker_tokens (stream, token);
"""
ROWS: Final = """
INSERT INTO workspaces(id, name, limits, created_ns) VALUES('default', 'default', '{}', 0);
INSERT INTO counters(name, value) VALUES('lease', 0);
INSERT INTO counters(name, value) VALUES('events', 0);
INSERT INTO counters(name, value) VALUES('commands', 0);
INSERT INTO counters(name, value) VALUES('audit', 0);
"""


def upgrade() -> None:
    """From an empty database."""
    for statement in (TABLES + ROWS).split(";"):
        if statement.strip():
            op.execute(statement)
