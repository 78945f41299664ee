"""Which quotas a workspace has reached. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from configs.streams import QuotaOptions
from supervisor.catalog.values import UsageRow

MINUTES: Final = "quota_minutes"
STORAGE: Final = "quota_storage"
RENDERS: Final = "quota_renders"
GB: Final = 1_000_000_000


def reached(quotas: Mapping[str, QuotaOptions], today: Mapping[str, UsageRow]) -> dict[str, frozenset[str]]:
    """By workspace, what it has had enough of: reasons that people see. `today` is `Catalog.usage_today`."""
    return {name: _reached(quota, today.get(name, UsageRow(workspace=name, day=""))) for name, quota in quotas.items()}


def _reached(quota: QuotaOptions, used: UsageRow) -> frozenset[str]:
    figures = (
        (MINUTES, quota.minutes_a_day, used.minutes),
        (STORAGE, quota.stored_gb, used.bytes / GB),
        (RENDERS, quota.renders_a_day, used.renders),
    )
    return frozenset(reason for reason, most, figure in figures if most is not None and figure >= most)
