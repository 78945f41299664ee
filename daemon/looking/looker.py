"""A session's eyes and ears for a game: one HUD over all epochs, a sampler for each."""

from __future__ import annotations

import av
import cv2
import structlog

from configs.hud import HudOptions
from configs.huds import load_hud
from core.game import GameEvent
from core.media import AudioBlock, Epoch, Packet, Track
from daemon.looking.model import open_objects
from daemon.looking.ocr import open_text
from daemon.looking.sampler import Sampler, Tally
from detectors.hud.cues import CueListener
from detectors.hud.frames import ObjectReader, TextReader
from detectors.hud.model import LoadedHud
from detectors.hud.reader import HudReader
from telemetry import Metrics

log = structlog.get_logger()


class Looker:
    """What analysis sees of a game (daemon.worker.game.Looking)."""

    there = True

    def __init__(self, reader: HudReader, ears: CueListener | None, *, fps: float, metrics: Metrics) -> None:
        self._reader, self._ears, self._fps, self._metrics = reader, ears, fps, metrics
        self._sampler: Sampler | None = None
        self._told = Tally()
        self.tally = Tally()

    def begin(self, epoch: Epoch, picture: Track | None) -> None:  # noqa: ARG002
        """Another codec, another size: a decoder of its own. An epoch without a picture shows nothing."""
        self._reader.cut()
        if self._ears is not None:
            self._ears.cut()
        try:
            self._sampler = None if picture is None else self._opened(picture)
        except (av.FFmpegError, ValueError) as err:
            log.warning("hud.not_decoded", codec=picture.codec if picture else "", error=str(err)[:200])
            self._sampler = None

    def _opened(self, picture: Track) -> Sampler:
        return Sampler(picture, self._reader, fps=self._fps, tally=self.tally)

    def push(self, packet: Packet) -> list[GameEvent]:
        """What the picture shows."""
        if self._sampler is None:
            return []
        events = self._sampler.push(packet)
        if packet.is_keyframe:
            self._count()
        return self._counted(events)

    def listen(self, block: AudioBlock) -> list[GameEvent]:
        """What the game sounds like."""
        return [] if self._ears is None else self._counted(self._ears.push(block))

    def cut(self) -> list[GameEvent]:
        """A gap, or the end of an epoch."""
        return [] if self._sampler is None else self._counted(self._sampler.cut())

    def _counted(self, events: list[GameEvent]) -> list[GameEvent]:
        for event in events:
            self._metrics.game_events_total.labels(kind=str(event.kind), source=event.source).inc()
        return events

    def _count(self) -> None:
        now, told, looks = self.tally, self._told, self._metrics.hud_looks_total
        looks.labels(what="keyframe").inc(now.keyframes - told.keyframes)
        looks.labels(what="between").inc(now.between - told.between)
        self._metrics.hud_gops_decoded_total.inc(now.gops - told.gops)
        self._metrics.hud_errors_total.inc(now.errors - told.errors)
        self._told = Tally(now.keyframes, now.between, now.gops, now.errors)


def open_looker(game: str, player: str, options: HudOptions, metrics: Metrics) -> Looker:
    """For a session. Raises UsageError for a HUD that cannot be read, or an extra that is not installed."""
    cv2.setNumThreads(1)  # a worker is one of many on its machine
    loaded = load_hud(game)
    text, objects = readers(loaded, options)
    reader = HudReader(loaded, text, player=player, objects=objects)
    ears = CueListener(loaded.hud.game, loaded.cues) if loaded.cues else None
    return Looker(reader, ears, fps=options.fps, metrics=metrics)


def readers(loaded: LoadedHud, options: HudOptions) -> tuple[TextReader, ObjectReader | None]:
    """Who reads text and finds objects for a HUD. Raises UsageError for an extra that it needs and that is missing."""
    return open_text(options), open_objects(loaded.models) if loaded.models else None
