"""From events to moments: gathers events into candidates, scores them, and walks them through their states. Pure.

How the cool-down is read (detection.md section 4, 12): two candidates are one when their clips overlap by more than a
third (tIoU > 0.3), or when their anchors lie within the cool-down and what they show is the same stretch: the stretches
their events support overlap, or the anchors are closer than events that would have been joined. Of two such, the later
replaces the earlier only with a lead of one logit. Other moments inside the cool-down are separate, and meet a bar that
the clip before them has raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.ids import SessionId, moment_id
from core.media import Epoch
from core.moments import Event, Family, Moment, MomentState
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.audio import Silence
from detectors.bar import Bar
from detectors.boundaries import Snapper, fit, overlap
from detectors.candidate import LIVE, SHOWN, Candidate, Span, agreed, key_of
from detectors.lag import LagModel
from detectors.options import Profile
from detectors.scoring import AGREES, SUPPORTS, Score, explain, logit, sigmoid, strength

_NOTABLE: Final = 1.0  # evidence in logits from which a candidate is worth a line in the ledger
_CONFIDENT: Final = 1.0  # llr of a sound that is sure enough to teach the chat's lag
_NEWS: Final = 0.05  # change of p that is worth another line
_LAG_SDS: Final = 2.5  # a burst further off than this belongs to another moment
_CAUSE_SLACK_NS: Final = 5 * NS_PER_S  # chat may react to what was seen, before a crowd is heard
_SILENCES_KEPT_NS: Final = 180 * NS_PER_S
_REMEMBER_NS: Final = 300 * NS_PER_S  # decided moments kept for comparison; longer than any cool-down


class Fuser:
    """All candidates of one session."""

    def __init__(self, profile: Profile, session: SessionId) -> None:
        self._profile, self._session = profile, session
        self._fusion, self._weights = profile.detect.fusion, profile.detect.weights
        self._bar = Bar(profile.detect.bar, profile.clips_per_hour)
        self.lag = LagModel(profile.detect.lag)
        self.snapper = Snapper(self._fusion.snap_s)
        self._candidates: list[Candidate] = []
        self._silences: list[Silence] = []
        self._merged: list[Candidate] = []  # taken over by another moment since the last step

    def epoch(self, epoch: Epoch) -> None:
        """A clip stays inside one epoch."""
        self.snapper.epoch(epoch)

    def silences(self, silences: list[Silence], now_ns: Ns) -> None:
        """Pauses known now, for snapping."""
        self._silences = [s for s in silences if s.end_ns > now_ns - _SILENCES_KEPT_NS]

    def take(self, event: Event) -> Event:
        """Put an event where it belongs; returns it with its lag taken off."""
        if event.family is Family.CHAT:
            return self._take_chat(event)
        home = self._holder(event) or self._near(event)
        if home is None:
            if self._strength(event) <= 0:
                return event
            home = self._open(event.start_ns, Ns(0))
        if home.state in LIVE:
            home.take(event)
            self._adopt(home)
        return event

    def step(self, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> list[Moment]:
        """Decide what can be decided now; `watermarks` holds the families that are there."""
        self._bar.pass_time(now_ns)
        out = [self._say(other, other.score(), now_ns, reason="merged") for other in self._merged]
        self._merged.clear()
        for candidate in list(self._candidates):
            if candidate.state is MomentState.OPEN:
                out += self._decide(candidate, now_ns, watermarks)
            elif candidate.state in LIVE:
                out += self._follow(candidate, now_ns, watermarks)
        self._candidates = [c for c in self._candidates if self._keep(c, now_ns)]
        return out

    def finish(self, now_ns: Ns) -> list[Moment]:
        """The stream is over: nothing more will be reported, so every moment gets its last state."""
        out: list[Moment] = []
        for _ in range(3):  # open -> provisional -> confirmed -> final
            out += self.step(now_ns, {})
        return out

    # placing events

    def _open(self, anchor_ns: Ns, sd_ns: Ns) -> Candidate:
        taken = {candidate.id for candidate in self._candidates}
        free = next(n for n in range(anchor_ns, anchor_ns + 1000) if moment_id(self._session, n) not in taken)
        candidate = Candidate(moment_id(self._session, free), anchor_ns, sd_ns, self._weights, self._fusion)
        self._candidates.append(candidate)
        return candidate

    def _live(self) -> list[Candidate]:
        return [candidate for candidate in self._candidates if candidate.state in LIVE]

    def _holder(self, event: Event) -> Candidate | None:
        """The candidate that has an earlier version of this event; one that is decided for good takes nothing more."""
        key = key_of(event)
        return next((c for c in self._candidates if key in c.events), None)

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
            early = onset is None or event.start_ns <= onset + _CAUSE_SLACK_NS
            return off if early and self._strength(event) >= SUPPORTS and off <= 2 * candidate.sd_ns + gap_ns else None
        away = max(event.start_ns - core[1], core[0] - event.end_ns, 0)
        joined_ns = max(core[1], event.end_ns) - min(core[0], event.start_ns)
        return away if away <= gap_ns and joined_ns <= ns(clip.max_s - clip.pre_s - clip.post_s) else None

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
        home = self._holder(event) or self._same_burst(onset_ns)
        if home is None:
            if self._strength(event) <= 0:
                return event  # explained away, or before the baselines are ready
            home = self._cause(onset_ns) or self._open(event.start_ns, lag.sd_ns)
        if home.state in LIVE:
            home.take(event)
            self._teach(home)
        return event

    def _adopt(self, home: Candidate) -> None:
        """A sound found after the chat that it set off: a burst that fits it and still waits for a place is its own."""
        for other in self._live():
            onset = other.chat_onset()
            waits = other is not home and other.state is MomentState.OPEN and other.seen_core() is None
            if waits and onset is not None and self._likely(home, onset) is not None:
                for event in other.events.values():
                    home.take(event)
                other.state = MomentState.REJECTED
                if other.said is not None:
                    self._merged.append(other)
                self._teach(home)

    def _teach(self, home: Candidate) -> None:
        """Learn the chat's lag, once per moment, from a sure sound and a burst that says something."""
        onset = home.chat_onset()
        loud = any(e.family is Family.CHAT and self._strength(e) > AGREES for e in home.events.values())
        if not home.taught and onset is not None and loud and self._confident(home):
            home.taught = self.lag.learn(onset - home.anchor_ns)

    def _strength(self, event: Event) -> float:
        return strength(event, self._weights, self._fusion.cap)

    def _same_burst(self, onset_ns: Ns) -> Candidate | None:
        gap_ns = ns(self._fusion.join_gap_s)
        bursts = [(c.chat_onset(), c) for c in self._live()]
        return next((c for onset, c in bursts if onset is not None and abs(onset - onset_ns) <= gap_ns), None)

    def _cause(self, onset_ns: Ns) -> Candidate | None:
        """The moment a burst most likely reacts to: strong, and as long ago as this chat usually takes."""
        best: tuple[float, Candidate] | None = None
        for candidate in self._live():
            likely = self._likely(candidate, onset_ns)
            if likely is not None and (best is None or likely > best[0]):
                best = likely, candidate
        return best[1] if best else None

    def _likely(self, candidate: Candidate, onset_ns: Ns) -> float | None:
        """Log-likelihood that a burst reacts to a moment; None when that has its chat, no place, or the wrong time."""
        placed = any(self._strength(event) >= SUPPORTS for event in candidate.support())
        early = onset_ns < candidate.anchor_ns - _CAUSE_SLACK_NS
        if candidate.chat_onset() is not None or early or not placed:
            return None
        lag = self.lag.estimate()
        off = (onset_ns - candidate.anchor_ns - lag.mean_ns) / lag.sd_ns
        return None if abs(off) > _LAG_SDS else candidate.score().logit - 0.5 * off * off

    @staticmethod
    def _confident(candidate: Candidate) -> bool:
        """Sure enough of what was heard or seen to learn from it; plain loudness is not."""
        sure = {Family.AUDIO, Family.GAME}
        return any(e.family in sure and e.kind != "loud" and e.llr >= _CONFIDENT for e in candidate.events.values())

    # deciding

    def _decide(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> list[Moment]:
        score = candidate.score()
        base = self._bar.base()
        bump = 0.0 if candidate.ordered() else self._bar.bump(candidate.anchor_ns)
        candidate.bar = (logit(self._profile.detect.bar.p_max) if base is None else base) + bump
        if base is not None and score.logit >= candidate.bar and self._placed(candidate, watermarks):
            return self._show(candidate, score, now_ns)
        if self._over(candidate, now_ns, watermarks):
            return self._reject(candidate, score, self._why_not(score, base, bump), now_ns)
        if candidate.said is None and self._notable(score):
            return [self._say(candidate, score, now_ns)]
        return []

    @staticmethod
    def _placed(candidate: Candidate, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether its place is known: a moment only chat knows of waits for a sound that has begun and is not over."""
        onset = candidate.chat_onset()
        if candidate.seen_core() is not None or onset is None:
            return True
        cause_ns = onset + _CAUSE_SLACK_NS
        return all(mark >= cause_ns for family, mark in watermarks.items() if family is not Family.CHAT)

    def _why_not(self, score: Score, base: float | None, bump: float) -> str:
        lowest = logit(self._profile.detect.bar.p_min)
        if score.logit < lowest:
            return "below_bar"
        if base is None or score.logit < base:
            return "budget"
        return "cooldown" if score.logit < base + bump else "below_bar"

    def _show(self, candidate: Candidate, score: Score, now_ns: Ns) -> list[Moment]:
        out: list[Moment] = []
        for other in self._duplicates(candidate, now_ns):
            theirs = other.score().logit
            if score.logit < theirs + self._profile.detect.bar.win_logit:
                return self._reject(candidate, score, "duplicate", now_ns)
            other.state = MomentState.WITHDRAWN
            out.append(self._say(other, other.score(), now_ns, reason="superseded"))
        without = {k: v for k, v in score.parts.items() if k not in {Family.CHAT.value, "agree"}}
        candidate.waited_for_chat = sum(without.values()) < candidate.bar
        candidate.start_ns = self._span(candidate, now_ns)[0]
        candidate.state = MomentState.PROVISIONAL
        self._bar.spend(candidate.anchor_ns)
        return [*out, self._say(candidate, score, now_ns)]

    def _reject(self, candidate: Candidate, score: Score, reason: str, now_ns: Ns) -> list[Moment]:
        candidate.state = MomentState.REJECTED
        if candidate.said is None and not self._notable(score):
            return []
        return [self._say(candidate, score, now_ns, reason=reason)]

    def _follow(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> list[Moment]:
        """A shown moment: new evidence, a later end, confirmation, or the discovery that it was none."""
        score = candidate.score()
        over = self._over(candidate, now_ns, watermarks)
        if score.logit < candidate.bar:
            candidate.state = MomentState.WITHDRAWN
            return [self._say(candidate, score, now_ns, reason="contradicted")]
        if candidate.state is MomentState.PROVISIONAL:
            if over or candidate.ordered() or agreed(score.parts, frozenset(watermarks), AGREES):
                candidate.state = MomentState.CONFIRMED
                return [self._say(candidate, score, now_ns)]
        elif over and self._settled(candidate, now_ns, watermarks):
            candidate.state = MomentState.FINAL
            return [self._say(candidate, score, now_ns)]
        return [self._say(candidate, score, now_ns)] if self._changed(candidate, score, now_ns) else []

    def _changed(self, candidate: Candidate, score: Score, now_ns: Ns) -> bool:
        """Whether a shown moment has something new: a later end, another family, or a score people would notice."""
        said = candidate.said
        if said is None:
            return False
        longer = self._span(candidate, now_ns)[1] > said.end_ns
        return longer or said.parts.keys() != score.parts.keys() or abs(said.p - score.p) >= _NEWS

    def _over(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether every family that is there has said all it can say about this moment, or time is up."""
        if now_ns >= candidate.anchor_ns + ns(self._fusion.deadline_s):
            return True
        settled_ns = candidate.core()[1] + ns(self._fusion.join_gap_s)
        lag = self.lag.estimate()
        chat_ns = candidate.anchor_ns + min(lag.mean_ns + 2 * lag.sd_ns, ns(self._profile.detect.lag.max_s))
        onset = candidate.chat_onset()
        if onset is not None:
            chat_ns = max(candidate.anchor_ns, onset + ns(self._profile.detect.chat.window_s))
        needs = {family: chat_ns if family is Family.CHAT else settled_ns for family in watermarks}
        return all(watermarks[family] >= need_ns for family, need_ns in needs.items())

    def _settled(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether no later event can join it any more."""
        last_ns = max(candidate.anchor_ns + ns(self._fusion.deadline_s), candidate.core()[1])
        end_ns = last_ns + ns(self._fusion.join_gap_s)
        return not watermarks or (now_ns >= end_ns and all(mark >= end_ns for mark in watermarks.values()))

    def _duplicates(self, candidate: Candidate, now_ns: Ns) -> list[Candidate]:
        mine, core = self._span(candidate, now_ns), candidate.core()
        found = []
        for other in self._candidates:
            if other is candidate or other.state not in SHOWN or other.said is None:
                continue
            theirs: Span = (other.said.start_ns, other.said.end_ns)
            near = not self._bar.cooled(candidate.anchor_ns, other.anchor_ns)
            touching = abs(candidate.anchor_ns - other.anchor_ns) <= ns(self._fusion.join_gap_s)
            same = touching or overlap(core, other.core()) > 0
            if overlap(mine, theirs) > self._profile.detect.bar.duplicate_iou or (near and same):
                found.append(other)
        return found

    # saying it

    def _span(self, candidate: Candidate, now_ns: Ns) -> Span:
        clip, core = self._profile.clip, candidate.core()
        first_ns, next_ns = self.snapper.epoch_bounds(candidate.anchor_ns)
        wanted_ns = Ns(min(candidate.anchor_ns, core[0] + ns(clip.pre_s)) - ns(clip.pre_s))
        latest_ns = Ns(min(core[0], candidate.anchor_ns))
        start_ns = candidate.start_ns
        if start_ns is None:
            start_ns = self.snapper.start(wanted_ns, latest_ns, self._silences)
        end_ns = self.snapper.end(Ns(core[1] + ns(clip.post_s)), now_ns, self._silences)
        if candidate.start_ns is None:
            start_ns, end_ns = fit(Ns(max(start_ns, first_ns)), end_ns, candidate.anchor_ns, clip)
            start_ns = max(self.snapper.before_word(start_ns), first_ns)  # an epoch may be shorter than a clip
        if end_ns > start_ns + ns(clip.max_s):
            end_ns = self.snapper.before_word(Ns(start_ns + ns(clip.max_s)))
        return start_ns, end_ns if next_ns is None else Ns(max(min(end_ns, next_ns), start_ns + 1))

    def _say(self, candidate: Candidate, score: Score, now_ns: Ns, *, reason: str = "") -> Moment:
        start_ns, end_ns = self._span(candidate, now_ns)
        if candidate.said is not None and candidate.state in SHOWN and candidate.said.state in SHOWN:
            end_ns = max(end_ns, candidate.said.end_ns)  # a shown clip grows and never shrinks
        events = tuple(sorted(candidate.events.values(), key=lambda e: (e.start_ns, e.kind)))
        candidate.said = Moment(
            id=candidate.id,
            state=candidate.state,
            start_ns=start_ns,
            end_ns=end_ns,
            anchor_ns=candidate.anchor_ns,
            p=score.p,
            bar=sigmoid(candidate.bar),
            parts=dict(score.parts),
            reasons=explain(events, candidate.anchor_ns, self._weights, self._fusion.cap),
            decided_ns=now_ns,
            reason=reason,
            waited_for_chat=candidate.waited_for_chat,
            events=events,
        )
        return candidate.said

    def _notable(self, score: Score) -> bool:
        return score.logit >= self._fusion.bias + _NOTABLE

    @staticmethod
    def _keep(candidate: Candidate, now_ns: Ns) -> bool:
        return candidate.state in LIVE or candidate.anchor_ns > now_ns - _REMEMBER_NS
