"""Usage counts clips too."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """From 0001."""
    op.execute("ALTER TABLE usage ADD COLUMN clips BIGINT NOT NULL DEFAULT 0")
