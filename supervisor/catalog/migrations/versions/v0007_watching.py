"""What the control room shows: clips by review and by stream, page by page."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"


def upgrade() -> None:
    """Indexes."""
    op.execute("CREATE INDEX ix_clips_review ON clips (workspace, review, created_ns, id)")
    op.execute("CREATE INDEX ix_clips_stream ON clips (workspace, stream, created_ns, id)")
