"""Speech that can be checked to the sample: a burst of tone is a word, its pitch says which, and an engine hears it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE, AudioBlock
from core.times import Ns, ns
from core.words import Committed, SpeechEvent, Word
from daemon.speech.ear import Ear
from daemon.speech.engine import MAX_WINDOW, MIN_WINDOW, DecodeRequest, DecodeResult, EngineInfo, HeardWord
from daemon.speech.glossary import Glossary
from daemon.speech.language import LanguageTracker
from daemon.speech.live import LivePlanner
from daemon.speech.packed import BATCH, PackedPlanner
from daemon.speech.planner import SAMPLE_NS, Voice
from daemon.speech.vad import CONTEXT, SileroVad, VadModel
from tests.fakes import FakeClock

WORDS: Final = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray",
    "yankee", "zulu",
)  # fmt: skip
STOPS: Final = frozenset({"golf", "november"})  # these end a sentence
LOUD: Final = 0.1
HOLD: Final = AUDIO_RATE // 125  # 8 ms: a tone crosses zero, a word does not
LOWEST_HZ, STEP_HZ = 400, 100

Sound = NDArray[np.float32]
Twist = Callable[[list[HeardWord], DecodeRequest], Sequence[HeardWord]]


@dataclass(frozen=True, slots=True)
class Said:
    """A word in a sound: samples from its start."""

    text: str
    start: int
    end: int


def burst(text: str, samples: int) -> Sound:
    """A word; loud from its first sample to its last."""
    hertz = LOWEST_HZ + STEP_HZ * WORDS.index(text)
    tone = (0.5 * np.cos(2 * np.pi * hertz * np.arange(samples) / AUDIO_RATE)).astype(np.float32)
    tone[-1] = 0.5
    return tone


def talk(
    start_s: float, end_s: float, *, word_s: float = 0.3, pause_s: float = 0.1, first: int = 0, but: Iterable[str] = ()
) -> list[Said]:
    """Words one after the other as long as they fit, in the order of the alphabet, leaving some out."""
    words = [word for word in WORDS if word not in but]
    step, length = round((word_s + pause_s) * AUDIO_RATE), round(word_s * AUDIO_RATE)
    starts = range(round(start_s * AUDIO_RATE), round(end_s * AUDIO_RATE) - length + 1, step)
    return [Said(words[(first + n) % len(words)], at, at + length) for n, at in enumerate(starts)]


def sound_of(said: Sequence[Said], seconds: float) -> Sound:
    """The words as sound, with silence between."""
    sound = np.zeros(round(seconds * AUDIO_RATE), np.float32)
    for word in said:
        sound[word.start : word.end] = burst(word.text, word.end - word.start)[: max(0, len(sound) - word.start)]
    return sound


def heard_in(pcm: Sound) -> list[HeardWord]:
    """The words of a window. One that touches an edge of it is cut off, and so heard as something else."""
    loud = np.flatnonzero(np.abs(pcm) > LOUD)
    found = []
    for part in np.split(loud, np.flatnonzero(np.diff(loud) > HOLD) + 1):
        if len(part) < HOLD:
            continue
        start, end = int(part[0]), int(part[-1]) + 1
        crossings = np.count_nonzero(np.diff(np.signbit(pcm[start:end])))
        which = round((crossings * AUDIO_RATE / 2 / (end - start) - LOWEST_HZ) / STEP_HZ)
        text = WORDS[min(max(which, 0), len(WORDS) - 1)]
        whole = text + "." if text in STOPS else text
        found.append(
            HeardWord(text=whole if start > 0 and end < len(pcm) else text[:2], start=start, end=end, prob=0.9)
        )
    return found


class FakeEngine:
    """An AsrEngine for bursts. A decode takes `cost_s` of the clock for each window; `twist` changes what it hears."""

    def __init__(self, clock: FakeClock | None = None, *, cost_s: float = 0.0, twist: Twist | None = None) -> None:
        self.info = EngineInfo(model="fake", sha256="", device="cpu", compute_type="none", threads=1, multilingual=True)
        self.clock, self.cost_s, self.twist = clock, cost_s, twist
        self.batches: list[list[DecodeRequest]] = []
        self.result = DecodeResult(
            words=(), text="", avg_logprob=-0.2, compression_ratio=1.0, no_speech_prob=0.0, language="en",
            language_prob=None, infer_ns=0,
        )  # fmt: skip

    @property
    def windows_s(self) -> list[float]:
        """How long each decoded window was."""
        return [len(request.pcm) / AUDIO_RATE for batch in self.batches for request in batch]

    def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
        """In the order of the batch."""
        for request in batch:
            if not MIN_WINDOW <= len(request.pcm) <= MAX_WINDOW:
                raise ValueError(f"a window of {len(request.pcm) / AUDIO_RATE:.2f} s cannot be decoded")
        self.batches.append(list(batch))
        if self.clock is not None:
            self.clock.advance(ns(self.cost_s * len(batch)))
        return [self._one(request) for request in batch]

    def _one(self, request: DecodeRequest) -> DecodeResult:
        words = heard_in(request.pcm)
        words = list(self.twist(words, request)) if self.twist else words
        prob = 0.99 if request.detect or request.language is None else None
        return replace(
            self.result, words=tuple(words), text=" ".join(word.text for word in words), language_prob=prob
        )  # fmt: skip


class LoudVad(VadModel):
    """Where there is tone there is speech."""

    def __init__(self) -> None:
        """No network to load."""

    def run(
        self, frames: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """By the loudest sample of each new frame."""
        loud = np.abs(frames[:, CONTEXT:]).max(axis=1) > LOUD
        return np.where(loud, np.float32(0.95), np.float32(0.02)).astype(np.float32), h, c


def a_voice() -> Voice:
    """English, no glossary."""
    return Voice(language=LanguageTracker("en"), glossary=Glossary(()))


def live_ear(engine: FakeEngine, *, epoch: int = 0, start_ns: Ns = Ns(0), voice: Voice | None = None) -> Ear:
    """The live planner on a stretch of sound."""
    return Ear(start_ns, LivePlanner(epoch, start_ns, voice or a_voice()), SileroVad(LoudVad()), engine.decode)


def packed_ear(
    engine: FakeEngine, *, epoch: int = 0, start_ns: Ns = Ns(0), voice: Voice | None = None, batch: int = BATCH
) -> Ear:
    """The packed planner on a stretch of sound."""
    planner = PackedPlanner(epoch, start_ns, voice or a_voice(), batch=batch)
    return Ear(start_ns, planner, SileroVad(LoudVad()), engine.decode)


def commits(events: Iterable[SpeechEvent]) -> list[Committed]:
    """What became final."""
    return [event for event in events if isinstance(event, Committed)]


def words(events: Iterable[SpeechEvent]) -> list[Word]:
    """All final words, in the order they were told."""
    return [word for commit in commits(events) for word in commit.words]


def as_said(found: Iterable[Word], start_ns: int = 0) -> list[Said]:
    """Words as they stand in a sound that begins at a media time; without their punctuation."""
    return [
        Said(word.text.rstrip("."), (word.start_ns - start_ns) // SAMPLE_NS, (word.end_ns - start_ns) // SAMPLE_NS)
        for word in found
    ]


def blocks(sound: Sound, *, start_ns: int = 0, samples: int = AUDIO_RATE // 10) -> list[AudioBlock]:
    """Sound as analysis gives it: in blocks of so many samples."""
    return [
        AudioBlock(start_ns=Ns(start_ns + at * SAMPLE_NS), samples=sound[at : at + samples])
        for at in range(0, len(sound), samples)
    ]
