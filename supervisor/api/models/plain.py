"""Health, and what every error looks like."""

from __future__ import annotations

from typing import Literal

from supervisor.api.models.base import Answered


class Alive(Answered):
    """GET /healthz: the process runs."""

    status: Literal["ok"] = "ok"


class Ready(Answered):
    """GET /readyz: requests are answered from the catalog. `lease`: held, elsewhere, or nobody's yet."""

    status: Literal["ready"] = "ready"
    lease: Literal["held", "elsewhere"]


class FailureDetail(Answered):
    """What is wrong with one field; `field` is its path."""

    field: str
    message: str


class FailureSaid(Answered):
    """`code` is for programs, `message` with its remedy for people; the log knows the trace."""

    code: str
    message: str
    details: list[FailureDetail]
    trace_id: str


class Failure(Answered):
    """Every error."""

    error: FailureSaid
