"""The bundled sentences, and the script that fills a stream with them. Reading the files apart, pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import av
import numpy as np

from daemon.avopen import open_media
from daemon.demo.synth import RATE, Audio, active_rms

ASSETS: Final = Path(__file__).parent / "assets"
ADVERT: Final = "u06_af_heart"
EXCITED: Final = "u03_am_michael"
AFTER: Final = "u04_am_michael"
SETUP: Final = "u08_af_heart"
PUNCHLINE: Final = "u09_af_heart"
OPENING: Final = "u00_am_michael"
# A recipe's own lines have their place; those of a football match belong to no calm talk.
_MATCH: Final = frozenset({"u12_bm_george", "u13_bm_george", "u14_bm_george"})
_TEST_CROWD: Final = frozenset({"bm_george", "bf_emma", "am_onyx", "af_nicole"})
_KEPT_BACK: Final = frozenset({ADVERT, EXCITED, AFTER, SETUP, PUNCHLINE, OPENING}) | _MATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One recorded sentence of the bundle: its name, voice, words, and length as recorded."""

    name: str
    voice: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A sentence at a place. `rate` > 1 plays it faster and higher. `level_db` is over the speech level."""

    name: str
    start_s: float
    end_s: float
    level_db: float = 0.0
    rate: float = 1.0


@cache
def catalogue() -> dict[str, Sentence]:
    """Every bundled sentence by name."""
    rows = json.loads((ASSETS / "speech.json").read_text(encoding="utf-8"))
    return {
        Path(row["file"]).stem: Sentence(
            name=Path(row["file"]).stem, voice=row["voice"], text=row["text"], seconds=row["seconds"]
        )
        for row in rows
    }


@cache
def recording(name: str) -> Audio:
    """A sentence at `RATE`, scaled to an active RMS of 1. Cached and shared: never written to."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    blocks: list[Audio] = []
    with open_media(ASSETS / f"{name}.opus", "ogg") as container:
        for frame in [*container.decode(audio=0), None]:
            blocks += [np.asarray(out.to_ndarray()[0], dtype=np.float32) for out in resampler.resample(frame)]
    samples = np.concatenate(blocks)
    samples /= active_rms(samples)
    samples.flags.writeable = False
    return samples


def crowd(family: str) -> list[Audio]:
    """The recordings a family's crowds are built from; no voice is in both."""
    wanted = family == "test"
    return [recording(name) for name, row in catalogue().items() if (row.voice in _TEST_CROWD) == wanted]


def place(name: str, start_s: float, *, level_db: float = 0.0, rate: float = 1.0) -> Utterance:
    """An utterance that starts at a time; its end follows from the recording."""
    end_s = start_s + catalogue()[name].seconds / rate
    return Utterance(name=name, start_s=start_s, end_s=end_s, level_db=level_db, rate=rate)


def fill(
    rng: np.random.Generator,
    duration_s: float,
    pinned: Sequence[Utterance],
    silent: Sequence[tuple[float, float]],
    *,
    family: str,
) -> tuple[Utterance, ...]:
    """Talk through the whole stream with pauses of 0.3-1.6 s, around the pinned lines and the silent spans.

    The demo keeps its voices as recorded; `test` shifts every line by up to 7 % in pitch and speed.
    """
    taken = sorted([*silent, *((line.start_s, line.end_s) for line in pinned), (duration_s - 0.5, duration_s)])
    lines, t = list(pinned), 0.6
    deck: list[str] = []
    while t < duration_s:
        if not deck:
            deck = [str(name) for name in rng.permutation(sorted(set(catalogue()) - _KEPT_BACK))]
        rate = 1.0 if family == "demo" else float(rng.uniform(0.93, 1.07))
        free_until = next((start for start, end in taken if end > t), duration_s)
        fitting = next((name for name in deck if t + catalogue()[name].seconds / rate < free_until - 0.2), None)
        if fitting is None:
            t = max((end for start, end in taken if start <= free_until and end > t), default=duration_s) + 0.25
            continue
        deck.remove(fitting)
        lines.append(place(fitting, t, level_db=float(rng.uniform(-1.5, 1.5)), rate=rate))
        t = lines[-1].end_s + float(rng.uniform(0.3, 1.6))
    return tuple(sorted(lines, key=lambda line: line.start_s))
