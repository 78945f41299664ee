"""Gathers events into candidates: which sound, word, burst of chat or order belongs to which moment. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from core.ids import SessionId, moment_id
from core.moments import Event, Family, MomentState
from core.times import Ns, ns, to_s
from detectors.fusion.candidate import LIVE, Candidate, key_of
from detectors.fusion.lag import LagModel
from detectors.fusion.scoring import strength
from detectors.options import Profile

_PENALTIES_KEPT: Final = 50


class Placing:
    """All candidates of one session, and how far its chat lags behind."""

    def __init__(self, profile: Profile, session: SessionId, lag: LagModel) -> None:
        self._profile, self._session = profile, session
        self._fusion, self._weights = profile.detect.fusion, profile.detect.weights
        self.lag = lag
        self.candidates: list[Candidate] = []
        self.merged: list[Candidate] = []  # taken over by another moment since the last step
        self._pictures: deque[Event] = deque(maxlen=_PENALTIES_KEPT)

    def take(self, event: Event) -> Event:
        """Put an event where it belongs; returns it with its lag taken off."""
        if event.family is Family.CHAT:
            return self._take_chat(event)
        if event.family is Family.COMMAND:
            return self._take_order(event)
        if event.family is Family.VISION and event.llr <= 0:
            self._take_picture(event)
            return event
        home = self._holder(event) or self._near(event)
        if home is None:
            if self._strength(event) <= 0:
                return event
            home = self._open(event.start_ns, Ns(0))
        if home.state in LIVE:
            home.take(event)
            self._adopt(home)
            self._look_at(home)
        return event

    def likely(self, candidate: Candidate, onset_ns: Ns) -> float | None:
        """Log-likelihood that a burst reacts to a moment; None when that has its chat, no place, or the wrong time."""
        placed = any(self._strength(event) >= self._fusion.supports for event in candidate.support())
        early = onset_ns < candidate.anchor_ns - ns(self._fusion.cause_slack_s)
        if candidate.chat_onset() is not None or early or not placed:
            return None
        lag = self.lag.estimate()
        off = (onset_ns - candidate.felt_ns - lag.mean_ns) / lag.sd_ns
        return None if abs(off) > self._fusion.lag_sds else candidate.score().logit - 0.5 * off * off

    def _open(self, anchor_ns: Ns, sd_ns: Ns) -> Candidate:
        taken = {candidate.id for candidate in self.candidates}
        free = next(n for n in range(anchor_ns, anchor_ns + 1000) if moment_id(self._session, n) not in taken)
        candidate = Candidate(moment_id(self._session, free), anchor_ns, sd_ns, self._weights, self._fusion)
        self.candidates.append(candidate)
        return candidate

    def _live(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.state in LIVE]

    def _strength(self, event: Event) -> float:
        return strength(event, self._weights, self._fusion.cap)

    def _holder(self, event: Event) -> Candidate | None:
        """The candidate that has an earlier version of this event; one that is decided for good takes nothing more."""
        key = key_of(event)
        return next((c for c in self.candidates if key in c.events), None)

    def _near(self, event: Event) -> Candidate | None:
        """The candidate this event continues: within the join gap, and still one clip long together."""
        best: tuple[int, Candidate] | None = None
        for candidate in self._live():
            away = self._distance(candidate, event)
            if away is not None and (best is None or away < best[0]):
                best = away, candidate
        return best[1] if best else None

    def _distance(self, candidate: Candidate, event: Event) -> int | None:
        core, gap_ns, clip = candidate.seen_core(), ns(self._fusion.join_gap_s), self._profile.clip
        if core is None:
            onset = candidate.chat_onset()
            off = abs(event.start_ns - candidate.anchor_ns)
            early = onset is None or event.start_ns <= onset + ns(self._fusion.cause_slack_s)
            places = self._strength(event) >= self._fusion.supports
            return off if early and places and off <= 2 * candidate.sd_ns + gap_ns else None
        away = max(event.start_ns - core[1], core[0] - event.end_ns, 0)
        joined_ns = max(core[1], event.end_ns) - min(core[0], event.start_ns)
        return away if away <= gap_ns and joined_ns <= ns(clip.max_s - clip.pre_s - clip.post_s) else None

    # pictures

    def _take_picture(self, event: Event) -> None:
        """A montage speaks against what is heard over it, before and after."""
        self._pictures = deque((e for e in self._pictures if key_of(e) != key_of(event)), maxlen=_PENALTIES_KEPT)
        self._pictures.append(event)
        for candidate in self._live():
            self._look_at(candidate)

    def _look_at(self, candidate: Candidate) -> None:
        start_ns, end_ns = candidate.core()
        slack_ns = ns(self._profile.detect.vision.montage_s)
        for event in self._pictures:
            if event.start_ns - slack_ns <= end_ns and start_ns <= event.end_ns + slack_ns:
                candidate.take(event)

    # orders

    def _take_order(self, raw: Event) -> Event:
        """What is meant is the strongest thing of the last half minute, shown or not; else that half minute itself."""
        back_ns = ns(self._fusion.look_back_s)
        earliest_ns = Ns(max(raw.start_ns - back_ns, 0))
        event = replace(
            raw,
            start_ns=earliest_ns,
            peak_ns=Ns(max(raw.start_ns - back_ns // 3, 0)),
            values={**raw.values, "onset_s": to_s(raw.start_ns)},
        )
        if self._holder(event) is not None:
            return event
        meant = [
            c
            for c in self.candidates
            if (c.state in LIVE or c.state is MomentState.REJECTED)
            and earliest_ns <= c.core()[1]
            and c.anchor_ns <= raw.start_ns
        ]
        home = max(meant, key=lambda c: (c.state in LIVE, c.score().logit), default=None)
        if home is None or home.state not in LIVE:
            home = self._again(home) if home is not None else self._open(event.peak_ns, Ns(0))
        home.take(event)
        return event

    def _again(self, rejected: Candidate) -> Candidate:
        """A near miss that somebody asked for after all is a new moment with the same evidence."""
        fresh = self._open(rejected.anchor_ns, rejected.sd_ns)
        for event in rejected.events.values():
            fresh.take(event)
        if rejected.said is not None:
            self.merged.append(rejected)
        return fresh

    # chat

    def _take_chat(self, raw: Event) -> Event:
        onset_ns, lag = raw.start_ns, self.lag.estimate()
        event = replace(
            raw,
            start_ns=Ns(max(onset_ns - lag.mean_ns, 0)),
            end_ns=Ns(max(raw.end_ns - lag.mean_ns, 1)),
            peak_ns=Ns(max(raw.peak_ns - lag.mean_ns, 0)),
            sd_ns=lag.sd_ns,
            values={**raw.values, "onset_s": to_s(onset_ns)},
        )
        home = self._holder(event) or self._same_burst(onset_ns, ns(self._fusion.join_gap_s), Ns(0))
        if home is None:
            if self._strength(event) <= 0:
                return event  # explained away, or before the baselines are ready
            calm_ns = ns(event.values.get("calm_s", 0.0))
            home = self._cause(onset_ns) or self._same_burst(onset_ns, ns(self._fusion.burst_s), calm_ns)
            home = home or self._open(event.start_ns, lag.sd_ns)
        if home.state in LIVE:
            home.take(event)
            self._teach(home)
        return event

    def _adopt(self, home: Candidate) -> None:
        """A sound found after the chat that it set off: a burst that fits it and still waits for a place is its own."""
        for other in self._live():
            onset = other.chat_onset()
            waits = other is not home and other.state is MomentState.OPEN and other.seen_core() is None
            if waits and onset is not None and self.likely(home, onset) is not None:
                for event in other.events.values():
                    home.take(event)
                other.state = MomentState.REJECTED
                if other.said is not None:
                    self.merged.append(other)
                self._teach(home)

    def _teach(self, home: Candidate) -> None:
        """Learn the chat's lag, once per moment, from a sure sound and a burst that says something."""
        onset = home.chat_onset()
        loud = any(e.family is Family.CHAT and self._strength(e) > self._fusion.agrees for e in home.events.values())
        if not home.taught and onset is not None and loud and self._confident(home):
            home.taught = self.lag.learn(onset - home.felt_ns)

    def _same_burst(self, onset_ns: Ns, within_ns: Ns, calm_ns: Ns) -> Candidate | None:
        """The moment whose burst this is another side of, or goes on with: a crowd laughs first and then asks.

        What was over by `calm_ns`, when the chat was last as usual, does not go on.
        """
        bursts = [(c.chat_onset(), c) for c in self.candidates if c.state is not MomentState.REJECTED]
        away = [(abs(onset - onset_ns), c) for onset, c in bursts if onset is not None and onset >= calm_ns]
        return min((one for one in away if one[0] <= within_ns), key=lambda one: one[0], default=(0, None))[1]

    def _cause(self, onset_ns: Ns) -> Candidate | None:
        """The moment a burst most likely reacts to: strong, and as long ago as this chat usually takes.

        A near miss may be it: a chat that lags far behind speaks when that has been decided.
        """
        best: tuple[bool, float, Candidate] | None = None
        for candidate in self.candidates:
            if candidate.state in LIVE or candidate.state is MomentState.REJECTED:
                likely, live = self.likely(candidate, onset_ns), candidate.state in LIVE
                if likely is not None and (best is None or (live, likely) > best[:2]):
                    best = live, likely, candidate
        if best is None:
            return None
        return best[2] if best[0] else self._again(best[2])

    def _confident(self, candidate: Candidate) -> bool:
        """Sure enough of what was heard, said or seen to learn from it; plain loudness is not."""
        sure, least = {Family.AUDIO, Family.SPEECH, Family.GAME}, self._fusion.confident
        return any(e.family in sure and e.kind != "loud" and e.llr >= least for e in candidate.events.values())
