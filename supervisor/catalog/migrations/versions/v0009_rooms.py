"""Recording rooms: invites, people and what they agreed to, takes, and local tracks as they come in."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

STATEMENTS: Final = """
CREATE TABLE rooms(
    id TEXT NOT NULL, workspace TEXT NOT NULL, stream TEXT NOT NULL, name TEXT NOT NULL, layout TEXT NOT NULL,
    notice TEXT NOT NULL, max_people BIGINT NOT NULL, created_ns BIGINT NOT NULL,
    CONSTRAINT pk_rooms PRIMARY KEY (id), CONSTRAINT uq_rooms_stream UNIQUE (stream),
    CONSTRAINT fk_rooms_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id),
    CONSTRAINT fk_rooms_stream FOREIGN KEY(stream) REFERENCES streams (id) ON DELETE CASCADE);
CREATE INDEX ix_rooms_page ON rooms (workspace, created_ns, id);
CREATE TABLE room_invites(
    id TEXT NOT NULL, room TEXT NOT NULL, workspace TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL,
    uses BIGINT, client TEXT, expires_ns BIGINT, revoked BOOLEAN NOT NULL, created_ns BIGINT NOT NULL,
    CONSTRAINT pk_room_invites PRIMARY KEY (id), CONSTRAINT uq_room_invites_room_hash UNIQUE (room, hash),
    CONSTRAINT fk_room_invites_room FOREIGN KEY(room) REFERENCES rooms (id) ON DELETE CASCADE);
CREATE INDEX ix_room_invites_page ON room_invites (room, created_ns, id);
CREATE TABLE room_people(
    id TEXT NOT NULL, room TEXT NOT NULL, workspace TEXT NOT NULL, invite TEXT NOT NULL, client TEXT NOT NULL,
    name TEXT NOT NULL, role TEXT NOT NULL, notice TEXT NOT NULL, created_ns BIGINT NOT NULL, seen_ns BIGINT NOT NULL,
    CONSTRAINT pk_room_people PRIMARY KEY (id), CONSTRAINT uq_room_people_invite_client UNIQUE (invite, client),
    CONSTRAINT fk_room_people_room FOREIGN KEY(room) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT fk_room_people_invite FOREIGN KEY(invite) REFERENCES room_invites (id) ON DELETE CASCADE);
CREATE INDEX ix_room_people_room ON room_people (room);
CREATE TABLE room_consents(
    person TEXT NOT NULL, sha256 TEXT NOT NULL, text TEXT NOT NULL, at_ns BIGINT NOT NULL,
    CONSTRAINT pk_room_consents PRIMARY KEY (person, sha256),
    CONSTRAINT fk_room_consents_person FOREIGN KEY(person) REFERENCES room_people (id) ON DELETE CASCADE);
CREATE TABLE room_takes(
    room TEXT NOT NULL, id TEXT NOT NULL, workspace TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL,
    start_s DOUBLE PRECISION NOT NULL, people TEXT NOT NULL, conform TEXT NOT NULL, started_ns BIGINT NOT NULL,
    stopped_ns BIGINT, CONSTRAINT pk_room_takes PRIMARY KEY (room, id),
    CONSTRAINT fk_room_takes_room FOREIGN KEY(room) REFERENCES rooms (id) ON DELETE CASCADE);
CREATE INDEX ix_room_takes_page ON room_takes (room, started_ns, id);
CREATE INDEX ix_room_takes_state ON room_takes (state, conform);
CREATE TABLE room_segments(
    id TEXT NOT NULL, room TEXT NOT NULL, workspace TEXT NOT NULL, take TEXT NOT NULL, person TEXT NOT NULL,
    track TEXT NOT NULL, mime TEXT NOT NULL, t_ms DOUBLE PRECISION NOT NULL, t_stop_ms DOUBLE PRECISION,
    settings TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, chunks BIGINT, bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL, report TEXT NOT NULL, created_ns BIGINT NOT NULL, touched_ns BIGINT NOT NULL,
    CONSTRAINT pk_room_segments PRIMARY KEY (id),
    CONSTRAINT fk_room_segments_room FOREIGN KEY(room) REFERENCES rooms (id) ON DELETE CASCADE,
    CONSTRAINT fk_room_segments_person FOREIGN KEY(person) REFERENCES room_people (id) ON DELETE CASCADE);
CREATE INDEX ix_room_segments_take ON room_segments (room, take);
CREATE INDEX ix_room_segments_person ON room_segments (person);
CREATE INDEX ix_room_segments_state ON room_segments (state, touched_ns);
"""


def upgrade() -> None:
    """There is no room yet."""
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
