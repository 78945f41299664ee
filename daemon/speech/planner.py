"""What the live and the packed planner share: they turn frames of sound into decodes, and decodes into final words.

A planner is sans I/O: `frame` and `finish` are generators that yield batches of windows to decode and are sent the
results, so that the same code runs under a thread, in lockstep with a replay, and in a test.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE
from core.times import NS_PER_S, Ns
from core.words import CommitReason, Committed, SpeechEvent, Word
from daemon.speech.engine import MAX_WINDOW, MIN_WINDOW, SHORTEST, DecodeRequest, DecodeResult, HeardWord
from daemon.speech.gates import VadTrack, fault, speech_without_words, words_on_speech
from daemon.speech.glossary import Glossary
from daemon.speech.language import LanguageTracker
from daemon.speech.vad import FRAME

UNHEARD: Final = AUDIO_RATE * 3 // 2  # breath, laughter and "er" are shorter
SAMPLE_NS: Final = NS_PER_S // AUDIO_RATE  # 62,500 exactly
Steps = Generator[Sequence[DecodeRequest], list[DecodeResult], list[SpeechEvent]]


class Planner(Protocol):
    """One epoch's. `heard_ns`: everything said before it is committed."""

    @property
    def heard_ns(self) -> Ns: ...
    def frame(self, samples: NDArray[np.float32], prob: float) -> Steps: ...
    def finish(self) -> Steps: ...


@dataclass(slots=True)
class Tally:
    """What a session's planners have done so far, for metrics and the summary. Lengths are samples."""

    seq: int = 0
    rev: int = 0
    heard: int = 0
    spoken: int = 0
    decodes: int = 0
    decoded: int = 0
    words: dict[str, int] = field(default_factory=dict)  # by reason
    dropped: dict[str, int] = field(default_factory=dict)  # words, by gate
    rewrites: int = 0

    def copy(self) -> Tally:
        """As it stands now."""
        return replace(self, words=dict(self.words), dropped=dict(self.dropped))


@dataclass(slots=True, kw_only=True)
class Voice:
    """What outlives an epoch: the language, the glossary, and the count of everything."""

    language: LanguageTracker
    glossary: Glossary
    tally: Tally = field(default_factory=Tally)

    def drop(self, gate: str, words: int) -> None:
        """Count words that a gate refused."""
        if words:
            self.tally.dropped[gate] = self.tally.dropped.get(gate, 0) + words


class Sound:
    """The sound of one epoch that may still be decoded, and the speech under it. Positions are samples from `start_ns`,
    the media time of the first of them."""

    def __init__(self, epoch: int, start_ns: Ns, voice: Voice) -> None:
        self.epoch = epoch
        self.start_ns = start_ns
        self.track = VadTrack()
        self.edge = 0
        self.voice = voice
        self._frames: list[NDArray[np.float32]] = []
        self._first = 0  # frames forgotten

    def add(self, samples: NDArray[np.float32], prob: float) -> None:
        """The next frame."""
        self._frames.append(samples)
        self.track.add(prob)
        self.edge += FRAME
        self.voice.tally.heard += FRAME

    def forget(self, before: int) -> None:
        """Sound up to here will not be decoded again."""
        done = min(before // FRAME - self._first, len(self._frames))
        if done > 0:
            del self._frames[:done]
            self._first += done

    def t_ns(self, sample: int) -> Ns:
        """Media time of a sample, exact."""
        return Ns(self.start_ns + sample * SAMPLE_NS)

    def request(self, start: int, end: int, *, beam: int, detect: bool = False, careful: bool = False) -> DecodeRequest:
        """The window [start, end), brought to what an engine takes: a short one gets sound from before or zeros."""
        start = max(start, end - MAX_WINDOW)
        first = max(start // FRAME - self._first, 0)
        last = -(-end // FRAME) - self._first
        pcm = np.concatenate(self._frames[first:last])
        offset = start - (self._first + first) * FRAME
        pcm = pcm[offset : offset + end - start]
        if len(pcm) < MIN_WINDOW:
            pcm = np.pad(pcm, (0, MIN_WINDOW - len(pcm)))
        self.voice.tally.decodes += 1
        self.voice.tally.decoded += len(pcm)
        return DecodeRequest(pcm=pcm, language=self.voice.language.language, beam=beam, detect=detect, careful=careful)

    def fault(self, result: DecodeResult, start: int, end: int) -> str | None:
        """Why what a window says cannot be what was said in it."""
        return fault(result, end - start, self.voice.language.language or result.language)

    def hear(self, result: DecodeResult, start: int) -> tuple[list[HeardWord], int]:
        """A window's words on the epoch's own samples, and how many were left out because no speech lies under them."""
        moved = [
            HeardWord(text=word.text, start=word.start + start, end=min(word.end + start, self.edge), prob=word.prob)
            for word in result.words
            if word.start + start <= self.edge - SHORTEST  # a short window is padded: nothing was said there
        ]
        kept, dropped = words_on_speech(moved, self.track)
        return kept, dropped + len(result.words) - len(moved)

    def unheard(self, words: Sequence[HeardWord], start: int, end: int) -> list[tuple[int, int]]:
        """Stretches of speech of UNHEARD or more in a window that no word lies on."""
        spans = speech_without_words(words, self.track, start, end)
        return [(a, b) for a, b in spans if b - a >= UNHEARD]

    def final(self, words: Sequence[HeardWord]) -> tuple[Word, ...]:
        """Heard words as values on media time, with the glossary's spelling."""
        placed = [
            Word(
                text=word.text,
                start_ns=self.t_ns(word.start),
                end_ns=self.t_ns(word.end),
                prob=round(word.prob, 4),
                vad=round(self.track.support(word), 4),
                epoch=self.epoch,
            )
            for word in words
        ]
        return self.voice.glossary.apply(placed)

    def commit(self, words: tuple[Word, ...], reason: CommitReason, language: str, known_ns: Ns) -> Committed:
        """Words that are final, counted."""
        tally = self.voice.tally
        tally.seq += 1
        tally.words[reason] = tally.words.get(reason, 0) + len(words)
        return Committed(seq=tally.seq, words=words, language=language, reason=reason, known_ns=known_ns)
