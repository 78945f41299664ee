"""Six people in a room for twenty minutes: nothing grows, nothing drifts, everything is kept. In `make soak` only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest

from recorder.room.ledger import read_ledger
from tests.room_guest import Guest, guest
from tests.scenario.headquarters import Headquarters
from tests.scenario.test_room import let_in, room_spec, running, session_folder
from tests.webrtc import CodedTrack, Looped, coded_opus, coded_video

pytestmark = pytest.mark.soak
MINUTES: Final = 20.0
WARM: Final = 0.25  # of the time, in which pools and caches fill
LOOK_S: Final = 5.0
SLOPE_MIB_MIN: Final = 1.0
DRIFT_MS: Final = 40.0
PEOPLE: Final = ("host", "ann", "ben", "cem", "dea", "eva")


@pytest.fixture
async def headquarters() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


async def come(stack: contextlib.AsyncExitStack, path: Path, pid: str, number: int) -> Guest:
    """Everybody is watched by the next one only: decoding is this process' burden, not the room's."""
    one = await stack.enter_async_context(guest(path, pid, "host" if number == 0 else "guest"))
    one.watches = {PEOPLE[number - 1]}
    return one


async def rss_mib(pid: int) -> float:
    text = await asyncio.to_thread(Path(f"/proc/{pid}/statm").read_text)
    return int(text.split()[1]) * 4096 / (1 << 20)


async def test_six_people_for_twenty_minutes(
    headquarters: Headquarters, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Memory is flat, each track's packets lie where their number says, and the last one is as late as the first."""
    hq, spec = headquarters, room_spec(tmp_path, {"CLIPD_SPEECH__ENABLED": "false"})
    held: list[tuple[float, float]] = []
    async with running(spec, hq, tmp_path) as child, contextlib.AsyncExitStack() as stack:
        path = session_folder(tmp_path) / "room.sock"
        people = [await come(stack, path, pid, number) for number, pid in enumerate(PEOPLE)]
        for one in people[1:]:
            await let_in(people[0], one)
        for number, one in enumerate(people):
            voice = CodedTrack("audio", Looped(coded_opus(500, 220.0 * (number + 1))))
            camera = CodedTrack("video", Looped(coded_video("h264", 150)))
            await one.publish(1, (voice, "opus"), (camera, "h264"))
        await people[0].ask("rec.start")
        take = (await people[1].hears("rec.start"))["take"]
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (now_s := loop.time() - began) < MINUTES * 60:
            held.append((now_s / 60, await rss_mib(child.pid)))
            await asyncio.sleep(LOOK_S)  # a soak is time that passes
        await people[0].ask("rec.stop")
        await people[1].hears("rec.stop")
        hq.order("drain")
        assert await asyncio.wait_for(child.wait(), 60) == 0
    folder = tmp_path / "data" / "rooms" / "rm1" / take
    rows = read_ledger(folder / "take.jsonl")
    assert not [row for row in rows if row["type"] == "gap"]
    tracks = {(row["pid"], row["track"]): folder / row["file"] for row in rows if row["type"] == "track"}
    assert set(tracks) == {(pid, track) for pid in PEOPLE for track in ("mic", "cam")}
    found = {key: drift_ms(file) for key, file in tracks.items()}
    record_property("worst drift, ms", round(max(drift for drift, _ in found.values()), 1))
    record_property("frames missing of a track, at most", max(lost for _, lost in found.values()))
    assert max(drift for drift, _ in found.values()) <= DRIFT_MS, found
    warm = [each for each in held if each[0] >= WARM * MINUTES]
    slope = float(np.polyfit([at for at, _ in warm], [mib for _, mib in warm], 1)[0])
    record_property("memory from, to, MiB", [round(warm[0][1]), round(warm[-1][1])])
    record_property("memory grows, MiB a minute", round(slope, 3))
    assert slope <= SLOPE_MIB_MIN, held


def drift_ms(file: Path) -> tuple[float, int]:
    """How far the last frames lie from where the first ones and their count put them, and how many are missing: on a
    busy machine packets are lost, each of which leaves a hole of one step. Medians of a second, which jitter does not
    move."""
    with av.open(file) as container:
        packets: list[Any] = [packet for packet in container.demux() if packet.size]
        step_ms = 20.0 if container.streams[0].type == "audio" else 1000 / 30
        times = np.array([float(packet.pts * packet.time_base) * 1000 for packet in packets])
    steps = np.maximum(np.round(np.diff(times) / step_ms), 1)
    off = times - np.concatenate(([0.0], np.cumsum(steps))) * step_ms
    return float(abs(np.median(off[-50:]) - np.median(off[50:100]))), int(steps.sum()) - len(steps)
