"""Clips by review and by stream, page by page; uploads, and the jobs that are made of them."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """A table and indexes."""
    op.execute("CREATE INDEX ix_clips_review ON clips (workspace, review, created_ns, id)")
    op.execute("CREATE INDEX ix_clips_stream ON clips (workspace, stream, created_ns, id)")
    op.execute(
        """
        CREATE TABLE uploads(
            id TEXT NOT NULL, workspace TEXT NOT NULL, name TEXT NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT NOT NULL,
            state TEXT NOT NULL, created_ns BIGINT NOT NULL, touched_ns BIGINT NOT NULL,
            CONSTRAINT pk_uploads PRIMARY KEY (id),
            CONSTRAINT fk_uploads_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE)
        """
    )
    op.execute("CREATE INDEX ix_uploads_workspace ON uploads (workspace, state)")
    op.execute("CREATE INDEX ix_uploads_idle ON uploads (touched_ns, id)")
    op.execute("CREATE INDEX ix_jobs_source ON jobs (source)")
