"""From a master to a vertical, captioned clip: seconds by step, beside plain ffmpeg doing the same in the same run.

    python -m benchmarks.finish --out docs/results/finish.json

The source is real footage from ../shared/media, made 1080p60 at 8 Mbit/s (1080p30 at 6, 720p30 at 3), with real
speech. `plain ffmpeg` is one command that crops the middle, draws the same captions, levels nothing and codes with the
same encoder settings. `x length` is wall time by the clip's length; the budget is 0.5 on two quiet cores. `CPU/2` is
processor time on both cores by the clip's length, which is the least that wall time can be and changes less on a busy
machine. `ssim` is of the finished picture against a lossless one of the same graph; beside it that of x264's preset
slow at the same CRF.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import imageio_ffmpeg

from benchmarks.common import render_table, write_json
from core.edits import EditDecision, RenderSpec
from core.ids import ClipId, SessionId
from core.times import ns, to_s
from core.words import Word
from daemon.captioning import CaptionOptions, FontBook, caption_script
from daemon.clips import ClipContext, make_clip
from daemon.ffmpeg import choose_encoder, coding_arguments
from daemon.finish.clip import CutClip, read_cut
from daemon.finish.extras import make_extras
from daemon.finish.make import Wishes, dressed, finish_revision, make_formats, publish_in
from daemon.finish.plan import FormatPlan
from daemon.finish.prepare import Preparation
from daemon.framing import BlazeFace, LayoutRule
from daemon.ingest.files import scan_footage
from daemon.platforms import load_platform
from tests.media import media

FFMPEG: Final = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-y", "-v", "error"]
BUDGET: Final = 0.5
COLUMNS: Final = ("footage", "source", "step", "wall s", "CPU s", "x length", "CPU/2", "by plain")
SOURCES: Final = {
    "1080p60": (1920, 1080, 60, "8M"),
    "1080p30": (1920, 1080, 30, "6M"),
    "720p30": (1280, 720, 30, "3M"),
}
FOOTAGE: Final = {
    "people": "fx-video/intel/head-pose-face-detection-female-and-male.mp4",
    "cycling": "fx-video/bikes.mp4",
    "animation": "fx-video/bigbuckbunny.mp4",
    "game": "fx-game/fx_ministream.mp4",
}
_TEXT: Final = (
    "and so my fellow Americans ask not what your country can do for you ask what you can do for your country"
)


class Watch:
    """Wall and CPU seconds of steps, children included."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[float, float]] = {}

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """Run and remember."""
        wall, cpu = time.monotonic(), _cpu_s()
        made = work()
        self.rows[name] = (time.monotonic() - wall, _cpu_s() - cpu)
        return made


def measure(name: str, source: str, seconds: float, folder: Path) -> tuple[list[list[object]], dict[str, Any]]:
    """The rows of one footage, and what was decided."""
    made_from = _source(FOOTAGE[name], source, seconds + 2, folder / f"{name}-{source}.mp4")
    clip = _cut(made_from, seconds, folder / f"{name}-{source}")
    watch, finder, publish = Watch(), BlazeFace(), partial(publish_in, folder)
    preparation = Preparation(clip)
    plan = watch.step(
        "look, listen, plan",
        lambda: preparation.plan(load_platform("vertical"), LayoutRule(), "libx264", finder),
    )
    made = watch.step("render", lambda: make_formats(clip, [plan], publish, lambda _: None, threading.Event()))
    watch.step("posters, timelines", lambda: make_extras(clip, made.plans, finder, preparation.posters()))
    wishes = Wishes(formats=("vertical",), captions=CaptionOptions(), rule=LayoutRule())
    watch.step("all, as a render does", lambda: finish_revision(clip.folder, wishes, lambda _: None, threading.Event()))
    watch.step("plain ffmpeg", lambda: _plain(clip, plan, folder))
    plain = watch.rows["plain ffmpeg"]
    rows = [_row(name, source, step, *spent, plain, seconds) for step, spent in watch.rows.items()]
    scenes = plan.framing.scenes
    facts = {
        "footage": name,
        "source": source,
        "layouts": sorted({scene.layout for scene in scenes}),
        "scenes": len(scenes),
        "coding": f"x264 {plan.video.preset}, CRF {plan.video.crf}, {plan.video.b_frames} B-frames",
        "bytes": (folder / "vertical.mp4").stat().st_size,
        "within_budget": watch.rows["all, as a render does"][0] <= BUDGET * seconds,
        "within_budget_by_cpu": watch.rows["all, as a render does"][1] / 2 <= BUDGET * seconds,
        "plain_within_budget_by_cpu": plain[1] / 2 <= BUDGET * seconds,
        "ssim": _ssim(clip, plan, folder / "vertical.mp4", folder),
    }
    return rows, facts


def _row(
    name: str, source: str, step: str, wall: float, cpu: float, plain: tuple[float, float], seconds: float
) -> list[object]:
    by_length = [round(wall / seconds, 2), round(cpu / 2 / seconds, 2)]
    return [name, source, step, round(wall, 2), round(cpu, 2), *by_length, round(cpu / plain[1], 2)]


def _plain(clip: CutClip, plan: FormatPlan, folder: Path) -> None:
    words, _ = clip.spoken()
    captions = caption_script(words, plan.length_ns, CaptionOptions(), plan.stage, FontBook())
    drawn = captions.write(folder)
    filters = (
        f"fps=30,crop=ih*9/16:ih,scale=1080:1920:flags=bicubic,ass={dict(drawn.options)['filename']}:fontsdir=fonts"
    )
    command = [
        *FFMPEG,
        "-ss",
        f"{to_s(plan.start_ns)}",
        "-t",
        f"{to_s(plan.length_ns)}",
        "-i",
        str(clip.master.absolute()),
    ]
    command += ["-vf", f"{filters},format=yuv420p", *coding_arguments(plan.video, choose_encoder("libx264"))]
    subprocess.run([*command, "-c:a", "aac", "-b:a", "160k", "plain.mp4"], cwd=folder, check=True, timeout=600)


def _ssim(clip: CutClip, plan: FormatPlan, made: Path, folder: Path) -> dict[str, float]:
    """Against the same graph without loss, of five seconds."""
    short = replace(plan, length_ns=min(plan.length_ns, ns(5)))
    found = {}
    lossless = _variant(
        clip, replace(short, video=replace(short.video, crf=0, preset="ultrafast", profile="high444")), folder / "q0"
    )
    for name in (plan.video.preset, "slow"):
        coded = _variant(clip, replace(short, video=replace(short.video, preset=name)), folder / name)
        found[name] = _likeness(coded, lossless)
    del made
    return found


def _variant(clip: CutClip, plan: FormatPlan, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    wide = replace(plan, sound=replace(plan.sound, length_ns=plan.length_ns))
    video = replace(wide.video, max_kbit_s=200_000, buffer_kbit=200_000) if plan.video.crf == 0 else wide.video
    make_formats(clip, [replace(wide, video=video)], partial(publish_in, folder), lambda _: None, threading.Event())
    return folder / f"{plan.name}.mp4"


def _likeness(coded: Path, reference: Path) -> float:
    command = [*FFMPEG[:-2], "-i", str(coded), "-i", str(reference), "-lavfi", "ssim", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stderr
    match = re.search(r"All:(\d\.\d+)", said)
    return round(float(match[1]), 4) if match else 0.0


def _source(name: str, source: str, seconds: float, target: Path) -> Path:
    """As in SOURCES, with speech, from footage that may be shorter; a keyframe every two seconds."""
    width, height, fps, rate = SOURCES[source]
    speech = media("fx-speech-real/jfk.flac")
    command = [*FFMPEG, "-stream_loop", "-1", "-i", str(media(name)), "-stream_loop", "-1", "-i", str(speech)]
    command += ["-map", "0:v:0", "-map", "1:a:0", "-t", f"{seconds}"]
    shape = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    command += ["-vf", f"{shape},fps={fps},format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-b:v", rate]
    command += ["-g", str(2 * fps), "-c:a", "aac", str(target)]
    subprocess.run(command, check=True, timeout=600)
    return target


def _cut(source: Path, seconds: float, folder: Path) -> CutClip:
    words, each = _TEXT.split(), 0.35
    starts = [1 + number * each for number in range(int((seconds - 1) / each))]
    said = tuple(
        Word(text=text, start_ns=ns(at), end_ns=ns(at + 0.9 * each), prob=0.9, vad=1.0, epoch=0)
        for text, at in zip(words * len(starts), starts, strict=False)
    )
    decision = EditDecision(
        clip=ClipId("c0123456789ab"),
        revision=1,
        session=SessionId("s20260101t000000-abcdef"),
        start_ns=ns(1),
        end_ns=ns(1 + seconds),
        title="A moment",
        score=0.9,
        reasons=("because",),
    )
    made = make_clip(scan_footage(source), decision, RenderSpec(), folder, ClipContext(source="test", words=said))
    wishes = Wishes(formats=("vertical",), captions=CaptionOptions(), rule=LayoutRule())
    return dressed(read_cut(made.folder), wishes)


def _cpu_s() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each clip")
    parser.add_argument("--footage", nargs="*", default=list(FOOTAGE), choices=list(FOOTAGE))
    parser.add_argument("--sources", nargs="*", default=["1080p60"], choices=list(SOURCES))
    parser.add_argument("--out", type=Path, default=Path("docs/results/finish.json"))
    options = parser.parse_args()
    rows: list[list[object]] = []
    facts = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.footage:
            for source in options.sources:
                found, about = measure(name, source, options.seconds, Path(folder))
                rows += found
                facts.append(about)
                print(render_table(COLUMNS, found), about, os.getloadavg(), sep="\n", flush=True)
    print(render_table(COLUMNS, rows))
    write_json(
        options.out, [dict(zip(COLUMNS, row, strict=True)) for row in rows], seconds=options.seconds, clips=facts
    )


if __name__ == "__main__":
    main()
