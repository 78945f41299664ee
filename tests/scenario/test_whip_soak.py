"""An encoder publishes over WHIP for two minutes: clips by hand while it does, one session, no hole. In `make soak`."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from telemetry import SystemClock
from tests.publisher import eventually
from tests.scenario.test_whip import ENV, SESSION, Master, cut
from tests.scenario.worker import run_attempt, spec_for
from tests.webrtc import FPS, CodedTrack, WhipClient, coded_opus, coded_video

pytestmark = pytest.mark.soak
SECONDS = 120
CLIPS = ((5.0, 15.0), (50.0, 62.0), (100.0, 110.0))


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_two_minutes_of_an_encoder(codec: str, tmp_path: Path) -> None:
    """Each clip has its frames at their pace and its sound as long as its picture; DELETE ends the session cleanly."""
    spec = spec_for("whip:", tmp_path, kind="stream", speed=1.0, session=SESSION, env=ENV)
    worker = asyncio.create_task(run_attempt(spec, SystemClock()))
    socket = tmp_path / "sessions" / SESSION / "room.sock"
    await eventually(socket.exists)
    video = CodedTrack("video", coded_video(codec, SECONDS * FPS))
    audio = CodedTrack("audio", coded_opus(SECONDS * 50, 440.0))
    masters: list[Master] = []
    async with WhipClient(socket, (audio, "opus"), (video, codec)) as client:
        for start_s, end_s in CLIPS:
            await eventually(partial(sent, video, end_s + 3), limit_s=SECONDS)
            masters.append(await cut(tmp_path, start_s, end_s))
        await asyncio.gather(video.done.wait(), audio.done.wait())
        assert await client.end() == 200
    code, lines = await worker
    assert code == 0, lines[-3:]
    assert not [line for line in lines if line["type"] == "gap"]
    assert lines[-1]["media_s"] == pytest.approx(SECONDS, abs=1)
    for (start_s, end_s), master in zip(CLIPS, masters, strict=True):
        steps = np.diff(master.frames)
        assert steps.min() > 0.02
        assert steps.max() < 0.045
        assert len(master.sound) * 0.02 == pytest.approx(master.frames[-1] + 1 / FPS, abs=0.06)
        assert master.frames[-1] >= end_s - start_s - 1.1  # by key frames


def sent(track: CodedTrack, seconds: float) -> bool:
    """Whether so much of it is on its way."""
    return track.sent >= seconds * FPS
