"""What hostile texts do to captions: every one is drawn in a real frame by the bundled ffmpeg.

    python -m benchmarks.captions_hostile --texts 2000 --out docs/results/captions_hostile.json

Several texts share a run; each stands on frames of its own. A failure is: a crash or an error of ours or ffmpeg's,
another filter graph than for plain words, a letter that libass had no font for, ink outside the canvas' safe area, a
frame that hides more than half of the picture, or a child that takes more than 256 MB of memory.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import render_table, write_json
from benchmarks.hostile_texts import hostile_texts
from core.times import Ns, ns
from core.words import Word
from daemon.captioning import CaptionOptions, Captions, FontBook, Stage, caption_filter, caption_script, styles
from daemon.captioning.ass import Event, script
from daemon.captioning.fonts import place_fonts
from daemon.captioning.script import SCRIPT
from daemon.ffmpeg import Filter, Graph, Limits, Name, chain, run_ffmpeg

STAGE: Final = Stage.plain(1080, 1920)
BATCH: Final = 20
MEMORY_MB: Final = 256
_STEP_S: Final = 60
_WORD_S: Final = 0.3
_DRAWN_AT_S: Final = (0.35, 1.5)  # two instants of each text
_SMALL: Final = (270, 480)  # what is looked at
_COLUMNS: Final = ("texts", "failures", "letters without a font", "peak MB", "events", "s a text")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one batch."""

    failures: tuple[str, ...]
    graph: str
    events: int
    missing: int


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("docs/results/captions_hostile.json"))
    args = parser.parse_args()
    begun = time.monotonic()
    texts = hostile_texts(args.texts, args.seed)
    outcomes = [drawn(texts[at : at + BATCH], at // BATCH) for at in range(0, len(texts), BATCH)]
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    graphs = {outcome.graph for outcome in outcomes}
    row: dict[str, Any] = {
        "texts": len(texts),
        "failures": len(failures),
        "letters without a font": sum(outcome.missing for outcome in outcomes),
        "peak MB": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "events": sum(outcome.events for outcome in outcomes),
        "s a text": round((time.monotonic() - begun) / len(texts), 3),
    }
    if row["peak MB"] > MEMORY_MB:
        failures.append(f"a child took {row['peak MB']} MB")
    if len(graphs) != 1:
        failures.append(f"{len(graphs)} different graphs")
    row["failures"] = len(failures)
    print(render_table(_COLUMNS, [[row[column] for column in _COLUMNS]]))
    for failure in failures[:20]:
        print(failure)
    write_json(args.out, [row], graphs=sorted(graphs), limit_mb=MEMORY_MB, seed=args.seed, failed=failures[:100])


def drawn(texts: Sequence[Sequence[str]], number: int) -> Outcome:
    """Texts in the styles in turn, and what is wrong with their frames."""
    book, names = FontBook(), list(styles())
    made = [
        _captions(words, CaptionOptions(style=names[(number + at) % len(names)], mask="letters"), book)
        for at, words in enumerate(texts)
    ]
    instants = [(one, ns(t_s)) for one in made for t_s in _DRAWN_AT_S]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = [event for at, (one, t_ns) in enumerate(instants) for event in _moved(one, t_ns, at)]
        (folder / SCRIPT).write_text(script(STAGE.width, STAGE.height, events), "utf-8")
        fonts = place_fonts(folder, [face for one in made for face in one.faces])
        graph = Graph((chain("0:v", _filters(fonts), "out"),)).text()
        said = _run(folder, graph, len(instants))
        frames = np.fromfile(folder / "out.gray", np.uint8).reshape(-1, _SMALL[1], _SMALL[0])
    failures = [f"batch {number}: {line}" for line in said.splitlines() if "selecting one more font" in line]
    failures += [] if len(frames) == len(instants) else [f"batch {number}: {len(frames)} frames"]
    for at, frame in enumerate(frames):
        failures += [f"{texts[at // len(_DRAWN_AT_S)]!r:.300}: {fault}" for fault in _faults(frame)]
    missing = sum(len(each.letters) for one in made for each in one.missing)
    return Outcome(tuple(failures), graph, sum(len(one.events) for one in made), missing)


def _captions(texts: Sequence[str], options: CaptionOptions, book: FontBook) -> Captions:
    words = [
        Word(text=text, start_ns=ns(at * _WORD_S), end_ns=ns((at + 0.9) * _WORD_S), prob=1.0, vad=1.0, epoch=0)
        for at, text in enumerate(texts)
    ]
    return caption_script(words, Ns(words[-1].end_ns + ns(1)), options, STAGE, book)


def _moved(captions: Captions, t_ns: Ns, at: int) -> list[Event]:
    """What is seen at an instant, on the frame of its own."""
    t_cs = t_ns // 10_000_000
    by = 100 * _STEP_S * (at + 1) - t_cs
    seen = [event for event in captions.events if event.start_cs <= t_cs < event.end_cs]
    return [replace(event, start_cs=event.start_cs + by, end_cs=event.end_cs + by) for event in seen]


def _filters(fonts: Name) -> list[Filter]:
    small = Filter.of("scale", w=_SMALL[0], h=_SMALL[1])
    return [caption_filter(SCRIPT, fonts), small, Filter.of("format", pix_fmts="gray")]


def _run(folder: Path, graph: str, frames: int) -> str:
    source = f"color=0x808080:s={STAGE.width}x{STAGE.height}:r=1/{_STEP_S}:d={_STEP_S * (frames + 1)}"
    arguments = ["-loglevel", "verbose", "-f", "lavfi", "-i", source, "-filter_complex", graph, "-map", "[out]"]
    arguments += ["-ss", str(_STEP_S), "-fps_mode", "passthrough", "-f", "rawvideo", "file:out.gray"]
    return run_ffmpeg(arguments, folder=folder, limits=Limits(cpu_s=120, wall_s=240))


def _faults(frame: NDArray[np.uint8]) -> list[str]:
    ink = np.abs(frame.astype(int) - 128) > 24
    if not ink.any():
        return []
    rows, columns = np.nonzero(ink.any(axis=1))[0], np.nonzero(ink.any(axis=0))[0]
    share_x, share_y = _SMALL[0] / STAGE.width, _SMALL[1] / STAGE.height
    inside = (
        columns[0] >= STAGE.left * share_x - 1
        and columns[-1] <= (STAGE.width - STAGE.right) * share_x + 1
        and rows[0] >= STAGE.top * share_y - 1
        and rows[-1] <= (STAGE.height - STAGE.bottom) * share_y + 1
    )
    faults = [] if inside else [f"ink at {columns[0]}..{columns[-1]} x {rows[0]}..{rows[-1]}"]
    return faults + (["it hides the picture"] if ink.mean() > 0.5 else [])


if __name__ == "__main__":
    main()
