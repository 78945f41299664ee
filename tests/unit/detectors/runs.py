"""Runs a detector or the engine over made-up sound, chat and events, the way a worker does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.ids import SessionId
from core.media import AudioBlock, ChatMessage, Gap
from core.moments import Event, Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns
from detectors import AudioFeatures, Decisions, Engine, Profile
from detectors.audio.detector import AudioDetector

SESSION = SessionId("s20260101t000000-abcdef")
Sound = NDArray[np.floating[Any]]


def chunks_of(sound: Sound, *, block: int = 1 << 30, start_ns: int = 0) -> list[SignalChunk]:
    """Features of a sound that arrives in blocks of so many samples."""
    features, chunks = AudioFeatures(), []
    for at in range(0, len(sound), block):
        part = sound[at : at + block].astype(np.float32)
        chunks += features.push(AudioBlock(start_ns=Ns(start_ns + at * 62_500), samples=part))
    return chunks


def hear(sound: Sound, *, gaps: Sequence[Gap] = (), profile: Profile | None = None) -> list[Event]:
    """Every event of the audio detector."""
    detector = AudioDetector((profile or Profile()).detect)
    for chunk in chunks_of(sound):
        detector.feed(chunk)
    for gap in gaps:
        detector.gap(gap)
    end_s = len(sound) / 16_000
    events = [e for step in range(1, int(end_s * 2)) for e in detector.advance(ns(step / 2))]
    return [*events, *detector.finish(ns(end_s))]


def decide(
    sound: Sound | None,
    chat: Sequence[ChatMessage] | None,
    *,
    end_s: float,
    step_s: float = 0.5,
    profile: Profile | None = None,
    finish: bool = True,
) -> Decisions:
    """Run an engine in steps; everything up to a step is fed before it, as a worker does."""
    engine = Engine(profile or Profile(), SESSION)
    waiting = chunks_of(sound, block=1600) if sound is not None else []
    lines = list(chat or ())
    engine.available(Family.CHAT, chat is not None)
    events: list[Event] = []
    moments: list[Moment] = []
    for step in range(1, int(end_s / step_s) + 1):
        now = ns(step * step_s)
        while waiting and waiting[0].end_ns <= now:
            engine.feed(waiting.pop(0))
        ready = [line for line in lines if line.t_ns <= now]
        lines = lines[len(ready) :]
        engine.chat(ready)
        found = engine.advance(now)
        events, moments = events + found.events, moments + found.moments
    if not finish:
        return Decisions(events, moments)
    last = engine.finish(ns(end_s))
    return Decisions(events + last.events, moments + last.moments)


def shown(moments: Sequence[Moment]) -> list[Moment]:
    """Moments in the order in which they became provisional, each in its first state."""
    first: dict[str, Moment] = {}
    for moment in moments:
        if moment.state is MomentState.PROVISIONAL:
            first.setdefault(moment.id, moment)
    return list(first.values())


def event(kind: str, family: Family, llr: float, *, start_s: float = 10.0, why: str = "", **values: Any) -> Event:
    """An event of two seconds at full quality."""
    return Event(
        kind=kind,
        family=family,
        start_ns=ns(start_s),
        end_ns=ns(start_s + 2),
        peak_ns=ns(start_s + 1),
        llr=llr,
        surprise_per_h=1.0,
        quality=values.pop("quality", 1.0),
        why=why or kind,
        found_ns=ns(start_s + 3),
        values=values,
    )
