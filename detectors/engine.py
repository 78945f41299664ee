"""The detection engine of one session: signals, chat, gaps and epochs in, events and moments out. Pure.

It walks its own grid of half a second of media time, and at each step detectors see only what was known by then. So
the same inputs give the same decisions in whatever pieces they come, and cutting the input at t changes none up to t.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from core.game import GameEvent
from core.ids import SessionId
from core.media import ChatMessage, Epoch, Gap
from core.moments import Event, Family, Moment
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns
from core.words import Committed
from detectors.audio.detector import AudioDetector
from detectors.chat.detector import ChatDetector
from detectors.chat.mood import Valence
from detectors.contracts import Detector
from detectors.fusion.fuser import Fuser
from detectors.fusion.lag import LagEstimate
from detectors.game.detector import GameDetector
from detectors.options import Profile
from detectors.speech.command import CommandDetector
from detectors.speech.detector import SpeechDetector
from detectors.vision import VisionDetector

GRID_NS: Final = NS_PER_S // 2


class Decisions(NamedTuple):
    """What changed: events found or revised, and every new state of every moment."""

    events: list[Event]
    moments: list[Moment]


class Engine:
    """Built for one session and one profile; another family of evidence is another Detector in `detectors`."""

    def __init__(
        self,
        profile: Profile,
        session: SessionId,
        *,
        detectors: Sequence[Detector] = (),
        lag: LagEstimate | None = None,
        valence: Valence | None = None,
    ) -> None:
        """`lag` is what an earlier session of this channel learned about its chat; `valence` judges single lines."""
        self._audio = AudioDetector(profile.detect)
        self._chat = ChatDetector(profile.detect, valence=valence)
        self._vision = VisionDetector(profile.detect)
        self._speech = SpeechDetector(profile.detect)
        self._command = CommandDetector(profile.detect)
        self._game = GameDetector(profile)
        own = (self._audio, self._speech, self._command, self._chat, self._vision, self._game)
        self._detectors: tuple[Detector, ...] = (*own, *detectors)
        self._words_known_ns = ns(profile.detect.speech.known_s)
        self._fuser = Fuser(profile, session, silences=self._audio.silences, breaths=self._audio.breaths, lag=lag)
        self._outage_ns = ns(profile.detect.lag.unsettle_s)
        self._missing: set[Family] = set()
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Hand a chunk to whoever reads its kind."""
        for detector in self._detectors:
            detector.feed(chunk)

    def chat(self, messages: Sequence[ChatMessage]) -> None:
        """Messages on media time; one older than the last step counts from the next step on."""
        self._chat.chat(messages)

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that are known by the next step."""
        if not commits:
            return
        self._speech.words(commits)
        self._command.words(commits)
        for commit in commits:
            self._fuser.words(commit.words)

    def game(self, events: Sequence[GameEvent]) -> None:
        """What the game showed or played; each counts from the first step at or after its `known_ns`."""
        self._game.game(events)

    def gap(self, gap: Gap) -> None:
        """Media that is missing: no evidence, and no baseline is learned from it."""
        for detector in self._detectors:
            detector.gap(gap)
        if gap.track == "all" and gap.end_ns - gap.start_ns >= self._outage_ns:
            self._fuser.outage()

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

    def spent(self, anchors_ns: Iterable[Ns]) -> None:
        """Clips of this session from before what is fed: they count against the budget. To be told first."""
        self._fuser.spent(anchors_ns)

    @property
    def chat_lag(self) -> LagEstimate:
        """How late this channel's chat reacts, as learned so far."""
        return self._fuser.lag.estimate()

    def advance(self, t_ns: Ns) -> Decisions:
        """Decide everything up to the last grid step at or before `t_ns`; all input up to there has been fed."""
        decisions = Decisions([], [])
        while self._now_ns + GRID_NS <= t_ns:
            self._now_ns = Ns(self._now_ns + GRID_NS)
            self._step(self._find(self._now_ns, last=False), decisions)
        return decisions

    def finish(self, t_ns: Ns) -> Decisions:
        """The end of the stream closes every watermark: all moments get their last state."""
        decisions = self.advance(t_ns)
        self._now_ns = Ns(max(t_ns, self._now_ns))
        self._step(self._find(self._now_ns, last=True), decisions)
        decisions.moments.extend(self._fuser.finish(self._now_ns))
        return decisions

    def _find(self, now_ns: Ns, *, last: bool) -> list[Event]:
        """What every detector finds. Sounds come first: what was said is judged by what was heard around it."""
        heard_ns = Ns(now_ns if last else max(now_ns - self._words_known_ns, 0))
        self._speech.heard(heard_ns)
        self._command.heard(heard_ns)
        events: list[Event] = []
        for detector in self._detectors:
            found = detector.finish(now_ns) if last else detector.advance(now_ns)
            if found:
                if detector is self._audio:
                    self._speech.notice(found)
                events += found
        return events

    def _step(self, events: list[Event], decisions: Decisions) -> None:
        if self._vision.frames or self._vision.cuts:
            self._fuser.pictures(self._vision.cuts, self._vision.frames)
        decisions.events.extend([self._fuser.take(event) for event in events])
        marks = self._marks() if self._fuser.waits else {}  # what is decided asks nobody
        decisions.moments.extend(self._fuser.step(self._now_ns, marks))

    def _marks(self) -> dict[Family, Ns]:
        """Up to where each family that is there has told all it can."""
        return {d.family: d.watermark() for d in self._detectors if d.available() and d.family not in self._missing}
