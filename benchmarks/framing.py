"""Whether faces stay in the frame, and what looking for them costs: staged scenes with known faces and real footage.

    python -m benchmarks.framing --out docs/results/framing.json [--yunet FILE] [--sheets DIR]

`in %`: face time in which a pane shows 90 % of the face, beside what a centre crop would show. `fit %`: part of the
time in which the whole picture was shown small instead. `turns/s`: camera reversals over 1 % of the crop's width.
Staged scenes know where faces are; in real footage YuNet, which the framing doesn't use here, looks at every frame in
full size. `cost`: core-seconds of observation for a second of media. Constants were chosen on
`tuning` and, for facecams, after a first look at `testing`; `unseen` has other seeds and was measured once.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import imageio_ffmpeg

from benchmarks.common import ROOT, render_table, write_json
from core.errors import MissingPart
from core.times import NS_PER_S, ns, to_s
from daemon.avopen import open_media
from daemon.ffmpeg import Limits, read_media, run_ffmpeg
from daemon.framing import (
    BlazeFace,
    Canvas,
    FaceFinder,
    Framing,
    LayoutRule,
    Observations,
    YuNet,
    framing_graph,
    observe,
    plan_framing,
)
from daemon.framing.camera import reversals
from daemon.framing.faces import Picture
from daemon.framing.shots import largest_crop
from daemon.framing.values import Box
from tests.synthetic_streams.faces import Staged, testing, tuning, write

CANVAS: Final = Canvas(1080, 1920)
MEDIA: Final = ROOT.parent / "shared" / "media"
YUNET: Final = MEDIA / "models" / "face_detection_yunet_2026may.onnx"
REAL: Final = ("classroom", "face-demographics-walking", "head-pose-face-detection-female-and-male")
COLUMNS: Final = ("family", "clip", "layouts", "in %", "centre %", "fit %", "turns/s", "right %", "cut error", "cost")
HIDDEN: Final = 0.9
SURE: Final = 0.75

Faces = Sequence[tuple[float, Sequence[Box]]]  # by time, s


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/framing.json"))
    parser.add_argument("--yunet", type=Path, default=YUNET)
    parser.add_argument("--sheets", type=Path, help="contact sheets go here: ours above, a centre crop below")
    args = parser.parse_args()
    finder = BlazeFace()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for family, scenes in (("tuning", tuning()), ("testing", testing(0)), ("unseen", testing(100))):
            for staged in scenes:
                truth = write(staged, folder / "master.mp4")
                faces: Faces = [(t, [box for _, box in at]) for t, at in truth]
                rows.append(_measure(family, staged.name, folder, staged.length_s, finder, faces, staged, args.sheets))
        for clip in REAL if args.yunet.is_file() else ():
            shutil.copy(MEDIA / "fx-video" / "intel" / f"{clip}.mp4", folder / "master.mp4")
            length_s, faces = _judged(folder / "master.mp4", YuNet(args.yunet))
            rows.append(_measure("real", clip[:20], folder, length_s, finder, faces, None, args.sheets))
        rows.append(_cost(folder, finder))
    rows += [
        _total(rows, family)
        for family in ("tuning", "testing", "unseen", "real")
        if any(r["family"] == family for r in rows)
    ]
    print(render_table(COLUMNS, [[row.get(column) for column in COLUMNS] for row in rows]))
    write_json(args.out, rows, canvas=[CANVAS.width, CANVAS.height], finder=finder.name)


def _measure(
    family: str, clip: str, folder: Path, length_s: float, finder: FaceFinder,
    faces: Faces, staged: Staged | None, sheets: Path | None,
) -> dict[str, Any]:  # fmt: skip
    began = time.process_time()
    seen = observe(folder / "master.mp4", 0, ns(length_s), finder)
    cost = (time.process_time() - began) / length_s
    framing = plan_framing(seen, CANVAS, LayoutRule())
    shown = [_is_shown(framing, t, box) for t, boxes in faces for box in boxes]
    centre = [_covered(_centre(seen), box) for _, boxes in faces for box in boxes]
    fitted = sum(scene.end_ns - scene.start_ns for scene in framing.scenes if scene.layout == "fit")
    if sheets is not None:
        _sheet(folder, framing, seen, sheets / f"{family}-{clip.replace(' ', '-')}.png")
    row = {
        "family": family, "clip": clip, "layouts": ", ".join(dict.fromkeys(s.layout for s in framing.scenes)),
        "in %": _percent(shown), "centre %": _percent(centre), "fit %": round(100 * fitted / seen.length_ns, 1),
        "turns/s": round(_turns(framing) / length_s, 3), "cost": round(cost, 3), "length_s": round(length_s, 2),
        "faces": len(shown), "reasons": list(dict.fromkeys(scene.reason for scene in framing.scenes)),
    }  # fmt: skip
    return row if staged is None else {**row, **_against(staged, framing, seen)}


def _against(staged: Staged, framing: Framing, seen: Observations) -> dict[str, Any]:
    """`right %`: time with an expected layout. `cut error`: the worst, in frames; None: a cut is missed or made up."""
    right = sum(scene.end_ns - scene.start_ns for scene in framing.scenes if scene.layout in staged.expected)
    rate = float(seen.rate)
    found = [to_s(cut) for cut in seen.cuts_ns]
    error = None
    if len(found) == len(staged.cuts_s):
        error = max((abs(a - b) * rate for a, b in zip(found, staged.cuts_s, strict=True)), default=0.0)
    facecam = None
    if staged.facecam is not None:
        facecam = round(max((inset.box.iou(staged.facecam) for inset in seen.insets), default=0.0), 3)
    percent = round(100 * right / seen.length_ns, 1)
    return {"right %": percent, "cut error": None if error is None else round(error, 2), "facecam IoU": facecam}


def _is_shown(framing: Framing, t: float, face: Box) -> bool:
    t_ns = ns(t)
    return any(_covered(pane.at(t_ns), face) for pane in framing.scene_at(t_ns).panes)


def _covered(crop: Box, face: Box) -> bool:
    return crop.overlap(face) >= HIDDEN * face.area


def _centre(seen: Observations) -> Box:
    crop = largest_crop(seen.size, CANVAS.aspect)
    return Box((seen.size.width - crop.width) / 2, (seen.size.height - crop.height) / 2, *crop)


def _turns(framing: Framing) -> int:
    turns = 0
    for scene in framing.scenes:
        for pane in scene.panes:
            times = range(scene.start_ns, scene.end_ns, NS_PER_S // 25)
            for axis, side in ((0, 2), (1, 3)):
                path = [pane.at(t_ns) for t_ns in times]
                turns += reversals([box[axis] for box in path], 0.01 * path[0][side])
    return turns


def _judged(path: Path, referee: YuNet) -> tuple[float, Faces]:
    """What another model is sure of, in every frame at full size; and how long the clip is, s."""
    faces: list[tuple[float, Sequence[Box]]] = []
    with open_media(path, "mov") as media:
        stream = media.streams.video[0]
        rate = Fraction(stream.average_rate or 25)
        for number, frame in enumerate(media.decode(stream)):
            found = referee.find(cast(Picture, frame.to_ndarray(format="rgb24")))
            faces.append((float(number / rate), [face.box for face in found if face.score > SURE]))
    return float(len(faces) / rate), faces


def _cost(folder: Path, finder: FaceFinder) -> dict[str, Any]:
    """Observation of 1080p60 at 8 Mbit/s: a facecam over the demo's game, coded as streamers do."""
    length_s = 20
    staged = next(scene for scene in testing(0) if scene.facecam is not None)
    write(staged, folder / "cam.mp4")
    coded = [
        "-vf",
        "scale=1920:1080,noise=alls=9:allf=t,fps=60",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-b:v",
        "8M",
    ]
    coded += ["-maxrate", "8M", "-bufsize", "8M", "-g", "120", "-bf", "2", "-x264-params", "scenecut=0:b-pyramid=none"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-stream_loop",
        "-1",
        "-i",
        str(folder / "cam.mp4"),
    ]
    subprocess.run([*command, "-t", str(length_s), *coded, str(folder / "master.mp4")], check=True)
    began = time.process_time()
    seen = observe(folder / "master.mp4", 0, ns(length_s), finder)
    cost = (time.process_time() - began) / length_s
    began = time.process_time()
    with open_media(folder / "master.mp4", "mov") as media:
        media.streams.video[0].codec_context.thread_count = 1
        frames = sum(1 for _ in media.decode(video=0))
    whole = (time.process_time() - began) / length_s
    return {
        "family": "cost", "clip": "1080p60 8 Mbit/s", "layouts": "", "cost": round(cost, 3), "frames": frames,
        "decode alone": round(whole, 3), "samples": len(seen.samples),
    }  # fmt: skip


def _total(rows: Sequence[dict[str, Any]], family: str) -> dict[str, Any]:
    mine = [row for row in rows if row["family"] == family and "faces" in row]
    faces = sum(row["faces"] for row in mine)
    length = sum(row["length_s"] for row in mine)

    def mean(column: str, weight: str, whole: float) -> float:
        return round(float(sum(row[column] * row[weight] for row in mine)) / whole, 3)

    return {
        "family": family, "clip": "ALL", "layouts": "", "in %": mean("in %", "faces", faces),
        "centre %": mean("centre %", "faces", faces), "fit %": mean("fit %", "length_s", length),
        "turns/s": mean("turns/s", "length_s", length), "cost": mean("cost", "length_s", length),
    }  # fmt: skip


def _sheet(folder: Path, framing: Framing, seen: Observations, out: Path) -> None:
    """Eight pictures of the render, and of a centre crop."""
    out.parent.mkdir(parents=True, exist_ok=True)
    limits = Limits(cpu_s=120, wall_s=240)
    graph = framing_graph(framing, "0:v", "out", min(Fraction(30), seen.rate)).text()
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "2"]
    try:
        run_ffmpeg(
            [*read_media("master.mp4"), "-filter_complex", graph, "-map", "[out]", *x264, "file:out.mp4"],
            folder=folder, limits=limits,
        )  # fmt: skip
    except MissingPart:
        return
    every = f"fps={8 / to_s(seen.length_ns):.4f}"
    ours = f"[0:v]{every},scale=-2:360,tile=8x1[a];[1:v]{every},crop=ih*9/16:ih,scale=202:360,tile=8x1[b]"
    both = [
        *read_media("out.mp4"),
        *read_media("master.mp4"),
        "-filter_complex",
        f"{ours};[a][b]vstack[s]",
        "-map",
        "[s]",
    ]
    run_ffmpeg([*both, "-frames:v", "1", "-f", "image2", "file:sheet.png"], folder=folder, limits=limits)
    shutil.copy(folder / "sheet.png", out)


def _percent(values: Sequence[bool]) -> float:
    return round(100 * sum(values) / max(1, len(values)), 2)


if __name__ == "__main__":
    main()
