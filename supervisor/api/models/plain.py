"""Health."""

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
