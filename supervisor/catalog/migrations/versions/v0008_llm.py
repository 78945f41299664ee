"""Answers of language models that are given again, and the lock under which their budget is looked at."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"


def upgrade() -> None:
    """`usage.llm_usd` is there from the first step."""
    op.execute(
        "CREATE TABLE llm_answers (workspace TEXT NOT NULL, key TEXT NOT NULL, provider TEXT NOT NULL, "
        "model TEXT NOT NULL, content TEXT NOT NULL, prompt_tokens BIGINT NOT NULL, "
        "completion_tokens BIGINT NOT NULL, hits BIGINT NOT NULL, at_ns BIGINT NOT NULL, "
        "CONSTRAINT pk_llm_answers PRIMARY KEY (workspace, key), CONSTRAINT fk_llm_answers_workspace_workspaces "
        "FOREIGN KEY (workspace) REFERENCES workspaces (id) ON DELETE CASCADE)"
    )
    op.execute("CREATE INDEX ix_llm_answers_age ON llm_answers (workspace, at_ns)")
    op.execute("INSERT INTO counters (name, value) VALUES ('llm', 0)")
