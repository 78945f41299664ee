"""A room and its people over real sockets and real WebRTC."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import pytest

from daemon.sockets import short_path
from recorder.room.connection import MAX_BAD
from recorder.room.ledger import read_ledger
from recorder.room.mix import RATE
from tests.publisher import eventually
from tests.room_guest import Guest, guest
from tests.unit.room.conftest import OpenRoom
from tests.unit.room.test_protocol import malformed
from tests.webrtc import CodedTrack, coded_opus, coded_video

PACKETS = 20 * 50  # 20 s, three times
HOST_HZ, ANN_HZ = 440.0, 880.0


def mic(hz: float) -> tuple[CodedTrack, str]:
    track, packets = CodedTrack("audio", coded_opus(PACKETS, hz)), coded_opus(PACKETS, hz)
    track.then(packets)
    track.then(packets)
    return track, "opus"


def cam(codec: str = "h264") -> tuple[CodedTrack, str]:
    return CodedTrack("video", coded_video(codec, 150)), codec


@pytest.fixture(autouse=True, scope="module")
def _coded() -> None:
    """Beforehand: a sender that stands still while it codes is late in its own eyes, too."""
    for track in (mic(HOST_HZ), mic(ANN_HZ), cam(), cam("vp8")):
        track[0].stop()


@asynccontextmanager
async def two(room: OpenRoom) -> AsyncIterator[tuple[Guest, Guest]]:
    """A host and a guest who has been let in."""
    async with guest(room.path, "host", "host") as host, guest(room.path, "ann") as ann:
        await host.sees(lambda each: each["pid"] == "ann")
        await host.ask("admit", pid="ann")
        await ann.hears("admitted")
        yield host, ann


def rows_of(room: OpenRoom, take: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in read_ledger(room.folder / take / "take.jsonl") if row["type"] == kind]


def tone(samples: np.ndarray[Any, Any]) -> float:
    """The loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def both_are_heard(room: OpenRoom) -> bool:
    """Whether there is a second of the mix in which the two tones are the loudest."""
    mixed = np.concatenate([np.zeros(0), *(sound.mixed.samples for sound in room.sounds if sound.mixed)])
    seconds = mixed[: len(mixed) // RATE * RATE].reshape(-1, RATE)
    loudest = [set(np.argsort(np.abs(np.fft.rfft(second)))[-2:]) for second in seconds]
    return len(seconds) >= 2 and {round(HOST_HZ), round(ANN_HZ)} in loudest


async def quiet(room: OpenRoom, voices: dict[str, CodedTrack]) -> dict[str, float]:
    """The voices end here, and all of them has come: when, on the room's clock."""
    ends = {pid: voice.sent + 5 for pid, voice in voices.items()}
    for pid, voice in voices.items():
        voice.hold(ends[pid])

    def are_here() -> bool:
        people = room.room.snapshot()["people"]
        packets = {each["pid"]: each["media"]["tracks"]["mic"]["packets"] for each in people}
        return all(voices[pid].sent == count and packets[pid] > count - 3 for pid, count in ends.items())

    await eventually(are_here)  # but for the first ones, which may be too early for the connection
    zero_ms = room.room.takes._store.now_ms() - time.monotonic() * 1000
    return {pid: zero_ms + voices[pid].began * 1000 + count * 20 for pid, count in ends.items()}


def heard(file: Path) -> tuple[np.ndarray[Any, Any], float]:
    """What is in a backup, and the room time of its first packet."""
    with av.open(file) as container:
        frames = list(container.decode(audio=0))
        assert frames[0].time is not None
        start_ms = frames[0].time * 1000
        return np.concatenate([np.atleast_2d(frame.to_ndarray())[0] for frame in frames]), start_ms


async def test_two_people_hear_each_other_and_a_take_keeps_both(open_room: OpenRoom) -> None:
    """The guest waits in the lobby and is let in. Each one's backup has only their own sound, on the room's clock; the
    pipeline gets the sum of both."""
    voices, camera = {"host": mic(HOST_HZ), "ann": mic(ANN_HZ)}, cam()
    look = camera[0].hold(0)
    async with guest(open_room.path, "host", "host") as host, guest(open_room.path, "ann") as ann:
        welcome = await ann.hears("welcome")
        assert (welcome["admitted"], welcome["take"], welcome["room"]) == (False, None, {"id": "rm1", "name": "Talk"})
        assert (await ann.ask("offer", gen=1, sdp="v=0"))["code"] == "not_admitted"
        waiting = await host.sees(lambda each: each["pid"] == "ann")
        assert waiting["state"] == "lobby"
        await host.ask("admit", pid="ann")
        await ann.hears("admitted")
        await host.publish(1, voices["host"], camera)
        await ann.publish(1, voices["ann"])
        await host.receives("ann.1 audio")
        await ann.receives("host.1 audio")
        more = camera[0].hold(60)
        look.set()
        await ann.receives("host.1 video", 2)
        await host.ask("rec.start")
        take = await ann.hears("rec.start")
        more.set()
        told_ms = open_room.room.takes._store.now_ms()
        seen = await host.sees(lambda each: each["pid"] == "ann" and each["level"])
        assert seen["tracks"]["mic"] == {"on": True, "codec": "opus", "rec": None}
        assert seen["tracks"]["cam"]["on"] is False
        assert (await host.ask("mark", text="laughter"))["type"] == "ok"
        state = json.loads(json.dumps(open_room.room.snapshot()))
        assert state["people"][1]["media"]["tracks"]["mic"]["packets"] > 0
        await eventually(lambda: both_are_heard(open_room) and camera[0].sent >= 120)
        ends_ms = await quiet(open_room, {pid: voice[0] for pid, voice in voices.items()})
        await host.ask("rec.stop")
        assert (await ann.hears("rec.stop"))["at_ms"] > max(ends_ms.values()) - 20
    await eventually(lambda: bool(rows_of(open_room, take["take"], "stop")))
    folder = open_room.folder / take["take"]
    for pid, hz in (("host", HOST_HZ), ("ann", ANN_HZ)):
        samples, start_ms = heard(folder / pid / "mic" / "backup-1.mkv")
        assert tone(samples[RATE // 2 :][:RATE]) == pytest.approx(hz, abs=3)
        assert take["at_ms"] <= start_ms < told_ms + 1000
        assert len(samples) * 1000 / RATE == pytest.approx(ends_ms[pid] - start_ms, abs=150)
    with av.open(folder / "host" / "cam" / "backup-1.mkv") as container:
        pictures = list(container.decode(video=0))
        assert pictures[0].key_frame
        assert len(pictures) > 30
    assert both_are_heard(open_room)
    assert [line.state for line in open_room.told] == ["recording", "stopped"]
    assert [row["pid"] for row in rows_of(open_room, take["take"], "consent")] == ["host", "ann"]
    assert rows_of(open_room, take["take"], "consent")[0]["notice"] == "0" * 64
    assert rows_of(open_room, take["take"], "mark")[0]["text"] == "laughter"


async def test_what_is_muted_is_neither_heard_nor_kept(open_room: OpenRoom) -> None:
    """By a host, whatever the guest's page does; unmuted by the guest alone. The ledger says who and how long."""
    voice = mic(ANN_HZ)
    async with two(open_room) as (host, ann):
        await ann.publish(1, voice)
        await host.ask("rec.start")
        take = (await ann.hears("rec.start"))["take"]
        await host.receives("ann.1 audio", 20)
        await host.ask("mute", pid="ann", track="mic", on=False)
        await ann.sees(lambda each: each["pid"] == "ann" and each["muted"] == ["mic"])
        sent = voice[0].sent
        await eventually(lambda: voice[0].sent > sent + 25)  # what was on its way has come
        before, mixed_before, sent = host.received["ann.1 audio"], len(open_room.sounds), voice[0].sent
        await eventually(lambda: len(open_room.sounds) > mixed_before + 12 and voice[0].sent > sent + 50)
        assert host.received["ann.1 audio"] - before < 20
        silent = open_room.sounds[-1].mixed
        assert silent is not None
        assert not silent.samples.any()
        await ann.ask("mute", track="mic", on=True)
        await host.receives("ann.1 audio", host.received["ann.1 audio"] + 20)
        await eventually(lambda: bool(rows_of(open_room, take, "gap")))
        await host.ask("rec.stop")
    [hole] = rows_of(open_room, take, "gap")
    assert (hole["reason"], hole["pid"], hole["track"]) == ("muted", "ann", "mic")
    assert [(row["on"], row["by"]) for row in rows_of(open_room, take, "mute")] == [(False, "host"), (True, "ann")]


async def test_a_late_guest_and_one_who_connects_again_are_placed_in_the_take(open_room: OpenRoom) -> None:
    """Each connection has a file of its own, even where a page counts from the start again; a screen is a track."""
    async with guest(open_room.path, "host", "host") as host:
        await host.ask("rec.start")
        take = (await host.hears("rec.start"))["take"]
        async with guest(open_room.path, "ann") as ann:
            await host.ask("admit", pid="ann")
            assert (await ann.hears("rec.start"))["take"] == take
            await ann.publish(1, mic(ANN_HZ), cam("vp8"), cam())
            await eventually(lambda: len(rows_of(open_room, take, "track")) == 3)
            await ann.vanish()
            await ann.publish(2, mic(ANN_HZ))
            await host.receives("ann.2 audio")
            assert (await host.hears("gone"))["pair"] == "ann.1"
        await host.sees(lambda each: each["pid"] == "ann" and each["state"] == "stalled")
        async with guest(open_room.path, "ann") as ann:
            welcome = await ann.hears("welcome")
            assert (welcome["admitted"], welcome["take"]["id"], welcome["gen"]) == (True, take, 2)
            await ann.publish(1, mic(ANN_HZ))
            await host.receives("ann.1 audio", host.received.get("ann.1 audio", 0) + 5)
            await eventually((open_room.folder / take / "ann" / "mic" / "backup-3.mkv").exists)
        await host.ask("rec.stop")
    tracks = {(row["track"], row["gen"], row["codec"]) for row in rows_of(open_room, take, "track")}
    assert tracks == {
        ("mic", 1, "opus"), ("cam", 1, "vp8"), ("screen", 1, "h264"), ("mic", 2, "opus"), ("mic", 3, "opus"),
    }  # fmt: skip


async def test_who_is_removed_is_out_and_stays_out(open_room: OpenRoom) -> None:
    """And who opens the room a second time is in there once."""
    async with two(open_room) as (host, ann):
        async with guest(open_room.path, "ann", hello=False) as second:
            await eventually(lambda: ann.closed == 4001)
            assert (await second.ask("hello", client_id="ann"))["admitted"] is True
            await host.ask("kick", pid="ann")
            assert (await second.hears("kick"))["reason"] == "kicked"
            await eventually(lambda: second.closed == 4003)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with guest(open_room.path, "ann"):
                pass
        assert refused.value.status == 403


async def test_three_hundred_malformed_messages_are_refused_and_the_room_goes_on(open_room: OpenRoom) -> None:
    """Who sends nothing else is disconnected, and may come again; others do not notice."""
    luck, sent = random.Random(4), 0
    async with guest(open_room.path, "host", "host") as host:
        while sent < 300:
            async with guest(open_room.path, "ann") as ann:
                for _ in range(MAX_BAD):
                    await ann.socket.send_str(malformed(luck))
                    sent += 1
                await ann.socket.send_bytes(b"\x00")
                await ann.hears("error")
                assert all({"code", "message", "remedy"} <= set(body) for body in ann.said if body["type"] == "error")
        async with guest(open_room.path, "ann") as ann:
            for number in range(MAX_BAD):
                await ann.socket.send_str("{" * (number + 1))
            await eventually(lambda: ann.closed == 1008)
        async with guest(open_room.path, "ann") as ann:
            await ann.send("mark", text="x" * 300_000)
            await eventually(lambda: ann.closed == 1009)
        clk = await host.ask("clk", t0=5)
        assert clk["t0"] == 5
        assert clk["t2"] >= clk["t1"] > 0


async def test_a_message_that_is_sent_twice_is_done_once(open_room: OpenRoom) -> None:
    """Also when the line was lost before its answer came, which comes again."""
    async with guest(open_room.path, "host", "host") as host:
        start = json.dumps({"v": 1, "id": "one", "type": "rec.start"})
        await host.socket.send_str(start)
        await host.hears("rec.start")
        await host.ask("rec.stop")
    async with guest(open_room.path, "host", "host") as host:
        await host.socket.send_str(start)
        assert (await host.until(lambda body: body.get("re") == "one"))["type"] == "ok"
        assert (await host.hears("welcome"))["take"] is None
        assert not [body for body in host.said if body["type"] == "rec.start"]


@pytest.mark.parametrize(
    "changes",
    [{"X-Clipd-Room": "rm2"}, {"X-Clipd-Participant": "../x"}, {"X-Clipd-Role": "king"}, {"protocol": "other"}],
)
async def test_who_does_not_come_from_our_supervisor_is_refused(open_room: OpenRoom, changes: dict[str, str]) -> None:
    """In the error shape."""
    headers = {"X-Clipd-Participant": "p", "X-Clipd-Role": "guest", "X-Clipd-Name": "P", "X-Clipd-Room": "rm1"}
    protocol = changes.pop("protocol", "clipd.room.v1")
    with short_path(open_room.path) as short:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(short)) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("http://room/ws", headers={**headers, **changes}, protocols=[protocol])
            assert refused.value.status == 400
            async with session.get("http://room/state") as answer:
                state = await answer.json()
    assert (state["room"], state["people"], state["take"]) == ("rm1", [], None)


async def test_a_take_may_begin_before_anybody_has_come(open_room: OpenRoom) -> None:
    """By a command. What is heard until then is silence."""
    await open_room.room.takes.start(take="t1")
    async with guest(open_room.path, "host", "host") as host:
        assert (await host.hears("welcome"))["take"]["id"] == "t1"
        await eventually(lambda: any(sound.mixed for sound in open_room.sounds))
        await open_room.room.takes.stop()
    assert [len(line.participants) for line in open_room.told] == [0, 1, 1]
    assert not any(sound.mixed.samples.any() for sound in open_room.sounds if sound.mixed)
