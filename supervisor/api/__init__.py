"""The HTTP API: public `/api/v1` for people and programs, `/internal/v1` for workers, and what orchestrators ask."""

from supervisor.api.app import begin_drain, make_app
from supervisor.api.call import Health, Replays
from supervisor.api.owner import ensure_owner
from supervisor.api.serve import serve

__all__ = ["Health", "Replays", "begin_drain", "ensure_owner", "make_app", "serve"]
