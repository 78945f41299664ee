"""The packed planner: reads ahead of decisions, cuts speech at silences into windows, decodes several at once.

For recordings, and for speech that live analysis had to skip. What is decoded depends on the sound alone, never on how
fast it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE
from core.times import Ns, ns
from core.words import CommitReason, LanguageChanged, SpeechEvent
from daemon.speech.agreement import TAIL, after_seam, plain
from daemon.speech.engine import DecodeRequest, DecodeResult, HeardWord
from daemon.speech.planner import Sound, Steps, Voice
from daemon.speech.vad import Utterances

# 12 s of speech padded to 15 s decode at the accuracy of 28 s in 30 s (speech.md section 3, row 13) in half the time.
LONGEST: Final = 12 * AUDIO_RATE
JOIN: Final = AUDIO_RATE  # a longer silence between utterances is not sent
AFTER: Final = AUDIO_RATE * 3 // 10  # of sound kept behind the last speech
AROUND: Final = AUDIO_RATE // 5  # of sound on both sides of speech that is decoded alone
BATCH: Final = 3  # windows a decode; on 2 cores 4 and 6 were no faster and took 40 and 150 MB more (ADR 5)
HURRY: Final = 60 * AUDIO_RATE  # windows do not wait longer than this for others to join them
KNOWN_AFTER: Final = ns(2)  # decisions get words as late as `live` would give them: DESIGN.md section 8's median


@dataclass(frozen=True, slots=True)
class _Window:
    start: int
    end: int


class PackedPlanner:
    """One epoch's. `batch` 1 and `reason` catchup: the second chance of speech that was skipped, told at `known_ns`."""

    def __init__(self, epoch: int, start_ns: Ns, voice: Voice, *, batch: int = BATCH) -> None:
        self._sound = Sound(epoch, start_ns, voice)
        self._voice = voice
        self._batch = batch
        self._reason: CommitReason = "vod" if batch > 1 else "catchup"
        self._utterances = Utterances()
        self._group: _Window | None = None  # closed utterances that share a window
        self._from = 0  # where the part of the running utterance begins that is in no window yet
        self._ready: list[_Window] = []
        self._last_end = 0
        self._tail: list[str] = []

    @property
    def heard_ns(self) -> Ns:
        """Everything said before this is committed."""
        since = self._utterances.waiting_since
        running = [] if since is None else [max(since, self._from)]
        group = [self._group.start] if self._group else []
        return self._sound.t_ns(min([*(window.start for window in self._ready), *group, *running, self._sound.edge]))

    def frame(self, samples: NDArray[np.float32], prob: float) -> Steps:
        """Take one frame of sound."""
        sound = self._sound
        sound.add(samples, prob)
        change = self._utterances.frame(prob, sound.edge)
        if change == "started":
            self._from = self._utterances.start
        elif change == "ended":
            self._rest(min(self._utterances.spoken_end + AFTER, sound.edge))
        elif self._utterances.active:
            self._voice.tally.spoken += len(samples)
            if sound.edge - self._from >= LONGEST:
                self._split()
        elif self._group and sound.edge - self._group.end > JOIN:
            self._close()
        if self._utterances.waiting_since is None and not self._group and not self._ready:
            sound.forget(sound.edge - AUDIO_RATE)
        if len(self._ready) >= self._batch or (self._ready and sound.edge - self._ready[0].start > HURRY):
            return (yield from self._decode())
        return []

    def finish(self) -> Steps:
        """The epoch's sound is over."""
        if self._utterances.end(self._sound.edge):
            self._rest(self._sound.edge)
        self._close()
        events: list[SpeechEvent] = []
        while self._ready:
            events += yield from self._decode()
        return events

    def _rest(self, end: int) -> None:
        """An utterance is over; after a cut in the silence behind it nothing is left of it."""
        if self._utterances.spoken_end > self._from:
            self._join(_Window(self._from, end))

    def _join(self, span: _Window) -> None:
        group = self._group
        if group and span.end - group.start <= LONGEST and span.start - group.end <= JOIN:
            self._group = _Window(group.start, span.end)
            return
        self._close()
        self._group = span

    def _close(self) -> None:
        if self._group:
            self._ready.append(self._group)
        self._group = None

    def _split(self) -> None:
        """A speaker without pauses: cut at the quietest place of the window's second half."""
        cut = self._sound.track.quietest(self._from + LONGEST // 2, self._sound.edge)
        self._join(_Window(self._from, cut))
        self._close()
        self._from = cut

    def _decode(self) -> Steps:
        windows, self._ready = self._ready[: self._batch], self._ready[self._batch :]
        detect = [self._voice.language.wants_detection((w.end - w.start) / AUDIO_RATE) for w in windows]
        results = yield [
            self._sound.request(w.start, w.end, beam=5, detect=d) for w, d in zip(windows, detect, strict=True)
        ]
        faults = [self._sound.fault(r, w.start, w.end) for r, w in zip(results, windows, strict=True)]
        refused = [row for row, why in enumerate(faults) if why is not None]
        if refused:
            again = yield [self._careful(windows[row]) for row in refused]
            for row, result in zip(refused, again, strict=True):
                if self._sound.fault(result, windows[row].start, windows[row].end) is None:
                    results[row], faults[row] = result, None
        heard = [self._hear(window, result, why) for window, result, why in zip(windows, results, faults, strict=True)]
        yield from self._fill(windows, heard)
        events: list[SpeechEvent] = []
        for window, result, words in zip(windows, results, heard, strict=True):
            events += self._take(window, result, words)
        self._sound.forget(min([w.start for w in self._ready] or [windows[-1].end]))
        return events

    def _hear(self, window: _Window, result: DecodeResult, why: str | None) -> list[HeardWord]:
        if why is not None:
            self._voice.drop(why, len(result.words))
            return []
        words, dropped = self._sound.hear(result, window.start)
        self._voice.drop("no_speech", dropped)
        return words

    def _fill(self, windows: Sequence[_Window], heard: Sequence[list[HeardWord]]) -> Steps:
        """Whisper skips whole sentences and is sure of itself: speech without a word on it is decoded alone."""
        holes = [
            (words, _Window(a, b))
            for window, words in zip(windows, heard, strict=True)
            for a, b in self._sound.unheard(words, window.start, window.end)
        ]
        first, last = windows[0].start, self._sound.edge
        for at in range(0, len(holes), self._batch):
            part = holes[at : at + self._batch]
            wide = [_Window(max(hole.start - AROUND, first), min(hole.end + AROUND, last)) for _, hole in part]
            results = yield [self._sound.request(window.start, window.end, beam=5) for window in wide]
            for (words, hole), window, result in zip(part, wide, results, strict=True):
                if self._sound.fault(result, window.start, window.end) is None:
                    found, _ = self._sound.hear(result, window.start)
                    words += [word for word in found if hole.start <= (word.start + word.end) // 2 < hole.end]
                    words.sort(key=lambda word: word.start)
        return []

    def _careful(self, window: _Window) -> DecodeRequest:
        return self._sound.request(window.start, window.end, beam=5, careful=True)

    def _take(self, window: _Window, result: DecodeResult, heard: Sequence[HeardWord]) -> list[SpeechEvent]:
        changed = self._language(window, result)
        events: list[SpeechEvent] = [changed] if changed else []
        words = after_seam(heard, self._last_end, self._tail)
        if not words:
            return events
        self._last_end = words[-1].end
        self._tail = [*self._tail, *(plain(word.text) for word in words)][-TAIL:]
        language = self._voice.language.language or result.language
        for _, second in groupby(self._sound.final(words), key=lambda word: word.end_ns // ns(1)):
            part = tuple(second)
            known_ns = Ns(part[-1].end_ns + KNOWN_AFTER)
            events.append(self._sound.commit(part, self._reason, language, known_ns))
        return events

    def _language(self, window: _Window, result: DecodeResult) -> LanguageChanged | None:
        seconds = (window.end - window.start) / AUDIO_RATE
        at_ns = self._sound.t_ns(window.end)
        return self._voice.language.heard(result.language, result.language_prob, seconds, at_ns)
