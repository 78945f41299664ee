"""Watches a made stream the way a worker does, in as many stretches as the story needs, and changes it on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from configs import load_profile
from core.game import GameEvent
from core.ids import SessionId
from core.media import ChatMessage, Epoch, Gap
from core.moments import Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from core.words import Committed
from daemon.evaluation.candidates import SHOWN
from daemon.evaluation.truth import Truth
from daemon.worker.detection import open_detection
from daemon.worker.relive import relive
from detectors import Engine, Profile
from detectors.features import FLOOR_DB
from tests.synthetic_streams import feature_level as fl
from tests.synthetic_streams.planted import FeatureStream, make_stream
from tests.synthetic_streams.planted.assemble import LEVEL_COLUMNS
from tests.synthetic_streams.planted.library import measured

SESSION: Final = SessionId("s20260101t000000-abcdef")
Wave = NDArray[np.float32]


@cache
def profile() -> Profile:
    """The one the house's targets are stated for, with a budget that hides nothing: one clip may not cost another."""
    return load_profile("gaming").model_copy(update={"clips_per_hour": 60.0})


def new_engine() -> Engine:
    """As a worker opens it for a channel it never saw."""
    return open_detection(profile(), SESSION)


@cache
def stream_of(seed: int, hours: float, plants_per_h: float = 6, negatives_per_h: float = 12) -> FeatureStream:
    """One of the family that constants were tuned on; made once."""
    return make_stream(seed, family="tune", hours=hours, plants_per_h=plants_per_h, negatives_per_h=negatives_per_h)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a stream that becomes known in (start, end]: what a worker gets between two points of its life."""

    stream: FeatureStream
    start_ns: Ns
    end_ns: Ns
    holes: Sequence[Gap] = ()

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]:
        return (chunk for chunk in self.stream.signals() if self._is_new(chunk.end_ns))

    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]:
        return (message for message in self.stream.messages if self._is_new(message.t_ns))

    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]:
        return (commit for commit in self.stream.commits if self._is_new(commit.known_ns))

    def game(self, since_ns: Ns = Ns(0)) -> Iterator[GameEvent]:
        return (event for event in self.stream.played if self._is_new(event.known_ns))

    def epochs(self) -> list[Epoch]:
        return self.stream.epochs() if self.start_ns == 0 else []

    def gaps(self) -> list[Gap]:
        return [hole for hole in self.holes if self._is_new(hole.start_ns)]

    def _is_new(self, t_ns: Ns) -> bool:
        return self.start_ns < t_ns <= self.end_ns


class Watch:
    """An engine on a stream, and everything it said."""

    def __init__(
        self,
        stream: FeatureStream,
        *,
        holes: Sequence[Gap] = (),
        engine: Engine | None = None,
        since_s: float = 0.0,
    ) -> None:
        """`engine`: one that was brought up to date until `since_s`."""
        self.engine = engine or new_engine()
        self.history: list[Moment] = []
        self._stream, self._holes, self._now_ns = stream, holes, ns(since_s)

    def go(self, until_s: float | None = None, *, has_chat: bool = True) -> Watch:
        """On to a time, or to the end of the stream."""
        last = until_s is None
        end_ns = self._stream.end_ns if until_s is None else ns(until_s)
        stretch = Stretch(self._stream, self._now_ns, end_ns, self._holes)
        relived = relive(self.engine, stretch, has_chat=has_chat, since_ns=self._now_ns, until_ns=end_ns, finish=last)
        self.history += relived.history
        self._now_ns = end_ns
        return self

    @property
    def clips(self) -> list[Moment]:
        """Every moment that was ever shown, by anchor, in its last shown state."""
        last = {moment.id: moment for moment in self.history if moment.state in SHOWN}
        return sorted(last.values(), key=lambda moment: moment.anchor_ns)

    @property
    def standing(self) -> list[Moment]:
        """Those that were not withdrawn later."""
        ended = {moment.id for moment in self.history if moment.state is MomentState.WITHDRAWN}
        return [clip for clip in self.clips if clip.id not in ended]

    def near(self, t_s: float, within_s: float = 10.0) -> list[Moment]:
        """The clips around a time."""
        return [clip for clip in self.clips if abs(to_s(clip.anchor_ns) - t_s) <= within_s]


def anchors(clips: Iterable[Moment]) -> list[float]:
    """Seconds."""
    return [round(to_s(clip.anchor_ns), 1) for clip in clips]


def heard(stream: FeatureStream, rows: NDArray[np.float32]) -> FeatureStream:
    """The same stream with other sound."""
    return replace(stream, sound=rows)


def louder(rows: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """As behind another gain; digital silence stays silent."""
    out = rows.copy()
    levels = out[:, LEVEL_COLUMNS]
    out[:, LEVEL_COLUMNS] = np.where(levels <= FLOOR_DB, levels, np.maximum(levels + np.float32(gain_db), FLOOR_DB))
    return out


def sound_only(wave: Wave) -> FeatureStream:
    """A stream of nothing but sound (16 kHz)."""
    rows = measured(wave.astype(np.float64))
    return FeatureStream(
        seed=0,
        family="tune",
        end_ns=ns(len(rows) / 10),
        truth=Truth(),
        said=(),
        channel="small",
        sound=rows,
        scene_ns=np.zeros(0, np.int64),
        scene=np.zeros((0, 5), np.float32),
        messages=(),
        commits=(),
    )


def without_sound(stream: FeatureStream, start_s: float, end_s: float) -> FeatureStream:
    """Digital silence where sound is missing: what a decoder makes of a hole, which is named as a gap besides."""
    rows = stream.sound.copy()
    rows[round(start_s * 10) : round(end_s * 10), LEVEL_COLUMNS] = FLOOR_DB
    return heard(stream, rows)


def without_words(stream: FeatureStream, start_s: float = 0.0, end_s: float = 1e6) -> FeatureStream:
    """Nobody listens in between."""
    kept = tuple(c for c in stream.commits if not start_s <= to_s(c.known_ns) < end_s)
    return replace(stream, commits=kept)


def without_pictures(stream: FeatureStream, start_s: float, end_s: float) -> FeatureStream:
    """No keyframe is decoded in between."""
    kept = (stream.scene_ns < ns(start_s)) | (stream.scene_ns >= ns(end_s))
    return replace(stream, scene_ns=stream.scene_ns[kept], scene=stream.scene[kept])


def without_chat(stream: FeatureStream, start_s: float = 0.0, end_s: float = 1e6) -> FeatureStream:
    """The connection is lost in between."""
    kept = tuple(m for m in stream.messages if not start_s <= to_s(m.t_ns) < end_s)
    return replace(stream, messages=kept)


def chat_later(stream: FeatureStream, by_s: float, *, from_s: float = 0.0) -> FeatureStream:
    """As if the platform were so much later from a time on."""
    moved = (m if to_s(m.t_ns) < from_s else replace(m, t_ns=Ns(m.t_ns + ns(by_s))) for m in stream.messages)
    return replace(stream, messages=tuple(sorted((m for m in moved if m.t_ns < stream.end_ns), key=lambda m: m.t_ns)))


@cache
def answered(seed: int, hours: float, lag_s: float) -> FeatureStream:
    """A stream of sounds to which a small chat answers each time after about the same lag."""
    stream = stream_of(seed, hours, plants_per_h=16, negatives_per_h=0)
    rng = np.random.default_rng([seed, 5])
    starts = [to_s(m.start_ns) for m in stream.truth.moments if "audio" in m.families]
    bursts = tuple((at + lag_s + float(rng.normal(0, 1.5)), 6.0) for at in starts)
    lines = fl.chat(rng, to_s(stream.end_ns), 30.0, bursts)
    return replace(stream, messages=tuple(line for line in lines if line.t_ns < stream.end_ns))


def bots(
    rng: np.random.Generator, start_s: float, end_s: float, per_min: float, texts: Sequence[str]
) -> list[ChatMessage]:
    """Twenty accounts that all write alike."""
    times = np.sort(rng.uniform(start_s, end_s, round(per_min * (end_s - start_s) / 60)))
    return [
        ChatMessage(t_ns=ns(t), user=f"bot{rng.integers(20)}", text=str(rng.choice(np.array(texts, dtype=object))))
        for t in times.tolist()
    ]


def with_lines(stream: FeatureStream, lines: Iterable[ChatMessage]) -> FeatureStream:
    """More chat."""
    return replace(stream, messages=tuple(sorted((*stream.messages, *lines), key=lambda m: m.t_ns)))


def begins_in_action(stream: FeatureStream, seconds: float, over_talk_db: float) -> FeatureStream:
    """Shots, screams and a roaring crowd from the first second on, over the level of the talk that follows."""
    rng = np.random.default_rng(17)
    wave = fl.at_level(fl.game(rng, seconds), fl.TALK_DBFS)
    for at in np.arange(0.0, seconds - 6.0, 5.0):
        fl.add(wave, fl.screams(rng, 4.0) if rng.random() < 0.5 else fl.roar(rng, 6.0), float(at), 0.0)
    action, rows = measured(wave), stream.sound.copy()
    shift = np.percentile(rows[:, 1], 75) + over_talk_db - np.median(action[:, 1])
    count = len(action)
    rows[:count] = louder(action, float(shift))
    return heard(stream, rows)
