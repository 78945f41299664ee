"""Speech whose words are known and sounds without any, from ../shared/media or made here. 16 kHz mono."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE
from tests.media import MEDIA
from tests.synthetic_streams import feature_level as fl

Pcm = NDArray[np.float32]
PAUSE_S: Final = 0.3  # between clips of one reader: shorter than what ends an utterance, as in talk that goes on
CHANGE_S: Final = 0.8  # between sentences of several voices
INSTRUMENTAL: Final = (
    "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg",
    "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.ogg",
    "Kevin_MacLeod_-_Vibe_Ace.ogg",
)
SUNG: Final = "Karissa_Hobbs_-_Lets_Go_Fishin.ogg"
_SAID: Final = frozenset({"thank you crowd.mp3", "cute aww that was so cute.mp3"})  # real words
_CROWD: Final = re.compile("applause|clap|cheer|aww|laughter sitcom")
_VOICE: Final = re.compile("scream|gasp|laughter|snoring")
_TUNE: Final = re.compile("guitar|piano|music|cinematic|jingle")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Clips one after another, and the words of each."""

    name: str
    sound: Pcm
    texts: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Of sound, pauses included."""
        return len(self.sound) / AUDIO_RATE


def read_sound(path: Path, rate: int = AUDIO_RATE) -> Pcm:
    """A recording, mono."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        return np.concatenate([part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)])


def real_speech(most: int | None = None, rate: int = AUDIO_RATE) -> Corpus:
    """LJ Speech and LibriVox, two readers; at most `most` clips of each."""
    folder = MEDIA / "fx-speech-real"
    lines = (folder / "ljspeech" / "transcripts.tsv").read_text().splitlines()
    clips = [(folder / "ljspeech" / f"{name}.flac", text) for name, _, text in (line.partition("\t") for line in lines)]
    told = re.findall(r"<s> (.*) </s> \((.*)\)", (folder / "librivox" / "transcription").read_text())
    more = [(folder / "librivox" / f"{name}.wav", text) for text, name in told]
    return _joined("real", [*clips[:most], *more[:most]], PAUSE_S, rate)


def made_speech(most: int | None = None) -> Corpus:
    """Synthetic sentences in ten voices."""
    folder = MEDIA / "fx-speech-tts"
    items = json.loads((folder / "manifest.json").read_text())["items"]
    return _joined("synthetic", [(folder / item["file"], item["text"]) for item in items[:most]], CHANGE_S, AUDIO_RATE)


def _joined(name: str, clips: Iterable[tuple[Path, str]], pause_s: float, rate: int) -> Corpus:
    there = [(read_sound(path, rate), text) for path, text in clips]
    pause = np.zeros(round(pause_s * rate), np.float32)
    parts = [part for sound, _ in there for part in (sound, pause)]
    return Corpus(name, np.concatenate(parts), tuple(text for _, text in there))


def music() -> Pcm:
    """Three pieces without a voice."""
    return np.concatenate([read_sound(MEDIA / "fx-music" / name) for name in INSTRUMENTAL])


def wordless(seconds: float) -> dict[str, Pcm]:
    """Sounds in which nobody says a word, each as long as that; in the row `singing` somebody sings some."""
    events = [
        path for path in sorted((MEDIA / "fx-audio-events").rglob("*.*")) if path.suffix in (".flac", ".mp3", ".wav")
    ]
    groups: dict[str, list[Pcm]] = {}
    for path in events:
        if path.name not in _SAID:
            groups.setdefault(_group(path.name), []).append(read_sound(path))
    recorded = {
        "music": music(),
        "singing": read_sound(MEDIA / "fx-music" / SUNG),
        "game": read_sound(MEDIA / "fx-game" / "dm_seed7.mp4"),
        **{name: np.concatenate(groups[name]) for name in sorted(groups)},
    }
    count = round(seconds * AUDIO_RATE)
    return {**_made(count), **{name: np.resize(sound, count) for name, sound in recorded.items()}}


def _group(name: str) -> str:
    kinds = (("crowd", _CROWD), ("voices without words", _VOICE), ("short tunes", _TUNE))
    return next((kind for kind, pattern in kinds if pattern.search(name)), "rain, typing, sirens, ...")


def _made(count: int) -> dict[str, Pcm]:
    """Silence, noise, mains hum."""
    rng = np.random.default_rng(5)
    white = rng.standard_normal(count)
    pink = fl.shaped(rng, count, lambda f: 1 / np.sqrt(np.maximum(f, 20.0)))
    t = np.arange(count) / AUDIO_RATE
    hum = np.sum([np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5)], axis=0)
    noises = {
        f"{name} noise {dbfs:.0f} dBFS": (noise, dbfs)
        for dbfs in (-40.0, -20.0)
        for name, noise in (("white", white), ("pink", pink))
    }
    return {
        "digital silence": np.zeros(count, np.float32),
        **{name: at_rms(noise, dbfs) for name, (noise, dbfs) in noises.items()},
        "mains hum -30 dBFS": at_rms(hum, -30.0),
    }


def at_rms(sound: NDArray[np.floating], dbfs: float) -> Pcm:
    """The same sound with this RMS over all of it."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return (sound * (10 ** (dbfs / 20) / rms)).astype(np.float32)


def rms_dbfs(sound: Pcm) -> float:
    """Of all of it."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))
