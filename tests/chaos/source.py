"""The live stream that faults are tried on: HLS over loopback, in real time, without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from telemetry import SystemClock
from tests.synthetic_streams.broken.media import make_plain
from tests.synthetic_streams.broken.restarting import RestartingOrigin

LOOP_S: Final = 120  # then its timestamps begin anew, which viewers are told of
ENDLESS_S: Final = 1e9


@asynccontextmanager
async def endless(segments: tuple[Path, ...]) -> AsyncIterator[str]:
    """Its address; any number of viewers."""
    origin = RestartingOrigin(segments, SystemClock(), length_s=ENDLESS_S, every_s=float(2 * len(segments)), away_s=0.0)
    async with origin:
        yield f"{origin.address}/live.m3u8"


def make_segments(folder: Path) -> tuple[Path, ...]:
    """Made once; takes seconds."""
    return make_plain(folder / "media", LOOP_S)
