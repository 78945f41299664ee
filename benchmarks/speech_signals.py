"""What the SPEECH family's measures are worth on recorded voices, and what they cost. Prints JSON.

`python -m benchmarks.speech_signals`: needs the shared media. Voices are readers (LJ Speech, LibriVox), made voices in
turns and over each other, and three AMI meetings of 30 s whose speaker turns are known.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Committed, Word
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, STEP_NS
from detectors.options import DetectOptions
from detectors.speech.command import CommandDetector
from detectors.speech.detector import SpeechDetector
from detectors.speech.options import OverlapOptions, PhraseOptions
from detectors.speech.overlap import CONTEXT_ROWS, SPAN_ROWS, Overlap
from detectors.speech.rows import BLOCK_ROWS, VOICING, Rows, Voice
from tests.media import media
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import Sound, chunks_of
from tests.unit.detectors.test_real_sounds import recording

_AT: Final = [AUDIO_COLUMNS.index(name) for name in ("speech", "dip", "flat", "voicing", "pitch")]
Table = NDArray[np.float32]


def table(sound: Sound) -> Table:
    """The five columns that the family reads."""
    return chunks_of(sound)[0].values[:, _AT]


def talking(values: Table) -> NDArray[np.bool_]:
    """Stands in for words: within 25 dB of loud speech, pauses of 0.3 s filled."""
    on = values[:, 0] > np.percentile(values[:, 0], 90) - 25.0
    return np.convolve(on, np.ones(3), mode="same") >= 1


def readers() -> dict[str, Sound]:
    """One person after the other."""
    lj = sorted((media("fx-speech-real") / "ljspeech").glob("*.flac"))
    books = sorted((media("fx-speech-real") / "librivox").glob("*.wav"))
    made = sorted(media("fx-speech-tts").glob("*.flac"))
    return {
        "ljspeech": np.concatenate([recording(path) for path in lj]),
        "librivox": np.concatenate([recording(path) for path in books]),
        "made voices": np.concatenate([fl.at_level(recording(path), fl.TALK_DBFS) for path in made]),
        "synthetic talk": fl.talk(np.random.default_rng(11), 120.0),
    }


def intonation(sound: Sound) -> dict[str, float]:
    """How often 0.6 s of plain reading would pass for a raised voice."""
    values, options = table(sound), PhraseOptions()
    rows = Rows()
    rows.feed(chunks_of(sound)[0])
    rows.known_until(ns(1e6))
    voice = Voice(rows, window_s=900, spoken_pitch=30.0)
    voice.learn(values, talking(values))
    found = [voice.raised(Ns(at * STEP_NS), Ns((at + 6) * STEP_NS)) for at in range(0, len(values) - 6, 3)]
    known = [r for r in found if r is not None]
    over = [
        min(
            (r.pitch - options.pitch_none) / (options.pitch_full - options.pitch_none),
            (r.level_db - options.level_none_db) / (options.level_full_db - options.level_none_db),
        )
        for r in known
    ]
    return {
        "stretches": len(known),
        "any": round(float(np.mean(np.array(over) > 0)), 4),
        "half": round(float(np.mean(np.array(over) > 0.5)), 4),
    }


def overlaps(sound: Sound, options: OverlapOptions, *, after_ns: int = 0) -> list[tuple[float, float]]:
    """Stretches in seconds, from a fresh detector."""
    values = table(sound)
    talk, voiced = talking(values), values[:, VOICING] > 0.5
    level = float(np.median(values[voiced & talk, 0]))
    detector = Overlap(options, DetectOptions().baseline)
    found = []
    for first in range(CONTEXT_ROWS, len(values) - SPAN_ROWS, BLOCK_ROWS):
        start = first - CONTEXT_ROWS
        block = slice(start, start + SPAN_ROWS)
        found += detector.block(start, values[block], talk[block], level, first * STEP_NS)
    return [(s.start_ns / 1e9, s.end_ns / 1e9) for s in found if s.start_ns >= after_ns]


def made_overlaps(seed: int, minutes: int, room_db: float) -> dict[str, float]:
    """Made voices in turns; every 30 s, from the third minute on, two of them at once for a sentence."""
    rng = np.random.default_rng(seed)
    voices = [recording(path) for path in sorted(media("fx-speech-tts").glob("*.flac"))]
    bed = 10 ** (room_db / 20) * rng.standard_normal(minutes * 60 * fl.RATE)
    at, planted, due = 1.0, [], 180.0
    while at < minutes * 60 - 20:
        one, two = (voices[int(i)] for i in rng.choice(len(voices), 2, replace=False))
        fl.add(bed, one, at, float(rng.normal(0, 1.5)))
        if at >= due:
            fl.add(bed, two, at + 0.3, float(rng.normal(0, 1.5)))
            planted.append((at + 0.3, at + min(len(one) / fl.RATE, 0.3 + len(two) / fl.RATE)))
            due = at + 30
            at += max(0.0, (len(two) - len(one)) / fl.RATE)
        at += len(one) / fl.RATE + float(rng.uniform(0.2, 1.0))
    found = overlaps(bed, OverlapOptions(), after_ns=ns(180))
    hits = sum(any(a < end and start < b for a, b in found) for start, end in planted)
    false = sum(not any(a < end and start < b for start, end in planted) for a, b in found)
    return {"planted": len(planted), "found": hits, "false_per_h": round(false / (minutes - 3) * 60, 1)}


def meetings() -> dict[str, Any]:
    """How well the detector's measure (the floor of 1.5 s) orders overlapped and single talk of three meetings.

    0.5 is chance. The 30 s are too short for a detector that learns, and two of the three have hardly any single or
    any overlapped talk, so meetings are pooled, which lets one room's noise pass for the other's overlap.
    """
    turns: dict[str, list[tuple[float, float, str]]] = {}
    folder = media("fx-speech-real") / "ami"
    for line in (folder / "ami.rttm").read_text().splitlines():
        part = line.split()
        turns.setdefault(part[1], []).append((float(part[3]), float(part[3]) + float(part[4]), part[7]))
    both: list[float] = []
    single: list[float] = []
    for name, spoken in turns.items():
        values = table(recording_whole(folder / f"{name}.flac"))
        grid = np.arange(len(values)) / 10
        people = [
            np.any([(grid >= a) & (grid < b) for a, b, who in spoken if who == person], axis=0)
            for person in sorted({who for *_, who in spoken})
        ]
        count, talk = np.sum(people, axis=0), talking(values)
        level = float(np.median(values[(values[:, VOICING] > 0.5) & talk, 0]))
        for first in range(0, len(values) - 15, 5):
            window = slice(first, first + 15)
            floor = float(np.sort(values[window, 1])[3]) - level
            share = float((count[window] >= 2).mean())
            if talk[window].mean() >= 0.8 and not 0.05 < share < 0.5:
                (both if share >= 0.5 else single).append(floor)
    wins = [float(x > y) + 0.5 * float(x == y) for x in both for y in single]
    return {"overlapped_windows": len(both), "single_windows": len(single), "auroc": round(float(np.mean(wins)), 2)}


def recording_whole(path: Path) -> Sound:
    """A recording longer than twelve seconds."""
    import av  # noqa: PLC0415

    resampler = av.AudioResampler(format="flt", layout="mono", rate=fl.RATE)
    with av.open(str(path)) as container:
        parts = [p.to_ndarray()[0] for frame in container.decode(audio=0) for p in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float64)


def rate_spread() -> dict[str, float]:
    """How much one reader's letters a second vary between sentences: the noise under `speech_rate`."""
    folder = media("fx-speech-real") / "ljspeech"
    logs = []
    for line in (folder / "transcripts.tsv").read_text().splitlines():
        name, text = line.split("\t")[0], line.split("\t")[-1]
        path = folder / f"{name.removesuffix('.flac')}.flac"
        if path.exists():
            sound = recording(path)
            if len(sound) < 12 * fl.RATE:
                values = table(sound)
                logs.append(math.log(sum(c.isalnum() for c in text) / (talking(values).sum() / 10)))
    return {"sentences": len(logs), "log_sd": round(float(np.std(logs)), 3)}


def cost() -> dict[str, float]:
    """Seconds of CPU for an hour of 36,000 rows and 9,000 words in steps of half a second."""
    rng = np.random.default_rng(1)
    rare = ("no", "way", "oh", "my", "god", "we", "did", "it", "clip", "that", "let's", "go", "what", "the")
    common = (
        "and",
        "then",
        "there",
        "was",
        "really",
        "thing",
        "so",
        "but",
        "people",
        "about",
        "just",
        "think",
        "could",
    )
    vocabulary = [*rare, *common * 7]
    words = [
        Word(text=vocabulary[int(rng.integers(len(vocabulary)))], start_ns=ns(0.4 * i), end_ns=ns(0.4 * i + 0.35),
             prob=0.9, vad=0.9, epoch=0)
        for i in range(9_000)
    ]  # fmt: skip
    values = np.abs(rng.standard_normal((36_000, len(AUDIO_COLUMNS)))).astype(np.float32)
    values[:, :3] -= 30.0
    speech, command = SpeechDetector(DetectOptions()), CommandDetector(DetectOptions())
    chunks = [
        SignalChunk(kind=AUDIO_KIND, start_ns=ns(second), step_ns=STEP_NS, columns=AUDIO_COLUMNS,
                    values=values[second * 10 : second * 10 + 10])
        for second in range(3_600)
    ]  # fmt: skip
    parts = [
        [
            Committed(
                seq=at, words=tuple(words[at : at + 5]), language="en", reason="agreed", known_ns=words[at + 4].end_ns
            )
        ]
        for at in range(0, len(words), 5)
    ]
    told: dict[str, int] = {}
    started = time.process_time()
    for step in range(1, 7_201):
        now = ns(step / 2)
        if step % 2 == 0:
            speech.feed(chunks[step // 2 - 1])
        if step % 4 == 0:
            for detector in (speech, command):
                detector.words(parts[step // 4 - 1])
        for detector in (speech, command):
            detector.heard(Ns(max(now - ns(2), 0)))
            for event in detector.advance(now):
                told[event.kind] = told.get(event.kind, 0) + 1
    took = time.process_time() - started
    return {"cpu_s_per_stream_hour": round(took, 3), **told}


def main() -> None:
    """Everything."""
    sounds = readers()
    report = {
        "intonation_of_plain_reading": {name: intonation(sound) for name, sound in sounds.items()},
        "overlap_single_speakers_per_min": {
            name: round(len(overlaps(sound, OverlapOptions())) / (len(sound) / fl.RATE / 60), 2)
            for name, sound in sounds.items()
        },
        "overlap_made": {f"room {db} dB": made_overlaps(5, 12, db) for db in (-65.0, -45.0)},
        "overlap_meetings": meetings(),
        "rate": rate_spread(),
        "cost": cost(),
    }
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
