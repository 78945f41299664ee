"""CPU time of signals and engine per second of media: python -m benchmarks.detectors --minutes 10

One core, one stream, sound in blocks as a decoder gives them, the engine on its grid of half a second.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.ids import SessionId
from core.media import AudioBlock
from core.moments import Family
from core.signals import SignalChunk
from core.times import Ns, ns
from detectors import AudioFeatures, Engine
from tests.synthetic_streams import feature_level as fl

BLOCKS = (341, 1600, 16_000)  # an AAC frame of 48 kHz, a row, a second
COLUMNS = ("part", "block", "cpu ms per media s", "share of a core %")


def features_cost(sound: fl.Wave, block: int) -> tuple[float, list[SignalChunk]]:
    """CPU seconds for the whole sound, and its signals."""
    samples, features, chunks = sound.astype(np.float32), AudioFeatures(), []
    began = time.process_time()
    for at in range(0, len(samples), block):
        chunks += features.push(AudioBlock(start_ns=Ns(at * 62_500), samples=samples[at : at + block]))
    return time.process_time() - began, chunks


def engine_cost(chunks: list[SignalChunk], seconds: float, per_min: float, profile: str) -> float:
    """CPU seconds for every decision, with a chat of so many lines a minute."""
    engine = Engine(load_profile(profile), SessionId("bench"))
    chat = fl.chat(np.random.default_rng(3), seconds, per_min) if per_min else []
    engine.available(Family.CHAT, bool(chat))
    began, fed, said = time.process_time(), 0, 0
    for step in range(1, int(seconds * 2) + 1):
        now = ns(step / 2)
        while fed < len(chunks) and chunks[fed].end_ns <= now:
            engine.feed(chunks[fed])
            fed += 1
        first = said
        while said < len(chat) and chat[said].t_ns <= now:
            said += 1
        engine.chat(chat[first:said])
        engine.advance(now)
    return time.process_time() - began


def main() -> None:
    """Print the table; write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    seconds = args.minutes * 60
    rng = np.random.default_rng(1)
    sound = fl.talk(rng, seconds) + fl.game(rng, seconds)
    rows: list[list[object]] = []
    chunks: list[SignalChunk] = []
    for block in BLOCKS:
        cost, chunks = features_cost(sound, block)
        rows.append(["signals", block, round(1000 * cost / seconds, 2), round(100 * cost / seconds, 2)])
    _, chunks = features_cost(sound, 1600)
    for per_min in (0.0, 30.0, 150.0, 1500.0):
        cost = engine_cost(chunks, seconds, per_min, args.profile)
        name = f"engine, chat {per_min:g}/min"
        rows.append([name, None, round(1000 * cost / seconds, 2), round(100 * cost / seconds, 2)])
    print(render_table(COLUMNS, rows))
    if args.out:
        named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        write_json(args.out, named, minutes=args.minutes, profile=args.profile)


if __name__ == "__main__":
    main()
