"""Members with passwords, cookies of the page, and tokens that are narrowed, rotated and looked after."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

TABLES: Final = """
CREATE TABLE members(
    id TEXT NOT NULL, workspace TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, created_ns BIGINT NOT NULL,
    password TEXT NOT NULL, CONSTRAINT pk_members PRIMARY KEY (id),
    CONSTRAINT uq_members_workspace_name UNIQUE (workspace, name),
    CONSTRAINT fk_members_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE INDEX ix_members_page ON members (workspace, created_ns, id);
CREATE TABLE sign_ins(
    id TEXT NOT NULL, hash TEXT NOT NULL, workspace TEXT NOT NULL, member TEXT, token TEXT,
    created_ns BIGINT NOT NULL, seen_ns BIGINT NOT NULL, expires_ns BIGINT NOT NULL,
    CONSTRAINT pk_sign_ins PRIMARY KEY (id),
    CONSTRAINT fk_sign_ins_workspace FOREIGN KEY(workspace) REFERENCES workspaces (id) ON DELETE CASCADE,
    CONSTRAINT fk_sign_ins_member FOREIGN KEY(member) REFERENCES members (id) ON DELETE CASCADE,
    CONSTRAINT fk_sign_ins_token FOREIGN KEY(token) REFERENCES tokens (id) ON DELETE CASCADE);
CREATE INDEX ix_sign_ins_member ON sign_ins (member);
CREATE INDEX ix_sign_ins_token ON sign_ins (token);
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN used_ns BIGINT;
ALTER TABLE tokens ADD COLUMN old_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN old_until_ns BIGINT
"""


def upgrade() -> None:
    """Tokens from before may do all that their role may."""
    for statement in TABLES.split(";"):
        op.execute(statement)
