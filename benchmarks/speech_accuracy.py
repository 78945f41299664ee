"""Words that are right, and when they start: python -m benchmarks.speech_accuracy

The live and the packed planner against faster-whisper's own `transcribe` on the same sound with the same model; WER on
Whisper-normalised text, intervals of 95 % over utterances. Starts are compared with offline's for words both have.
`delay` is media time from a word's end until it is final, without the time that decoding takes. RTF is decoding alone.
The last rows change one thing of the live planner: a beam of 1 for its ticks or for all it decodes, and 0.8 s of
silence to end an utterance.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.common import render_table, write_json
from benchmarks.hearing.corpus import Corpus, made_speech, real_speech
from benchmarks.hearing.listen import Heard, MakePlanner, Recogniser, live, packed
from benchmarks.hearing.scores import Errors, errors, interval, same_words
from core.media import AUDIO_RATE
from core.times import Ns
from daemon.speech import vad
from daemon.speech.live import LivePlanner, Pace
from daemon.speech.planner import Planner, Steps, Voice


class QuickTicks(LivePlanner):
    """Searches with a beam of 1 while somebody speaks, and with the usual one where an utterance ends."""

    def _tick(self, tick: int) -> Steps:
        self.pace = replace(self.pace, beam=1)
        events = yield from super()._tick(tick)
        self.pace = Pace()
        return events


def quick_ticks(voice: Voice) -> Planner:
    """Beam 1 for ticks."""
    return QuickTicks(0, Ns(0), voice)


def quick(voice: Voice) -> Planner:
    """Beam 1 for everything."""
    planner = LivePlanner(0, Ns(0), voice)
    planner.pace = Pace(beam=1)
    return planner


def variants() -> Iterator[tuple[str, MakePlanner, contextlib.AbstractContextManager[Any]]]:
    """What is compared with offline."""
    yield "live", live, contextlib.nullcontext()
    yield "packed", packed, contextlib.nullcontext()
    yield "live, ticks with beam 1", quick_ticks, contextlib.nullcontext()
    yield "live, all with beam 1", quick, contextlib.nullcontext()
    yield "live, end after 0.8 s", live, mock.patch.object(vad, "END", AUDIO_RATE * 8 // 10)


def measure(corpus: Corpus, recogniser: Recogniser) -> list[dict[str, Any]]:
    """One row a variant, offline first."""
    offline = recogniser.offline(corpus.sound)
    base = errors(corpus, offline.text)
    rows = [row(corpus, "offline", offline, base)]
    for name, make, change in variants():
        with change:
            heard = recogniser.listen(make, corpus.sound)
        found = errors(corpus, heard.text)
        rows.append({**row(corpus, name, heard, found), **compared(found, base, heard, offline)})
    return rows


def row(corpus: Corpus, name: str, heard: Heard, found: Errors) -> dict[str, Any]:
    """What stands for itself."""
    p50, p95 = np.percentile(heard.delays_s, [50, 95]) if heard.delays_s else (None, None)
    return {
        "speech": corpus.name,
        "planner": name,
        "WER %": round(found.wer, 2),
        "95 %": "{} to {}".format(*interval(found.errors, found.words)),
        "over offline": None,
        "of that 95 %": None,
        "start p50 ms": None,
        "start p95 ms": None,
        "delay p50 s": None if p50 is None else round(float(p50), 2),
        "delay p95 s": None if p95 is None else round(float(p95), 2),
        "decodes": heard.tally.decodes or None,
        "RTF": round(heard.decode_s / corpus.seconds, 3),
    }


def compared(found: Errors, base: Errors, heard: Heard, offline: Heard) -> dict[str, Any]:
    """Against offline: points of WER, drawn in pairs, and the starts of the same words."""
    pairs = same_words(offline.words, heard.words)
    off_s = [abs(heard.words[there].start_s - offline.words[here].start_s) for here, there in pairs]
    p50, p95 = np.percentile(off_s, [50, 95])
    return {
        "over offline": round(found.wer - base.wer, 2),
        "of that 95 %": "{} to {}".format(*interval(found.errors - base.errors, base.words)),
        "start p50 ms": round(1000 * float(p50)),
        "start p95 ms": round(1000 * float(p95)),
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--clips", type=int, help="at most so many of each collection; all when left out")
    parser.add_argument("--out", type=Path, default=Path("docs/results/speech_accuracy.json"))
    args = parser.parse_args()
    corpora = [real_speech(args.clips), made_speech(args.clips)]
    with tempfile.TemporaryDirectory() as folder:
        recogniser = Recogniser.open(args.model, Path(folder))
        rows = [line for corpus in corpora for line in measure(corpus, recogniser)]
    print(render_table(list(rows[0]), [list(r.values()) for r in rows]))
    lengths = {c.name: {"seconds": round(c.seconds, 1), "utterances": len(c.texts)} for c in corpora}
    write_json(args.out, rows, **recogniser.facts, speech=lengths)


if __name__ == "__main__":
    main()
