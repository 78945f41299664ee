"""`clipd up` with a recording room: a local track from the link to the aligned file, and a worker that is killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.ffmpeg import ffmpeg_path
from tests.scenario.upping import Supervisor, supervisor, workers
from tests.unit.api.guests import chain_of, sha

PART = 20_000


@dataclass
class Guest:
    """A browser without a picture: only what it says to the supervisor."""

    up: Supervisor
    room: str
    client: aiohttp.ClientSession
    facts: dict[str, Any] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.facts.get('upload_token', '')}", **more.pop("headers", {})}
        url = f"{self.up.url}/api/v1/{path}"
        async with self.client.request(method, url, json=body, headers=headers, **more) as answer:
            told = await answer.json()
            assert answer.status < 300, told
            return told

    async def join(self, secret: str) -> None:
        shown = await self.ask("GET", f"rooms/{self.room}/notice")
        body = {"invite": secret, "name": "Ann", "client_id": str(uuid.uuid4()), "consent": True}
        self.facts = await self.ask("POST", f"rooms/{self.room}/join", body | {"notice": shown["sha256"]})

    def socket(self) -> Any:
        """The room's: aiohttp's own context."""
        url = f"{self.up.url}/api/v1/rooms/{self.room}/ws"
        return self.client.ws_connect(url, protocols=("clipd.room.v1", f"token.{self.facts['token']}"))

    async def put(self, seg: str, seq: int, data: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream", "X-Clipd-Sha256": sha(data)}
        await self.ask("PUT", f"uploads/{seg}/chunks/{seq}.part", data=data, headers=headers)


async def said(ws: aiohttp.ClientWebSocketResponse, wanted: str) -> dict[str, Any]:
    """The next message of a type."""
    while True:
        frame = await ws.receive(timeout=30)
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        message: dict[str, Any] = json.loads(frame.data)
        if message["type"] == wanted:
            return message


def tell(kind: str, **fields: Any) -> str:
    return json.dumps({"v": 1, "id": str(uuid.uuid4()), "type": kind, **fields})


def hello() -> str:
    return tell("hello", client_id=str(uuid.uuid4()), mimes=["video/webm"], persisted=True, quota_mb=1000, resume=[])


@pytest.fixture(scope="module")
def webm(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds as a browser's recorder makes them."""
    path = tmp_path_factory.mktemp("made") / "a.webm"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-f", "lavfi", "-i", "sine=sample_rate=48000"]
    coded = ["-t", "4", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1", "-f", "webm"]
    subprocess.run([ffmpeg_path(), "-v", "error", *source, *coded, str(path)], check=True, timeout=60)
    return path.read_bytes()


@pytest.mark.soak  # tests/browser/rooms/test_whole.py does the same with browsers
@pytest.mark.timeout(240)
async def test_a_local_track_comes_home_while_the_rooms_worker_is_killed(tmp_path: Path, webm: bytes) -> None:
    """The take goes on in the next worker; the socket ends with a code that the page comes again by; the file is the
    recorder's to the byte, is told to be verified, and is aligned when the take is over."""
    data_dir = tmp_path / "data"
    parts = [webm[at : at + PART] for at in range(0, len(webm), PART)]
    settings = "speech: {enabled: false}"
    async with supervisor(data_dir, settings=settings) as up, aiohttp.ClientSession() as client:
        room = (await up.post("/api/v1/rooms", {"name": "studio"}))["id"]
        link = await up.post(f"/api/v1/rooms/{room}/invites", {"role": "host"})
        guest = Guest(up, room, client)
        await guest.join(link["secret"])
        await up.until(lambda found: found["worker"] == "running", f"/api/v1/rooms/{room}")
        seg = str(uuid.uuid4())
        async with guest.socket() as ws:
            await ws.send_str(hello())
            welcome = await said(ws, "welcome")
            assert (welcome["pid"], welcome["role"], welcome["take"]) == (guest.facts["participant"], "host", None)
            take = (await up.post(f"/api/v1/rooms/{room}/start"))["take"]
            assert (await said(ws, "rec.start"))["take"] == take
            begun = {"seg": seg, "take": take, "track": "cam", "mime": "video/webm;codecs=vp8,opus", "settings": {}}
            await guest.ask("POST", f"rooms/{room}/segments", begun | {"t_ms": welcome["epoch_now_ms"]})
            await guest.put(seg, 0, parts[0])
            [pid] = workers(data_dir)
            os.kill(pid, signal.SIGKILL)
            while (frame := await ws.receive(timeout=30)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert frame.data == 1012
        for seq, part in enumerate(parts[1:], 1):
            await guest.put(seg, seq, part)
        end = {
            "chunks": len(parts),
            "bytes": len(webm),
            "chain": chain_of(parts),
            "t_stop_ms": None,
            "reason": "stopped",
        }
        assert (await guest.ask("POST", f"uploads/{seg}/final", end))["state"] in ("whole", "verified")
        path = f"/api/v1/rooms/{room}/takes/{take}"
        found = await up.until(lambda found: found["participants"][0]["tracks"][0]["verified_bytes"] == len(webm), path)
        [track] = found["participants"][0]["tracks"]
        assert track["state"] == "local complete"
        kept = data_dir / "rooms" / room / take / guest.facts["participant"] / "cam" / f"local-{seg}.webm"
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == sha(webm)
        assert (await guest.ask("GET", f"uploads/{seg}"))["state"] == "verified"
        await up.until(lambda found: found["worker"] == "running", f"/api/v1/rooms/{room}")
        assert (await up.get(path))["state"] == "recording"
        await up.post(f"/api/v1/rooms/{room}/stop")
        await up.until(lambda found: found["state"] == "stopped", path)
        done = await up.until(lambda found: found["conform"] in ("done", "failed"), path, limit_s=90)
        assert done["conform"] == "done", await up.get("/api/v1/jobs")
        assert await up.end() == 130
