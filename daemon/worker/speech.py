"""Speech of one session: opens the model and its planner, and tells journal, lines and metrics what is heard."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import structlog

from configs import Settings
from core.errors import ClipdError, MissingPart, StorageError
from core.lines import gap_fields, transcript_fields
from core.media import AudioBlock, Epoch, Gap
from core.protocols import Clock
from core.spec import WorkerSpec
from core.times import NS_PER_S, Ns, to_s
from core.words import Committed, LanguageChanged, Partial, SpeechEvent
from daemon.journal import Journal
from daemon.speech.check import check_engine
from daemon.speech.device import cpu_threads, pick_compute_type, pick_device, supported_compute_types
from daemon.speech.engine import AsrEngine
from daemon.speech.glossary import Glossary
from daemon.speech.lanes import Lane, LiveLane, PackedLane, Told
from daemon.speech.language import LanguageTracker
from daemon.speech.local import LocalEngine
from daemon.speech.models import ModelFiles, Sources, find_model, vad_model_path
from daemon.speech.planner import Tally, Voice
from daemon.speech.transcriber import Heard, Transcriber
from daemon.speech.vad import VadModel
from daemon.worker.arrivals import Arrivals
from daemon.worker.emitter import Emitter, tell_warning
from telemetry import Metrics

MODELS: Final = "models"  # folder of the data folder
NICENESS: Final = 5
LATE_LEVEL: Final = 2
TOLD_SHARE: Final = 4  # a download is told of at every quarter
log = structlog.get_logger()


class NoSpeech:
    """A session that does not listen for words."""

    def begin(self, epoch: Epoch) -> None:
        """Nothing to do."""

    def push(self, block: AudioBlock) -> None:
        """Nobody listens."""

    def end(self) -> None:
        """Nothing to do."""

    def ready_ns(self, wanted_ns: Ns) -> Ns:
        """Nothing to wait for."""
        return wanted_ns

    def until(self, t_ns: Ns) -> Heard:
        """No words, and none will come."""
        return Heard([], t_ns)

    def close(self) -> None:
        """Nothing to do."""


class LateWords(Protocol):
    """Clips that were cut before all of their words were final."""

    def words(self, commits: Sequence[Committed]) -> None: ...


class SpeechDesk:
    """The transcriber's listener: everything here runs on the speech thread. `tally` is what was heard so far."""

    def __init__(
        self,
        journal: Journal,
        emitter: Emitter,
        metrics: Metrics,
        clock: Clock,
        arrivals: Arrivals | None,
        clips: LateWords,
    ) -> None:
        self._journal, self._emitter, self._metrics, self._clips = journal, emitter, metrics, clips
        self._clock, self._arrivals = clock, arrivals
        self.tally = Tally()
        self.words = journal.word_count()  # final ones of the session
        self.level = 0  # of back-pressure
        self.lag_ns = 0  # sound that waits
        self._complained = False
        self._told = Tally()  # of `tally`, what the metrics know

    def spoken(self, events: Sequence[SpeechEvent]) -> None:
        """Final words are journaled, then told. Decisions learn of them at the time each commit carries."""
        commits = [event for event in events if isinstance(event, Committed)]
        self._journal.add_words(commits)
        self._clips.words(commits)
        for event in events:
            if isinstance(event, Committed):
                self._tell(event)
            elif isinstance(event, Partial):
                if self._arrivals is not None:  # in a replay nobody waits for words that may still change
                    self._emitter.emit("transcript", **transcript_fields(event.words, final=False))
            else:
                self._language(event)

    def _tell(self, commit: Committed) -> None:
        self.words += len(commit.words)
        fields = transcript_fields(commit.words, final=True, language=commit.language, reason=commit.reason)
        self._emitter.emit("transcript", at_ns=commit.known_ns, **fields)
        self._measure(commit)

    def _language(self, event: LanguageChanged) -> None:
        self._metrics.asr_language_changes_total.inc()
        self._journal.set_meta("speech", {**(self._journal.meta("speech") or {}), "language": event.language})
        log.info("speech.language_changed", language=event.language, before=event.before, prob=round(event.prob, 3))

    def lost(self, gap: Gap) -> None:
        """Speech nobody transcribed: the footage is there."""
        with contextlib.suppress(StorageError):  # a full disk takes no note of itself; capture says so
            self._journal.add_gap(gap)
        self._metrics.asr_gap_seconds_total.labels(reason=gap.reason).inc(to_s(gap.end_ns - gap.start_ns))
        self._emitter.emit("gap", **gap_fields(gap))

    def paced(self, level: int, lag_ns: int) -> None:
        """Back-pressure. The first time words come late for it, people are told."""
        self.level, self.lag_ns = level, lag_ns
        if level >= LATE_LEVEL and not self._complained:
            self._complained = True
            self.warn(
                "asr_behind",
                "Speech recognition is behind: words come only where an utterance ends",
                "Fewer streams, more cores, a GPU or speech.model: tiny help. Recording is not touched by it.",
            )
        self._metrics.asr_level.set(level)
        self._metrics.asr_lag_seconds.set(to_s(lag_ns))
        self._count()

    def pace(self) -> dict[str, float]:
        """For the progress line: the level of back-pressure, and how much sound waits."""
        return {"level": self.level, "lag_s": round(to_s(self.lag_ns), 2)}

    def failed(self, error: ClipdError) -> None:
        """Speech is optional: its loss is a warning."""
        self.warn(error.code, error.what, error.remedy)
        log.warning("speech.off", code=error.code, reason=error.what)

    def warn(self, code: str, message: str, remedy: str) -> None:
        """Something the user should know; nothing was lost."""
        tell_warning(self._emitter, self._journal, code, message, remedy)

    def _measure(self, commit: Committed) -> None:
        self._count()
        if self._arrivals is None or commit.reason in ("catchup", "vod"):
            return
        now_ns = self._clock.boottime_ns()
        latency = self._metrics.asr_commit_latency_seconds.labels(reason=commit.reason)
        for word in commit.words:
            arrived_ns = self._arrivals.of(word.end_ns)
            if arrived_ns is not None:
                latency.observe(max(0, now_ns - arrived_ns) / NS_PER_S)

    def _count(self) -> None:
        """Bring the counters up to the tally."""
        now, told, metrics = self.tally, self._told, self._metrics
        metrics.asr_decodes_total.inc(now.decodes - told.decodes)
        metrics.asr_audio_seconds_total.labels(state="heard").inc((now.heard - told.heard) / 16_000)
        metrics.asr_audio_seconds_total.labels(state="speech").inc((now.spoken - told.spoken) / 16_000)
        metrics.asr_audio_seconds_total.labels(state="decoded").inc((now.decoded - told.decoded) / 16_000)
        metrics.asr_partial_rewrites_total.inc(now.rewrites - told.rewrites)
        for reason, count in now.words.items():
            metrics.asr_words_total.labels(reason=reason).inc(count - told.words.get(reason, 0))
        for gate, count in now.dropped.items():
            metrics.asr_words_dropped_total.labels(gate=gate).inc(count - told.dropped.get(gate, 0))
        self._told = now.copy()


def open_speech(
    spec: WorkerSpec,
    settings: Settings,
    desk: SpeechDesk,
    clock: Clock,
    emitter: Emitter,
    journal: Journal,
    *,
    live: bool,
) -> Transcriber:
    """Start listening. The model is loaded and tried on the speech thread: capture never waits for it."""
    options = settings.speech
    packed = not live and (options.planner == "packed" or (options.planner == "auto" and spec.kind == "vod"))
    if live and options.planner == "packed":
        desk.warn("planner_live", "The packed planner reads ahead; a live stream gets the live one", "Use auto.")

    def open_lane(told: Told) -> Lane:
        # Decoding takes what capture, analysis and cutting leave: Linux knows niceness per thread, and those that the
        # model starts inherit it.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        engine, _ = open_engine(settings, emitter)
        info = engine.info
        facts = {"model": info.model, "sha256": info.sha256, "device": info.device, "compute_type": info.compute_type}
        language = options.language if info.multilingual else "en"
        known = {} if language == "auto" else {"language": language}
        journal.set_meta("speech", {**facts, **known})
        voice = Voice(language=LanguageTracker(language), glossary=Glossary(options.glossary), tally=desk.tally)
        vad = VadModel(vad_model_path())
        log.info("speech.opened", **facts, threads=info.threads, planner="packed" if packed else "live")
        if packed:
            return PackedLane(engine, vad, voice, told)
        return LiveLane(engine, vad, voice, told, clock if live else None)

    return Transcriber(open_lane, desk, clock, waits=not live)


def open_engine(
    settings: Settings, emitter: Emitter | None = None, *, fetch: bool = True
) -> tuple[AsrEngine, ModelFiles]:
    """The model of the settings, loaded and tried. On a GPU that turns out not to work, `auto` takes the CPU.

    With `fetch` off a model that is not on this machine is missing. Raises ModelMissing, MissingPart, UsageError,
    StorageError.
    """
    options, folder = settings.speech, Path(settings.data_dir) / MODELS
    device = pick_device(options.device)
    try:
        return _load(settings, device, folder, emitter, fetch=fetch)
    except MissingPart as err:
        if device == "cpu" or options.device != "auto":
            raise
        log.warning("speech.gpu_refused", reason=err.what)
        return _load(settings, "cpu", folder, emitter, fetch=fetch)


def _load(
    settings: Settings, device: str, folder: Path, emitter: Emitter | None, *, fetch: bool
) -> tuple[AsrEngine, ModelFiles]:
    options = settings.speech
    picked = pick_device(device)
    kind = pick_compute_type(options.compute_type, picked, supported_compute_types(picked))
    files = find_model(options.model, picked, folder, _Download(emitter), sources=Sources.here(fetch=fetch))
    engine = LocalEngine(files, device=picked, compute_type=kind, threads=cpu_threads())
    check_engine(engine)
    return engine, files


class _Download:
    """Tells of a model that is being fetched: the first time that takes a while."""

    def __init__(self, emitter: Emitter | None) -> None:
        self._emitter = emitter
        self._told = -1

    def __call__(self, model: str, done: int, total: int) -> None:
        quarter = done * TOLD_SHARE // max(total, 1)
        if self._emitter is not None and quarter != self._told:
            self._told = quarter
            message = f"Fetching the speech model {model}: {done // 10**6} of {total // 10**6} MB"
            remedy = "The stream is recorded meanwhile. This happens once."
            self._emitter.emit("warning", code="model_fetch", message=message, remedy=remedy)
