"""An encoder publishes over WHIP to a real worker: ring, clips by hand, other settings in mid-stream, a lost line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from daemon.worker.control import command
from telemetry import SystemClock
from tests.publisher import eventually
from tests.scenario.worker import run_attempt, spec_for
from tests.webrtc import FPS, CodedTrack, WhipClient, coded_opus, coded_video

SESSION = "s-test"
ENV = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_INGEST__STALL_S": "30"}


@dataclass
class Master:
    """What a clip's file shows, in seconds of its own time."""

    width: int
    frames: list[float]
    brightness: list[float]
    sound: list[float]  # the loudness of each 20 ms

    @classmethod
    def read(cls, path: Path) -> Master:
        """Decode it."""
        with av.open(str(path), "r") as container:
            pictures = [(frame.time, frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
        with av.open(str(path), "r") as container:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
            parts: list[Any] = []
            for frame in container.decode(audio=0):
                if not parts and frame.time:
                    parts.append(np.zeros(round(frame.time * 48_000), np.float32))
                parts += [one.to_ndarray().reshape(-1) for one in resampler.resample(frame)]
        samples = np.concatenate(parts)
        loud = np.sqrt(np.mean(samples[: len(samples) // 960 * 960].reshape(-1, 960) ** 2, axis=1))
        frames = [float(at) for at, _ in pictures if at is not None]
        return cls(pictures[0][1].shape[1], frames, [float(one.mean()) for _, one in pictures], loud.tolist())

    @property
    def flash_s(self) -> float:
        """When the picture turns white."""
        return next(at for at, light in zip(self.frames, self.brightness, strict=True) if light > 200)

    @property
    def tone_s(self) -> float:
        """When the tone begins, to 20 ms."""
        return next(n for n, loud in enumerate(self.sound) if loud > 0.05) * 0.02


async def cut(folder: Path, start_s: float, end_s: float) -> Master:
    """A clip by hand, as `clipd cut` asks for it."""
    request = {"command": "cut", "start_s": start_s, "end_s": end_s, "title": "whip", "keyframes": True}
    answer = await command(folder / "sessions" / SESSION / "control.sock", request)
    return await asyncio.to_thread(Master.read, Path(answer["clip"]["files"]["master"]))


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "m4s"), ("vp8", "mkv")])
async def test_clips_are_cut_from_what_an_encoder_publishes(codec: str, suffix: str, tmp_path: Path) -> None:
    """Before and behind a change of the picture's size, and after an absence; picture and sound stay together. DELETE
    ends the stream, and the worker with it."""
    spec = spec_for("whip:", tmp_path, kind="stream", speed=1.0, session=SESSION, env=ENV)
    worker = asyncio.create_task(run_attempt(spec, SystemClock()))
    socket = tmp_path / "sessions" / SESSION / "room.sock"
    await eventually(socket.exists)
    video, audio = (
        CodedTrack("video", coded_video(codec, 60, flash=30)),
        CodedTrack("audio", coded_opus(167, 440.0, 50)),
    )
    video.then(coded_video(codec, 40, 160, 90))
    async with WhipClient(socket, (audio, "opus"), (video, codec)):
        await asyncio.gather(video.done.wait(), audio.done.wait())
    video, audio = (
        CodedTrack("video", coded_video(codec, 60, flash=30)),
        CodedTrack("audio", coded_opus(100, 440.0, 50)),
    )
    async with WhipClient(socket, (audio, "opus"), (video, codec)) as client:
        await asyncio.gather(video.done.wait(), audio.done.wait())
        first, small = await cut(tmp_path, 0.2, 1.8), await cut(tmp_path, 2.3, 3.1)
        assert await client.end() == 200
    code, lines = await worker
    assert code == 0, lines[-3:]
    [gap] = [line for line in lines if line["type"] == "gap"]
    assert (gap["reason"], gap["track"]) == ("reconnect", "all")
    assert gap["start_s"] == pytest.approx(100 / FPS, abs=0.1)
    assert [line["state"] for line in lines if line["type"] == "clip"] == ["final", "final"]
    assert lines[-1]["media_s"] == pytest.approx(gap["end_s"] + 2, abs=0.5)
    assert (first.width, small.width) == (320, 160)
    assert first.flash_s == pytest.approx(first.tone_s, abs=0.04)
    for master in (first, small):
        steps = np.diff(master.frames)
        assert steps.max() < 0.045
        assert steps.min() > 0.02
        assert len(master.sound) * 0.02 == pytest.approx(master.frames[-1] + 1 / FPS, abs=0.06)
    kept = {path.suffix for path in (tmp_path / "sessions" / SESSION / "ring").rglob("*") if path.is_file()}
    assert f".{suffix}" in kept
