"""Real WebRTC peers for tests: aiortc connections that send frames coded beforehand, at the pace of a camera."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final, Self, overload

import av
import numpy as np
from aiohttp import ClientSession, UnixConnector
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

FPS: Final = 30
OPUS_MS: Final = 20
_ENCODERS: Final = {"h264": "libx264", "vp8": "libvpx"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One coded frame: its ticks of `rate`, its bytes."""

    pts: int
    rate: int
    data: bytes = field(repr=False)
    is_keyframe: bool = True


@cache
def coded_video(
    codec: str, frames: int, width: int = 320, height: int = 180, gop: int = FPS, flash: int = -1
) -> tuple[Sent, ...]:
    """A moving picture, white for three frames from `flash` on; coded once a process."""
    encoder: Any = av.CodecContext.create(_ENCODERS[codec], "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.bit_rate = 400_000
    live = (
        {"tune": "zerolatency", "preset": "ultrafast"} if codec == "h264" else {"deadline": "realtime", "cpu-used": "8"}
    )
    encoder.options = {"g": str(gop), "keyint_min": str(gop), **live}
    encoder.gop_size = gop
    sent: list[Sent] = []
    across = np.arange(width)
    for number in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = ((across + 4 * number) % 200 + 20).astype(np.uint8)
        if 0 <= number - flash < 3:
            picture[:height] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        sent += [Sent(int(p.pts) * 90_000 // FPS, 90_000, bytes(p), p.is_keyframe) for p in encoder.encode(frame)]
    sent += [Sent(int(p.pts) * 90_000 // FPS, 90_000, bytes(p), p.is_keyframe) for p in encoder.encode(None)]
    return tuple(sent)


@cache
def coded_opus(packets: int, hz: float = 440.0, tone_from: int = 0) -> tuple[Sent, ...]:
    """Packets of 20 ms: silence, and a tone from one of them on."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", av.AudioFormat("s16")
    encoder.time_base = Fraction(1, 48_000)
    sent: list[Sent] = []
    for number in range(packets):
        at = np.arange(number * 960, number * 960 + 960) / 48_000
        tone = (6_000 * (number >= tone_from) * np.sin(2 * np.pi * hz * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, number * 960
        sent += [Sent(len(sent) * 960, 48_000, bytes(p)) for p in encoder.encode(frame)]
    return tuple(sent)


class Looped(Sequence[Sent]):
    """The same frames again and again, on one line of time."""

    def __init__(self, frames: Sequence[Sent]) -> None:
        self._frames = frames
        self._length = frames[-1].pts + frames[-1].pts - frames[-2].pts

    def __len__(self) -> int:
        return 1 << 30

    @overload
    def __getitem__(self, at: int) -> Sent: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Sent]: ...
    def __getitem__(self, at: int | slice) -> Sent | Sequence[Sent]:
        assert isinstance(at, int)  # a track asks for one after the other
        turn, number = divmod(at, len(self._frames))
        return replace(self._frames[number], pts=self._frames[number].pts + turn * self._length)


class CodedTrack(MediaStreamTrack):
    """Sends frames when they are due, once; `pace` times as fast as life."""

    def __init__(self, kind: str, frames: Sequence[Sent], *, pace: float = 1.0) -> None:
        super().__init__()
        self.kind = kind
        self.sent = 0
        self._held: tuple[int, asyncio.Event] | None = None
        self.done = asyncio.Event()
        self._frames = frames
        self._pace = pace
        self._zero: float | None = None

    @property
    def began(self) -> float:
        """When its first frame was due, by the monotonic clock."""
        assert self._zero is not None  # asked of a track that sends
        return self._zero

    def then(self, frames: Sequence[Sent]) -> None:
        """Go on with these, one step after the last."""
        last, step = self._frames[-1].pts, self._frames[-1].pts - self._frames[-2].pts
        zero = frames[0].pts
        more = [Sent(last + step + one.pts - zero, one.rate, one.data, one.is_keyframe) for one in frames]
        self._frames = [*self._frames, *more]
        self.done.clear()

    def hold(self, at: int) -> asyncio.Event:
        """Send nothing from frame `at` on until the event is set."""
        self._held = (at, asyncio.Event())
        return self._held[1]

    async def recv(self) -> Any:
        """The next packet, when it is due; waits for ever behind the last."""
        while self.sent >= len(self._frames):
            self.done.set()
            await asyncio.sleep(0.05)
        if self._held is not None and self._held[0] == self.sent:
            await self._held[1].wait()
        frame = self._frames[self.sent]
        self._zero = time.monotonic() if self._zero is None else self._zero
        due = self._zero + frame.pts / frame.rate / self._pace
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        self.sent += 1
        packet: Any = av.Packet(frame.data)
        packet.pts = packet.dts = frame.pts
        packet.time_base = Fraction(1, frame.rate)
        return packet


def peer() -> RTCPeerConnection:
    """A connection that asks no server for its address."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


def send_only(connection: RTCPeerConnection, track: CodedTrack, codec: str) -> None:
    """Offer a track in one codec."""
    transceiver = connection.addTransceiver(track, direction="sendonly")
    codecs = RTCRtpSender.getCapabilities(track.kind).codecs
    kept = [one for one in codecs if one.mimeType.lower() in (f"{track.kind}/{codec}", "video/rtx")]
    transceiver.setCodecPreferences(kept)


async def offer_of(connection: RTCPeerConnection) -> str:
    """Its offer, with candidates."""
    await connection.setLocalDescription(await connection.createOffer())
    return str(connection.localDescription.sdp)


async def answered(connection: RTCPeerConnection, sdp: str) -> None:
    """Take the answer."""
    await connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))


class WhipClient:
    """An encoder that publishes over WHIP to a worker's local socket; gone without a word when the block is left."""

    def __init__(self, socket: Path, *tracks: tuple[CodedTrack, str]) -> None:
        self.connection = peer()
        self.location = ""
        self._socket = socket
        for track, codec in tracks:
            send_only(self.connection, track, codec)

    async def __aenter__(self) -> Self:
        """Publish."""
        self.http = ClientSession(connector=UnixConnector(str(self._socket)), base_url="http://worker")
        headers = {"Content-Type": "application/sdp"}
        async with self.http.post("/whip", data=await offer_of(self.connection), headers=headers) as reply:
            text = await reply.text()
            if reply.status != 201:
                await self.__aexit__()
            assert reply.status == 201, text
            self.location = reply.headers["Location"]
        await answered(self.connection, text)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection."""
        await self.connection.close()
        await self.http.close()

    async def end(self) -> int:
        """DELETE; the status."""
        async with self.http.delete(self.location) as reply:
            return reply.status
