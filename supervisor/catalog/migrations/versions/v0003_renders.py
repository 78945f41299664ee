"""Jobs that render a clip again: which clip."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Jobs from before are recordings."""
    op.execute("ALTER TABLE jobs ADD COLUMN clip TEXT")
    op.execute("CREATE INDEX ix_jobs_clip ON jobs (clip)")
