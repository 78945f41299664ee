"""Recordings from the shared media over voices that read sentences: reactions, and sounds that only are loud."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core.moments import Event
from core.times import to_s
from tests.media import media
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import Sound, hear

AT_S = 36.0


@cache
def recording(path: Path) -> Sound:
    """At 16 kHz mono, twelve seconds at most."""
    av = pytest.importorskip("av")
    resampler = av.AudioResampler(format="flt", layout="mono", rate=fl.RATE)
    with av.open(str(path)) as container:
        parts = [p.to_ndarray()[0] for frame in container.decode(audio=0) for p in resampler.resample(frame)]
    return np.concatenate(parts)[: 12 * fl.RATE].astype(np.float64)


def sentences(seed: int, seconds: float) -> Sound:
    """Voices reading one sentence after the other, with room noise."""
    rng = np.random.default_rng(seed)
    files = sorted(media("fx-speech-tts").glob("*.flac"))
    bed = 10 ** (-65 / 20) * rng.standard_normal(round(seconds * fl.RATE))
    at = 0.5
    while True:
        sentence = fl.at_level(recording(files[rng.integers(len(files))]), fl.TALK_DBFS + rng.normal(0, 1.5))
        start = round(at * fl.RATE)
        if start + len(sentence) >= len(bed):
            return bed
        bed[start : start + len(sentence)] += sentence
        at += len(sentence) / fl.RATE + float(rng.uniform(0.3, 1.5))


def strongest(name: str, over_db: float) -> float:
    """Evidence for a reaction where a recording was laid over the talk."""
    sound = recording(media("fx-audio-events") / name)
    bed = sentences(3, AT_S + 30.0)
    fl.add(bed, sound, AT_S, over_db)
    late: list[Event] = [e for e in hear(bed) if to_s(e.start_ns) > AT_S - 2]
    return max((e.llr for e in late if e.kind in {"crowd", "shout"}), default=0.0)


@pytest.mark.parametrize(
    "name",
    [
        "ibm/applause.flac",
        "ibm/crowd_cheering.flac",
        "soundmonster/applause.mp3",
        "soundmonster/laughter sitcom audience crowd.mp3",
        "soundmonster/scream pain man 2.mp3",
        "soundmonster/celebrate group applause clapping yey 2.mp3",
    ],
)
def test_recorded_reactions_are_found(name: str) -> None:
    """Applause, cheering, laughter of an audience, a scream: 6 dB over the talk."""
    assert strongest(name, 6.0) >= 1.2


@pytest.mark.parametrize(
    "name",
    [
        "ibm/thunder.flac",
        "ibm/rain.flac",
        "ibm/typing.flac",
        "ibm/car_engine.flac",
        "ibm/piano.flac",
        "ibm/arcade_music.flac",
        "ibm/cinematic.flac",
        "soundmonster/siren police short.mp3",
        "soundmonster/winning jingle.mp3",
        "soundmonster/game win jingle.mp3",
    ],
)
def test_recorded_noises_are_no_reactions(name: str) -> None:
    """Thunder, rain, typing, an engine, music, a siren and jingles: 8 dB over the talk."""
    assert strongest(name, 8.0) < 1.0


def test_quiet_reading_has_no_reactions() -> None:
    """Three minutes of sentences in twenty voices."""
    events = hear(sentences(5, 180.0))
    assert max((e.llr * e.quality for e in events if e.kind in {"crowd", "shout"}), default=0.0) < 1.0
