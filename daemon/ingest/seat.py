"""What a room's worker hands to its source, in a module of its own: it is named where no room's libraries are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.rooms import RoomsOptions
from core.spec import RoomSpec
from telemetry import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSeat:
    """What a room needs of its worker. `folder` is DATA/rooms/<room>; `told` takes the fields of a `take` line."""

    spec: RoomSpec
    session: str
    folder: Path
    options: RoomsOptions
    told: Callable[[Mapping[str, Any]], None]
    metrics: Metrics
