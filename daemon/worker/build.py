"""Builds one attempt's parts from its spec: the only place that constructs objects and hands them to each other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from configs import Settings
from core.chat import OFF, POSTED, POSTED_FILE, lacks_chat
from core.edits import RenderSpec
from core.errors import BadMedia
from core.media import SPEECH_TRACK, Gap
from core.moments import Moment
from core.protocols import Clock, FootageSource
from core.spec import WorkerSpec
from core.times import Ns, ns, to_s
from daemon.clips import ClipContext
from daemon.ingest import ChatReader, Resume, RoomSeat, Source, open_chat, open_source
from daemon.journal import Journal
from daemon.rooms.footage import session_footage
from daemon.worker.alignment import MediaTime
from daemon.worker.analysis import Analysis
from daemon.worker.arrivals import Arrivals
from daemon.worker.capture import Capture
from daemon.worker.channel import inherit_lag, start_lag
from daemon.worker.chat import ChatBuffer, NoChat
from daemon.worker.context import clip_context
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.detection import open_detection
from daemon.worker.emitter import Emitter, tell_warning
from daemon.worker.finishing import finisher
from daemon.worker.game import Guarded, open_looking
from daemon.worker.listener import ChatListener
from daemon.worker.plane import PlaneLink
from daemon.worker.planner import ClipPlanner, Due
from daemon.worker.queue import AnalysisQueue
from daemon.worker.ranks import ranking_of
from daemon.worker.relive import relive, spent_before
from daemon.worker.session import Parts, Recorder
from daemon.worker.speech import NoSpeech, SpeechDesk, open_speech
from ringbuffer import Ring
from telemetry import Metrics, redact_url

QUEUE_NS: Final = ns(60)  # reliability.md section 3, item 48: analysis further behind than a minute is shed
REPLAY_QUEUE_NS: Final = ns(20)
NO_CHAT: Final = (
    "chat_missing",
    "This source's chat is not read: YouTube offers no open door to it",
    "Give --chat FILE or URL with JSON lines (docs/sources.md shows how), or --chat off.",
)
RELIVE_NS: Final = ns(7200)  # the longest window a baseline looks back


@contextlib.asynccontextmanager
async def build_parts(
    spec: WorkerSpec,
    settings: Settings,
    folder: Path,
    clock: Clock,
    emitter: Emitter,
    journal: Journal,
    attempt: int,
    *,
    metrics: Metrics | None = None,
    plane: PlaneLink | None = None,
) -> AsyncIterator[Parts]:
    """Open what the attempt needs, in the order of its dependence; close it in the reverse order."""
    metrics = metrics or Metrics()
    with contextlib.ExitStack() as stack:
        replayed = spec.kind == "vod" and attempt > 1
        if replayed:
            journal.forget_analysis()  # the same bytes are read again from their start
        ring = None
        if (folder / "ring").exists():  # recovery first: only it knows how far an earlier attempt had come
            ring = _open_ring(stack, folder, journal, settings, attempt)
        source = await open_source(
            spec.source,
            clock=clock,
            options=settings.ingest,
            allow=settings.net.allow,
            rooms=settings.rooms,
            live=spec.kind == "stream",
            speed=spec.speed,
            origin=spec.origin,
            workdir=folder / "fetched",
            resume=None if replayed else _resume(journal),
            room=_room(spec, settings, emitter, metrics),
        )
        _remember(journal, spec, settings, source, clock)
        if ring is None and source.footage is None:
            ring = _open_ring(stack, folder, journal, settings, attempt)
        parts = _wire(spec, settings, folder, clock, emitter, journal, source, ring, metrics, plane)
        if lacks_chat(spec.source, spec.chat):
            await parts.capture.warn(*NO_CHAT)
        yield parts


def _room(spec: WorkerSpec, settings: Settings, emitter: Emitter, metrics: Metrics) -> RoomSeat | None:
    if spec.room is None:
        return None
    return RoomSeat(
        spec=spec.room,
        session=spec.session,
        folder=Path(spec.data_dir) / "rooms" / spec.room.id,
        options=settings.rooms,
        told=lambda fields: emitter.emit("take", **fields),
        metrics=metrics,
    )


def _open_ring(stack: contextlib.ExitStack, folder: Path, journal: Journal, settings: Settings, attempt: int) -> Ring:
    ring = Ring.open(folder / "ring", journal, settings.ring, attempt=attempt, epochs=journal.epochs())
    stack.callback(ring.close)
    return ring


def _wire(
    spec: WorkerSpec,
    settings: Settings,
    folder: Path,
    clock: Clock,
    emitter: Emitter,
    journal: Journal,
    source: Source,
    ring: Ring | None,
    metrics: Metrics,
    plane: PlaneLink | None,
) -> Parts:
    footage: FootageSource | None = ring or source.footage
    assert footage is not None
    profile = settings.detection_profile()
    if source.info.unstoppable:  # a recording that is played again may not know what it taught the first time
        inherit_lag(journal, folder.parent)
    engine = open_detection(profile, spec.session, lag=start_lag(journal))
    has_chat = spec.chat not in (None, OFF)
    media_time = MediaTime(journal.epochs())
    looking = Guarded(open_looking(settings, metrics), partial(tell_warning, emitter, journal))
    since_ns = _recent(journal)
    engine.spent(spent_before(journal.moments(), since_ns))
    relived = relive(engine, journal, has_chat=has_chat, has_game=looking.there, since_ns=since_ns, finish=False)
    arrivals = Arrivals()
    queue = analysis_queue(journal, emitter, metrics, live=source.info.unstoppable)
    live_arrivals = arrivals if source.info.unstoppable else None
    shown = session_footage(folder, journal.meta("room"), spec.session, footage)
    assert shown is not None  # there is something recorded
    desk = _clip_desk(spec, settings, folder, clock, emitter, journal, shown, ring, live_arrivals, metrics, plane)
    recorder = Recorder(journal, emitter, desk, metrics, plane)
    listener = SpeechDesk(journal, emitter, metrics, clock, live_arrivals, desk) if settings.speech.enabled else None
    chat = (
        ChatBuffer(waits=not source.info.unstoppable, delay_ns=ns(spec.chat_delay_s), since_ns=relived.end_ns)
        if has_chat
        else NoChat()
    )
    speech = (
        open_speech(spec, settings, listener, clock, emitter, journal, live=source.info.unstoppable)
        if listener
        else NoSpeech()
    )
    analysis = Analysis(queue, engine, chat, speech, recorder, looking=looking, resume_ns=relived.end_ns)
    capture = Capture(
        ring=ring,
        queue=queue,
        journal=journal,
        emitter=emitter,
        arrivals=arrivals,
        clock=clock,
        metrics=metrics,
        source_name=redact_url(spec.source),
        profile=profile.name,
        limit_ns=None if spec.duration_s is None else ns(spec.duration_s),
        media_time=media_time,
        whole_picture=looking.there,
    )
    return Parts(
        spec=spec,
        settings=settings,
        folder=folder,
        journal=journal,
        emitter=emitter,
        source=source,
        footage=footage,
        ring=ring,
        queue=queue,
        capture=capture,
        analysis=analysis,
        recorder=recorder,
        desk=desk,
        speech=listener,
        clock=clock,
        metrics=metrics,
        chat=_listener(spec, settings, folder, clock, chat, capture, media_time, metrics, live=source.info.unstoppable)
        if isinstance(chat, ChatBuffer)
        else None,
    )


def _clip_desk(
    spec: WorkerSpec,
    settings: Settings,
    folder: Path,
    clock: Clock,
    emitter: Emitter,
    journal: Journal,
    footage: FootageSource,
    ring: Ring | None,
    arrivals: Arrivals | None,
    metrics: Metrics,
    plane: PlaneLink | None,
) -> ClipDesk:
    """Started, with the promises of an earlier attempt."""
    tools = DeskTools(
        journal=journal,
        footage=footage,
        pins=ring if ring is not None else NoPins(),
        emitter=emitter,
        arrivals=arrivals,
        clock=clock,
        metrics=metrics,
        spec=RenderSpec(),
        session_dir=folder,
        out_dir=Path(spec.out_dir) if spec.out_dir else None,
        context=_context(spec, settings, journal),
        finisher=finisher(settings.clips),
        renders_at_once=settings.clips.renders_at_once,
        may_render=lambda: plane is None or plane.may_render,
        ranking=ranking_of(settings.ranking, None if plane is None else plane.model),
    )
    desk = ClipDesk(tools, ClipPlanner(spec.session, journal.finished_decisions(), journal.words))
    desk.start(_promised(journal))
    return desk


def analysis_queue(journal: Journal, emitter: Emitter, metrics: Metrics, *, live: bool) -> AnalysisQueue:
    """What stands between capture and analysis: a replay waits, a live source sheds and says so."""

    def shed(start_ns: Ns, end_ns: Ns) -> None:
        """Footage is safe; what was not looked at is counted and shown."""
        journal.add_shed("analysis", start_ns, end_ns)
        journal.add_gap(Gap(start_ns=start_ns, end_ns=end_ns, reason="analysis_shed", track=SPEECH_TRACK))
        metrics.analysis_shed_seconds_total.labels(stage="analysis").inc(to_s(end_ns - start_ns))
        emitter.emit(
            "warning",
            code="analysis_shed",
            message=f"Analysis is behind: {to_s(start_ns):.1f}-{to_s(end_ns):.1f} s was recorded but not analysed",
            remedy="The footage is in the ring and can be cut by hand. Fewer streams or more cores help.",
        )

    return AnalysisQueue(limit_ns=QUEUE_NS if live else REPLAY_QUEUE_NS, sheds=live, on_shed=shed)


def _promised(journal: Journal) -> list[Due]:
    """Clips an earlier attempt promised and did not finish, with the moments they came from."""
    moments = {moment.id: moment for moment in journal.moments()}
    return [
        Due(decision, moments.get(decision.moment), "provisional") if decision.moment else Due(decision, None, "final")
        for decision in journal.promised_clips()
    ]


def _recent(journal: Journal) -> Ns:
    epochs = journal.epochs()
    return Ns(max(0, journal.media_end_ns() - RELIVE_NS)) if epochs else Ns(0)


def _remember(journal: Journal, spec: WorkerSpec, settings: Settings, source: Source, clock: Clock) -> None:
    """What audits and `clipd replay` need of the orders."""
    profile = settings.detection_profile()
    with journal.batch():
        journal.set_meta("source", redact_url(spec.source))
        journal.set_meta("kind", spec.kind)
        journal.set_meta("rights", spec.rights)
        journal.set_meta("room", None if spec.room is None else spec.room.id)
        if journal.meta("started") is None:
            journal.set_meta("started", f"{datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC")
        journal.set_meta("source_path", str(source.info.path) if source.footage else None)
        journal.set_meta("chat", redact_url(spec.chat) if spec.chat and spec.chat != OFF else None)
        journal.set_meta("profile", profile.model_dump(mode="json"))


def _resume(journal: Journal) -> Resume | None:
    """Where the last attempt stopped, and when that media had arrived by this boot's clock."""
    epochs = journal.epochs()
    if not epochs:
        return None
    end_ns, last = journal.media_end_ns(), epochs[-1]
    wall_ns = None if last.wall_ns is None or last.by != "pdt" else last.wall_ns + (end_ns - last.start_ns)
    return Resume(end_ns, last.number + 1, wall_ns, journal.media_end_boottime_ns())


def _context(spec: WorkerSpec, settings: Settings, journal: Journal) -> Callable[[Ns, Ns, Moment | None], ClipContext]:
    profile = settings.detection_profile().model_dump(mode="json")

    def context(start_ns: Ns, end_ns: Ns, moment: Moment | None) -> ClipContext:
        """What clip.json says beside the decision."""
        return clip_context(journal, start_ns, end_ns, source=redact_url(spec.source), profile=profile, moment=moment)

    return context


def _posted(folder: Path, *, live: bool) -> str:
    """The file to which supervisors append what is posted. Raises BadMedia for a recording, which nobody chats to."""
    if not live:
        raise BadMedia(
            "Chat can be posted to what is live, and this is a recording",
            remedy="Give the recording's own chat as a file of JSON lines.",
            code="chat_is_live",
        )
    path = folder / POSTED_FILE
    path.touch()
    return str(path)


def _listener(
    spec: WorkerSpec,
    settings: Settings,
    folder: Path,
    clock: Clock,
    buffer: ChatBuffer,
    capture: Capture,
    media_time: MediaTime,
    metrics: Metrics,
    *,
    live: bool,
) -> ChatListener:
    def reader() -> ChatReader:
        assert spec.chat is not None  # only built for a session with a chat
        return open_chat(
            _posted(folder, live=live) if spec.chat == POSTED else spec.chat,
            clock=clock,
            options=settings.ingest,
            follow=live,
            align=media_time,
            origin=spec.origin,
            allow=settings.net.allow,
            warn=capture.warn,
        )

    return ChatListener(reader, buffer, started=capture.started, warn=capture.warn, metrics=metrics, clock=clock)
