"""Orders about clips of an ended session: asked for over the API, carried out by a worker of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from daemon.demo import Recipe
from tests.scenario.upping import Supervisor, supervisor, workers
from tests.synthetic_streams import StreamFiles, write_stream

OVER = ("completed", "failed", "cancelled")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(23))


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Nobody of ours runs on after the test."""
    yield tmp_path / "data"
    for pid in workers(tmp_path / "data"):
        os.kill(pid, signal.SIGKILL)


def size_of(path: Path) -> tuple[int, int]:
    """Of a file that decodes to its end."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert sum(1 for _ in container.decode(video)) > 10
        return video.width, video.height


async def made(up: Supervisor, job: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = await up.until(lambda it: it["state"] in OVER, f"/api/v1/jobs/{job['id']}", limit_s=120)
    return done


async def edited(up: Supervisor, data_dir: Path, clip: dict[str, Any]) -> None:
    """Trimmed by two seconds on each side, though its worker is killed at it: one revision more, to the frame."""
    where, span = f"/api/v1/clips/{clip['id']}", (clip["line"]["start_s"] + 2, clip["line"]["end_s"] - 2)
    await up.post(f"{where}/approve", {"note": "but shorter"})
    asked = await up.post(f"{where}/trim", {"start_s": span[0], "end_s": span[1]})
    async with asyncio.timeout(60):
        while not (pids := workers(data_dir)):  # noqa: ASYNC110 - a process that comes and goes
            await asyncio.sleep(0.02)
    os.kill(pids[0], signal.SIGKILL)
    done = await made(up, asked)
    assert (done["state"], done["kind"], done["revision"]) == ("completed", "trim", clip["revision"] + 1)
    shown = await up.get(where)
    assert (shown["revision"], shown["state"], shown["review"]) == (done["revision"], "final", "approved")
    assert shown["revised_after_approval"]
    assert (shown["line"]["start_s"], shown["line"]["end_s"]) == (
        pytest.approx(span[0], abs=0.05), pytest.approx(span[1], abs=0.05),
    )  # fmt: skip


async def cut_by_hand(up: Supervisor, session: str) -> None:
    """A span of no moment, under the id that it has; asked for again it is named."""
    asked = await up.post(f"/api/v1/sessions/{session}/cut", {"start_s": 2.0, "end_s": 5.0, "title": "Anyway"})
    done = await made(up, asked)
    assert (done["state"], done["error"], done["kind"]) == ("completed", "", "cut")
    clip = await up.get(f"/api/v1/clips/{done['clip']}")
    assert (clip["title"], clip["revision"], clip["state"]) == ("Anyway", 1, "final")
    assert clip["line"]["start_s"] == pytest.approx(2.0, abs=0.05)


async def test_a_clip_of_an_ended_session_is_rendered_in_more_formats(data_dir: Path, stream: StreamFiles) -> None:
    """The file is there and plays, and the API names it; a worker that is killed in the middle costs a try, no more.

    No session is touched by it: that of the recording stays ended, and has no second claim.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = f"""
supervisor: {{lease_s: 6}}
api: {{folders: ["{stream.media.parent}"]}}
clips: {{formats: master}}
"""
    async with supervisor(data_dir, settings=settings, port=port) as up:
        job = await up.post("/api/v1/jobs", {"source_url": str(stream.media), "chat": str(stream.chat)})
        assert (await made(up, job))["state"] == "completed"
        clips = (await up.get("/api/v1/clips"))["items"]
        clip = min(clips, key=lambda each: each["line"]["end_s"] - each["line"]["start_s"])
        session = await up.get(f"/api/v1/sessions/{clip['session']}")
        where = f"/api/v1/clips/{clip['id']}"
        folder = data_dir / "sessions" / clip["session"] / "clips" / clip["id"] / f"r{clip['revision']}"

        asked = await up.post(f"{where}/render", {"formats": ["square"]})
        assert (asked["clip"], asked["formats"]) == (clip["id"], ["square"])
        done = await made(up, asked)
        assert (done["state"], done["error"], done["steps"][0]["attempts"]) == ("completed", "", 1)
        assert size_of(folder / "square.mp4") == (1080, 1080)

        look = {"formats": ["portrait"], "layout": "fit", "captions": "off"}
        second = await up.post(f"{where}/render", look)
        await up.until(lambda _: any(folder.glob(".*.job/*")), "/healthz")
        [pid] = workers(data_dir)
        os.kill(pid, signal.SIGKILL)
        done = await made(up, second)
        assert (done["state"], done["steps"][0]["attempts"]) == ("completed", 2)
        assert size_of(folder / "portrait.mp4") == (1080, 1350)

        shown = await up.get(where)
        assert {"master", "square", "portrait"} <= set(shown["line"]["files"])
        recipe = json.loads((folder / "clip.json").read_text())
        assert (recipe["captions"], done["layout"]) == (None, "fit")
        assert [each["id"] for each in shown["renders"]] == [second["id"], asked["id"]]
        await edited(up, data_dir, shown)
        await cut_by_hand(up, clip["session"])
        assert await up.get(f"/api/v1/sessions/{clip['session']}") == session
        assert [each["id"] for each in (await up.get("/api/v1/streams"))["items"]] == [job["stream"]]
