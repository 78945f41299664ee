"""Words that nobody said, and words that the gates cost: python -m benchmarks.speech_invented --minutes 10

Words a minute on sound without words, by the live planner, by the packed one, and by the packed one without gates: its
VAD says speech for every frame, so all is decoded and every word lies on speech, and no hypothesis is at fault. Then
speech over music: deletions with the gates less deletions without, in points of the reference words. Without means
either just that (`all`), or that the VAD has heard the same speech without the music (`clean`): utterances are cut
where they should be, and nothing is refused.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.common import render_table, write_json
from benchmarks.hearing.corpus import Corpus, Pcm, at_rms, music, real_speech, rms_dbfs, wordless
from benchmarks.hearing.listen import MakePlanner, Recogniser, ToldSpeech, all_speech, live, packed, without_gates
from benchmarks.hearing.scores import errors, interval

OVER_MUSIC_DB: Final = (10, 5, 0)
PLANNERS: Final[tuple[tuple[str, MakePlanner], ...]] = (("live", live), ("packed", packed))


def invented(name: str, sound: Pcm, minutes: float, recogniser: Recogniser) -> dict[str, Any]:
    """One sound."""
    on_live, on_packed = recogniser.listen(live, sound), recogniser.listen(packed, sound)
    with without_gates():
        off = recogniser.listen(packed, sound, all_speech())
    return {
        "sound": name,
        "minutes": round(minutes, 1),
        "live /min": round(len(on_live.words) / minutes, 2),
        "packed /min": round(len(on_packed.words) / minutes, 2),
        "no gates /min": round(len(off.words) / minutes, 2),
        "live decodes": on_live.tally.decodes,
        "packed decodes": on_packed.tally.decodes,
        "refused by live": sum(on_live.tally.dropped.values()),
        "said": on_live.text[:60],
    }


def over_music(corpus: Corpus, recogniser: Recogniser) -> Iterator[dict[str, Any]]:
    """One row a level and planner."""
    bed = np.resize(music(), len(corpus.sound))
    clean = recogniser.probabilities(corpus.sound)
    for over_db in OVER_MUSIC_DB:
        mixed = corpus.sound + at_rms(bed, rms_dbfs(corpus.sound) - over_db)
        for name, make in PLANNERS:
            yield {
                "speech over music": f"+{over_db} dB",
                "planner": name,
                **lost(corpus, mixed, make, clean, recogniser),
            }


def lost(corpus: Corpus, mixed: Pcm, make: MakePlanner, clean: list[float], recogniser: Recogniser) -> dict[str, Any]:
    """Deletions with and without gates."""
    gated = errors(corpus, recogniser.listen(make, mixed).text)
    cells: dict[str, Any] = {"WER %": round(gated.wer, 1), "deleted %": round(gated.lost, 2)}
    for name, vad in (("all", all_speech()), ("clean", ToldSpeech(clean))):
        with without_gates():
            free = errors(corpus, recogniser.listen(make, mixed, vad).text)
        low, high = interval(gated.deleted - free.deleted, free.words)
        cells |= {
            f"deleted % ({name})": round(free.lost, 2),
            f"lost ({name})": round(gated.lost - free.lost, 2),
            f"95 % ({name})": f"{low} to {high}",
        }
    return cells


def show(rows: list[dict[str, Any]]) -> None:
    """As a table."""
    print(render_table(list(rows[0]), [list(row.values()) for row in rows]))


def main() -> None:
    """Print both tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="auto")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clips", type=int, help="speech over music: so many of each collection; all when left out")
    parser.add_argument("--out", type=Path, default=Path("docs/results/speech_invented.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recogniser = Recogniser.open(args.model, Path(folder))
        sounds = wordless(60 * args.minutes)
        rows = [invented(name, sound, args.minutes, recogniser) for name, sound in sounds.items()]
        show(rows)
        mixed = list(over_music(real_speech(args.clips), recogniser))
        show(mixed)
    write_json(args.out, rows, **recogniser.facts, minutes=args.minutes, over_music=mixed)


if __name__ == "__main__":
    main()
