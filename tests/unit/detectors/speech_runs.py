"""Words, rows of a voice and noticed sounds, made up for the speech detectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Committed, Word
from detectors import Profile
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, STEP_NS
from detectors.speech.command import CommandDetector
from detectors.speech.detector import SpeechDetector

STEP_S = 0.5
DELAY_S = 2.0  # from a word's end to its being known
LETTERS_PER_S = 14.0


def say(text: str, at_s: float, *, prob: float = 0.9, speed: float = 1.0, epoch: int = 0) -> list[Word]:
    """A sentence at an even pace; each word as long as its letters."""
    words, at = [], at_s
    for part in text.split():
        length = max(len(part.strip(".,!?")), 2) / LETTERS_PER_S / speed
        words.append(Word(text=part, start_ns=ns(at), end_ns=ns(at + length), prob=prob, vad=0.9, epoch=epoch))
        at += length
    return words


def commit(words: Sequence[Word]) -> Committed:
    """One piece of words, known DELAY_S after the last of them."""
    return Committed(
        seq=0, words=tuple(words), language="en", reason="agreed", known_ns=Ns(words[-1].end_ns + ns(DELAY_S))
    )


def small_talk(until_s: float, *, seed: int = 1, speed: float = 1.0, from_s: float = 0.5) -> list[Word]:
    """Somebody who talks about nothing, in sentences with pauses between them."""
    rng = np.random.default_rng(seed)
    pool = (
        "then",
        "there",
        "really",
        "going",
        "thing",
        "about",
        "people",
        "just",
        "think",
        "could",
        "water",
        "morning",
    )
    words: list[Word] = []
    at = from_s
    while True:
        text = " ".join(pool[int(rng.integers(len(pool)))] for _ in range(int(rng.integers(5, 12)))) + "."
        sentence = say(text, at, speed=speed * float(np.exp(rng.normal(0, 0.08))))
        if sentence[-1].end_ns > ns(until_s):
            return words
        words += sentence
        at = sentence[-1].end_ns / 1e9 + float(rng.uniform(0.9, 2.0))


def voice(
    until_s: float,
    words: Sequence[Word],
    *,
    raised: tuple[float, float] | None = None,
    others: Sequence[tuple[float, float]] = (),
    up_db: float = 10.0,
    up_pitch: float = 12.0,
    seed: int = 2,
) -> SignalChunk:
    """Rows of a voice around 120 Hz under the words; `raised` is a stretch an octave higher and 10 dB louder.

    `others` are more of them.
    """
    rng = np.random.default_rng(seed)
    count = round(until_s * 10)
    values = np.zeros((count, len(AUDIO_COLUMNS)), dtype=np.float32)
    at = {name: place for place, name in enumerate(AUDIO_COLUMNS)}
    values[:, at["speech"]] = -70 + rng.normal(0, 1, count)
    for word in words:
        rows = slice(word.start_ns // STEP_NS, word.end_ns // STEP_NS + 1)
        size = len(values[rows])
        values[rows, at["speech"]] = -27 + rng.normal(0, 3, size)
        values[rows, at["voicing"]] = 0.85
        values[rows, at["pitch"]] = 13.5 + rng.normal(0, 2, size)
    for first_s, last_s in [*others, *([raised] if raised is not None else [])]:
        rows = slice(round(first_s * 10), round(last_s * 10))
        values[rows, at["speech"]] += up_db
        values[rows, at["pitch"]] += up_pitch
    values[:, at["level"]] = values[:, at["speech"]] + 4
    values[:, at["dip"]] = values[:, at["speech"]] - 15
    return SignalChunk(kind=AUDIO_KIND, start_ns=Ns(0), step_ns=STEP_NS, values=values, columns=AUDIO_COLUMNS)


def sound(kind: str, start_s: float, end_s: float, *, llr: float = 2.0, found_s: float | None = None) -> Event:
    """A sound that the audio detector found."""
    return Event(
        kind=kind,
        family=Family.AUDIO,
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        peak_ns=ns((start_s + end_s) / 2),
        llr=llr,
        surprise_per_h=1.0,
        quality=1.0,
        why=kind,
        found_ns=ns(end_s + 1.0 if found_s is None else found_s),
    )


def listen(
    commits: Sequence[Committed],
    until_s: float,
    *,
    rows: Sequence[SignalChunk] = (),
    sounds: Sequence[Event] = (),
    finish: bool = True,
) -> list[Event]:
    """Every event of both detectors, fed the way the engine does: words when they are known, sounds when found."""
    options = Profile().detect
    speech, command = SpeechDetector(options), CommandDetector(options)
    for detector in (speech, command):
        detector.set_available(True)
    for chunk in rows:
        speech.feed(chunk)
    events: list[Event] = []
    for step in range(1, int(until_s / STEP_S) + 1):
        now, before = ns(step * STEP_S), ns((step - 1) * STEP_S)
        known = [c for c in commits if before < c.known_ns <= now]
        speech.notice([s for s in sounds if before < s.found_ns <= now])
        for detector in (speech, command):
            detector.words(known)
            detector.heard(Ns(max(now - ns(DELAY_S), 0)))
            events += detector.advance(now)
    return [*events, *speech.finish(ns(until_s)), *command.finish(ns(until_s))] if finish else events


def by_sentence(words: Sequence[Word]) -> list[Committed]:
    """Commits that end with their sentences."""
    out, run = [], []
    for word in words:
        run.append(word)
        if word.ends_sentence:
            out.append(commit(run))
            run = []
    return [*out, commit(run)] if run else out
