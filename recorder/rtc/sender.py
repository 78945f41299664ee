"""The private side of aiortc's sender: coded frames in, and what the guest reports."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from recorder.frames import EncodedFrame

MAX_VIDEO: Final = 60  # frames that wait: 2 s
MAX_AUDIO: Final = 25  # half a second


class ForwardedTrack(MediaStreamTrack):
    """A track whose frames are coded already. aiortc only packetises them."""

    def __init__(self, *, video: bool) -> None:
        super().__init__()
        self.kind = "video" if video else "audio"
        self.dropped = self.sent = 0
        self._queue: deque[EncodedFrame] = deque()
        self._arrived = asyncio.Event()
        self._first: int | None = None
        self._needs_keyframe = True  # always met by audio

    def put(self, frame: EncodedFrame) -> bool:
        """Queue a frame. False: video was left out, and a keyframe is needed."""
        if frame.lost_before:
            self._needs_keyframe = True
        if self._needs_keyframe and not frame.is_keyframe:
            self.dropped += 1
            return False
        self._needs_keyframe = False
        self._queue.append(frame)
        self._arrived.set()
        if self.kind == "audio":
            while len(self._queue) > MAX_AUDIO:
                self._queue.popleft()
                self.dropped += 1
        elif len(self._queue) > MAX_VIDEO:
            self.dropped += len(self._queue)
            self._queue.clear()
            self._needs_keyframe = True
            return False
        return True

    async def recv(self) -> Any:
        """The next frame, for aiortc."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
            if self.readyState != "live":
                raise MediaStreamError
        frame = self._queue.popleft()
        self._first = frame.rtp if self._first is None else self._first
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = frame.rtp - self._first
        packet.time_base = Fraction(1, frame.clock_rate)
        self.sent += 1
        return packet

    def stop(self) -> None:
        """End it; a waiting `recv` returns."""
        super().stop()
        self._arrived.set()


class SenderSide:
    """One sending m-line: keyframe requests and reports of the guest."""

    def __init__(self, sender: Any, on_keyframe_wanted: Callable[[], None]) -> None:
        self._sender = sender  # an RTCRtpSender, whose private parts have no types
        self._sender._send_keyframe = on_keyframe_wanted

    @property
    def rtt_ms(self) -> float | None:
        """By the guest's receiver reports."""
        rtt_s = self._sender._RTCRtpSender__rtt
        return None if rtt_s is None else round(max(0.0, float(rtt_s)) * 1000, 1)

    @property
    def loss(self) -> float:
        """0..1 of the packets since the report before the last."""
        for report in list(self._sender._RTCRtpSender__stats.values()):
            if report.type == "remote-inbound-rtp":
                return round(float(report.fractionLost) / 256, 3)
        return 0.0
