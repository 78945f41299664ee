"""Random exact cuts over many streams: are they the wanted frames, do they decode, and what do they cost?

    python -m benchmarks.smart_cut --cuts 200 --out docs/results/smart_cut.json

Every frame of every fourth clip and the first and last frame of the others is compared with the source's frame of the
same media time (PSNR of the luma); each clip is decoded by ffmpeg with `-xerror -err_detect explode` and must say
nothing. Seconds are those of `make_clip`. The budget is 0.5 s and 0.012 s a re-encoded frame, at 1080p60 on 2 cores;
`wall over` counts cuts that took longer, `CPU/2 over` those whose processor time on two cores would, which a busy
machine does not change. `full/exact` is the processor time of plain ffmpeg that codes the same span anew (libx264
veryfast, CRF 18, AAC), over that of the exact cut.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import render_table, write_json
from core.edits import EditDecision, RenderSpec
from core.ids import ClipId, SessionId
from core.times import Ns, ns
from daemon.clips import ClipContext, FinishedClip, make_clip
from daemon.ingest.files import scan_footage
from daemon.ingest.footage import FileFootage

FFMPEG: Final = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-y", "-v", "error"]
MEDIA_S: Final = 14
FRAME_BUDGET_S: Final = 0.012
CLIP_BUDGET_S: Final = 0.5
COLUMNS: Final = (
    "stream", "cuts", "copied %", "max start ms", "max end ms", "min first dB", "min dB", "max A/V ms", "strict",
    "p50 s", "p95 s", "p50 CPU s", "wall over", "CPU/2 over", "full/exact",
)  # fmt: skip
_SOUND: Final = ("-f", "lavfi", "-i", f"aevalsrc=0.4*sin(2*PI*t*(300+40*mod(t\\,7))):s=48000:d={MEDIA_S}")
_X264: Final = "-c:v libx264 -preset veryfast -crf 20 -g {gop} -bf 3"
_OPEN: Final = "-x264-params open-gop=1:scenecut=0:b-pyramid=normal"
_X265: Final = "-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=3:keyint={gop}:open-gop={open}"
_VP9: Final = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -g {gop}"
_VARIABLE: Final = "-vf select='gt(mod(n,7),2)*gt(mod(n,90),9)' -fps_mode vfr"
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream to cut from; `fps` as ffmpeg takes it."""

    name: str
    fps: str
    suffix: str
    coding: str
    size: str = "640x360"
    more: str = ""

    def make(self, folder: Path) -> Path:
        """The file, made once."""
        path = folder / f"{self.name}{self.suffix}"
        if not path.exists():
            moving = f"testsrc2=s={self.size}:r={self.fps}:d={MEDIA_S},noise=alls=4:allf=t"
            inputs = ["-f", "lavfi", "-i", moving, *_SOUND, *self.more.split()]
            sound = ["-c:a", "libopus" if self.suffix == ".webm" else "aac"]
            _run([*FFMPEG, *inputs, *self.coding.split(), "-pix_fmt", "yuv420p", *sound, str(path)])
        return path


STREAMS: Final = (
    *(Stream(f"h264 {name}", fps, ".ts", _X264.format(gop=gop)) for name, fps, gop in (
        ("25", "25", 50), ("29.97", "30000/1001", 60), ("30", "30", 120), ("50", "50", 100),
        ("59.94", "60000/1001", 120), ("60", "60", 90),
    )),
    Stream("h264 mp4 29.97", "30000/1001", ".mp4", _X264.format(gop=72)),
    Stream("h264 open gop 25", "25", ".ts", f"{_X264.format(gop=50)} {_OPEN}"),
    Stream("h264 open gop 60", "60", ".ts", f"{_X264.format(gop=120)} {_OPEN}"),
    Stream("h264 variable", "30", ".mkv", _X264.format(gop=40), more=_VARIABLE),
    Stream("h264 1080p60", "60", ".ts", _X264.format(gop=120), size="1920x1080"),
    Stream("hevc 30", "30", ".ts", _X265.format(gop=60, open=0)),
    Stream("hevc open gop 59.94", "60000/1001", ".ts", _X265.format(gop=120, open=1)),
    Stream("hevc mp4 25", "25", ".mp4", f"{_X265.format(gop=50, open=1)} -tag:v hvc1"),
    Stream("vp9 30", "30", ".webm", _VP9.format(gop=60)),
    Stream("vp9 50", "50", ".webm", _VP9.format(gop=100)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """Frames of a file: when each is shown, in seconds, and where one is held to, its luma."""

    times: tuple[float, ...]
    pictures: dict[int, Picture]


def shown(path: Path, keep: Sequence[int] | None = None) -> Shown:
    """Decode a file; `keep` are the numbers of frames to hold (negative from the end), None: all."""
    with av.open(str(path)) as media:
        stream = media.streams.video[0]
        stream.thread_type = "AUTO"
        times: list[float] = []
        pictures: dict[int, Picture] = {}
        total = sum(1 for packet in _packets(path)) if keep is not None else 0
        held = None if keep is None else {number % total for number in keep}
        for number, frame in enumerate(media.decode(stream)):
            times.append(float((frame.pts or 0) * (frame.time_base or 0)))
            if held is None or number in held:
                pictures[number] = luma(frame)
    return Shown(tuple(times), pictures)


def luma(frame: av.VideoFrame) -> Picture:
    """Eight bits of brightness, shape (height, width); of a big picture its middle, 640 x 360."""
    whole = frame.reformat(format="gray").to_ndarray()
    top, left = max(0, whole.shape[0] - 360) // 2, max(0, whole.shape[1] - 640) // 2
    return np.ascontiguousarray(whole[top : top + 360, left : left + 640])


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal-to-noise ratio in dB, 99 for equal pictures."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return 99.0 if error == 0 else min(99.0, 10 * float(np.log10(255**2 / error)))


def strict(path: Path) -> str:
    """What ffmpeg complains of; empty when the file decodes without an error."""
    command = [*FFMPEG, "-xerror", "-err_detect", "explode", "-i", str(path), "-f", "null", "-"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stderr if run.stderr or not run.returncode else f"exit code {run.returncode}"


@dataclass(frozen=True, slots=True)
class Judged:
    """One clip against its source. Times in ms: the boundaries against those nearest to what was wanted."""

    start_ms: float
    end_ms: float
    first_db: float
    worst_db: float
    av_ms: float
    complaint: str
    recoded: int
    frames: int
    notes: tuple[str, ...]


def judge(clip: FinishedClip, wanted: tuple[float, float], source: Shown, *, all_frames: bool) -> Judged:
    """`source` has all frames on media time, `wanted` is in seconds. Raises AssertionError where frames are missing."""
    made = shown(clip.files["master"], None if all_frames else (0, -1))
    start_s, times = clip.cut.start_ns / 1e9, np.array(source.times)
    first = int(np.abs(times - start_s - made.times[0]).argmin())
    if times[first] - start_s > 0.5 / 1000 or len(made.times) < 2:  # the frame that stood when the clip begins
        first = max(0, int(np.searchsorted(times, start_s + 1e-4)) - 1)
    assert len(made.times) + first <= len(times), "more frames than the source has"
    decibels = {n: psnr(picture, source.pictures[first + n]) for n, picture in made.pictures.items()}
    picks = json.loads(clip.files["clip"].read_text())["cut"].get("exact", {"pieces": []})["pieces"]
    return Judged(
        start_ms=1000 * abs(start_s - wanted[0]),
        end_ms=1000 * abs(clip.cut.end_ns / 1e9 - wanted[1]),
        first_db=decibels[0],
        worst_db=min(decibels.values()),
        av_ms=max(abs(clip.cut.av_head_ms or 0), abs(clip.cut.av_tail_ms or 0)),
        complaint=strict(clip.files["master"]),
        recoded=sum(piece["head"]["count"] + piece["tail"]["count"] for piece in picks),
        frames=len(made.times),
        notes=clip.cut.notes,
    )


def decision(start_s: float, end_s: float) -> EditDecision:
    """An edit decision in seconds."""
    return EditDecision(
        clip=ClipId("c000000000000"),
        revision=1,
        session=SessionId("s20260101t000000-000000"),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        title="Benchmark",
        score=1.0,
        reasons=(),
    )


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="streams whose name holds this")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    streams = [stream for stream in STREAMS if args.only in stream.name]
    with tempfile.TemporaryDirectory() as name:
        rows = []
        for number, stream in enumerate(streams):
            count = args.cuts // len(streams) + (number < args.cuts % len(streams))
            rows.append(measure(stream, Path(name), count, rng))
            print(json.dumps(rows[-1]), flush=True)
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    if args.out:
        write_json(
            args.out, rows, seed=args.seed, cuts=args.cuts, budget=f"{CLIP_BUDGET_S} s + {FRAME_BUDGET_S} s a frame"
        )


def measure(stream: Stream, folder: Path, count: int, rng: random.Random) -> dict[str, Any]:
    """`count` random cuts of one stream."""
    footage = scan_footage(stream.make(folder))
    source = _on_media_time(footage)
    judged: list[Judged] = []
    walls: list[float] = []
    cpus: list[float] = []
    plain: list[float] = []
    for number in range(count):
        length_s = rng.uniform(0.4, 8.0)
        start_s = rng.uniform(0.0, MEDIA_S - 0.5 - length_s)
        where = folder / "clip"
        began, used = time.perf_counter(), _cpu_s()
        spec = RenderSpec(cut="exact")
        clip = make_clip(footage, decision(start_s, start_s + length_s), spec, where, ClipContext(source="b"))
        walls.append(time.perf_counter() - began)
        cpus.append(_cpu_s() - used)
        judged.append(judge(clip, (start_s, start_s + length_s), source, all_frames=number % 4 == 0))
        if number % 4 == 0:
            used = _cpu_s()
            _plain(footage.path, start_s, length_s, folder)
            plain.append((_cpu_s() - used) / cpus[-1])
    return _row(stream, judged, walls, cpus, plain)


def _cpu_s() -> float:
    """Of this process and the children it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _row(
    stream: Stream, judged: Sequence[Judged], walls: Sequence[float], cpus: Sequence[float], plain: Sequence[float]
) -> dict[str, Any]:
    budgets = [CLIP_BUDGET_S + FRAME_BUDGET_S * one.recoded for one in judged]
    ordered = sorted(walls)
    return {
        "stream": stream.name,
        "cuts": len(judged),
        "copied %": round(100 - 100 * sum(one.recoded for one in judged) / sum(one.frames for one in judged)),
        "frame ms": _frame_ms(stream),
        "max start ms": round(max(one.start_ms for one in judged), 1),
        "max end ms": round(max(one.end_ms for one in judged), 1),
        "min first dB": round(min(one.first_db for one in judged), 1),
        "min dB": round(min(one.worst_db for one in judged), 1),
        "max A/V ms": round(max(one.av_ms for one in judged), 1),
        "strict": f"{sum(not one.complaint for one in judged)}/{len(judged)}",
        "notes": dict(Counter(note for one in judged for note in one.notes)),
        "p50 s": round(ordered[len(ordered) // 2], 2),
        "p95 s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 2),
        "p50 CPU s": round(sorted(cpus)[len(cpus) // 2], 2),
        "wall over": sum(wall > budget for wall, budget in zip(walls, budgets, strict=True)),
        "CPU/2 over": sum(cpu / 2 > budget for cpu, budget in zip(cpus, budgets, strict=True)),
        "full/exact": round(sum(plain) / len(plain), 2),
    }


def _frame_ms(stream: Stream) -> float:
    top, _, bottom = stream.fps.partition("/")
    return round(1000 * int(bottom or 1) / int(top), 1)


def _on_media_time(footage: FileFootage) -> Shown:
    """All frames of a file; the n-th frame shown is the n-th by media time."""
    found = shown(footage.path)
    placed = sorted(
        p.pts_ns for p in footage.read(footage.span()[0], Ns(footage.span()[1] + ns(1))) if p.kind == "video"
    )
    assert len(placed) == len(found.times), (len(placed), len(found.times))
    return Shown(tuple(t_ns / 1e9 for t_ns in placed), found.pictures)


def _plain(path: Path, start_s: float, length_s: float, folder: Path) -> None:
    """The span coded anew, sought as users do it. What ffmpeg says of a stream that it enters midway is not shown."""
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "2", "-c:a", "aac"]
    seek = ["-ss", f"{start_s:.3f}", "-i", str(path), "-t", f"{length_s:.3f}"]
    _run([*FFMPEG, "-v", "fatal", *seek, *coding, str(folder / "plain.mp4")])


def _packets(path: Path) -> Iterator[Ns]:
    with av.open(str(path)) as media:
        for packet in media.demux(media.streams.video[0]):
            if packet.pts is not None and packet.size:
                yield Ns(packet.pts)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
