"""How long a cut takes: from the edit decision to durable files, by length, out of a ring with 1080p60 at 8 Mbit/s.

    python -m benchmarks.cut --repeat 10 --out docs/results/cut.json

The budget of DESIGN.md section 8 for a master (p50 6 s from the moment's end) leaves the cut well under a second.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import imageio_ffmpeg

from benchmarks.common import render_table, write_json
from core.edits import EditDecision, RenderSpec
from core.ids import ClipId, SessionId
from core.media import Epoch
from core.protocols import SegmentRow
from core.times import Ns, ns
from daemon.clips import ClipContext, make_clip
from daemon.ingest.files import scan_footage
from daemon.journal import Journal
from ringbuffer import Ring, RingOptions

LENGTHS_S: Final = (10, 20, 60)
MEDIA_S: Final = 72
LOOP_S: Final = 8
SESSION: Final = SessionId("s20260101t000000-000000")
COLUMNS: Final = ("clip s", "MB", "p50 ms", "p95 ms", "CPU ms", "copy ms", "linked MB")


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("docs/results/cut.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _media(folder)
        ring = _ring(folder, source)
        rows = [measure(ring, folder, length_s, repeat=args.repeat) for length_s in LENGTHS_S]
        ring.close()
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    print(f"peak memory of the process: {peak_mb} MB")
    write_json(args.out, rows, repeat=args.repeat, peak_rss_mb=peak_mb, media="h264 1080p60 8 Mbit/s, GOP 2 s, aac")


def measure(ring: Ring, folder: Path, length_s: int, *, repeat: int) -> dict[str, Any]:
    """`copy ms` is what copying the finished master takes here: what the disk alone costs."""
    walls: list[float] = []
    cpus: list[float] = []
    for number in range(repeat):
        where = folder / f"clip-{length_s}-{number}"
        began, used = time.perf_counter(), time.process_time()
        clip = make_clip(ring, _decision(length_s), RenderSpec(), where, ClipContext(source="benchmark"))
        walls.append(1000 * (time.perf_counter() - began))
        cpus.append(1000 * (time.process_time() - used))
    data = clip.files["master"].read_bytes()
    began = time.perf_counter()
    (folder / "copy.mp4").write_bytes(data)
    copied = 1000 * (time.perf_counter() - began)
    walls.sort()
    return {
        "clip s": length_s,
        "MB": round(len(data) / 1e6, 1),
        "p50 ms": round(walls[len(walls) // 2]),
        "p95 ms": round(walls[min(len(walls) - 1, int(0.95 * len(walls)))]),
        "CPU ms": round(sum(cpus) / len(cpus)),
        "copy ms": round(copied),
        "linked MB": round(sum(path.stat().st_size for path in (where / "source").iterdir()) / 1e6, 1),
    }


def _decision(length_s: int) -> EditDecision:
    return EditDecision(
        clip=ClipId("c000000000000"),
        revision=1,
        session=SESSION,
        start_ns=ns(5.5),
        end_ns=ns(5.5 + length_s),
        title="Benchmark",
        score=1.0,
        reasons=(),
    )


def _media(folder: Path) -> Path:
    """Eight seconds of noise over a test picture, looped: a stream's bits without the time to code them."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    picture = f"testsrc2=s=1920x1080:r=60:d={LOOP_S},noise=alls=12:allf=t"
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "120", "-c:a", "aac"]
    coded += ["-b:v", "8M", "-maxrate", "8M", "-bufsize", "8M"]
    loop, source = folder / "loop.mp4", folder / "source.ts"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=f=440:r=48000:d={LOOP_S}"]
    subprocess.run([*ffmpeg, *inputs, *coded, str(loop)], check=True)
    again = ["-stream_loop", str(MEDIA_S // LOOP_S), "-i", str(loop), "-c", "copy", "-t", str(MEDIA_S), str(source)]
    subprocess.run([*ffmpeg, *again], check=True)
    return source


def _ring(folder: Path, source: Path) -> Ring:
    footage = scan_footage(source)
    journal = Journal.open_or_create(folder / "session.db", session=SESSION)
    ring = Ring.open(folder / "ring", journal, RingOptions(), attempt=journal.begin_attempt())
    epoch = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")
    journal.add_epoch(epoch)
    ring.begin_epoch(epoch, footage.tracks(Ns(0)))
    for packet in footage.read(*footage.span()):
        ring.append(packet)
    rows: list[SegmentRow] = journal.segments()
    assert rows, "the ring is empty"
    return ring


if __name__ == "__main__":
    main()
