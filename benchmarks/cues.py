"""How well are a game's sounds heard, and what is taken for one? python -m benchmarks.cues

Seven cues: two jingles, a gong and a gasp of ../shared/media, two bells and a hit that are made here. Each is laid over
game sound, a stream with commentary, music and applause at random places, -12 to +12 dB over what is heard there; a hit
is a match within 50 ms. Then the mixes at 0 dB again, encoded as AAC, and with the cue played a little higher. False
alarms are counted in all sounds, music and speech that there are, those that a cue is cut from left out for it. Columns
give the share of 40 that is heard at a threshold.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import render_table, write_json
from core.media import AUDIO_RATE, AudioBlock
from core.times import Ns, to_s
from detectors.hud.cues import CueListener
from detectors.hud.model import Cue, Sound
from tests.media import MEDIA

THRESHOLDS: Final = (0.3, 0.4, 0.5, 0.6)
OVER_DB: Final = (12, 6, 0, -6, -12)
BITRATES: Final = (64_000, 128_000)
PITCHES: Final = (0.002, 0.01)
TIMES: Final = 8  # places in each bed
NEAR_S: Final = 0.05
MOST_S: Final = 45.0  # of a file
SEED: Final = 11
LOWEST: Final = 0.2  # threshold the schema allows; the matches over it are counted at each threshold
CUE_FILES: Final = {
    "win": ("game win jingle.mp3", 2.0),
    "winning": ("winning jingle.mp3", 2.5),
    "gong": ("announcement gong.mp3", 1.5),
    "gasp": ("shock gasp.mp3", 0.9),
}
BEDS: Final = (
    "fx-game/dm_seed7.mp4",
    "fx-game/fx_ministream.mp4",
    "fx-music/Kevin_MacLeod_-_Vibe_Ace.ogg",
    "fx-audio-events/ibm/applause.flac",
    "fx-audio-events/soundmonster/bg music electronic loop.wav",
)
HEARD_IN: Final = ("fx-audio-events", "fx-music", "fx-speech-real")
SOUNDS: Final = frozenset({".mp3", ".wav", ".flac", ".ogg"})
Samples = NDArray[np.float32]


class Bed(NamedTuple):
    """A file's sound."""

    name: str
    sound: Samples


def load(source: Path | io.BytesIO) -> Samples:
    """16 kHz mono."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
    opened = source if isinstance(source, io.BytesIO) else str(source)
    with av.open(opened, "r", metadata_errors="replace") as container:
        frames = (part for frame in container.decode(audio=0) for part in resampler.resample(frame))
        sound = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return sound[: round(MOST_S * AUDIO_RATE)].astype(np.float32)


def coded(sound: Samples, bitrate: int) -> Samples:
    """After AAC at 48 kHz, at the same times."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, bit_rate=bitrate)
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48_000)
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = AUDIO_RATE, 0
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    out.seek(0)
    return load(out)


def cues() -> dict[str, Samples]:
    """Cut from their first sound on."""
    folder = MEDIA / "fx-audio-events" / "soundmonster"
    found = {}
    for name, (file, seconds) in CUE_FILES.items():
        sound = load(folder / file)
        first = int(np.argmax(np.abs(sound) > 0.02 * np.abs(sound).max()))
        found[name] = sound[first : first + round(seconds * AUDIO_RATE)]
    rng = np.random.default_rng(SEED)
    found["bells"], found["bells 2"] = _bells(880, 1320), _bells(660, 990)
    n = round(0.35 * AUDIO_RATE)
    noise = np.fft.rfft(rng.normal(size=n)) * np.exp(
        -(np.log((np.fft.rfftfreq(n, 1 / AUDIO_RATE) + 1) / 900) ** 2) / 0.5
    )
    found["hit"] = (np.fft.irfft(noise, n) * np.exp(-np.arange(n) / (0.07 * AUDIO_RATE))).astype(np.float32)
    return found


def _bells(first_hz: float, second_hz: float) -> Samples:
    t = np.arange(round(0.3 * AUDIO_RATE)) / AUDIO_RATE
    second = np.where(t > 0.12, np.sin(2 * np.pi * second_hz * t) * np.exp(-(t - 0.12) / 0.15), 0)
    return (0.3 * (np.sin(2 * np.pi * first_hz * t) * np.exp(-t / 0.08) + second)).astype(np.float32)


def matches(sound: Samples, wanted: Mapping[str, Samples]) -> list[tuple[float, float]]:
    """Times and scores of all that comes near."""
    rule = Sound(file="cue.wav", threshold=LOWEST)
    listener = CueListener("bench", {name: Cue(rule=rule, samples=samples) for name, samples in wanted.items()})
    whole = np.concatenate([sound, np.zeros(4 * AUDIO_RATE, dtype=np.float32)])
    blocks = (
        AudioBlock(start_ns=Ns(at * 62_500), samples=whole[at : at + 16_000]) for at in range(0, len(whole), 16_000)
    )
    return [(to_s(event.t_ns), event.score) for block in blocks for event in listener.push(block)]


def laid(bed: Samples, cue: Samples, rng: np.random.Generator, over_db: float) -> tuple[Samples, list[float]]:
    """The mix, and where the cue begins in it; what was louder than full scale is cut off, as a mixer does."""
    mix, times = bed.copy(), []
    room = (len(bed) - len(cue)) // TIMES
    for place in range(TIMES):
        at = place * room + int(rng.integers(0, max(room - len(cue), 1)))
        under = float(np.sqrt(np.mean(bed[at : at + len(cue)] ** 2)))
        loud = float(np.sqrt(np.mean(cue**2)))
        mix[at : at + len(cue)] += cue * np.float32(10 ** (over_db / 20) * max(under, 1e-3) / loud)
        times.append(at / AUDIO_RATE)
    return mix / max(1.0, float(np.abs(mix).max())), times


def higher(sound: Samples, share: float) -> Samples:
    """As a game plays it that varies the pitch."""
    at = np.arange(0, len(sound) - 1, 1 + share)
    shifted: Samples = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    return shifted


def heard(
    beds: Sequence[Bed], cue: Samples, over_db: float, *, bitrate: int | None = None, pitch: float = 0.0
) -> dict[float, float]:
    """The share of cues that was matched, at each threshold."""
    rng, best = np.random.default_rng(SEED), []
    for bed in beds:
        mix, times = laid(bed.sound, higher(cue, pitch) if pitch else cue, rng, over_db)
        found = matches(mix if bitrate is None else coded(mix, bitrate), {"cue": cue})
        best += [max((score for t, score in found if abs(t - at) <= NEAR_S), default=0.0) for at in times]
    return {least: round(float(np.mean([score >= least for score in best])), 2) for least in THRESHOLDS}


def false_alarms(sounds: Sequence[Bed], name: str, cue: Samples) -> dict[float, float]:
    """Matches an hour in what the cue is not in."""
    others = [each for each in sounds if each.name != CUE_FILES.get(name, ("",))[0]]
    hours = sum(len(each.sound) for each in others) / AUDIO_RATE / 3600
    scores = [score for each in others for _, score in matches(each.sound, {name: cue})]
    return {least: round(sum(score >= least for score in scores) / hours, 1) for least in THRESHOLDS}


def rows(beds: Sequence[Bed], sounds: Sequence[Bed], wanted: Mapping[str, Samples]) -> list[list[object]]:
    """What is printed."""
    out: list[list[object]] = []
    for name, cue in wanted.items():
        shares = {f"{over_db:+d} dB": heard(beds, cue, over_db) for over_db in OVER_DB}
        shares |= {f"AAC {bitrate // 1000} kbit/s": heard(beds, cue, 0, bitrate=bitrate) for bitrate in BITRATES}
        shares |= {f"pitch {100 * pitch:+.1f} %": heard(beds, cue, 0, pitch=pitch) for pitch in PITCHES}
        out += [[name, how, *each.values()] for how, each in shares.items()]
        out.append([name, "false alarms/h", *false_alarms(sounds, name, cue).values()])
    return out


def cost(bed: Samples, wanted: Mapping[str, Samples]) -> float:
    """Share of a core for all cues together."""
    began = time.process_time()
    matches(bed, wanted)
    return (time.process_time() - began) / (len(bed) / AUDIO_RATE)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not (MEDIA / "fx-audio-events").is_dir():
        parser.exit(1, "fx-audio-events is not here\n")
    beds = [Bed(Path(name).name, np.resize(load(MEDIA / name), round(MOST_S * AUDIO_RATE))) for name in BEDS]
    files = [file for folder in HEARD_IN for file in sorted((MEDIA / folder).rglob("*.*")) if file.suffix in SOUNDS]
    sounds = [*beds[:2], *(Bed(file.name, load(file)) for file in files)]
    wanted = cues()
    table = rows(beds, sounds, wanted)
    minutes = sum(len(each.sound) for each in sounds) / AUDIO_RATE / 60
    share = cost(beds[0].sound, wanted)
    print(render_table(["cue", "condition", *map(str, THRESHOLDS)], table))
    print(f"false alarms in {minutes:.0f} min; {len(wanted)} cues take {100 * share:.2f} % of a core")
    if args.json:
        write_json(args.json, table, thresholds=THRESHOLDS, minutes=minutes, share_of_core=share)


if __name__ == "__main__":
    main()
