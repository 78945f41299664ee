"""Runs sources in the foreground: builds worker specs, hands them to the in-process supervisor, shows their lines."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from configs import Settings
from core.chat import chat_for, is_local_chat
from core.errors import StorageError, UsageError
from core.ids import StreamId, new_session_id, slug
from core.spec import WorkerSpec
from daemon.cli.view import View
from supervisor.local import OnLine, Stopper, run_worker
from telemetry import SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """What `watch`, `vod` and `demo` ask for, one source each. `chat` None: the source's own, where it has one."""

    kind: Literal["stream", "vod"]
    source: str
    settings: Settings
    out_dir: Path | None
    speed: float | None
    chat: str | None
    chat_delay_s: float
    duration_s: float | None


def build_spec(request: WatchRequest) -> WorkerSpec:
    """A fresh session for a source. Raises StorageError when the data folder cannot be written, UsageError for a chat
    that cannot be meant."""
    data_dir = Path(request.settings.data_dir).expanduser().absolute()
    _must_be_writable(data_dir)
    if request.out_dir:
        _must_be_writable(request.out_dir.absolute())
    chat = chat_for(request.source, request.chat)
    return WorkerSpec(
        kind=request.kind,
        stream=StreamId(slug(_stream_name(request.source))),
        session=new_session_id(datetime.now(UTC)),
        source=_absolute(request.source),
        origin="cli",
        data_dir=str(data_dir),
        out_dir=str(request.out_dir.absolute()) if request.out_dir else None,
        speed=request.speed,
        chat=_absolute(chat) if chat and is_local_chat(chat) else chat,
        chat_delay_s=request.chat_delay_s,
        duration_s=request.duration_s,
        settings=request.settings.model_dump(mode="json"),
    )


async def watch(specs: Sequence[WorkerSpec], view: View, *, on_line: OnLine | None = None) -> int:
    """Run all specs until they end; Ctrl-C drains them, a second one kills. Returns the worst exit code."""
    stopper, clock = Stopper(), SystemClock()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopper.ask)
    take = on_line or view.line
    try:
        codes = await asyncio.gather(*(run_worker(spec, on_line=take, stopper=stopper, clock=clock) for spec in specs))
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
    return max(codes)


def parse_speed(text: str) -> float | None:
    """`live`, `max` or a number of media seconds a second. Raises UsageError."""
    if text == "live":
        return 1.0
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1000:
        raise UsageError(f"Unknown speed {text[:20]!r}", remedy="Use live, max or a number such as 4.")
    return speed


def failure_line(session: str, code: int) -> dict[str, Any]:
    """The `state` line of a run that ended without a summary."""
    return {"type": "state", "session": session, "state": "ended", "reason": f"exit_{code}"}


def _must_be_writable(folder: Path) -> None:
    """Fail here, before anything starts, with the folder's name and what to do."""
    probe = folder / ".clipd-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as err:
        raise StorageError(
            f"Cannot write to {folder}: {err.strerror}",
            remedy="Make the folder writable or name another with --data-dir or --out.",
            code="unwritable",
        ) from err


def _stream_name(source: str) -> str:
    parts = urlsplit(source)
    return f"{parts.hostname} {parts.path}" if parts.scheme in ("http", "https") else Path(source).stem


def _absolute(source: str) -> str:
    return source if "://" in source else str(Path(source).expanduser().absolute())
