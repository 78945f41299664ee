"""`clipd watch` with SRT and with a camera, as a user runs it: a session with media, and no secret written anywhere."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.processes import children
from tests.publisher import Calling, Pushing, eventually
from tests.rtsp import RtspServer
from tests.scenario.command import clipd
from tests.scenario.test_push import free_port, watch
from tests.unit.ingest.stage import Studio

SECRET = "a-passphrase-nobody-may-see"
PATIENT = "&connect_timeout=30000"  # ms: the listener may not be there yet


def written(home: Path) -> list[Path]:
    """Files that hold the secret."""
    return [path for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


async def test_an_srt_call_is_watched_until_the_person_ends_it(tmp_path: Path) -> None:
    """Ctrl-C drains and leaves no ffmpeg behind; the passphrase is in no line, file or process list."""
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    studio = Studio(tmp_path)
    file = studio.copy("call.ts", studio.av("call.mp4", 6))
    running = await watch(home, f"srt://:{port}", CLIPD_INGEST__SRT__PASSPHRASE=SECRET)
    waiting = await running.line(code="waiting_for_publisher")
    assert f"srt://127.0.0.1:{port}" in waiting["message"]
    async with Calling(file, port, "passphrase=a-wrong-passphrase" + PATIENT) as guessing:
        assert await guessing.ended() != 0
    refused = await running.line(code="push_bad_key")
    assert "passphrase is wrong" in refused["message"]
    async with Calling(file, port, f"passphrase={SECRET}" + PATIENT, loops=-1):
        session = await running.line(type="session")
        mine = children(running.process.pid)
        running.process.send_signal(signal.SIGINT)
        summary = await running.line(type="summary")
    assert await running.process.wait() == 130
    assert session["source"].startswith(f"srt://:{port}")
    assert summary["media_s"] > 0
    assert any(b"-protocol_whitelist" in line for line in mine.values())
    assert SECRET not in json.dumps(running.lines) + repr(mine)
    await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine))
    assert written(home) == []


async def test_a_camera_with_a_password_is_watched(tmp_path: Path) -> None:
    """RTSP: what the person typed is shown without user name and password."""
    home = tmp_path / "home"
    home.mkdir()
    studio = Studio(tmp_path)
    file = studio.av("camera.mp4", 4, "-bf", "0")
    async with RtspServer(login=f"ann:{SECRET}") as server:
        url = f"rtsp://127.0.0.1:{server.port}/ch"
        async with Pushing(file, url, "rtsp", "-rtsp_transport", "tcp", at_once=False, loops=-1):
            await server.published.wait()
            address = url.replace("//", f"//ann:{SECRET}@")
            running = await watch(home, address, "--duration", "3", "--out", str(home / "out"))
            session = await running.line(type="session")
            summary = await running.line(type="summary")
    assert await running.process.wait() == 0
    assert session["source"] == url
    assert summary["media_s"] == pytest.approx(3, abs=0.5)
    assert SECRET not in json.dumps(running.lines)
    assert written(home) == []


def test_an_srt_listener_without_a_passphrase(tmp_path: Path) -> None:
    """Says which variable to set."""
    ran = clipd("watch", "srt://:9000", "--json", home=tmp_path)
    assert ran.code == 2
    assert "CLIPD_INGEST__SRT__PASSPHRASE" in json.dumps(ran.lines) + ran.stderr
