"""Runs a HUD over a file as a worker does, packet by packet, and compares what it says with what happened."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import av
from rapidfuzz.distance import Levenshtein

from configs.hud import HudOptions
from configs.huds import load_hud
from core.game import GameEvent, GameKind
from core.media import Packet, Track
from core.times import NS_PER_S, Ns, ticks_to_ns, to_s
from daemon.avopen import open_media
from daemon.looking.looker import readers
from daemon.looking.sampler import Sampler, Tally
from detectors.hud.reader import HudReader
from tests.synthetic_streams.huds.stream import Happened

NEAR_S: Final = 2.5  # an event further from what happened than this is about something else


@dataclass(slots=True)
class Run:
    """One file: events, CPU of looking in s, seconds of media."""

    events: list[GameEvent]
    cpu_s: float
    length_s: float
    tally: Tally


@dataclass(slots=True)
class Score:
    """Happenings and events of one kind, paired."""

    happened: int = 0
    found: int = 0
    false: int = 0
    errors_s: list[float] = field(default_factory=list)
    letters: int = 0
    wrong: int = 0
    missed: list[Happened] = field(default_factory=list)
    invented: list[GameEvent] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Sum up."""
        self.happened, self.found, self.false = (
            self.happened + other.happened, self.found + other.found, self.false + other.false,
        )  # fmt: skip
        self.letters, self.wrong = self.letters + other.letters, self.wrong + other.wrong
        self.errors_s += other.errors_s
        self.missed += other.missed
        self.invented += other.invented


def look(path: Path, game: str, player: str, *, fps: float = 2.0) -> Run:
    """Events of a whole file. CPU is the process' while it looks; demuxing is left out."""
    loaded = load_hud(game)
    text, objects = readers(loaded, HudOptions())
    reader = HudReader(loaded, text, player=player, objects=objects)
    track, packets = demuxed(path)
    tally = Tally()
    sampler = Sampler(track, reader, fps=fps, tally=tally)
    text.read([])
    begun = time.process_time()
    events = [event for packet in packets for event in sampler.push(packet)]
    events += sampler.cut()
    cpu_s = time.process_time() - begun
    return Run(events, cpu_s, to_s(Ns(max(packet.end_ns for packet in packets))), tally)


def decode_all(path: Path) -> float:
    """CPU of decoding every frame of a file, s; nothing else is done with them."""
    begun = time.process_time()
    with open_media(path, "mov") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass
    return time.process_time() - begun


def demuxed(path: Path) -> tuple[Track, list[Packet]]:
    """The picture's packets in the order of decoding, media time from 0."""
    with open_media(path, "mov") as container:
        stream = container.streams.video[0]
        base = stream.time_base
        assert base is not None
        context = stream.codec_context
        track = Track(
            kind="video", codec=context.name, time_base=base, width=context.width, height=context.height,
            extradata=bytes(context.extradata or b""),
        )  # fmt: skip
        return track, list(_packets(container, stream, base.numerator / base.denominator))


def _packets(container: av.container.InputContainer, stream: av.VideoStream, tick_s: float) -> Iterator[Packet]:
    base = stream.time_base
    assert base is not None
    for raw in container.demux(stream):
        if raw.pts is None or raw.dts is None:
            continue
        pts, length = ticks_to_ns(raw.pts, base), Ns(round((raw.duration or 0) * tick_s * NS_PER_S))
        yield Packet(
            kind="video", pts=raw.pts, dts=raw.dts, duration=raw.duration or 0, time_base=base,
            is_keyframe=raw.is_keyframe, data=bytes(raw), pts_ns=pts, dts_ns=ticks_to_ns(raw.dts, base),
            end_ns=Ns(pts + length),
        )  # fmt: skip


def joined(events: Sequence[GameEvent]) -> list[GameEvent]:
    """One event for what two rules of a HUD say: of an own kill's row and its medal or counter, the row counts.

    A kill that only one of the two saw stays.
    """
    rows = [event for event in events if event.source == "feed" and event.own and event.kind is GameKind.KILL]
    kept = [event for event in events if event.source == "feed" or event.kind is not GameKind.KILL]
    for event in events:
        if event.source == "feed" or event.kind is not GameKind.KILL:
            continue
        near = [row for row in rows if abs(row.t_ns - event.t_ns) <= NEAR_S * NS_PER_S]
        for row in near[: event.count]:
            rows.remove(row)
        if not near:
            kept.append(event)
    return sorted(kept, key=lambda event: event.t_ns)


def compare(happened: Sequence[Happened], events: Sequence[GameEvent]) -> Score:
    """Pair each with the nearest of its kind; names count letters of both, by edit distance."""
    score = Score(happened=len(happened))
    left = list(events)
    for one in happened:
        near = [
            event
            for event in left
            if event.kind is one.kind and event.own == one.own and abs(to_s(event.t_ns) - one.t) <= NEAR_S
        ]
        if not near:
            score.missed.append(one)
            continue
        best = min(near, key=lambda event: (_edits(one, event), abs(to_s(event.t_ns) - one.t)))
        left.remove(best)
        score.found += 1
        score.errors_s.append(to_s(best.t_ns) - one.t)
        if one.who and best.source == "feed":
            score.letters += len(one.who) + len(one.victim)
            score.wrong += _edits(one, best)
    score.false, score.invented = len(left), left
    return score


def _edits(one: Happened, event: GameEvent) -> int:
    if not one.who:
        return 0
    return int(
        Levenshtein.distance(one.who.lower(), event.who.lower())
        + Levenshtein.distance(one.victim.lower(), event.victim.lower())
    )
