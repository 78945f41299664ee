"""Heartbeats: what they say, and the same as a file in the session's folder for whoever stands at this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Final

from prometheus_client import generate_latest

from core.control import MAX_TEXT, Heartbeat
from daemon.worker.plane.api import Vitals
from telemetry import Metrics

FILE: Final = "heartbeat.json"
MAX_METRICS: Final = 1 << 18  # characters; a worker's figures are some thousands
_STATM: Final = Path("/proc/self/statm")


def heartbeat(
    vitals: Vitals, folder: Path, metrics: Metrics, *, session: str, claim_token: int, undelivered: int
) -> Heartbeat:
    """As of now. Blocks a little: the disk is asked."""
    text = generate_latest(metrics.registry).decode()
    return Heartbeat(
        session=session,
        claim_token=claim_token,
        state=vitals.state,
        progress=vitals.progress,
        media_s=round(vitals.media_s, 3),
        lag_s=round(vitals.lag_s, 3),
        rss_bytes=_rss_bytes(),
        ring_bytes=vitals.ring_bytes,
        disk_free_bytes=_free_bytes(folder),
        undelivered=undelivered,
        reason=vitals.reason[:MAX_TEXT],
        metrics=text if len(text) <= MAX_METRICS else "",
        done=round(min(1.0, vitals.done), 2),
    )


def write_heartbeat(beat: Heartbeat, folder: Path) -> None:
    """Whole or not at all; its mtime says when. It need not survive a power cut, so nothing is synced."""
    partial = folder / f".{FILE}.partial"
    with contextlib.suppress(OSError):  # a full disk is said by those who lose something
        partial.write_text(json.dumps(beat.to_json()))
        os.replace(partial, folder / FILE)


def _rss_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
