"""What is said and how: the SPEECH family. Pure; words come from the recogniser, rows from detectors.features.

Words are known seconds after they were said, those of skipped speech later still. Everything here follows the edge up
to which all speech is known, so it does not matter in what pieces the words came. Without a recogniser the family is
missing, which is not the same as silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Final

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from core.words import Committed
from detectors.baseline import evidence, ramp, rate_text, readiness
from detectors.features import STEP_NS
from detectors.options import DetectOptions
from detectors.speech.hooks import Hook, Hooks
from detectors.speech.outbursts import Outburst, Outbursts
from detectors.speech.overlap import CONTEXT_ROWS, SPAN_ROWS, Overlap, Stretch
from detectors.speech.punchline import Punchline, Punchlines
from detectors.speech.rate import Burst, Rate
from detectors.speech.rows import BLOCK_NS, BLOCK_ROWS, Rows, Voice, worded
from detectors.speech.words import Transcript

_SURE: Final = 0.7  # of the recogniser: from here on its words are taken as said
_BACKLOG: Final = 200  # chunks, 20 s; only a recogniser that is far behind, or none at all, leaves more
_PHRASE_NS: Final = ns(3.0)  # the longest phrase takes that long
_SPOKEN_PITCH: Final = 30.0  # semitones over 55 Hz, 311 Hz: few adults talk higher, so a shout is measured from here


class SpeechDetector:
    """Words, rows and noticed sounds in; events `phrase`, `outburst`, `punchline`, `speech_rate` and `overlap` out."""

    family = Family.SPEECH

    def __init__(self, options: DetectOptions) -> None:
        self._all, self._options = options, options.speech
        self._said, self._rows = Transcript(), Rows()
        self._voice = Voice(self._rows, window_s=options.baseline.window_s, spoken_pitch=_SPOKEN_PITCH)
        self._hooks = Hooks(self._options.phrase, options.baseline)
        self._outbursts = Outbursts(self._options.outburst, options.baseline)
        self._punchlines = Punchlines(self._options.punchline, options.baseline)
        self._rate = Rate(self._options.rate, options.baseline)
        self._overlap = Overlap(self._options.overlap, options.baseline)
        self._sounds: list[Event] = []
        self._block = 0
        self._since_ns: Ns | None = None
        self._available = False
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Take rows of sound in; they may run ahead."""
        self._rows.feed(chunk)

    def gap(self, gap: Gap) -> None:
        """What sound a gap swallowed is not known, and teaches nothing."""
        self._rows.gap(gap)

    def set_available(self, yes: bool) -> None:
        """Whether somebody listens."""
        self._available = yes

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that are known by the next step."""
        self._available = self._available or bool(commits)
        self._said.take(commits)

    def heard(self, t_ns: Ns) -> None:
        """All that was said before this time is known."""
        self._said.hear(t_ns)

    def notice(self, events: Sequence[Event]) -> None:
        """Sounds that were found at this step."""
        self._sounds.extend(event for event in events if event.family is Family.AUDIO)

    def available(self) -> bool:
        """Whether there is a recogniser; one that hears nothing is there too."""
        return self._available

    def watermark(self) -> Ns:
        """Up to here no phrase, outburst or punchline will be told, but for a laugh that AUDIO itself has yet to tell.

        Fast talk and overlaps are too weak to wait for.
        """
        mark = min(self._now_ns, self._said.heard_ns) - _PHRASE_NS
        pending = [one for one in (self._punchlines.pending_ns(), self._outbursts.pending_ns()) if one is not None]
        return Ns(max(min([mark, *pending]), 0))

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Use what is known at `t_ns`."""
        self._now_ns = t_ns
        said, sounds = self._said, self._sounds
        self._sounds = []
        touched = said.settle()
        if self._since_ns is None:
            if not self._available:
                self._place(t_ns)
                return []
            self._since_ns = t_ns
        events: list[Event] = []
        observed_ns = t_ns - self._since_ns
        louder = bool(sounds) and self._hooks.notice(sounds)
        hooked = bool(touched or self._hooks.waits) and self._hooks.find(said, touched, t_ns)
        if hooked or louder:
            self._rows.known_until(t_ns)
            events += [self._phrase(hook) for hook in self._hooks.judge(self._voice, t_ns, observed_ns)]
        if touched or self._outbursts.waits(said):
            events += [self._outburst(one) for one in self._outbursts.advance(said, self._voice, t_ns, observed_ns)]
        if sounds:
            self._punchlines.notice(sounds)
        if self._punchlines.waits:
            events += [self._punchline(p) for p in self._punchlines.advance(said, self._rows, t_ns, observed_ns)]
        events += [self._fast(burst) for burst in self._rate.advance(said)]
        self._place(t_ns)
        edge_ns = min(said.heard_ns, t_ns)
        while (self._block + 1) * BLOCK_NS <= edge_ns:
            events += self._learn()
        return [event for event in events if event.llr > 0.0]

    def _place(self, t_ns: Ns) -> None:
        """Rows go into place on demand, and now and then, so that few of them wait; also where nobody listens."""
        if self._rows.backlog > _BACKLOG:
            self._rows.known_until(t_ns)

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: nothing more will be said."""
        self._said.hear(t_ns)
        return self.advance(t_ns)

    def _learn(self) -> list[Event]:
        """A block of talk that is known in full: what is usual, and whether voices filled each other's gaps."""
        first = self._block * BLOCK_ROWS
        self._block += 1
        said = self._said
        if said.place((first + BLOCK_ROWS) * STEP_NS) == said.place((first - BLOCK_ROWS) * STEP_NS):
            return []
        self._rows.known_until(Ns((first + BLOCK_ROWS) * STEP_NS))
        start = first - CONTEXT_ROWS
        values, there = self._rows.read(start, start + SPAN_ROWS)
        talk = worded(said, start, start + SPAN_ROWS) & there
        self._voice.learn(values[CONTEXT_ROWS:], talk[CONTEXT_ROWS:])
        if not self._voice.talk_ns:
            return []
        stretches = self._overlap.block(start, values, talk, self._voice.level(), self._voice.talk_ns)
        return [self._over(stretch) for stretch in stretches]

    def _phrase(self, hook: Hook) -> Event:
        options = self._options.phrase
        ready = readiness(self._voice.talk_ns, self._all.baseline) if hook.own else 1.0
        return self._event(
            "phrase", hook.start_ns, hook.end_ns, hook.peak_ns,
            llr=options.worth * self._evidence(hook.strength, 0.0, 1.0, hook.per_hour),
            per_hour=hook.per_hour,
            quality=ready * ramp(hook.prob, 0.0, _SURE),
            why=hook.why,
            values={
                "strength": hook.strength, "pitch": hook.pitch, "level_db": hook.level_db, "said": hook.said,
                "prob": hook.prob,
            },
        )  # fmt: skip

    def _outburst(self, one: Outburst) -> Event:
        options, up = self._options.outburst, one.raised
        return self._event(
            "outburst", one.start_ns, one.end_ns, Ns((one.start_ns + one.end_ns) // 2),
            llr=options.worth * self._evidence(one.strength_db, options.none_db, options.full_db, one.per_hour),
            per_hour=one.per_hour,
            quality=readiness(self._voice.talk_ns, self._all.baseline) * ramp(one.prob, 0.0, _SURE),
            why=f"'{one.text}' called out, {up.least_db:.0f} dB and {up.over:.0f} semitones over the usual talk "
            f"({rate_text(one.per_hour)})",
            values={"level_db": up.least_db, "pitch": up.over, "strength_db": one.strength_db, "prob": one.prob},
        )  # fmt: skip

    def _punchline(self, line: Punchline) -> Event:
        options, laugh = self._options.punchline, line.laugh
        noun = {"laughter": "laughter", "applause": "applause"}.get(laugh.kind, "the crowd")
        return self._event(
            "punchline", line.start_ns, laugh.end_ns, laugh.peak_ns,
            llr=options.worth * self._evidence(line.strength, options.none, options.full, line.per_hour),
            per_hour=line.per_hour,
            quality=ramp(line.prob, 0.0, _SURE),
            why=f"{noun} {line.pause_s:.1f} s after a line of {line.words} words",
            values={
                "pause_s": line.pause_s, "words": line.words, "laugh": line.strength, "laugh_s": to_s(laugh.start_ns),
            },
        )  # fmt: skip

    def _fast(self, burst: Burst) -> Event:
        options = self._options.rate
        return self._event(
            "speech_rate", burst.start_ns, burst.end_ns, burst.end_ns,
            llr=options.worth * self._evidence(burst.ratio, options.enter, options.full, burst.per_hour),
            per_hour=burst.per_hour,
            quality=readiness(self._rate.spoken_ns, self._all.baseline),
            why=f"talk {exp(burst.ratio):.1f} times as fast as usual ({rate_text(burst.per_hour)})",
            values={"ratio": burst.ratio},
        )  # fmt: skip

    def _over(self, stretch: Stretch) -> Event:
        options = self._options.overlap
        seconds = to_s(stretch.end_ns - stretch.start_ns)
        return self._event(
            "overlap", stretch.start_ns, stretch.end_ns, Ns((stretch.start_ns + stretch.end_ns) // 2),
            llr=options.worth * self._evidence(stretch.excess_db, options.enter_db, options.full_db, stretch.per_hour),
            per_hour=stretch.per_hour,
            quality=readiness(self._voice.talk_ns, self._all.baseline),
            why=f"{seconds:.1f} s of talk without its gaps, like voices over each other ({stretch.excess_db:.0f} dB)",
            values={"excess_db": stretch.excess_db},
        )  # fmt: skip

    def _evidence(self, strength: float, none: float, full: float, per_hour: float) -> float:
        return evidence(strength, none, full, per_hour, self._all.baseline, self._all.fusion.cap)

    def _event(
        self, kind: str, start_ns: Ns, end_ns: Ns, peak_ns: Ns, *,
        llr: float, per_hour: float, quality: float, why: str, values: dict[str, float],
    ) -> Event:  # fmt: skip
        return Event(
            kind=kind,
            family=self.family,
            start_ns=start_ns,
            end_ns=end_ns,
            peak_ns=peak_ns,
            llr=llr,
            surprise_per_h=per_hour,
            quality=quality,
            why=why,
            found_ns=self._now_ns,
            values=values,
        )
