"""Clips are judged and named by people; jobs are orders about a session's clips, and hear what their worker said."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
STATEMENTS: Final = """
ALTER TABLE clips ADD COLUMN title_by TEXT;
ALTER TABLE clips ADD COLUMN reviewed_revision BIGINT;
UPDATE clips SET reviewed_revision = revision WHERE review <> 'none';
ALTER TABLE jobs ADD COLUMN session TEXT;
ALTER TABLE jobs ADD COLUMN asked TEXT;
ALTER TABLE jobs ADD COLUMN told TEXT;
UPDATE jobs SET session = (SELECT session FROM clips WHERE clips.id = jobs.clip) WHERE clip IS NOT NULL;
CREATE INDEX ix_jobs_session ON jobs (session);
CREATE TABLE verdicts(
    id BIGINT NOT NULL, workspace TEXT NOT NULL, session TEXT NOT NULL, clip TEXT NOT NULL, revision BIGINT NOT NULL,
    verdict TEXT NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL, at_ns BIGINT NOT NULL,
    CONSTRAINT pk_verdicts PRIMARY KEY (id),
    CONSTRAINT fk_verdicts_session FOREIGN KEY(session) REFERENCES sessions (id) ON DELETE CASCADE);
CREATE INDEX ix_verdicts_clip ON verdicts (clip, id);
CREATE INDEX ix_verdicts_session ON verdicts (session);
"""


def upgrade() -> None:
    """From 0003. A render of before is known by its formats, and needs no order."""
    for statement in STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)
