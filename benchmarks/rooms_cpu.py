"""What one participant of a room costs the server: 720p30 at 2.5 Mbit/s with sound, through real WebRTC connections.

python -m benchmarks.rooms_cpu --people 2 --seconds 15 --out docs/results/rooms_cpu.json

The server runs alone in a process of its own, as a room's worker does; the people are aiortc peers in this process that
send frames coded before. CPU is the server's process, user and system, in per cent of one core and for each person:
receiving only, with the backup files written and the sound decoded, with everybody forwarded to everybody else too, and
with the picture decoded, which a room never does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import av
import imageio_ffmpeg
import structlog

from benchmarks.common import render_table, write_json
from recorder.frames import EncodedFrame, TrackName
from recorder.opus import OpusDecoder
from recorder.rtc.options import IceOptions
from recorder.rtc.publisher import Publisher
from recorder.rtc.subscriber import Subscriber
from recorder.writer import TrackWriter
from telemetry import SystemClock
from tests.webrtc import CodedTrack, Sent, answered, coded_opus, offer_of, peer, send_only

KBPS: Final = 2_500
FPS: Final = 30
CLIP_S: Final = 4
WARM_S: Final = 5
LIMIT: Final = 8.0  # per cent of a core for a person who is received and written; what each guest adds is stated
MODES: Final = ("receive", "and write", "and forward", "and decode")
_FORMATS: Final = {"h264": "h264", "vp8": "ivf"}


class Person:
    """One participant, on the server's side."""

    def __init__(self, server: Server, number: int) -> None:
        clock = SystemClock()
        self.server = server
        self.publisher = Publisher(
            on_frame=self.take,
            on_state=lambda _: None,
            clock=clock,
            now_ms=lambda: clock.boottime_ns() / 1e6,
            ice=IceOptions(),
        )
        self.publisher.keyframes_every(3)
        self.guests: list[Subscriber] = []
        self.writers: dict[TrackName, TrackWriter] = {}
        self.opus = OpusDecoder()
        self.decoder: Any = None
        if server.mode != "receive":
            self.writers = {name: TrackWriter(server.folder / f"{number}-{name}.mkv") for name in ("mic", "cam")}

    def take(self, frame: EncodedFrame) -> None:
        """What a room does with a frame."""
        if self.writers:
            self.writers[frame.track].put(frame)
        for guest in self.guests:
            guest.forward(frame)
        if self.server.mode == "receive":
            return
        if frame.codec == "opus":
            self.opus.decode(frame.data)
        elif self.server.mode == "and decode":
            if self.decoder is None:
                self.decoder = av.CodecContext.create("libvpx" if frame.codec == "vp8" else "h264", "r")
                self.decoder.thread_count = 1
            self.decoder.decode(av.Packet(frame.data))


class Server:
    """Answers one JSON line with another."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.mode, self.folder = mode, folder
        self.people: list[Person] = []
        self.guests: list[Subscriber] = []

    async def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """An offer of a person; a connection to a guest; the CPU so far."""
        if asked["do"] == "publish":
            person = Person(self, len(self.people))
            self.people.append(person)
            return {"sdp": await person.publisher.answer(asked["sdp"])}
        if asked["do"] == "subscribe":
            person = self.people[asked["to"]]
            guest = Subscriber(
                codecs=person.publisher.codecs,
                on_keyframe_wanted=person.publisher.request_keyframe,
                on_state=lambda _: None,
                ice=IceOptions(),
            )
            person.guests.append(guest)
            self.guests.append(guest)
            return {"sdp": await guest.offer()}
        if asked["do"] == "answer":
            await self.guests[-1].take_answer(asked["sdp"])
            return {}
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"cpu_s": used.ru_utime + used.ru_stime, "stats": [one.publisher.stats() for one in self.people]}


async def serve(mode: str) -> None:
    """The server's process, until its input ends; its log goes where the answers do not."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(mode, Path(folder))
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await server.answer(json.loads(line))), flush=True)


def coded(codec: str, folder: Path) -> tuple[Sent, ...]:
    """A few seconds of 720p that fill their bitrate."""
    file = folder / f"video.{_FORMATS[codec]}"
    rate = f"{KBPS}k"
    encoder = (
        ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline")
        if codec == "h264"
        else ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0")
    )
    subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi",
            "-i", f"testsrc2=s=1280x720:r={FPS}:d={CLIP_S},noise=alls=24:allf=t", "-pix_fmt", "yuv420p", *encoder,
            "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-g", str(2 * FPS), str(file),
        ],
        check=True,
    )  # fmt: skip
    with av.open(str(file), "r") as container:
        packets = [(bytes(one), one.is_keyframe) for one in container.demux() if one.size]
    return tuple(Sent(n * 90_000 // FPS, 90_000, data, key) for n, (data, key) in enumerate(packets))


class Link:
    """The server's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **asked: Any) -> dict[str, Any]:
        """One question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return dict(json.loads(await self._process.stdout.readline()))


async def measure(mode: str, codec: str, sent: tuple[Sent, ...], people: int, seconds: int) -> dict[str, Any]:
    """One row."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rooms_cpu", "--serve", mode,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
    )  # fmt: skip
    link = Link(process)
    connections, guests = [], []
    for _ in range(people):
        connection = peer()
        camera, voice = CodedTrack("video", sent), CodedTrack("audio", coded_opus(50))
        for _ in range((WARM_S + seconds) // CLIP_S + 2):
            camera.then(sent)
        for _ in range(WARM_S + seconds + 4):
            voice.then(coded_opus(50))
        send_only(connection, voice, "opus")
        send_only(connection, camera, codec)
        await answered(connection, (await link.ask(do="publish", sdp=await offer_of(connection)))["sdp"])
        connections.append(connection)
    if mode in ("and forward", "and decode"):
        clock = SystemClock()
        for to in range(people):
            for _ in range(people - 1):
                guest = Publisher(
                    on_frame=lambda _: None, on_state=lambda _: None, clock=clock, now_ms=lambda: 0.0, ice=IceOptions()
                )
                answer = await guest.answer((await link.ask(do="subscribe", to=to))["sdp"])
                await link.ask(do="answer", sdp=answer)
                guests.append(guest)
    await asyncio.sleep(WARM_S)
    before, began = await link.ask(do="measure"), time.monotonic()
    await asyncio.sleep(seconds)
    after, took = await link.ask(do="measure"), time.monotonic() - began
    for connection in connections:
        await connection.close()
    for guest in guests:
        await guest.close()
    process.kill()
    await process.wait()
    cams = [one["tracks"]["cam"] for one in after["stats"]]
    frames = sum(
        now["frames"] - then["tracks"]["cam"]["frames"] for now, then in zip(cams, before["stats"], strict=True)
    )
    return {
        "codec": codec,
        "server": mode,
        "people": people,
        "kbps": round(sum(cam["kbps"] for cam in cams) / people),
        "fps": round(frames / took / people, 1),
        "lost": sum(cam["lost"] for cam in cams),
        "cpu_percent_a_person": round((after["cpu_s"] - before["cpu_s"]) / took / people * 100, 1),
    }


async def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("h264", "vp8"):
            sent = coded(codec, Path(folder))
            for mode in MODES:
                rows.append(await measure(mode, codec, sent, args.people, args.seconds))
                print(f"{codec}, {mode}: {rows[-1]['cpu_percent_a_person']} %", file=sys.stderr)
    return rows


def main() -> None:
    """Print the table, write the JSON; fail when a person who is received and written costs more than LIMIT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=15, help="measured, after a warm-up of a few seconds")
    parser.add_argument("--out", type=Path, default=Path("docs/results/rooms_cpu.json"))
    parser.add_argument("--serve", choices=MODES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve(args.serve))
        return
    rows = asyncio.run(run(args))
    print(render_table(list(rows[0]), [list(row.values()) for row in rows]))
    write_json(args.out, rows, limit_percent=LIMIT, seconds=args.seconds)
    over = [row for row in rows if row["server"] in ("receive", "and write") and row["cpu_percent_a_person"] > LIMIT]
    sys.exit(f"more than {LIMIT} %: {over}" if over else 0)


if __name__ == "__main__":
    main()
