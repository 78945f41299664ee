"""Settings of the ring buffer; the defaults are DESIGN.md section 5, the ranges reliability.md section 3 item 24."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from core.times import Ns, ns

BYTES_PER_GB: Final = 1_000_000_000


class RingOptions(BaseModel, frozen=True, extra="forbid"):
    """How much footage one stream keeps on disk, and how it is cut into files."""

    minutes: float = Field(
        default=30.0, gt=0, le=7 * 24 * 60, description="Footage older than this is evicted, unless pinned."
    )
    max_gb: float = Field(
        default=4.0, gt=0, description="Above this many GB (10^9 bytes) the oldest footage is evicted."
    )
    segment_s: float = Field(
        default=2.0, ge=0.1, le=10, description="Length of a segment file; a power cut may cost one."
    )
    flush_s: float = Field(
        default=0.5, ge=0.02, le=1, description="How far the open file lags; a crash may cost this much."
    )

    @property
    def keep_ns(self) -> Ns:
        """`minutes` as media time."""
        return ns(self.minutes * 60)

    @property
    def keep_bytes(self) -> int:
        """`max_gb` in bytes."""
        return int(self.max_gb * BYTES_PER_GB)
