"""The gateway to language models, as people see it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from supervisor.api.models.base import Answered


class LlmProvider(Answered):
    """One provider, as the process that answers finds it. `last_error` is a code, see docs/llm.md."""

    name: str
    model: str
    kind: str
    state: Literal["ready", "open", "probing", "resting"]
    last_error: str
    last_error_at: datetime | None
    last_answer_at: datetime | None


class LlmState(Answered):
    """Money in USD of today, UTC, with what questions underway may cost; the cache's figures are of 24 h."""

    providers: list[LlmProvider]
    spent_usd: float
    budget_usd: float
    cached_answers: int
    cache_hits: int
