"""What is known about streams, workers, clips and jobs: SQLite by default, PostgreSQL where there are several hosts."""

from supervisor.catalog.catalog import Catalog
from supervisor.catalog.errors import CatalogAway, Conflict, JoinRefused, NotFound, StaleWrite, Superseded
from supervisor.catalog.leading import Leading
from supervisor.catalog.outbox import PROFILE

__all__ = [
    "PROFILE",
    "Catalog",
    "CatalogAway",
    "Conflict",
    "JoinRefused",
    "Leading",
    "NotFound",
    "StaleWrite",
    "Superseded",
]
