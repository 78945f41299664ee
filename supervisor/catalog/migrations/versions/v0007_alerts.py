"""Where alerts go, and the outbox of what is told there."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

STATEMENTS: Final = """
CREATE TABLE channels(
    id TEXT NOT NULL, workspace TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
    secrets TEXT NOT NULL, filters TEXT NOT NULL, enabled BOOLEAN NOT NULL, reason TEXT NOT NULL,
    created_ns BIGINT NOT NULL, CONSTRAINT pk_channels PRIMARY KEY (id),
    CONSTRAINT uq_channels_workspace_name UNIQUE (workspace, name),
    CONSTRAINT fk_channels_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE INDEX ix_channels_page ON channels (workspace, created_ns, id);
CREATE TABLE deliveries(
    id TEXT NOT NULL, workspace TEXT NOT NULL, channel TEXT NOT NULL, clip TEXT NOT NULL, kind TEXT NOT NULL,
    state TEXT NOT NULL, version BIGINT NOT NULL, attempts BIGINT NOT NULL, next_ns BIGINT NOT NULL,
    error TEXT NOT NULL, remote TEXT NOT NULL, created_ns BIGINT NOT NULL, sent_ns BIGINT,
    CONSTRAINT pk_deliveries PRIMARY KEY (id), CONSTRAINT uq_deliveries_channel_clip_kind UNIQUE (channel, clip, kind),
    CONSTRAINT fk_deliveries_channel FOREIGN KEY(channel) REFERENCES channels (id) ON DELETE CASCADE,
    CONSTRAINT fk_deliveries_clip FOREIGN KEY(clip) REFERENCES clips (id) ON DELETE CASCADE);
CREATE INDEX ix_deliveries_page ON deliveries (channel, created_ns, id);
CREATE INDEX ix_deliveries_clip ON deliveries (clip);
CREATE INDEX ix_deliveries_due ON deliveries (state, channel, next_ns);
"""


def upgrade() -> None:
    """No workspace has a channel yet."""
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
