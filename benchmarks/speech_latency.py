"""From a word said to that word final, on live streams: python -m benchmarks.speech_latency --streams 1 3 8

Each stream is a live HLS origin over loopback (1080p60, 8 Mbit/s, 2 s segments) on which somebody talks without pauses
over a game, and a worker of its own, everything on. A word's latency is the wall clock of its final `transcript` line
less the time at which the origin had handed out the segment with the word's end; `said` counts from when that end
happened at the origin, so it has the wait for the segment too. Where words end is known from faster-whisper's own
`transcribe` of the clean talk; words are those both have. The first 40 s are left out: eight models take 20 to load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from benchmarks.common import render_table, write_json
from benchmarks.hearing.corpus import real_speech
from benchmarks.hearing.listen import Recogniser, TimedWord
from benchmarks.hearing.scores import same_words
from benchmarks.hearing.talk import offset_s, talking
from configs import load_settings
from core.media import SPEECH_TRACK
from core.times import NS_PER_S
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo import LiveOrigin
from daemon.demo.render import StreamMedia, VideoLoop
from telemetry import SystemClock
from tests.synthetic_streams import busy_source, plain

WARM_S: Final = 40.0
ALIGNED_S: Final = 1.5  # the same word said later is another one
LEVELS: Final = 4
EVERY: Final = 10  # progress lines for one point of the curves in the JSON


@dataclass(slots=True)
class Stream:
    """What a worker said, and when the origin gave what. `words` are final ones: the word, why, and the line's wall."""

    seed: int
    given_s: dict[int, float] = field(default_factory=dict)
    words: list[tuple[TimedWord, str, float]] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    lost_s: float = 0.0

    def line(self, line: dict[str, Any]) -> None:
        """Keep what is measured."""
        if line["type"] == "transcript" and line["final"]:
            wall_s = datetime.fromisoformat(line["wall"]).timestamp()
            self.words += [
                (TimedWord(word["text"], word["start_s"], word["end_s"]), line["reason"], wall_s)
                for word in line["words"]
            ]
        elif line["type"] == "progress" and line["state"] == "live" and line["lag_s"] is not None:
            self.progress.append(line)
        elif line["type"] == "summary":
            self.summary = line
        elif line["type"] == "gap" and line["track"] == SPEECH_TRACK:
            self.lost_s += line["end_s"] - line["start_s"]

    def note(self, media: StreamMedia) -> None:
        """Take the time whenever the origin hands out a segment for the first time."""
        make = media.segment

        def segment(index: int, rendition: Any = "main") -> bytes:
            data = make(index, rendition)
            self.given_s.setdefault(index, time.time())
            return data

        media.segment = segment  # type: ignore[method-assign]


class Silent:
    """A view that shows nothing."""

    def line(self, line: dict[str, Any]) -> None:
        """Seen elsewhere."""

    def close(self) -> None:
        """Nothing to give back."""


async def play(streams: int, seconds: float, model: str, folder: Path) -> tuple[list[Stream], list[LiveOrigin], float]:
    """All streams at once; also the CPU seconds of their origins."""
    settings = load_settings(profile="gaming", data_dir=folder / "data", speech={"model": model})
    video, kept = VideoLoop(busy_source(folder / "media")), [Stream(seed) for seed in range(streams)]
    async with contextlib.AsyncExitStack() as stack:
        with talking():
            origins = [
                await stack.enter_async_context(LiveOrigin(plain(one.seed, seconds + 30), SystemClock(), video=video))
                for one in kept
            ]
        for one, origin in zip(kept, origins, strict=True):
            one.note(origin.media)
        requests = [
            WatchRequest(
                kind="stream",
                source=origin.url,
                settings=settings,
                out_dir=None,
                speed=1.0,
                chat=origin.chat_url,
                chat_delay_s=0.0,
                duration_s=seconds,
            )
            for origin in origins
        ]
        specs = [build_spec(request) for request in requests]
        by_session = {str(spec.session): one for spec, one in zip(specs, kept, strict=True)}
        before = resource.getrusage(resource.RUSAGE_SELF)
        await watch(specs, Silent(), on_line=lambda line: by_session[str(line["session"])].line(line))
        after = resource.getrusage(resource.RUSAGE_SELF)
    return kept, origins, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one word, in seconds."""

    reason: str
    arrived: float
    said: float


def reference(talk: list[TimedWord], length_s: float, seed: int, seconds: float) -> list[TimedWord]:
    """The words of a stream, on its own time."""
    rounds = (
        TimedWord(word.text, word.start_s + shift, word.end_s + shift)
        for shift in (n * length_s - offset_s(seed) % length_s for n in count())
        for word in talk
    )
    return [word for word in takewhile(lambda word: word.end_s < seconds, rounds) if word.start_s >= 0]


def latencies(one: Stream, origin: LiveOrigin, said: list[TimedWord]) -> list[Latency]:
    """Of each word that both have at the same place. A worker that came late begins with a later segment."""
    gop_ns, start_ns = origin.media.video.gop_ns, origin.wall_start_ns
    assert start_ns is not None
    pairs = [
        (said[here].end_s, *one.words[there]) for here, there in same_words(said, [word for word, *_ in one.words])
    ]
    gop_s = gop_ns / NS_PER_S
    late_s = (
        gop_s * round(float(np.median([end_s - word.end_s for end_s, word, *_ in pairs])) / gop_s) if pairs else 0.0
    )
    found = []
    for end_s, word, reason, wall_s in pairs:
        given_s = one.given_s.get(int(end_s * NS_PER_S) // gop_ns)
        if end_s > WARM_S and given_s is not None and abs(word.end_s + late_s - end_s) < ALIGNED_S:
            found.append(Latency(reason, wall_s - given_s, wall_s - start_ns / NS_PER_S - end_s))
    return found


def stream_row(streams: int, one: Stream, found: int, said: int, seconds: float) -> dict[str, Any]:
    """CPU as a share of one core; what came of the words, lag of analysis and speech, back-pressure."""
    lag = [(line["captured_s"], line["lag_s"]) for line in one.progress if line["captured_s"] > WARM_S]
    speech = [
        (line["captured_s"], line["speech"]["lag_s"])
        for line in one.progress
        if line.get("speech") and line["captured_s"] > WARM_S
    ]
    levels = Counter(line["speech"]["level"] for line in one.progress if line.get("speech"))
    return {
        "streams": streams,
        "stream": one.seed,
        "core %": round(100 * one.summary["cpu_s"] / one.summary["wall_s"], 1),
        "words/s": round(len(one.words) / seconds, 2),
        "found %": round(100 * found / max(said, 1), 1),
        "not heard s": round(one.lost_s, 1),
        **lag_cells("analysis", lag),
        **lag_cells("speech", speech),
        "s at L0-L3": "/".join(str(levels[level]) for level in range(LEVELS)),
        "gaps": one.summary["gaps"],
        "RSS MB": one.summary["peak_rss_mb"],
    }


def lag_cells(name: str, points: list[tuple[float, float]]) -> dict[str, Any]:
    """Median, largest, and by how much a fitted line rises."""
    names = (f"{name} lag p50 s", f"{name} max s", f"{name} slope ms/s")
    if len(points) < 3:
        return dict.fromkeys(names)
    at = np.array(points)
    slope = float(np.polyfit(at[:, 0], at[:, 1], 1)[0])
    values = (round(float(np.median(at[:, 1])), 2), round(float(at[:, 1].max()), 2), round(1000 * slope, 2))
    return dict(zip(names, values, strict=True))


def latency_rows(streams: int, found: list[Latency]) -> list[dict[str, Any]]:
    """All words, and those of each reason."""
    groups = {"all": found} | {
        reason: [word for word in found if word.reason == reason] for reason in sorted({word.reason for word in found})
    }
    return [
        {
            "streams": streams,
            "reason": reason,
            "words": len(words),
            **percentiles("arrived", words),
            **percentiles("said", words),
        }
        for reason, words in groups.items()
        if words
    ]


def percentiles(since: Literal["arrived", "said"], words: list[Latency]) -> dict[str, float]:
    """Median and 95th, in seconds."""
    p50, p95 = np.percentile([getattr(word, since) for word in words], [50, 95])
    return {f"{since} p50 s": round(float(p50), 2), f"{since} p95 s": round(float(p95), 2)}


def curve(one: Stream) -> list[dict[str, Any]]:
    """Lag and level over time."""
    names = ("captured_s", "lag_s", "speech")
    return [{name: line.get(name) for name in names} for line in one.progress[::EVERY]]


async def run(
    args: argparse.Namespace, folder: Path
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Rows of words, rows of streams, and what else goes into the JSON."""
    talk = real_speech()
    recogniser = Recogniser.open(args.model, folder / "data")
    words, facts = recogniser.offline(talk.sound).words, recogniser.facts
    del recogniser  # the workers need the memory and the cores
    by_word: list[dict[str, Any]] = []
    by_stream: list[dict[str, Any]] = []
    curves = {}
    for streams in args.streams:
        kept, origins, origins_s = await play(streams, args.seconds, args.model, folder)
        print(f"{streams} streams: origins and supervisor took {100 * origins_s / args.seconds:.1f} % of a core")
        all_found: list[Latency] = []
        for one, origin in zip(kept, origins, strict=True):
            said = reference(words, talk.seconds, one.seed, args.seconds)
            found = latencies(one, origin, said)
            all_found += found
            late = sum(word.end_s > WARM_S for word in said)
            by_stream.append(stream_row(streams, one, len(found), late, args.seconds))
        by_word += latency_rows(streams, all_found)
        curves[streams] = [curve(one) for one in kept]
    return by_word, by_stream, {**facts, "curves": curves}


def main() -> None:
    """Print both tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 3, 8])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--out", type=Path, default=Path("docs/results/speech_latency.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        by_word, by_stream, facts = asyncio.run(run(args, Path(folder)))
    for rows in (by_word, by_stream):
        print(render_table(list(rows[0]), [list(row.values()) for row in rows]))
    write_json(args.out, by_word, by_stream=by_stream, seconds=args.seconds, **facts)


if __name__ == "__main__":
    main()
