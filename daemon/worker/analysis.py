"""The analysis thread: sound and pictures to signals and a game's events, these and chat to decisions, by media time.

It steps on a grid of media time, so the same media gives the same decisions at any speed; a step waits until the words
it may know of are there. Everything it learns goes to the journal through one batch a step. It never touches capture: a
stall here costs analysis, not footage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from core.game import GameEvent
from core.media import AudioBlock, ChatMessage, Epoch, Gap, Packet, Track
from core.moments import Family
from core.signals import SignalChunk
from core.times import FOREVER_NS, Ns, ns
from daemon.ingest.decode import AudioDecoder, KeyframeDecoder
from daemon.speech.transcriber import Heard
from daemon.worker.game import Looking, NoGame
from daemon.worker.queue import AnalysisQueue, Batch, EpochStart, Item
from detectors import AudioFeatures, Decisions, Engine, LagEstimate, SceneFeatures

STEP_NS: Final = ns(0.5)  # the media grid on which decisions are taken
AUDIO_PATIENCE_NS: Final = ns(2.0)  # sound this late behind the picture is a hole: analysis goes on without it


class Chat(Protocol):
    """Chat by media time. `until` returns messages up to a time and waits for them where that is possible (a file)."""

    def until(self, t_ns: Ns) -> list[ChatMessage]: ...
    def available(self) -> bool: ...


class Speech(Protocol):
    """Words by media time: the transcriber's side that analysis sees."""

    def begin(self, epoch: Epoch) -> None: ...
    def push(self, block: AudioBlock) -> None: ...
    def end(self) -> None: ...
    def ready_ns(self, wanted_ns: Ns) -> Ns: ...
    def until(self, t_ns: Ns) -> Heard: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one step of the grid learned. `heard_ns`: all that was said before it is known now."""

    t_ns: Ns
    decisions: Decisions
    signals: Sequence[SignalChunk] = ()
    chat: Sequence[ChatMessage] = ()
    game: Sequence[GameEvent] = ()
    heard_ns: Ns = field(default=Ns(0))
    chat_lag: LagEstimate | None = None  # when this step taught something about it


class Record(Protocol):
    """Where results go: the journal, the JSON lines, the clip scheduler. One call a step."""

    def step(self, result: StepResult) -> None: ...


class Analysis:
    """Consumes the queue until it closes. `resume_ns`: a restarted session's grid goes on after what it had decided."""

    def __init__(
        self,
        queue: AnalysisQueue,
        engine: Engine,
        chat: Chat,
        speech: Speech,
        record: Record,
        *,
        looking: Looking | None = None,
        resume_ns: Ns = Ns(0),
    ) -> None:
        self._queue = queue
        self._engine = engine
        self._chat = chat
        self._speech = speech
        self._record = record
        self._looking = looking or NoGame()
        self._stepped_ns = Ns(resume_ns - resume_ns % STEP_NS)
        self._audio: AudioDecoder | None = None
        self._picture: KeyframeDecoder | None = None
        self._sound_features = AudioFeatures()
        self._scene_features = SceneFeatures()
        self._signals: list[SignalChunk] = []
        self._heard: list[ChatMessage] = []
        self._seen: list[GameEvent] = []  # of the game, until the grid gets to where they are known
        self._told: list[GameEvent] = []
        self._pending: deque[tuple[Ns, _Boundary | Gap]] = deque()  # for the engine, when its grid gets there
        self._progress_ns = Ns(0)
        self._lag = engine.chat_lag

    def run(self) -> Ns:
        """Work until the queue is closed and empty, then close all watermarks. Returns the media end analysed."""
        try:
            while (item := self._queue.get()) is not None:
                self._take(item)
            self._flush_epoch()
        finally:
            self._speech.close()
        end_ns = max(self._progress_ns, self._stepped_ns)
        self._step_to(end_ns)
        self._feed_chat(end_ns)
        self._feed_boundaries(end_ns)
        heard = self._speech.until(FOREVER_NS)
        self._engine.words(heard.commits)
        self._feed_game(FOREVER_NS)
        self._finish_step(end_ns, self._engine.finish(end_ns), heard)
        return end_ns

    def _take(self, item: Item) -> None:
        if isinstance(item, EpochStart):
            self._begin_epoch(item.epoch, item.tracks)
        elif isinstance(item, Gap):
            self._pending.append((item.start_ns, item))
            if item.track != "audio":
                self._notice(self._looking.cut())
            self._progress_ns = max(self._progress_ns, item.end_ns)
        else:
            self._batch(item)
        self._step_to(self._ready_ns())

    def _begin_epoch(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        """Decoders start afresh: codec, rate and timestamps may all be others now."""
        self._flush_epoch()
        sound = next((track for track in tracks if track.kind == "audio"), None)
        picture = next((track for track in tracks if track.kind == "video"), None)
        self._audio = AudioDecoder(sound, epoch) if sound else None
        self._picture = KeyframeDecoder(picture, epoch) if picture else None
        self._looking.begin(epoch, picture)
        self._speech.begin(epoch)
        self._pending.append((epoch.start_ns, _Boundary(epoch, sound is not None, picture is not None)))
        self._progress_ns = max(self._progress_ns, epoch.start_ns)

    def _flush_epoch(self) -> None:
        if self._audio:
            for block in self._audio.flush():
                self._listen(block)
        self._notice(self._looking.cut())
        self._speech.end()

    def _batch(self, batch: Batch) -> None:
        for packet in batch.packets:
            self._packet(packet)
        self._progress_ns = max(self._progress_ns, batch.progress_ns)

    def _packet(self, packet: Packet) -> None:
        if packet.kind == "audio" and self._audio:
            for block in self._audio.push(packet):
                self._listen(block)
        elif packet.kind == "video" and self._picture:
            for image in self._picture.push(packet):
                self._feed(self._scene_features.push(image))
            self._notice(self._looking.push(packet))

    def _listen(self, block: AudioBlock) -> None:
        self._speech.push(block)
        self._feed(self._sound_features.push(block))
        self._notice(self._looking.listen(block))

    def _feed(self, chunks: Sequence[SignalChunk]) -> None:
        for chunk in chunks:
            self._engine.feed(chunk)
            self._signals.append(chunk)

    def _notice(self, events: Sequence[GameEvent]) -> None:
        """What is learned after a step cannot have been known in it, wherever it is run again."""
        for event in events:
            known_ns = max(event.known_ns, Ns(self._stepped_ns + 1))
            self._seen.append(event if known_ns == event.known_ns else replace(event, known_ns=known_ns))

    def _ready_ns(self) -> Ns:
        """How far all has been heard and seen. Sound may trail the picture a little, then it counts as a hole."""
        ready_ns = self._progress_ns
        if self._audio is not None:
            ready_ns = Ns(max(min(self._audio.end_ns, ready_ns), ready_ns - AUDIO_PATIENCE_NS))
        return self._speech.ready_ns(ready_ns)

    def _step_to(self, ready_ns: Ns) -> None:
        while self._stepped_ns + STEP_NS <= ready_ns:
            self._stepped_ns = Ns(self._stepped_ns + STEP_NS)
            self._feed_chat(self._stepped_ns)
            self._feed_boundaries(self._stepped_ns)
            heard = self._speech.until(self._stepped_ns)
            self._engine.words(heard.commits)
            self._feed_game(self._stepped_ns)
            self._finish_step(self._stepped_ns, self._engine.advance(self._stepped_ns), heard)

    def _feed_chat(self, t_ns: Ns) -> None:
        messages = self._chat.until(t_ns)
        if messages:
            self._engine.chat(messages)
            self._heard.extend(messages)

    def _feed_game(self, t_ns: Ns) -> None:
        known = sorted((event for event in self._seen if event.known_ns <= t_ns), key=lambda event: event.known_ns)
        if known:
            self._seen = [event for event in self._seen if event.known_ns > t_ns]
            self._engine.game(known)
            self._told.extend(known)

    def _feed_boundaries(self, t_ns: Ns) -> None:
        """Speech may hold decisions back while media is read ahead: an epoch or a gap counts when the grid is there."""
        while self._pending and self._pending[0][0] <= t_ns:
            _, item = self._pending.popleft()
            if isinstance(item, Gap):
                self._engine.gap(item)
                continue
            self._engine.epoch(item.epoch)
            self._engine.available(Family.AUDIO, item.sound)
            self._engine.available(Family.VISION, item.picture)
            self._engine.available(Family.CHAT, self._chat.available())
            self._engine.available(Family.GAME, item.picture and self._looking.there)

    def _finish_step(self, t_ns: Ns, decisions: Decisions, heard: Heard) -> None:
        signals, self._signals = self._signals, []
        messages, self._heard = self._heard, []
        told, self._told = self._told, []
        self._record.step(
            StepResult(
                t_ns=t_ns,
                decisions=decisions,
                signals=signals,
                chat=messages,
                game=told,
                heard_ns=heard.heard_ns,
                chat_lag=self._learned_lag(),
            )
        )

    def _learned_lag(self) -> LagEstimate | None:
        lag = self._engine.chat_lag
        if lag == self._lag:
            return None
        self._lag = lag
        return lag


@dataclass(frozen=True, slots=True)
class _Boundary:
    """An epoch, and which families can report in it."""

    epoch: Epoch
    sound: bool
    picture: bool
