"""The detection engine of one session: signals, chat, gaps and epochs in, events and moments out. Pure.

It walks its own grid of half a second of media time, and at each step detectors see only what was known by then. So
the same inputs give the same decisions in whatever pieces they come, and cutting the input at t changes none up to t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from core.ids import SessionId
from core.media import ChatMessage, Epoch, Gap
from core.moments import Event, Family, Moment
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns
from core.words import Committed
from detectors.audio import AudioDetector
from detectors.chat import ChatDetector
from detectors.contracts import Detector
from detectors.features import SCENE_KIND
from detectors.fusion import Fuser
from detectors.options import Profile

GRID_NS: Final = NS_PER_S // 2
_NEW_SCENE: Final = (
    0.35  # share of the picture's grey values that moved; a pan stays below, a cut to another shot above
)


class Decisions(NamedTuple):
    """What changed: events found or revised, and every new state of every moment."""

    events: list[Event]
    moments: list[Moment]


class Engine:
    """Built for one session and one profile; another family of evidence is another Detector in `detectors`."""

    def __init__(self, profile: Profile, session: SessionId, *, detectors: Sequence[Detector] = ()) -> None:
        self._audio = AudioDetector(profile.detect)
        self._chat = ChatDetector(profile.detect)
        self._detectors: tuple[Detector, ...] = (self._audio, self._chat, *detectors)
        self._fuser = Fuser(profile, session)
        self._cuts: deque[Ns] = deque()
        self._missing: set[Family] = set()
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Hand a chunk to whoever reads its kind."""
        if chunk.kind == SCENE_KIND and chunk.times_ns is not None:
            pairs = zip(chunk.times_ns.tolist(), chunk.values[:, 0].tolist(), strict=True)
            self._cuts.extend(Ns(t) for t, change in pairs if change >= _NEW_SCENE)
            return
        for detector in self._detectors:
            detector.feed(chunk)

    def chat(self, messages: Sequence[ChatMessage]) -> None:
        """Messages on media time; one older than the last step counts from the next step on."""
        self._chat.chat(messages)

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that are known by the next step."""
        for commit in commits:
            self._fuser.snapper.words(commit.words)

    def gap(self, gap: Gap) -> None:
        """Media that is missing: no evidence, and no baseline is learned from it."""
        for detector in self._detectors:
            detector.gap(gap)

    def epoch(self, epoch: Epoch) -> None:
        """Timestamps start anew: no clip reaches across."""
        self._fuser.epoch(epoch)

    def available(self, family: Family, yes: bool) -> None:
        """Whether a family can report at all. A missing one costs nothing and is not waited for."""
        if family is Family.CHAT:
            self._chat.set_available(yes)
        elif yes:
            self._missing.discard(family)
        else:
            self._missing.add(family)

    @property
    def chat_lag_s(self) -> float:
        """How late this channel's chat reacts, as learned so far."""
        return self._fuser.lag.estimate().mean_ns / NS_PER_S

    def advance(self, t_ns: Ns) -> Decisions:
        """Decide everything up to the last grid step at or before `t_ns`; all input up to there has been fed."""
        decisions = Decisions([], [])
        while self._now_ns + GRID_NS <= t_ns:
            self._now_ns = Ns(self._now_ns + GRID_NS)
            events = [event for detector in self._detectors for event in detector.advance(self._now_ns)]
            self._step(events, decisions)
        return decisions

    def finish(self, t_ns: Ns) -> Decisions:
        """The end of the stream closes every watermark: all moments get their last state."""
        decisions = self.advance(t_ns)
        self._now_ns = Ns(max(t_ns, self._now_ns))
        events = [event for detector in self._detectors for event in detector.finish(self._now_ns)]
        self._step(events, decisions)
        decisions.moments.extend(self._fuser.finish(self._now_ns))
        return decisions

    def _step(self, events: list[Event], decisions: Decisions) -> None:
        while self._cuts and self._cuts[0] <= self._now_ns:
            self._fuser.snapper.cut(self._cuts.popleft())
        self._fuser.silences(list(self._audio.silences), self._now_ns)
        decisions.events.extend(self._fuser.take(event) for event in events)
        marks = {d.family: d.watermark() for d in self._detectors if d.available() and d.family not in self._missing}
        decisions.moments.extend(self._fuser.step(self._now_ns, marks))
