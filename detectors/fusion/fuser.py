"""From events to moments: gathers events into candidates, scores them, and walks them through their states. Pure.

How the cool-down is read (detection.md section 4, 12): two candidates are one when their clips overlap by more than a
third (tIoU > 0.3), or when their anchors lie within the cool-down and what they show is the same stretch: the stretches
their events support overlap, or the anchors are closer than events that would have been joined. Of two such, the later
replaces the earlier only with a lead of one logit. Other moments inside the cool-down are separate, and meet a bar that
the clip before them has raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.ids import SessionId
from core.media import Epoch
from core.moments import Event, Family, Moment, MomentState
from core.times import NS_PER_S, Ns, clock_text, ns
from core.words import Word
from detectors.audio.detector import Silence
from detectors.audio.pauses import Pauses
from detectors.fusion.bar import Bar
from detectors.fusion.boundaries import Snapper, fit, overlap
from detectors.fusion.breaths import Breaths
from detectors.fusion.candidate import LIVE, SHOWN, Candidate, Span, agreed, played
from detectors.fusion.lag import LagEstimate, LagModel
from detectors.fusion.placing import Placing
from detectors.fusion.replays import Replays
from detectors.fusion.scoring import Score, explain, logit
from detectors.options import Profile
from detectors.vision import Frame

NEWS: Final = 0.05  # change of p that is worth another line
REMEMBER_NS: Final = 300 * NS_PER_S  # decided moments kept for comparison; longer than any cool-down


class Fuser:
    """All candidates of one session."""

    def __init__(
        self,
        profile: Profile,
        session: SessionId,
        *,
        silences: Sequence[Silence] = (),
        breaths: Pauses | None = None,
        lag: LagEstimate | None = None,
    ) -> None:
        """`silences` and `breaths` are the audio detector's own lists of the newest pauses and of shorter ones."""
        self._profile, self._session = profile, session
        self._fusion, self._weights = profile.detect.fusion, profile.detect.weights
        self._bar = Bar(profile.detect.bar, profile.clips_per_hour)
        self.lag = LagModel(profile.detect.lag, lag)
        self.snapper = Snapper(self._fusion.snap_s, None if breaths is None else Breaths(breaths, silences))
        self._placing = Placing(profile, session, self.lag)
        self._replays = Replays(profile.detect.replay)
        self._p = profile.detect.calibration.apply
        self._silences = silences
        self._deadline_ns, self._join_gap_ns = ns(self._fusion.deadline_s), ns(self._fusion.join_gap_s)

    def epoch(self, epoch: Epoch) -> None:
        """A clip stays inside one epoch."""
        self.snapper.epoch(epoch)

    def take(self, event: Event) -> Event:
        """Put an event where it belongs; returns it with its lag taken off."""
        return self._placing.take(event)

    def words(self, words: Sequence[Word]) -> None:
        """Words that became final: for cutting, and for knowing a scene again."""
        self.snapper.words(words)
        self._replays.words(words)

    def pictures(self, cuts: Iterable[Ns], frames: Iterable[Frame]) -> None:
        """New scenes, and what keyframes look like."""
        for cut_ns in cuts:
            self.snapper.cut(cut_ns)
        self._replays.frames(frames)

    def spent(self, anchors_ns: Iterable[Ns]) -> None:
        """Clips that were made before anything is decided here."""
        for anchor_ns in sorted(anchors_ns):
            self._bar.pass_time(anchor_ns)
            self._bar.spend(anchor_ns)

    def outage(self) -> None:
        """Viewers may be further behind than before."""
        self.lag.unsettle()

    @property
    def waits(self) -> bool:
        """Whether any moment is not decided for good."""
        return any(candidate.state in LIVE for candidate in self._placing.candidates)

    def step(self, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> list[Moment]:
        """Decide what can be decided now; `watermarks` holds the families that are there."""
        self._bar.pass_time(now_ns)
        out = [self._say(other, other.score(), now_ns, reason="merged") for other in self._placing.merged]
        self._placing.merged.clear()
        for candidate in list(self._placing.candidates):
            if candidate.state is MomentState.OPEN:
                out += self._decide(candidate, now_ns, watermarks)
            elif candidate.state in LIVE:
                out += self._follow(candidate, now_ns, watermarks)
        self._placing.candidates = [c for c in self._placing.candidates if self._keep(c, now_ns)]
        return out

    def finish(self, now_ns: Ns) -> list[Moment]:
        """The stream is over: nothing more will be reported, so every moment gets its last state."""
        out: list[Moment] = []
        for _ in range(3):  # open -> provisional -> confirmed -> final
            out += self.step(now_ns, {})
        return out

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

    def _placed(self, candidate: Candidate, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether its place is known: a moment only chat knows of waits for a sound that has begun and is not over."""
        onset = candidate.chat_onset()
        if candidate.seen_core() is not None or onset is None:
            return True
        cause_ns = onset + ns(self._fusion.cause_slack_s)
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
        original = self._replays.original(*self._span(candidate, now_ns))
        if original is not None:
            candidate.note = f"shows again what was clipped at {clock_text(original[1])}"
            return self._reject(candidate, score, "replay", now_ns)
        for other in self._duplicates(candidate, now_ns):
            theirs = other.score().logit
            if score.logit < theirs + self._profile.detect.bar.win_logit:
                return self._reject(candidate, score, "duplicate", now_ns)
            other.state = MomentState.WITHDRAWN
            self._replays.dropped(other.id)
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
            self._replays.dropped(candidate.id)
            return [self._say(candidate, score, now_ns, reason="contradicted")]
        if candidate.state is MomentState.PROVISIONAL:
            sure = candidate.ordered() or played(score.parts, candidate.bar)
            if over or sure or agreed(score.parts, self._fusion.agrees):
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
        return longer or said.parts.keys() != score.parts.keys() or abs(said.p - self._p(score.logit)) >= NEWS

    def _over(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether every family that is there has said all it can say about this moment, or time is up."""
        if now_ns >= candidate.anchor_ns + self._deadline_ns:
            return True
        settled_ns = candidate.core()[1] + self._join_gap_ns
        lag = self.lag.estimate()
        chat_ns = candidate.anchor_ns + min(lag.mean_ns + 2 * lag.sd_ns, ns(self._profile.detect.lag.max_s))
        onset = candidate.chat_onset()
        if onset is not None:
            chat_ns = max(candidate.anchor_ns, onset + ns(self._fusion.burst_s))  # it may still grow
        return all(mark >= (chat_ns if f is Family.CHAT else settled_ns) for f, mark in watermarks.items())

    def _settled(self, candidate: Candidate, now_ns: Ns, watermarks: Mapping[Family, Ns]) -> bool:
        """Whether no later event can join it any more."""
        last_ns = max(candidate.anchor_ns + self._deadline_ns, candidate.core()[1])
        end_ns = last_ns + self._join_gap_ns
        return not watermarks or (now_ns >= end_ns and all(mark >= end_ns for mark in watermarks.values()))

    def _duplicates(self, candidate: Candidate, now_ns: Ns) -> list[Candidate]:
        mine, core = self._span(candidate, now_ns), candidate.core()
        found = []
        for other in self._placing.candidates:
            if other is candidate or other.state not in SHOWN or other.said is None:
                continue
            theirs: Span = (other.said.start_ns, other.said.end_ns)
            near = not self._bar.cooled(candidate.anchor_ns, other.anchor_ns)
            touching = abs(candidate.anchor_ns - other.anchor_ns) <= self._join_gap_ns
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
        if end_ns < start_ns + ns(clip.min_s):  # at the stream's start there is nothing to lengthen it with
            end_ns = self.snapper.after_word(Ns(start_ns + ns(clip.min_s)))
        shown_ns = self._shown_until(candidate)
        if end_ns < shown_ns:  # a shown clip grows and never shrinks; a word may have become known at its end
            end_ns = self.snapper.clear(shown_ns)
        if end_ns > start_ns + ns(clip.max_s):
            end_ns = max(self.snapper.before_word(Ns(start_ns + ns(clip.max_s))), shown_ns)
        return start_ns, end_ns if next_ns is None else Ns(max(min(end_ns, next_ns), start_ns + 1))

    @staticmethod
    def _shown_until(candidate: Candidate) -> Ns:
        """Where the clip ends that people have; the stream's start while there is none."""
        said = candidate.said
        return said.end_ns if said is not None and {said.state, candidate.state} <= SHOWN else Ns(0)

    def _say(self, candidate: Candidate, score: Score, now_ns: Ns, *, reason: str = "") -> Moment:
        start_ns, end_ns = self._span(candidate, now_ns)
        if candidate.state in SHOWN:
            self._replays.clipped(candidate.id, start_ns, end_ns)
        events = tuple(sorted(candidate.events.values(), key=lambda e: (e.start_ns, e.kind)))
        reasons = explain(events, candidate.anchor_ns, self._weights, self._fusion.cap)
        candidate.said = Moment(
            id=candidate.id,
            state=candidate.state,
            start_ns=start_ns,
            end_ns=end_ns,
            anchor_ns=candidate.anchor_ns,
            p=self._p(score.logit),
            bar=self._p(candidate.bar),
            parts=dict(score.parts),
            reasons=(candidate.note, *reasons) if candidate.note else reasons,
            decided_ns=now_ns,
            reason=reason,
            waited_for_chat=candidate.waited_for_chat,
            events=events,
        )
        return candidate.said

    def _notable(self, score: Score) -> bool:
        return score.logit >= self._fusion.bias + self._fusion.notable

    @staticmethod
    def _keep(candidate: Candidate, now_ns: Ns) -> bool:
        return candidate.state in LIVE or candidate.anchor_ns > now_ns - REMEMBER_NS
