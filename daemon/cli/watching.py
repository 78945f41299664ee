"""Runs sources in the foreground: builds worker specs, hands them to the in-process supervisor, shows their lines."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from configs import Settings
from configs.llm import LlmOptions
from core.chat import chat_for, is_local_chat
from core.errors import StorageError, UsageError
from core.ids import StreamId, new_session_id, slug
from core.netpolicy import AddressPolicy
from core.spec import Rights, WorkerSpec
from core.times import ns
from daemon.cli.push import with_key, without_keys
from daemon.cli.view import View
from supervisor.channels import AT_ONCE, AskPage, ChannelJob, ChannelRunner, Platforms, ask_page, is_page
from supervisor.channels.state import EndRule
from supervisor.local import OnLine, Stopper, run_worker
from telemetry import SystemClock, redact_url


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
    rights: Rights = "watch-only"
    name: str = ""  # of an entry of `streams`; else the source names the stream

    @property
    def is_channel(self) -> bool:
        """Whether its page is watched around the clock. A page with a duration is watched once, as any other source."""
        is_url = self.source.partition("://")[0].lower() in ("http", "https")
        return self.kind == "stream" and self.duration_s is None and is_url and is_page(self.source)


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
        stream=StreamId(slug(request.name or stream_name(request.source))),
        session=new_session_id(datetime.now(UTC)),
        source=with_key(_absolute(request.source), request.settings),
        origin="cli",
        data_dir=str(data_dir),
        out_dir=str(request.out_dir.absolute()) if request.out_dir else None,
        speed=request.speed,
        chat=_absolute(chat) if chat and is_local_chat(chat) else chat,
        chat_delay_s=request.chat_delay_s,
        duration_s=request.duration_s,
        rights=request.rights,
        settings=_own(request.settings).model_dump(mode="json"),
    )


def _own(settings: Settings) -> Settings:
    """What concerns one worker: neither stream keys nor the other streams, nor where keys of language models lie, nor
    what TURN servers share with us."""
    open_servers = tuple(one for one in settings.rooms.ice_servers if not one.secret)
    rooms = settings.rooms.model_copy(update={"ice_servers": open_servers})
    return without_keys(settings).model_copy(update={"streams": (), "llm": LlmOptions(), "rooms": rooms})


def channel_job(request: WatchRequest) -> ChannelJob:
    """A channel's page to watch; every session has a folder of its own under `out_dir`."""
    settings = request.settings
    options = settings.supervisor

    def new_spec() -> WorkerSpec:
        spec = build_spec(request)
        return replace(spec, out_dir=str(Path(spec.out_dir) / spec.session)) if spec.out_dir else spec

    build_spec(request)  # what is wrong with the folders or the options is said before anything is waited for
    return ChannelJob(
        url=request.source,
        name=redact_url(request.source),
        policy=AddressPolicy.for_source(request.source, "cli", settings.net.allow),
        new_spec=new_spec,
        timeout_s=settings.ingest.timeout_s,
        poll_ns=ns(options.poll_s),
        rule=EndRule(apart_ns=ns(options.offline_apart_s), silence_ns=ns(options.silence_s)),
    )


async def watch(
    specs: Sequence[WorkerSpec],
    view: View,
    *,
    channels: Sequence[ChannelJob] = (),
    on_line: OnLine | None = None,
    ask: AskPage = ask_page,
) -> int:
    """Run all specs until they end, and channels around the clock; Ctrl-C drains them, a second one kills. Returns the
    worst exit code."""
    stopper, clock = Stopper(), SystemClock()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopper.ask)
    take = on_line or view.line
    platforms, turns = Platforms(), asyncio.Semaphore(AT_ONCE)

    def work(spec: WorkerSpec, said: OnLine) -> Awaitable[int]:
        return run_worker(spec, on_line=said, stopper=stopper, clock=clock)

    runners = [
        ChannelRunner(
            job,
            ask=ask,
            run_worker=work,
            on_line=take,
            stopper=stopper,
            clock=clock,
            platforms=platforms,
            turns=turns,
            random=random.random,
        )
        for job in channels
    ]
    try:
        codes = await asyncio.gather(*(work(spec, take) for spec in specs), *(runner.run() for runner in runners))
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


def stream_name(source: str) -> str:
    """What a source is called; a push address has its key in the path, which is left out."""
    if "://" not in source:
        return Path(source).stem
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        return f"{parts.hostname} {parts.path}"
    return f"{parts.scheme} {parts.hostname or ''} {parts.path.split('/')[1] if '/' in parts.path else ''}"


def _absolute(source: str) -> str:
    return source if "://" in source else str(Path(source).expanduser().absolute())
