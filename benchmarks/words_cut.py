"""Clips of real speech that begin or end while somebody speaks: python -m benchmarks.words_cut

Speech, plain and over a game, and the words that faster-whisper's own `transcribe` hears in it. A share of them is
taken away, as recognisers miss words, and the others' edges are moved by as much as planners differ. Then a clip is
begun and ended around every half second, by the words alone and with the sound. Cut is where the speech without the
game lies less than 15.9 dB under its active level over 40 ms: the margin by which ITU-T P.56 tells speech from pauses.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import render_table, write_json
from benchmarks.hearing.corpus import Pcm, made_speech, read_sound, real_speech
from benchmarks.hearing.listen import Recogniser, TimedWord
from configs import load_profile
from core.media import AUDIO_RATE, AudioBlock
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns
from core.words import Word
from detectors import AudioFeatures
from detectors.audio.detector import AudioDetector
from detectors.fusion.boundaries import Snapper
from detectors.fusion.breaths import Breaths
from tests.media import MEDIA

JITTER_S: Final = 0.04  # sd; word starts of the live planner against offline's: 8 ms (p50), 136 ms (p95)
MARGIN_DB: Final = 15.9  # ITU-T P.56
WINDOW: Final = AUDIO_RATE // 25  # 40 ms: longer than a period of a low voice, shorter than a stop
STEP_S: Final = 0.5
READY_S: Final = 20.0  # of talk, to know how loud it is
SNAP_S: Final = 3.0
KNOWN_S: Final = 20.0  # after the time in question; from then on nothing changes
MODES: Final = {"words alone": False, "with the sound": True}
GAME_DB: Final = -12.0  # under the talk


def over_game(speech: Pcm) -> Pcm:
    """The same speech while a real game is played."""
    game = np.resize(read_sound(MEDIA / "fx-game" / "dm_seed7.mp4"), len(speech))
    level = np.sqrt(np.mean(speech**2) / np.mean(game**2)) * 10 ** (GAME_DB / 20)
    return np.asarray(speech + game * level, np.float32)


def words(said: Sequence[TimedWord]) -> list[Word]:
    """As a recogniser gives them out."""
    return [
        Word(
            text=word.text, start_ns=ns(word.start_s), end_ns=ns(max(word.end_s, word.start_s)), prob=1, vad=1, epoch=0
        )
        for word in said
    ]


def recognised(said: Sequence[TimedWord], rng: np.random.Generator, missed: float) -> list[Word]:
    """Some are missing, the others a little off; none begins before the one ahead of it is over."""
    kept = [word for word, fate in zip(said, rng.random(len(said)), strict=True) if fate >= missed]
    off = np.clip(rng.normal(0, JITTER_S, (len(kept), 2)), -2.5 * JITTER_S, 2.5 * JITTER_S).tolist()
    out: list[TimedWord] = []
    for word, (a, b) in zip(kept, off, strict=True):
        start_s = max(word.start_s + a, out[-1].end_s if out else 0.0)
        out.append(TimedWord(word.text, start_s, max(start_s + JITTER_S, word.end_s + b)))
    return words(out)


def places(chunks: Sequence[SignalChunk], known: Sequence[Word], end_s: float, *, hears: bool) -> Iterator[Ns]:
    """Starts and ends of clips wanted at every step, each when all around it is known."""
    detector = AudioDetector(load_profile("gaming").detect)
    for chunk in chunks:
        detector.feed(chunk)
    snapper = Snapper(SNAP_S, Breaths(detector.breaths, detector.silences) if hears else None)
    left = deque(known)
    for wanted_s in np.arange(READY_S, end_s - KNOWN_S, STEP_S).tolist():
        now_ns, wanted_ns = ns(wanted_s + KNOWN_S), ns(wanted_s)
        detector.advance(now_ns)
        while left and left[0].end_ns < now_ns:
            snapper.words([left.popleft()])
        yield snapper.start(wanted_ns, now_ns, detector.silences)
        yield snapper.end(wanted_ns, now_ns, detector.silences)


def spoken(speech: Pcm) -> NDArray[np.bool_]:
    """Of every sample, whether somebody speaks around it. The louder half is taken for the speech."""
    power = np.convolve(speech.astype(np.float64) ** 2, np.ones(WINDOW) / WINDOW, "same")
    active = power[power > np.percentile(power, 50)].mean()
    return np.asarray(power > active * 10 ** (-MARGIN_DB / 10))


def measure(said: Sequence[TimedWord], speech: Pcm, sound: Pcm, missed: float, seed: int) -> dict[str, Any]:
    """Share of the places at which somebody speaks, in percent."""
    known = recognised(said, np.random.default_rng([seed, round(1000 * missed)]), missed)
    chunks = AudioFeatures().push(AudioBlock(start_ns=Ns(0), samples=sound))
    truth, end_s = spoken(speech), len(sound) / AUDIO_RATE
    row: dict[str, Any] = {}
    for name, hears in MODES.items():
        found = [bool(truth[t_ns * AUDIO_RATE // NS_PER_S]) for t_ns in places(chunks, known, end_s, hears=hears)]
        row |= {"places": len(found), f"cut, {name} %": round(100 * float(np.mean(found)), 1)}
    return row


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--clips", type=int, help="at most so many of each collection; all when left out")
    parser.add_argument("--missed", type=float, nargs="+", default=[0.0, 0.03, 0.08])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/results/words_cut.json"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        recogniser = Recogniser.open(args.model, Path(folder))
        for corpus in (real_speech(args.clips), made_speech(args.clips)):
            said = recogniser.offline(corpus.sound).words
            for over, sound in (("nothing", corpus.sound), ("a game", over_game(corpus.sound))):
                for missed in args.missed:
                    facts = {"speech": corpus.name, "over": over, "words": len(said), "missed %": 100 * missed}
                    rows.append(facts | measure(said, corpus.sound, sound, missed, args.seed))
    print(render_table(list(rows[0]), [list(row.values()) for row in rows]))
    write_json(args.out, rows, **recogniser.facts, seed=args.seed)


if __name__ == "__main__":
    main()
