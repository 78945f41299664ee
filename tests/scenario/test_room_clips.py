"""From live to local: a clip is composed while people talk, then cut anew from what their browsers recorded."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from core.errors import EXIT_OK
from daemon.demo.speech import ASSETS
from daemon.files import sha256_of
from daemon.worker.emitter import Emitter
from daemon.worker.run import attempt
from recorder.room.ledger import read_ledger
from telemetry import SystemClock
from tests.room_guest import guest, spoken
from tests.scenario.headquarters import Headquarters
from tests.scenario.test_room import let_in, room_spec, running, session_folder
from tests.scenario.worker import spec_for
from tests.webrtc import CodedTrack, Looped, Sent, coded_video

QUIET = {"CLIPD_SPEECH__ENABLED": "false"}
NAMES = sorted(path.stem for path in ASSETS.glob("u*.opus"))
SPOKEN = {"host": NAMES[::2], "ann": NAMES[1::2]}  # more than the test takes


@pytest.fixture
async def headquarters() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


def write_local(path: Path, sound: Sequence[Sent]) -> None:
    """What a browser's recorder makes of the same microphone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="webm") as out:
        stream: Any = out.add_stream("libopus", rate=48_000)
        decoder: Any = av.CodecContext.create("opus", "r")
        at = 0
        for sent in sound:
            for frame in decoder.decode(av.Packet(sent.data)):
                frame.pts, frame.time_base = at, Fraction(1, 48_000)
                at += frame.samples
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def local_row(folder: Path, pid: str, t_ms: float) -> dict[str, Any]:
    name = f"{pid}/mic/local-seg-{pid}.webm"
    return {
        "seg": f"seg-{pid}", "pid": pid, "track": "mic", "file": name, "mime": "audio/webm;codecs=opus",
        "t_ms": t_ms, "t_stop_ms": None, "sha256": sha256_of(folder / name), "bytes": 1, "state": "verified",
    }  # fmt: skip


async def test_a_clip_of_the_talk_gets_its_local_revision(headquarters: Headquarters, tmp_path: Path) -> None:
    """The first while they talk, of the server's backups, with their picture; the second under the same id when what
    browsers recorded is here, by a worker that does nothing else: the room's own has ended."""
    hq, spec, sound = headquarters, room_spec(tmp_path, QUIET), {pid: spoken(*names) for pid, names in SPOKEN.items()}
    camera = Looped(coded_video("vp8", 150))  # coded before anybody waits for it
    async with running(spec, hq, tmp_path) as child:
        path = session_folder(tmp_path) / "room.sock"
        async with guest(path, "host", "host") as host, guest(path, "ann") as ann:
            await let_in(host, ann)
            await host.ask("rec.start")
            take = (await ann.hears("rec.start"))["take"]
            await host.publish(
                1,
                (CodedTrack("audio", sound["host"]), "opus"),
                (CodedTrack("video", camera), "vp8"),
            )
            await ann.publish(1, (CodedTrack("audio", sound["ann"]), "opus"))
            since_s = hq.beats[-1].media_s
            await hq.until(lambda: hq.beats[-1].media_s > since_s + 8)
            hq.order("clip-now", last_s=6, title="They agree")
            await hq.until(lambda: hq.lines("clip"))
            await host.ask("rec.stop")
        hq.order("drain")
        assert await asyncio.wait_for(child.wait(), 120) == 0
    [first] = hq.lines("clip")
    live = json.loads(Path(first["files"]["clip"]).read_bytes())["room"]
    assert (live["source"], live["layout"], live["take"]) == ("server backups", "grid", take)
    assert {(track["pid"], track["track"]) for track in live["tracks"]} == {
        ("host", "mic"),
        ("host", "cam"),
        ("ann", "mic"),
    }
    with av.open(first["files"]["master"]) as master:
        assert (master.streams.video[0].width, master.streams.audio[0].rate) == (1280, 48_000)

    folder = tmp_path / "data" / "rooms" / "rm1" / take
    began = {row["pid"]: row["start_room_ms"] for row in read_ledger(folder / "take.jsonl") if row["type"] == "track"}
    for pid, packets in sound.items():
        write_local(folder / pid / "mic" / f"local-seg-{pid}.webm", packets)
    (folder / "local.json").write_text(json.dumps([local_row(folder, pid, began[pid] + 82) for pid in sound]))
    order = {"kind": "conform", "order": "j000000000001", "clip": take, "room": "rm1", "take": take}
    render = spec_for("-", tmp_path / "data", kind="render", out_dir=None, env=QUIET, order=order)
    told = io.StringIO()
    clock = SystemClock()
    assert await attempt(render, clock, Emitter(told, render.session, clock)) == EXIT_OK
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    [settled] = [line for line in lines if line["type"] == "order"]
    assert settled["state"] == "done", settled
    second = next(line for line in lines if line["type"] == "clip")
    assert (second["id"], second["revision"], second["title"]) == (first["id"], 2, "They agree")
    files = {row["seg"]: row for row in json.loads((folder / "align.json").read_bytes())["files"]}
    assert {row["method"] for row in files.values()} == {"content"}
    for pid in sound:
        assert abs(files[f"seg-{pid}"]["offset_ms"] - began[pid]) < 40
    local = json.loads(Path(second["files"]["clip"]).read_bytes())["room"]
    assert {track["origin"] for track in local["tracks"] if track["track"] == "mic"} == {"local"}
