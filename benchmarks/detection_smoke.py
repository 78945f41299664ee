"""Recall and false clips of the detectors, over seeds and levels: python -m benchmarks.detection_smoke --seeds 8

Streams of five minutes with three reactions and four hard negatives each, laid over talk or over talk and a game; the
sounds are made in code or real recordings. Even seeds are those the constants were tried on, odd ones are held out. A
hit is a moment whose anchor lies within 10 s of the truth; all others are false. Then quiet sound, chat, and real chat.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
import numpy as np

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.ids import SessionId
from core.media import AudioBlock, ChatMessage
from core.moments import Family, Moment, MomentState
from core.times import NS_PER_S, Ns, ns, to_s
from detectors import AudioFeatures, Engine, Profile
from detectors.chat.detector import ChatDetector
from tests.media import MEDIA
from tests.synthetic_streams import feature_level as fl

SECONDS: Final = 300.0
TOLERANCE_S: Final = 10.0
LEVELS_DB: Final = (3.0, 6.0, 10.0)
REAL_POSITIVES: Final = (
    "ibm/applause.flac", "ibm/crowd_cheering.flac", "soundmonster/applause.mp3",
    "soundmonster/laughter sitcom audience crowd.mp3", "soundmonster/scream pain man 2.mp3",
    "soundmonster/celebrate group applause clapping yey 2.mp3",
)  # fmt: skip
REAL_NEGATIVES: Final = (
    "ibm/thunder.flac", "ibm/typing.flac", "ibm/piano.flac", "ibm/rain.flac", "soundmonster/siren police short.mp3",
    "soundmonster/winning jingle.mp3", "soundmonster/game win jingle.mp3", "ibm/arcade_music.flac",
)  # fmt: skip
Sounds = Mapping[str, fl.Wave]


class Tally(NamedTuple):
    """Streams added up."""

    hits: int = 0
    planted: int = 0
    false: int = 0
    negatives: int = 0
    seconds: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        hits, planted, false, negatives = (a + b for a, b in zip(self[:4], other[:4], strict=True))
        return Tally(hits, planted, false, negatives, self.seconds + other.seconds)

    def cells(self) -> list[object]:
        """Recall, false clips an hour, false clips per 100 hard negatives, hours."""
        recall = round(self.hits / self.planted, 2) if self.planted else None
        per_100 = round(100 * self.false / self.negatives, 1) if self.negatives else None
        return [recall, round(3600 * self.false / self.seconds, 2), per_100, round(self.seconds / 3600, 2)]


def decide(profile: Profile, sound: fl.Wave | None, chat: Sequence[ChatMessage] | None, seconds: float) -> list[Moment]:
    """Every state change of every moment."""
    engine = Engine(profile, SessionId("smoke"))
    if sound is not None:
        for chunk in AudioFeatures().push(AudioBlock(start_ns=Ns(0), samples=sound.astype(np.float32))):
            engine.feed(chunk)
    if chat is not None:
        engine.available(Family.CHAT, True)
        engine.chat(chat)
    return [*engine.advance(ns(seconds)).moments, *engine.finish(ns(seconds)).moments]


def score(moments: Iterable[Moment], truth: Sequence[tuple[float, float]], negatives: int, seconds: float) -> Tally:
    """One-to-one by falling p; what was shown and hit nothing is false, withdrawn or not."""
    shown = {m.id: m for m in moments if m.state is MomentState.PROVISIONAL}
    left = sorted(shown.values(), key=lambda m: -m.p)
    hits = 0
    for start_s, end_s in truth:
        near = [m for m in left if start_s - TOLERANCE_S <= to_s(m.anchor_ns) <= end_s + TOLERANCE_S]
        if near:
            hits += 1
            left.remove(near[0])
    return Tally(hits, len(truth), len(left), negatives, seconds)


def read_sound(path: Path) -> fl.Wave:
    """A recording at 16 kHz mono, at most 12 s."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=fl.RATE)
    with av.open(str(path)) as container:
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts)[: 12 * fl.RATE].astype(np.float64)


def real_sounds(names: Sequence[str]) -> Sounds:
    """Recordings of the shared media; empty where that is absent."""
    folder = MEDIA / "fx-audio-events"
    return {name: read_sound(folder / name) for name in names if (folder / name).is_file()}


def made_sounds(rng: np.random.Generator, makers: Mapping[str, fl.Maker]) -> Sounds:
    """One sound of each maker."""
    return {name: make(rng, fl.LENGTHS_S.get(name, rng.uniform(2.5, 6.0))) for name, make in makers.items()}


def planted_stream(seed: int, family: str, bed: str, over_db: float, profile: Profile) -> Tally:
    """Build one stream, run it, score it."""
    rng = np.random.default_rng([seed, 7])
    made = family == "code"
    positives = made_sounds(rng, fl.POSITIVES) if made else real_sounds(REAL_POSITIVES)
    negatives = made_sounds(rng, fl.NEGATIVES) if made else real_sounds(REAL_NEGATIVES)
    if not positives:
        return Tally()
    sound = fl.talk(rng, SECONDS, pitch_hz=float(rng.choice([105, 125, 190, 215])))
    if bed == "talk+game":
        sound = sound + fl.game(rng, SECONDS)
    truth = []
    for at in (60.0, 150.0, 240.0):
        start, chosen = at + float(rng.uniform(0, 10)), positives[str(rng.choice(sorted(positives)))]
        fl.add(sound, chosen, start, over_db)
        truth.append((start, start + len(chosen) / fl.RATE))
    for at in (20.0, 95.0, 185.0, 270.0):
        fl.add(sound, negatives[str(rng.choice(sorted(negatives)))], at + float(rng.uniform(0, 5)), over_db)
    return score(decide(profile, sound, None, SECONDS), truth, 4, SECONDS)


def quiet_stream(seed: int, bed: str, profile: Profile) -> Tally:
    """Ten minutes in which nothing happens."""
    rng, seconds = np.random.default_rng([seed, 8]), 600.0
    sound = fl.talk(rng, seconds, pitch_hz=float(rng.choice([105, 125, 190, 215]))) if bed != "game" else None
    if bed != "talk":
        world = fl.game(rng, seconds)
        sound = world if sound is None else sound + world
    return score(decide(profile, sound, None, seconds), [], 0, seconds)


def chat_stream(seed: int, per_min: float, factor: float, profile: Profile) -> Tally:
    """Two hours of chat with six bursts an hour (none with factor 1); a moment lies 8 s before its burst."""
    rng, seconds = np.random.default_rng([seed, 9]), 7200.0
    starts = [at + float(rng.uniform(0, 200)) for at in range(400, 6800, 600)] if factor > 1 else []
    chat = fl.chat(rng, seconds, per_min, tuple((at, factor) for at in starts))
    # without a sound the lag cannot be learned, so a clip counts if it shows the moment
    moments = decide(profile, None, chat, seconds)
    shown = {m.id: m for m in moments if m.state is MomentState.PROVISIONAL}
    hits = [at for at in starts if any(m.start_ns <= ns(at - 8) <= m.end_ns for m in shown.values())]
    return Tally(len(hits), len(starts), len(shown) - len(hits), 0, seconds)


def real_chat(profile: Profile) -> list[list[object]]:
    """Clips an hour on a real chat, and rate alarms an hour on message counts of 75 hours."""
    rows: list[list[object]] = []
    log = MEDIA / "fx-chat" / "twitch_chat_48min.jsonl"
    if log.is_file():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        chat = [ChatMessage(t_ns=ns(x["t"]), user=x["user"], text=x["text"]) for x in lines]
        rows.append(["real chat, 49 min", *score(decide(profile, None, chat, 2925.0), [], 0, 2925.0).cells()])
    counts = MEDIA / "fx-chat-counts" / "activity.jsonl"
    if counts.is_file():
        alarms, hours = 0, 0.0
        for line in counts.read_text().splitlines()[:20]:
            found, length = rate_alarms(json.loads(line), profile)
            alarms, hours = alarms + found, hours + length
        rows.append(["counts only: alarms with r >= 1.2", None, round(alarms / hours, 2), None, round(hours, 1)])
    return rows


def rate_alarms(vod: dict[str, Any], profile: Profile) -> tuple[int, float]:
    """How often the message rate alone rises to x3.3 (a log ratio of 1.2), where texts are not known."""
    rng = np.random.default_rng(int(vod["vod_id"]) % 1000)
    detector = ChatDetector(profile.detect)
    counts = next(vod[key] for key in ("counts", "activity", "buckets") if key in vod)
    messages = [
        ChatMessage(t_ns=ns(10 * i + t), user=f"u{rng.integers(400)}", text=f"line {rng.integers(10**6)}")
        for i, count in enumerate(counts)
        for t in np.sort(rng.uniform(0, 10, int(count)))
    ]
    detector.chat(messages)
    strong: set[Ns] = set()
    for step in range(1, 20 * len(counts)):
        for event in detector.advance(Ns(step * NS_PER_S // 2)):
            if event.kind == "chat_rate" and event.values["peak"] >= 1.2:
                strong.add(event.start_ns)
    return len(strong), len(counts) / 360


def total(tallies: Iterable[Tally]) -> Tally:
    """All streams of one row."""
    return functools.reduce(Tally.plus, tallies, Tally())


def half_rows(half: str, seeds: Sequence[int], profile: Profile) -> Iterator[list[object]]:
    """Every kind of stream over one half of the seeds."""
    for family, bed, over_db in itertools.product(("code", "real"), ("talk", "talk+game"), LEVELS_DB):
        tally = total(planted_stream(seed, family, bed, over_db, profile) for seed in seeds)
        if tally.planted:
            yield [f"{half}: {family} sounds, {bed}, +{over_db:g} dB", *tally.cells()]
    for bed in ("talk", "game", "talk+game"):
        yield [f"{half}: quiet {bed}", *total(quiet_stream(seed, bed, profile) for seed in seeds).cells()]
    for per_min, factor in ((10, 1), (40, 1), (150, 1), (20, 4), (40, 4), (150, 4)):
        tally = total(chat_stream(seed, per_min, factor, profile) for seed in seeds[:3])
        yield [f"{half}: chat {per_min}/min, bursts x{factor}", *tally.cells()]


def main() -> None:
    """Print the table; write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    profile = load_profile(args.profile)
    seeds = range(args.seeds)
    rows = [*half_rows("tried", seeds[::2], profile), *half_rows("held out", seeds[1::2], profile)]
    rows += real_chat(profile)
    columns = ("streams", "recall", "false/h", "false/100 neg", "hours")
    print(render_table(columns, rows))
    if args.out:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        write_json(args.out, named, seeds=args.seeds, profile=profile.name)


if __name__ == "__main__":
    main()
