"""The live planner: words while they are said. LocalAgreement-2 over a growing window, a last decode at each pause.

Ticks lie on media time (0.8 s into an utterance, then every `tick`), so the same sound gives the same words at any
speed. Only a live stream departs from them: where it cannot keep up (levels.py) and at the end of a burst (lanes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE
from core.times import Ns
from core.words import CommitReason, Partial, SpeechEvent, closes_sentence
from daemon.speech.agreement import TAIL, after_seam, agreed, plain
from daemon.speech.engine import DecodeResult, HeardWord
from daemon.speech.language import LOCK_S
from daemon.speech.planner import Sound, Steps, Voice
from daemon.speech.vad import FRAME, Utterances

# speech.md section 4, "Chunking and VAD", "Commit" and "Trimming"
FIRST_TICK: Final = AUDIO_RATE * 8 // 10
LOOK_AFTER: Final = AUDIO_RATE // 4
FORCE_AFTER: Final = 5 * AUDIO_RATE
TRIM_AT: Final = 12 * AUDIO_RATE
KEEP: Final = 4 * AUDIO_RATE  # sound that stays in the window when it is trimmed
PAUSE: Final = AUDIO_RATE // 5
# Nothing agreed for so long: the utterance ends at its quietest place. A longer window would be padded to 30 s (ADR 5).
SPLIT_AT: Final = 15 * AUDIO_RATE


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to decode: every `tick` samples of speech, or (None) only where an utterance ends or reaches `cap`."""

    tick: int | None = AUDIO_RATE
    cap: int = SPLIT_AT
    beam: int = 5
    retry: bool = True


class LivePlanner:
    """One epoch's. `pace` may be changed between frames."""

    def __init__(self, epoch: int, start_ns: Ns, voice: Voice) -> None:
        self.pace = Pace()
        self._sound = Sound(epoch, start_ns, voice)
        self._voice = voice
        self._utterances = Utterances()
        self._base = 0  # where the window starts
        self._ticked = 0
        self._next_tick = 0
        self._committed_end = 0
        self._tail: list[str] = []
        self._ends: list[tuple[int, bool]] = []  # committed words of the window: end, and whether one may cut there
        self._before: list[HeardWord] = []  # what the last hypothesis said beyond the committed words
        self._language = ""

    @property
    def heard_ns(self) -> Ns:
        """Everything said before this is committed."""
        since = self._utterances.waiting_since
        if since is None:
            return self._sound.t_ns(self._sound.edge)
        return self._sound.t_ns(max(since, self._committed_end))

    def frame(self, samples: NDArray[np.float32], prob: float) -> Steps:
        """Take one frame of sound."""
        sound = self._sound
        sound.add(samples, prob)
        change = self._utterances.frame(prob, sound.edge)
        if change == "started":
            self._begin()
        if change == "ended":
            return (yield from self._end(sound.edge))
        if not self._utterances.active:
            if self._utterances.waiting_since is None:
                sound.forget(sound.edge - AUDIO_RATE)
            return []
        self._voice.tally.spoken += FRAME
        if self.pace.tick is not None and sound.edge >= self._next_tick:
            return (yield from self._tick(self.pace.tick))
        if sound.edge - self._base >= self.pace.cap:
            return (yield from self._split())
        return []

    def look(self) -> Steps:
        """A tick out of turn, where an utterance has gone on since the last one."""
        edge = self._sound.edge
        long_enough = edge >= self._base + FIRST_TICK and edge - self._ticked >= LOOK_AFTER
        if not self._utterances.active or self.pace.tick is None or not long_enough:
            return []
        return (yield from self._tick(self.pace.tick))

    def finish(self) -> Steps:
        """The epoch's sound is over, or what follows is not its continuation."""
        if self._utterances.end(self._sound.edge):
            return (yield from self._end(self._sound.edge))
        return []

    def _begin(self) -> None:
        self._base = self._utterances.start
        self._next_tick = self._base + FIRST_TICK
        self._before, self._ends = [], []
        self._committed_end = max(self._committed_end, self._base)

    def _tick(self, tick: int) -> Steps:
        edge = self._sound.edge
        self._ticked, self._next_tick = edge, edge + tick
        (result,) = yield [self._sound.request(self._base, edge, beam=self.pace.beam)]
        self._language = result.language
        why = self._sound.fault(result, self._base, edge)
        if why is not None:
            self._voice.drop(why, len(result.words))
            self._before = []
            return (yield from self._split()) if edge - self._base >= self.pace.cap else []
        fresh, _ = self._fresh(result)
        events = self._first_language(result, edge)
        count = agreed(self._before, fresh, edge)
        self._count_rewrites(fresh)
        if count:
            events.append(self._commit(fresh[:count], "agreed", edge))
        rest = fresh[count:]
        late = [word for word in rest if word.end <= edge - FORCE_AFTER]
        if late:
            events.append(self._commit(late, "forced", edge))
            rest = rest[len(late) :]
        self._before = rest
        events.append(self._partial(rest))
        self._trim()
        if edge - self._base >= self.pace.cap:
            events += yield from self._split()
        return events

    def _first_language(self, result: DecodeResult, edge: int) -> list[SpeechEvent]:
        """Somebody who talks without a pause: the language is looked for before the utterance ends."""
        seconds = (edge - self._base) / AUDIO_RATE
        if self._voice.language.language is not None or result.language_prob is None or seconds < LOCK_S:
            return []
        changed = self._voice.language.heard(result.language, result.language_prob, seconds, self._sound.t_ns(edge))
        return [] if changed is None else [changed]

    def _end(self, edge: int) -> Steps:
        """The utterance is over: one last decode, and all of it that survives the gates is final."""
        events = yield from self._finalise(edge)
        self._sound.forget(edge)
        return events

    def _split(self) -> Steps:
        """No pause for too long: finish at the quietest place of the last seconds and go on from there."""
        edge = self._sound.edge
        cut = self._sound.track.quietest(max(self._base + (edge - self._base) // 2, edge - KEEP), edge)
        events = yield from self._finalise(cut)
        self._base = cut
        self._committed_end = max(self._committed_end, cut)
        self._next_tick = max(self._next_tick, cut + FIRST_TICK)
        self._sound.forget(cut)
        return events

    def _finalise(self, end: int) -> Steps:
        tracker, sound = self._voice.language, self._sound
        seconds = (end - self._base) / AUDIO_RATE
        detect = tracker.wants_detection(seconds)
        (result,) = yield [sound.request(self._base, end, beam=self.pace.beam, detect=detect)]
        why = sound.fault(result, self._base, end)
        if why is not None and self.pace.retry:
            (again,) = yield [sound.request(self._base, end, beam=self.pace.beam, careful=True)]
            if sound.fault(again, self._base, end) is None:
                result, why = again, None
        events: list[SpeechEvent] = []
        if why is not None:
            self._voice.drop(why, len(result.words))
        else:
            words, dropped = self._fresh(result)
            self._voice.drop("no_speech", dropped)
            self._count_rewrites(words)
            if words:
                self._language = tracker.language or result.language
                events.append(self._commit(words, "endpoint", sound.edge))
        changed = tracker.heard(result.language, result.language_prob, seconds, sound.t_ns(sound.edge))
        if changed is not None:
            events.append(changed)
        self._before, self._ends = [], []
        events.append(self._partial([]))
        return events

    def _fresh(self, result: DecodeResult) -> tuple[list[HeardWord], int]:
        heard, dropped = self._sound.hear(result, self._base)
        return after_seam(heard, self._committed_end, self._tail), dropped

    def _commit(self, words: Sequence[HeardWord], reason: CommitReason, known: int) -> SpeechEvent:
        self._committed_end = words[-1].end
        self._tail = [*self._tail, *(plain(word.text) for word in words)][-TAIL:]
        for word in words:
            if self._ends and word.start - self._ends[-1][0] >= PAUSE:
                self._ends[-1] = (self._ends[-1][0], True)
            self._ends.append((word.end, closes_sentence(word.text)))
        return self._sound.commit(self._sound.final(words), reason, self._language, self._sound.t_ns(known))

    def _partial(self, words: Sequence[HeardWord]) -> Partial:
        self._voice.tally.rev += 1
        return Partial(rev=self._voice.tally.rev, words=self._sound.final(words))

    def _count_rewrites(self, fresh: Sequence[HeardWord]) -> None:
        """How many words shown as provisional were changed."""
        pairs = zip(self._before, fresh, strict=False)
        self._voice.tally.rewrites += sum(plain(old.text) != plain(new.text) for old, new in pairs)

    def _trim(self) -> None:
        """A window past TRIM_AT loses its beginning: up to a sentence's end or a pause, else up to a committed word."""
        edge = self._sound.edge
        if edge - self._base <= TRIM_AT:
            return
        possible = [(end, good) for end, good in self._ends if end <= edge - KEEP]
        if not possible:
            return
        good = [end for end, fine in possible if fine]
        self._base = good[-1] if good else possible[-1][0]
        self._ends = [(end, fine) for end, fine in self._ends if end > self._base]
        self._sound.forget(self._base)
