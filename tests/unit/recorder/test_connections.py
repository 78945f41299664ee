"""Real connections: aiortc peers that send coded frames, our publisher, our subscriber, and a lossy path between."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from aiortc import RTCSessionDescription
from aiortc.rtp import RtpPacket

from core.times import NS_PER_S
from recorder.frames import EncodedFrame, VideoCodec
from recorder.rtc.options import BadOffer, IceOptions
from recorder.rtc.peer import new_connection
from recorder.rtc.publisher import Publisher
from recorder.rtc.subscriber import Subscriber
from recorder.writer import TrackWriter
from telemetry import SystemClock
from tests.clocks import PatientClock
from tests.publisher import eventually
from tests.webrtc import CodedTrack, answered, coded_opus, coded_video, offer_of, peer, send_only

FRAMES = 60


@dataclass
class Sending:
    """One person who sends, and what came of it."""

    codec: VideoCodec = "h264"
    frames: list[EncodedFrame] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    on_frame: Any = None

    def __post_init__(self) -> None:
        clock = SystemClock()
        zero_ns = clock.boottime_ns()
        self.connection = peer()
        self.camera = CodedTrack("video", coded_video(self.codec, FRAMES))
        self.voice = CodedTrack("audio", coded_opus(FRAMES * 5 // 3))
        send_only(self.connection, self.voice, "opus")
        send_only(self.connection, self.camera, self.codec)
        self.publisher = Publisher(
            on_frame=self._take,
            on_state=self.states.append,
            clock=clock,
            now_ms=lambda: (clock.boottime_ns() - zero_ns) / 1e6,
            ice=IceOptions(),
        )

    async def connect(self) -> None:
        await answered(self.connection, await self.publisher.answer(await offer_of(self.connection)))
        await eventually(lambda: "connected" in self.states)

    async def sent(self) -> None:
        """Everything has been sent, and what came of it has been passed on."""
        await asyncio.gather(self.camera.done.wait(), self.voice.done.wait())
        await eventually(lambda: len(self.of("mic")) == FRAMES * 5 // 3)
        await eventually(lambda: not any(line.intake.missing() for line in self.publisher._lines.values()))

    def of(self, track: str) -> list[EncodedFrame]:
        return [frame for frame in self.frames if frame.track == track]

    def tracks(self) -> Any:
        return self.publisher.stats()["tracks"]

    def _take(self, frame: EncodedFrame) -> None:
        self.frames.append(frame)
        if self.on_frame is not None:
            self.on_frame(frame)

    async def close(self) -> None:
        await self.connection.close()
        await self.publisher.close()


@pytest.fixture
async def sending(request: pytest.FixtureRequest) -> AsyncIterator[Sending]:
    made = Sending(getattr(request, "param", "h264"))
    yield made
    await made.close()


@dataclass
class Loss:
    """Loses a share of the packets of some of the camera's frames, before anybody of ours sees them; if `repairs`,
    retransmissions too. Frames count from the first packet that it sees."""

    sending: Sending
    share: float
    frames: range = range(FRAMES)
    repairs: bool = False

    def __post_init__(self) -> None:
        line = self.sending.publisher._lines["cam"]
        self._inner, self._dice = line.tap._handle_rtp, random.Random(5)
        [self._ssrc] = [one._ssrc for one in self.sending.connection.getSenders() if one.track is self.sending.camera]
        self._zero: int | None = None
        line.tap._handle_rtp = self._arrived

    async def _arrived(self, packet: Any, arrival_time_ms: int) -> None:
        if packet.ssrc == self._ssrc:
            self._zero = packet.timestamp if self._zero is None else self._zero
            number = (packet.timestamp - self._zero) % (1 << 32) // 3000
            lost = number in self.frames and self._dice.random() < self.share
        else:
            lost = self.repairs
        if not lost:
            await self._inner(packet, arrival_time_ms=arrival_time_ms)


@pytest.mark.parametrize("sending", ["h264", "vp8"], indirect=True)
async def test_a_backup_holds_every_frame_that_was_sent(sending: Sending, tmp_path: Path) -> None:
    """A file a track that decodes, a frame's step between its times, and no decoder's thread anywhere."""
    writers = {name: TrackWriter(tmp_path / f"{name}.mkv") for name in ("mic", "cam")}
    sending.on_frame = lambda frame: writers[frame.track].put(frame)
    await sending.connect()
    await sending.sent()
    await eventually(lambda: len(sending.of("cam")) == FRAMES)
    assert not [thread for thread in threading.enumerate() if "decoder" in thread.name]
    for name, count in (("cam", FRAMES), ("mic", FRAMES * 5 // 3)):
        writers[name].close()
        with av.open(str(writers[name].path)) as container:
            assert sum(1 for _ in container.decode(container.streams[0])) == count
    for name, step_ms in (("cam", 1000 / 30), ("mic", 20)):
        steps = [b.room_ms - a.room_ms for a, b in pairwise(sending.of(name))]
        assert all(step == pytest.approx(step_ms, rel=0.11) for step in steps)  # a tenth while it settles
    assert sending.publisher.codecs == {"mic": "opus", "cam": sending.codec}
    assert (sending.tracks()["cam"]["lost"], sending.tracks()["cam"]["dropped"]) == (0, {})


async def test_a_guest_gets_what_was_sent_without_anybody_coding_it(sending: Sending) -> None:
    """From its first keyframe on, which is asked for when it connects; and it can ask again. No sound is left out
    that the queue has room for."""
    wanted: list[str] = []
    states: list[str] = []
    look, speak = sending.camera.hold(0), sending.voice.hold(0)
    await sending.connect()
    there = Subscriber(
        codecs=sending.publisher.codecs, on_keyframe_wanted=wanted.append, on_state=states.append, ice=IceOptions()
    )
    guest = peer()
    seen: dict[str, int] = {"audio": 0, "video": 0}
    eaters: list[asyncio.Task[None]] = []

    async def eat(track: Any) -> None:
        while True:
            await track.recv()
            seen[track.kind] += 1

    guest.on("track", lambda track: eaters.append(asyncio.create_task(eat(track))))
    try:
        await guest.setRemoteDescription(RTCSessionDescription(sdp=await there.offer(), type="offer"))
        await guest.setLocalDescription(await guest.createAnswer())
        await there.take_answer(guest.localDescription.sdp)
        sending.on_frame = there.forward
        await eventually(lambda: "connected" in states)
        assert set(wanted) == {"cam"}
        look.set()
        for at in (20, 40, 60):
            more = sending.voice.hold(at)
            speak.set()
            await eventually(lambda at=at: there.stats()["tracks"]["mic"]["sent"] == at)  # type: ignore[misc]
            speak = more
        await eventually(lambda: seen["video"] >= 20 and seen["audio"] >= 30)
        wanted.clear()
        video = next(one for one in guest.getReceivers() if one.track.kind == "video")
        await video._send_rtcp_pli(there._connection.getSenders()[1]._ssrc)
        await eventually(lambda: wanted == ["cam"])
        stats = there.stats()
        assert stats["tracks"]["cam"]["sent"] >= seen["video"]
        assert stats["tracks"]["mic"]["dropped"] == 0
    finally:
        for eater in eaters:
            eater.cancel()
        await asyncio.gather(*eaters, return_exceptions=True)
        await there.close()
        await guest.close()
    assert states[-1] == "closed"


async def test_lost_packets_are_asked_for_again(sending: Sending) -> None:
    """A tenth of the picture's packets is lost on its way; retransmissions bring nearly all frames back."""
    sending.publisher._clock = PatientClock()  # what is asked for cannot come while both sides stand still
    await sending.connect()
    Loss(sending, 0.1)
    await sending.sent()
    # the last ones' loss shows in nothing that follows
    await eventually(lambda: sending.tracks()["cam"]["frames"] >= FRAMES - 2)
    cam = sending.tracks()["cam"]
    assert cam["lost"] == 0
    assert all(b.rtp - a.rtp == 3000 for a, b in pairwise(sending.of("cam")))


class Looks(SystemClock):
    """The publisher's clock, by hand: it looks after its connection when it is told that time has passed."""

    def __init__(self) -> None:
        self._now_ns = super().boottime_ns()
        self._asleep, self._wake = asyncio.Event(), asyncio.Event()

    def boottime_ns(self) -> int:
        return self._now_ns

    async def sleep(self, duration_ns: int) -> None:
        self._asleep.set()
        await self._wake.wait()
        self._wake.clear()

    async def look(self, passed_ns: int = NS_PER_S // 50) -> None:
        """Time has passed, and a look is over when this returns."""
        await self._asleep.wait()
        self._asleep.clear()
        self._now_ns += passed_ns
        self._wake.set()
        await self._asleep.wait()

    async def look_until(self, true: Callable[[], bool]) -> None:
        """As often as it takes."""
        async with asyncio.timeout(60):
            while not true():
                await self.look()
                await asyncio.sleep(0.001)


async def test_a_machine_that_stood_still_reads_what_came_before_it_gives_anything_up(sending: Sending) -> None:
    """Repairs lie in the socket then: the first look after a second of nothing loses no packet, the next one does."""
    clock = sending.publisher._clock = Looks()
    begin = sending.camera.hold(0)
    await answered(sending.connection, await sending.publisher.answer(await offer_of(sending.connection)))
    await clock.look_until(lambda: "connected" in sending.states)
    Loss(sending, 1.0, frames=range(10, 11), repairs=True)
    begin.set()
    intake = sending.publisher._lines["cam"].intake
    await eventually(lambda: sending.camera.done.is_set() and bool(intake.missing()))
    await clock.look(NS_PER_S)
    assert (bool(intake.missing()), sending.tracks()["cam"]["lost"]) == (True, 0)
    await clock.look()
    assert (bool(intake.missing()), sending.tracks()["cam"]["lost"] > 0) == (False, True)


async def test_what_cannot_be_repaired_ends_at_the_next_keyframe(sending: Sending) -> None:
    """Everything is lost for a while, repairs too: a keyframe is asked for, nothing broken comes out."""
    asked: list[int] = []
    begin = sending.camera.hold(0)
    await sending.connect()
    line = sending.publisher._lines["cam"]
    pli = line.tap.pli

    async def counted(ssrc: int) -> None:
        asked.append(ssrc)
        await pli(ssrc)

    line.tap.pli = counted  # type: ignore[method-assign]
    Loss(sending, 1.0, frames=range(10, 14), repairs=True)
    release = sending.camera.hold(20)
    begin.set()
    await eventually(lambda: len(sending.of("cam")) == 10)
    asked.clear()
    await eventually(lambda: len(asked) > 0)
    release.set()
    await sending.sent()
    cam = sending.of("cam")
    hole = next(n for n, (a, b) in enumerate(pairwise(cam), 1) if b.rtp - a.rtp > 3000)
    assert (cam[hole].is_keyframe, cam[hole].lost_before) == (True, True)
    assert (cam[hole].rtp - cam[0].rtp) // 3000 == 30


async def test_a_handler_that_raises_does_not_close_the_call(sending: Sending) -> None:
    """In aiortc it would; it is counted, and frames still come."""

    def broken(frame: EncodedFrame) -> None:
        if len(sending.frames) % 7 == 0:
            raise RuntimeError("on purpose")

    sending.on_frame = broken
    await sending.connect()
    await sending.sent()
    assert sending.publisher.state == "connected"
    assert sending.publisher.stats()["faults"] > 5
    await eventually(lambda: len(sending.of("cam")) == FRAMES)


async def test_keyframes_are_asked_for_now_and_then_while_recording(sending: Sending) -> None:
    """And when somebody wants one; not more than one a second."""
    pli: list[float] = []
    await sending.connect()
    await eventually(lambda: len(sending.of("cam")) > 0)
    line = sending.publisher._lines["cam"]

    async def counted(ssrc: int) -> None:
        pli.append(asyncio.get_running_loop().time())

    line.tap.pli = counted  # type: ignore[method-assign]
    sending.publisher.keyframes_every(0.5)
    while len(pli) < 3:
        sending.publisher.request_keyframe("cam")
        await asyncio.sleep(0.05)
    assert all(b - a >= 0.95 for a, b in pairwise(pli))


async def test_silence_is_stalled_and_a_clean_end_is_closed(sending: Sending) -> None:
    """`stalled` after 3 s without a packet; a peer that says goodbye is closed at once."""
    await sending.connect()
    await sending.sent()
    await eventually(lambda: sending.states[-1] == "stalled")
    sending.camera.then(coded_video("h264", 30))
    await eventually(lambda: sending.states[-1] == "connected")
    await sending.connection.close()
    await eventually(lambda: sending.states[-1] == "closed", limit_s=15)
    assert sending.states == ["connecting", "connected", "stalled", "connected", "closed"]


async def test_a_flood_of_ssrcs_is_kept_out(sending: Sending) -> None:
    """aiortc remembers, and reports on, every SSRC it has seen: a peer that invents them must not fill the memory."""
    await sending.connect()
    tap = sending.publisher._lines["cam"].tap
    kind = next(iter(tap._receiver._RTCRtpReceiver__codecs))
    # a stranger is listened to when nothing has come for a second
    await eventually(lambda: (sending.tracks()["cam"]["rtp_age_s"] or 1) < 0.1)
    for ssrc in range(500):
        await tap._rtp(made_up(ssrc, kind), arrival_time_ms=0)
    assert len(tap._receiver._RTCRtpReceiver__remote_streams) <= 17
    await sending.sent()
    await eventually(lambda: len(sending.of("cam")) == FRAMES)


def made_up(ssrc: int, kind: int) -> Any:
    packet = RtpPacket(payload_type=kind, sequence_number=1, timestamp=1)
    packet.ssrc, packet.payload = ssrc, b"\x65rubbish"
    return packet


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"), ("a=ice-pwd:", "a=ice-pwd:x\r\na=y:"), ("sha-256 ", "sha-256"),
        ("a=mid:", "a=ssrc:x y\r\na=z:"),
    ],
)  # fmt: skip
async def test_descriptions_that_aiortc_stumbles_over_are_refused(old: str, new: str, sending: Sending) -> None:
    """Whatever it raises; nothing stays open."""
    offer = (await offer_of(sending.connection)).replace(old, new)
    try:
        await sending.publisher.answer(offer)
    except BadOffer:
        assert sending.publisher.state == "closed"


async def test_an_answer_that_is_none_closes_the_subscriber() -> None:
    """With the same error as an offer."""
    there = Subscriber(codecs={"mic": "opus"}, on_keyframe_wanted=print, on_state=lambda _: None, ice=IceOptions())
    await there.offer()
    with pytest.raises(BadOffer):
        await there.take_answer("v=0\r\nm=audio 9 X 1\r\n")
    assert there.state == "closed"


async def test_candidates_may_come_later(sending: Sending) -> None:
    """As RFC 8840 writes them; a restart is refused."""
    offer = await offer_of(sending.connection)
    lines = offer.split("\r\n")
    bare = "\r\n".join(line for line in lines if "candidate" not in line)
    answer = await sending.publisher.answer(bare)
    fragment = [line for line in lines if line.startswith(("a=candidate", "a=ice-ufrag"))]
    await sending.publisher.trickle("\r\n".join([*dict.fromkeys(fragment), "a=end-of-candidates"]))
    with pytest.raises(BadOffer) as refused:
        await sending.publisher.trickle("a=ice-ufrag:else\r\na=ice-pwd:elseelseelseelseelseelse\r\n")
    assert refused.value.code == "restart"
    await answered(sending.connection, answer)
    await eventually(lambda: len(sending.of("cam")) > 3)


def test_peers_ask_no_server_they_were_not_told_of() -> None:
    """aiortc's default is a public STUN server."""
    made: Any = new_connection(IceOptions())
    assert made._RTCPeerConnection__configuration.iceServers == []


async def test_a_keyframe_that_is_sent_at_once_fits_the_receive_buffer(sending: Sending) -> None:
    """As far as the system allows: twice what it lets programs ask for, as Linux counts."""
    await sending.publisher.answer(await offer_of(sending.connection))
    ice: Any = sending.publisher._connection.getTransceivers()[0].receiver.transport.transport
    made = ice._connection._protocols[0].transport.get_extra_info("socket")
    allowed = int(Path("/proc/sys/net/core/rmem_max").read_text())
    assert made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= min(2 * allowed, 4 << 20)
